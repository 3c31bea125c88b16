"""Gradient descent with Adam on one flat vector, and what networks of several arrays need for it."""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


class Adam:
    """Kingma and Ba, Adam: A Method for Stochastic Optimization (2015), algorithm 1.

    Args:
        size: of the vector.
    """

    def __init__(self, size: int) -> None:
        self._first, self._second, self._count = np.zeros(size), np.zeros(size), 0

    def step(self, theta: Floats, gradient: Floats, rate: float, decay: float = 0.0) -> None:
        """Moves theta (size,) in place; with decoupled weight decay in units of the rate."""
        self._count += 1
        self._first += 0.1 * (gradient - self._first)
        self._second += 0.001 * (gradient * gradient - self._second)
        mean, square = self._first / (1.0 - 0.9**self._count), self._second / (1.0 - 0.999**self._count)
        theta -= rate * (mean / (np.sqrt(square) + 1e-8) + decay * theta)


def views(theta: Floats, shapes: Sequence[tuple[int, ...]]) -> list[Floats]:
    """A flat vector as arrays of these shapes, one after the other; they share its memory."""
    found, at = [], 0
    for shape in shapes:
        found.append(theta[at : at + math.prod(shape)].reshape(shape))
        at += math.prod(shape)
    return found
