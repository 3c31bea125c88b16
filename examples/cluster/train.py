"""A model that trains in steps, on whatever cluster this machine is a node of. Run it again, and it goes on.

The experiment's folder is in LANISTA_HOME: on a disk that all nodes share.
"""

import numpy as np

import lanista as la

EPOCHS = 20
RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 8))
Y = (X @ RNG.normal(size=8) > 0).astype(float)
DATA = la.share((X, Y))  # one copy a machine


class Logistic:
    """Logistic regression by gradient descent; its state is saved and loaded as it is."""

    def __init__(self) -> None:
        self.weights = np.zeros(8)

    def fit_one_epoch(self, x: np.ndarray, y: np.ndarray, *, lr: float, decay: float) -> float:
        guess = 1 / (1 + np.exp(-x @ self.weights))
        self.weights = (1 - lr * decay) * self.weights - lr * x.T @ (guess - y) / len(y)
        return float(-np.mean(np.log(np.where(y == 1, guess, 1 - guess) + 1e-12)))

    def state_dict(self) -> dict[str, np.ndarray]:
        return {"weights": self.weights}

    def load_state_dict(self, state: dict[str, np.ndarray]) -> None:
        self.weights = state["weights"]


def train(trial: la.Trial) -> None:
    x, y = DATA.get()
    model = Logistic()
    for _ in range(trial.load(model), EPOCHS):
        loss = model.fit_one_epoch(x, y, lr=trial["lr"], decay=trial["decay"])
        trial.save(model)
        trial.report(loss=loss)


space = {"lr": la.Float(1e-3, 10, log=True), "decay": la.Float(1e-5, 1e-1, log=True)}
exp = la.Experiment("cluster", space, metric="loss", scheduler=la.ASHA(EPOCHS), seed=0)
exp.run(train, trials=40, executor=la.Ray("auto"))
