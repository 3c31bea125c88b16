"""A small network in numpy, and Bayesian linear regression on what it has learnt.

Shapes: n points, p inputs, h units a layer, q outputs, f features.
"""

import math
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._adam import Adam, views
from lanista.space import Space

Floats = NDArray[np.float64]

UNITS = 50
LAYERS = 3
BATCH = 64
RATE = 0.01
DECAY = 1.0
"""Of the weights, at each step, in units of the rate and over the number of points."""
RIDGES = np.logspace(-6, 6, 49)


class Inputs:
    """What a network sees of canonical points: numbers from -1 to 1, an input an option, and what applies.

    Args:
        space: of the points.
    """

    def __init__(self, space: Space) -> None:
        kind, cardinality, parameter = space.columns
        several = (kind == 2) & (cardinality > 2)
        self._numbers = np.flatnonzero(~several)
        options = np.flatnonzero(several)
        self._column = np.repeat(options, cardinality[options])
        cells = [(np.arange(n) + 0.5) / n for n in cardinality[options].tolist()]
        self._place = np.concatenate(cells) if cells else np.empty(0)
        conditional = [space.parameters[i].parent is not None for i in parameter.tolist()]
        self._conditional = np.flatnonzero(conditional)

    def of(self, X: Floats) -> Floats:
        """(n, p) inputs of points X (n, d), NaN where a parameter does not apply."""
        numbers = np.nan_to_num(2.0 * X[:, self._numbers] - 1.0, nan=0.0)
        options = np.abs(X[:, self._column] - self._place) < 1e-6
        return np.concatenate([numbers, options, ~np.isnan(X[:, self._conditional])], axis=1, dtype=np.float64)


class Network(NamedTuple):
    """Layers of tanh units: a weight matrix and a bias for each."""

    weights: list[Floats]
    biases: list[Floats]

    def features(self, Z: Floats) -> Floats:
        """(n, h) what the last hidden layer makes of inputs Z (n, p)."""
        for W, b in zip(self.weights[:-1], self.biases[:-1], strict=True):
            Z = np.tanh(Z @ W + b)
        return Z


def train(Z: Floats, T: Floats, rng: "np.random.Generator", steps: int) -> Network:
    """Fits a network to targets T (n, q), NaN where unknown, at inputs Z (n, p), by squared error.

    Kingma and Ba, Adam (2015), with a rate that falls to 0 along a cosine, and decoupled weight
    decay, in proportion to 1/n: what keeps features of few points from fitting these exactly.
    """
    sizes = [Z.shape[1], *[UNITS] * LAYERS, T.shape[1]]
    shapes = [*pairwise(sizes), *[(b,) for b in sizes[1:]]]
    theta = np.concatenate([_drawn(shape, rng).ravel() for shape in shapes])
    arrays = views(theta, shapes)
    network = Network(arrays[: len(sizes) - 1], arrays[len(sizes) - 1 :])
    adam, decay = Adam(len(theta)), DECAY / len(Z)
    known = ~np.isnan(T)
    T = np.nan_to_num(T, nan=0.0)
    for step in range(1, steps + 1):
        rows = rng.integers(len(Z), size=BATCH) if len(Z) > BATCH else slice(None)
        gradient = np.concatenate([g.ravel() for g in _gradients(network, Z[rows], T[rows], known[rows])])
        adam.step(theta, gradient, RATE * 0.5 * (1.0 + math.cos(math.pi * step / steps)), decay)
    return network


def _drawn(shape: tuple[int, ...], rng: "np.random.Generator") -> Floats:
    """Random weights that keep the scale of what they are multiplied with; biases begin at 0."""
    return rng.normal(0.0, 1.0 / math.sqrt(max(shape[0], 1)), shape) if len(shape) > 1 else np.zeros(shape)


def _gradients(network: Network, Z: Floats, T: Floats, known: NDArray[np.bool_]) -> list[Floats]:
    """Of the mean squared error over the `known` (n, q): for all weights, then for all biases."""
    layers = [Z]
    for W, b in zip(network.weights[:-1], network.biases[:-1], strict=True):
        layers.append(np.tanh(layers[-1] @ W + b))
    error = (layers[-1] @ network.weights[-1] + network.biases[-1] - T) * known / max(int(known.sum()), 1)
    by_weights: list[Floats] = []
    by_biases: list[Floats] = []
    for W, inputs in zip(network.weights[::-1], layers[::-1], strict=True):
        by_weights.append(inputs.T @ error)
        by_biases.append(error.sum(axis=0))
        error = (error @ W.T) * (1.0 - inputs * inputs)
    return by_weights[::-1] + by_biases[::-1]


class Linear:
    """Bayesian linear regression, its two precisions those of the greatest marginal likelihood.

    Bishop, Pattern Recognition and Machine Learning (2006), sections 3.3 and 3.5. For each of many ratios of the two
    the best noise is known in closed form, so that a look at all ratios is exact and cheap.

    Args:
        F: (n, f) features.
        y: (n,) values.
    """

    def __init__(self, F: Floats, y: Floats) -> None:
        self._middle = float(y.mean())
        y = y - self._middle
        n = len(y)
        roots, vectors = np.linalg.eigh(F.T @ F)
        roots = np.maximum(roots, 0.0)
        projected = vectors.T @ (F.T @ y)
        # The evidence of each ratio of the weights' precision to the noise's, but for constants.
        left = y @ y - (projected**2 / (roots + RIDGES[:, None])).sum(axis=1)
        noise = np.maximum(left, 1e-12 * max(float(y @ y), 1e-300)) / n
        evidence = -0.5 * n * np.log(noise) - 0.5 * np.log1p(roots / RIDGES[:, None]).sum(axis=1)
        at = int(evidence.argmax())
        self.noise = float(noise[at])
        self._inverse = (vectors / (roots + RIDGES[at])) @ vectors.T
        self._weights = vectors @ (projected / (roots + RIDGES[at]))

    def predict(self, F: Floats) -> tuple[Floats, Floats]:
        """(c,) mean and variance, without the noise, at features F (c, f)."""
        variance: Floats = self.noise * np.einsum("ij,ij->i", F @ self._inverse, F)
        return self._middle + F @ self._weights, np.maximum(variance, 0.0)

    def add(self, F: Floats, y: Floats) -> None:
        """Counts values y (a,) at features F (a, f) as seen; the precisions stay."""
        for row, value in zip(F, y - self._middle, strict=True):
            along = self._inverse @ row
            along /= math.sqrt(1.0 + row @ along)
            self._inverse -= np.outer(along, along)
            self._weights += self._inverse @ row * (value - row @ self._weights)
