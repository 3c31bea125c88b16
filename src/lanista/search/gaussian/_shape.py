"""The hyperparameters of a trend, and those of the greatest posterior density.

Shapes: n trials, d numbers, t entries of the lower triangle of a symmetric matrix (n, n).
"""

from typing import NamedTuple

import numpy as np

from lanista.search._ranking import Floats
from lanista.search.gaussian._process import ROOT5, squares

MEAN = np.array([-1.0, 0.5, 0.0, -1.0, -9.0])
SD = np.array([2.5, 1.0, 3.0, 3.0, 2.5])
"""Of what is believed of the five hyperparameters, which are normal as logarithms."""
BOUNDS = [(-16.0, 6.0), (-2.5, 3.0), (-14.0, 8.0), (-14.0, 8.0), (-18.0, 0.0)]
STEPS, ENOUGH = 40, 1e-5
"""Evaluations of the posterior for one fit, and the share by which one has to better it for another."""
LEVEL, GENTLE = 1e-5, 3.0
"""Slopes of the log posterior, by a hyperparameter's logarithm, at which a fit ends: one from the prior's mode, and one
from hyperparameters that are known."""
LARGEST = 100.0
"""Logarithm beyond which a hyperparameter does not go in other units."""
LEAST_NOISE = 1e-8
"""Share of its own variance that each observation has as noise at least."""


class Shape(NamedTuple):
    """The hyperparameters.

    Attributes:
        rest: variance of what is not quadratic.
        length: over which that changes, in units of the region.
        linear: variance of the coefficients of the numbers.
        quadratic: variance of those of their products.
        noise: variance of the observations.
    """

    rest: float
    length: float
    linear: float
    quadratic: float
    noise: float

    def in_units(self, length: float, value: float) -> "Shape":
        """The same where points have a unit that is so many times as long, and values one so many times as great."""
        log_length, log_value = np.log(length), np.log(value)
        logs = np.log(self) + np.array([0, -log_length, 2 * log_length, 4 * log_length, 0])
        logs -= 2 * log_value * np.array([1, 0, 1, 1, 1])
        return Shape(*np.exp(np.clip(logs, -LARGEST, LARGEST)).tolist())


def fitted(Z: Floats, y: Floats, known: Shape | None = None) -> Shape:
    """The hyperparameters of the greatest posterior density, from points Z (n, d) and values y (n,).

    Of values that are alike, which would be believed never to vary, those that the prior has. Hyperparameters that are
    `known` from fewer trials stay as they are, as long as the posterior does not rise steeply from there.
    """
    from scipy.optimize import minimize

    if not y.any():
        return Shape(*np.exp(MEAN).tolist())
    first = MEAN if known is None else np.clip(np.log(known), *np.transpose(BOUNDS))
    options = {"maxfun": STEPS, "ftol": ENOUGH, "gtol": LEVEL if known is None else GENTLE}
    found = minimize(Posterior(Z, y), first, jac=True, method="L-BFGS-B", bounds=BOUNDS, options=options)
    return Shape(*np.exp(found.x).tolist())


class Posterior:
    """The negative log posterior density of the hyperparameters' logarithms, and its gradient.

    All that is symmetric is (t,), which takes half the time: this is what most of a proposal's time goes to.

    Args:
        Z: (n, d) points of trials.
        y: (n,) their values.
    """

    def __init__(self, Z: Floats, y: Floats) -> None:
        from scipy.linalg import lapack

        self._lapack, self._y = lapack, y
        self._column, self._row = np.triu_indices(len(y))
        self._at = self._column * len(y) + self._row  # in a matrix that lies column by column, as LAPACK has it
        self._diagonal = np.flatnonzero(self._column == self._row)
        self._apart = ROOT5 * np.sqrt(squares(Z, Z)[self._row, self._column])
        self._dot = (Z @ Z.T)[self._row, self._column]
        self._square = self._dot * self._dot
        self._matrix = np.zeros((len(y), len(y)))

    def __call__(self, v: Floats) -> tuple[float, Floats]:
        lapack, diagonal = self._lapack, self._diagonal
        s = Shape(*np.exp(v).tolist())
        r = self._apart / s.length
        third, decay = r * r / 3.0, s.rest * np.exp(-r)
        parts = ((1.0 + r + third) * decay, (1.0 + r) * third * decay, s.linear * self._dot, s.quadratic * self._square)
        K = 1.0 + parts[0] + parts[2] + parts[3]
        K[diagonal] += s.noise + LEAST_NOISE * K[diagonal]
        self._matrix.reshape(-1)[self._at] = K
        L, failed = lapack.dpotrf(self._matrix.T, lower=1, clean=0)
        if failed:
            return 1e10, np.zeros_like(v)
        alpha = lapack.dpotrs(L, self._y, lower=1)[0]
        likelihood = 0.5 * float(self._y @ alpha) + float(np.log(np.diag(L)).sum())
        inverse, _ = lapack.dpotri(L, lower=1, overwrite_c=1)
        G = inverse.T.reshape(-1)[self._at] - alpha[self._row] * alpha[self._column]
        G[diagonal] *= 0.5  # what is off the diagonal is there twice
        gradient = np.array([*(G @ part for part in parts), s.noise * G[diagonal].sum()])
        z = (v - MEAN) / SD
        return likelihood + 0.5 * float(z @ z), gradient + z / SD
