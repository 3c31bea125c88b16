"""A script that knows little of Lanista: `python train.py` runs it by hand, with its defaults."""

from sklearn.datasets import load_digits
from sklearn.linear_model import SGDClassifier
from sklearn.model_selection import train_test_split

import lanista as la

params = la.get_params({"alpha": 1e-4, "penalty": "l2", "epochs": 9})

images, labels = load_digits(return_X_y=True)
x, x_val, y, y_val = train_test_split(images / 16, labels, random_state=0)

model = SGDClassifier(alpha=params["alpha"], penalty=params["penalty"], random_state=0)
for _ in range(params["epochs"]):
    model.partial_fit(x, y, classes=range(10))
    la.report(accuracy=model.score(x_val, y_val))
