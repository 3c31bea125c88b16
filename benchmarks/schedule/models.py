"""Real models on scikit-learn's digits, small enough to train hundreds of: what populations and time-sharing train."""

from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

import lanista as la

Floats = NDArray[np.float64]
EPOCHS_SHARED = 27


@cache
def digits() -> tuple[Floats, NDArray[np.intp], Floats, NDArray[np.intp]]:
    """Features and classes of 300 training and 800 validation images: few to learn from, so that settings matter."""
    from sklearn.datasets import load_digits

    X, y = load_digits(return_X_y=True)
    order = np.random.default_rng(0).permutation(len(X))
    X, y = X[order] / 16.0, y[order]
    return X[:300], y[:300], X[300:1100], y[300:1100]


class Network:
    """A network with one hidden layer, trained by stochastic gradient descent with momentum."""

    def __init__(self, hidden: int = 32, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.weights = [
            rng.normal(0, 0.1, (64, hidden)),
            np.zeros(hidden),
            rng.normal(0, 0.1, (hidden, 10)),
            np.zeros(10),
        ]
        self.momenta = [np.zeros_like(w) for w in self.weights]

    def epoch(self, lr: float, decay: float, momentum: float, seed: int) -> None:
        """One pass over the training images in batches of 20."""
        X, y, _, _ = digits()
        order = np.random.default_rng(seed).permutation(len(X))
        for batch in order.reshape(-1, 20):
            hidden, p = self._forward(X[batch])
            p[np.arange(len(batch)), y[batch]] -= 1
            p /= len(batch)
            back = (p @ self.weights[2].T) * (hidden > 0)
            gradients = [X[batch].T @ back, back.sum(0), hidden.T @ p, p.sum(0)]
            for w, m, g in zip(self.weights, self.momenta, gradients, strict=True):
                m *= momentum
                m -= lr * (g + decay * w)
                w += m

    def loss(self) -> float:
        """Cross-entropy on the validation images."""
        _, _, X, y = digits()
        _, p = self._forward(X)
        return float(-np.log(np.maximum(p[np.arange(len(y)), y], 1e-12)).mean())

    def _forward(self, X: Floats) -> tuple[Floats, Floats]:
        with np.errstate(all="ignore"):
            hidden = np.maximum(X @ self.weights[0] + self.weights[1], 0)
            out = hidden @ self.weights[2] + self.weights[3]
            p = np.exp(out - out.max(axis=1, keepdims=True))
            return hidden, p / p.sum(axis=1, keepdims=True)


def member(trial: la.Trial) -> None:
    """A network of a population, for as long as it is let; it saves each epoch."""
    state = {"network": Network()}
    for step in range(trial.load(state), trial["epochs"]):
        state["network"].epoch(trial["lr"], trial["decay"], 1 - trial["friction"], step)
        trial.save(state)
        trial.report(loss=state["network"].loss())


def shared(trial: la.Trial) -> None:
    """One of scikit-learn's linear models, by `partial_fit`."""
    state: dict[str, Any] = {"model": linear(trial.params)}
    for step in range(trial.load(state), EPOCHS_SHARED):
        loss = fit(state["model"], step)
        trial.save(state)
        trial.report(loss=loss)


def linear(params: Any) -> Any:
    """An untrained model."""
    from sklearn.linear_model import SGDClassifier

    settings = {"learning_rate": "constant", "eta0": params["lr"], "alpha": params["alpha"]}
    return SGDClassifier(loss="log_loss", average=True, random_state=0, **settings)


def fit(model: Any, step: int) -> float:
    """An epoch of a model; its validation loss."""
    from sklearn.metrics import log_loss

    X, y, held, truth = digits()
    order = np.random.default_rng(step).permutation(len(X))
    model.partial_fit(X[order], y[order], classes=np.arange(10))
    return float(log_loss(truth, np.nan_to_num(model.predict_proba(held)), labels=np.arange(10)))
