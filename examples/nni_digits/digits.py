"""A trial as people write it for NNI; the import line is the only change. `python3 digits.py` runs it by hand."""

import numpy as np
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier

from lanista.compat import nni

EPOCHS = 10

params = {"batch_size": 64, "hidden_size": 64, "lr": 0.05, "momentum": 0.9}
params.update(nni.get_next_parameter())
print("parameters:", params)

X, y = load_digits(return_X_y=True)
X_train, X_test, y_train, y_test = train_test_split(X / 16, y, test_size=0.3, random_state=0)

model = MLPClassifier(
    hidden_layer_sizes=(params["hidden_size"],),
    solver="sgd",
    batch_size=params["batch_size"],
    learning_rate_init=params["lr"],
    momentum=params["momentum"],
    random_state=0,
)
for _ in range(EPOCHS):
    model.partial_fit(X_train, y_train, classes=np.unique(y))  # one pass over the data
    accuracy = model.score(X_test, y_test)
    nni.report_intermediate_result(accuracy)
nni.report_final_result(accuracy)
