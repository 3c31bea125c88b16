"""Networks on scikit-learn's digits: two workers, ASHA, and checkpoints. Kill it and run it again: it goes on."""

from functools import cache
from typing import Any

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

import lanista as la

EPOCHS = 27


@cache
def digits() -> Any:
    """The data; each worker loads them once."""
    images, labels = load_digits(return_X_y=True)
    return train_test_split(images / 16, labels, random_state=0)


def train(trial: la.Trial) -> None:
    x, x_val, y, y_val = digits()
    layers = (trial["width"],) * trial["layers"]
    model = MLPClassifier(layers, learning_rate_init=trial["lr"], random_state=trial.seed)
    for _ in range(trial.load(model), EPOCHS):
        model.partial_fit(x, y, classes=range(10))
        trial.save(model)
        trial.report(accuracy=model.score(x_val, y_val))


space = {
    "width": la.Int(8, 128, log=True),
    "layers": la.Int(1, 3),
    "lr": la.Float(1e-4, 1e-1, log=True),
}
scheduler = la.ASHA(max_steps=EPOCHS, form="promotion")
exp = la.Experiment("example-early-stopping", space, metric="accuracy", mode="max", scheduler=scheduler, seed=0)
exp.run(train, trials=40, workers=2)
