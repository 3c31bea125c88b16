"""The smallest experiment: a support vector machine on scikit-learn's digits. Run it again, and it goes on."""

from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.svm import SVC

import lanista as la

images, labels = load_digits(return_X_y=True)
x, x_val, y, y_val = train_test_split(images / 16, labels, random_state=0)


def accuracy(trial: la.Trial) -> float:
    return SVC(C=trial["C"], gamma=trial["gamma"]).fit(x, y).score(x_val, y_val)


space = {"C": la.Float(0.01, 100, log=True), "gamma": la.Float(1e-4, 1, log=True)}
exp = la.Experiment("example-first", space, metric="accuracy", mode="max", seed=0)
exp.run(accuracy, trials=20)
