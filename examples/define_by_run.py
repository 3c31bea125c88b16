"""An objective as people write it for Optuna: it declares its parameters as it runs."""

import warnings

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import cross_val_score
from sklearn.neighbors import KNeighborsClassifier

import lanista as la

images, labels = load_digits(return_X_y=True)
images, labels = images[:800] / 16, labels[:800]


def objective(trial: la.Trial) -> float:
    model: SGDClassifier | KNeighborsClassifier
    if trial.suggest_categorical("model", ["linear", "neighbours"]) == "linear":
        model = SGDClassifier(alpha=trial.suggest_float("alpha", 1e-6, 1e-1, log=True), random_state=0)
    else:
        model = KNeighborsClassifier(trial.suggest_int("k", 1, 20))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a linear model that has not converged is a poor one, which its score shows
        return float(cross_val_score(model, images, labels, cv=3).mean())


exp = la.Experiment("example-define-by-run", metric="accuracy", mode="max", seed=0)
exp.run(objective, trials=20)
print(exp.space)
