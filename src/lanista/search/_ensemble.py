"""An ensemble of small networks in numpy, trained side by side.

Shapes: e members, n points, p inputs, h units a layer.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._adam import Adam, views

Floats = NDArray[np.float64]

MEMBERS = 5
UNITS = 20
LAYERS = 3
STEPS = 300
BATCH = 64
RATE = 0.01
DECAY = 0.1
"""Of the weights, at each step, in units of the rate and over the number of points."""


class Ensemble(NamedTuple):
    """Networks of rectified units, each from another beginning: weights (e, p, h) and biases (e, 1, h) a layer."""

    weights: list[Floats]
    biases: list[Floats]

    def predict(self, Z: Floats) -> Floats:
        """(e, n) what each member says of inputs Z (n, p)."""
        return _layers(self, Z[None])[-1][..., 0]


def fit(Z: Floats, y: Floats, rng: "np.random.Generator") -> Ensemble:
    """Fits each member to values y (n,) at inputs Z (n, p) by the mean absolute error."""
    sizes = [Z.shape[1], *[UNITS] * LAYERS, 1]
    shapes = [(MEMBERS, *pair) for pair in pairwise(sizes)] + [(MEMBERS, 1, b) for b in sizes[1:]]
    scales = [math.sqrt(2.0 / max(a, 1)) for a in sizes[:-1]] + [0.0] * (len(sizes) - 1)
    theta = np.concatenate([rng.normal(0.0, scale, math.prod(s)) for s, scale in zip(shapes, scales, strict=True)])
    arrays = views(theta, shapes)
    ensemble = Ensemble(arrays[: len(sizes) - 1], arrays[len(sizes) - 1 :])
    adam = Adam(len(theta))
    for step in range(STEPS):
        rows = rng.integers(len(Z), size=(MEMBERS, BATCH)) if len(Z) > BATCH else np.arange(len(Z))[None]
        gradient = np.concatenate([g.ravel() for g in gradients(ensemble, Z[rows], y[rows])])
        rate = RATE * 0.5 * (1.0 + math.cos(math.pi * step / STEPS))
        adam.step(theta, gradient, rate, DECAY / len(Z))
    return ensemble


def _layers(ensemble: Ensemble, Z: Floats) -> list[Floats]:
    """The inputs (e, n, p), what each hidden layer makes of them, and the outputs (e, n, 1)."""
    found = [Z]
    last = len(ensemble.weights) - 1
    for i, (W, b) in enumerate(zip(*ensemble, strict=True)):
        out = found[-1] @ W + b
        found.append(out if i == last else np.maximum(out, 0.0))
    return found


def gradients(ensemble: Ensemble, Z: Floats, y: Floats) -> list[Floats]:
    """Of each member's mean absolute error at its own inputs (e, n, p) and values (e, n): weights, then biases."""
    layers = _layers(ensemble, Z)
    error = np.sign(layers[-1] - y[..., None]) / y.shape[-1]
    by_weights: list[Floats] = []
    by_biases: list[Floats] = []
    for W, inputs in zip(ensemble.weights[::-1], layers[-2::-1], strict=True):
        by_weights.append(inputs.swapaxes(-1, -2) @ error)
        by_biases.append(error.sum(axis=-2, keepdims=True))
        error = (error @ W.swapaxes(-1, -2)) * (inputs > 0.0)
    return by_weights[::-1] + by_biases[::-1]
