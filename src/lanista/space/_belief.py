"""What a user believes to be good, as a density over the unit cube.

Each column has a density of its own: a continuous one a normal around the believed value, cut at the ends of the
column; a discrete one a probability for each of its cells, spread evenly within it. All of them integrate to 1, and a
column without a prior is uniform. The cut normal around a confident guess is the prior of Hvarfner et al. 2022
(section 5), which is where its uses are described.
"""

import math

import numpy as np
import numpy.typing as npt

from lanista.space._choice import ODDS, Choice
from lanista.space._codec import Codec
from lanista.space._columns import CONTINUOUS, Matrix
from lanista.space._sets import Subset
from lanista.space._tree import Parameter

STD = {"low": 0.5, "medium": 0.25, "high": 0.125}  # of the range of a column
MOST_CELLS = 1000  # more steps than this are as good as continuous


class Belief:
    """The product of the densities of all columns."""

    def __init__(self, codec: Codec) -> None:
        self._codec = codec
        self._cells: list[tuple[int, Matrix, Matrix]] = []  # column, ends of its cells, their probabilities
        bells: list[tuple[int, float, float]] = []
        for parameter in codec.parameters:
            if parameter.domain.prior is None:
                continue
            centre = _centre(codec, parameter)
            for column in range(parameter.start, parameter.stop):
                masses = _masses(codec, parameter, column, centre[column])
                if masses is None:
                    bells.append((column, centre[column], STD[parameter.domain.confidence]))
                else:
                    self._cells.append((column, codec.edges(column), masses))
        self._bells = np.array([column for column, _, _ in bells], dtype=np.intp)
        self._mean = np.array([mean for _, mean, _ in bells])
        self._std = np.array([std for _, _, std in bells])
        self._below = np.array([_cdf(-mean / std) for _, mean, std in bells])
        self._within = np.array([_cdf((1 - mean) / std) for _, mean, std in bells]) - self._below

    def log_density(self, X: Matrix) -> Matrix:
        """Returns the logarithm of the density at points X (n, d), over the columns that apply (n,)."""
        total = np.zeros(len(X))
        if not self._cells and not len(self._bells):
            return total
        active = self._codec.active(X)
        if len(self._bells):
            z = (X[:, self._bells] - self._mean) / self._std
            logs = -0.5 * z * z - np.log(math.sqrt(2 * math.pi) * self._std * self._within)
            total += np.where(active[:, self._bells], logs, 0.0).sum(axis=1)
        for column, edges, masses in self._cells:
            logs = np.log(np.maximum(masses, 1e-300) / np.diff(edges))
            cell = np.searchsorted(edges[1:-1], X[:, column], side="right")
            total += np.where(active[:, column], logs[cell], 0.0)
        return total

    def sample(self, rng: "np.random.Generator", n: int) -> Matrix:
        """Returns `n` points of the cube (n, d) drawn from the density."""
        X = rng.random((n, self._codec.width))
        if len(self._bells):
            from scipy.special import ndtri

            bells = self._bells
            X[:, bells] = np.clip(self._mean + self._std * ndtri(self._below + self._within * X[:, bells]), 0.0, 1.0)
        for column, edges, masses in self._cells:
            X[:, column] = np.interp(X[:, column], np.concatenate(([0.0], np.cumsum(masses))), edges)
        return X


def _centre(codec: Codec, parameter: Parameter) -> npt.NDArray[np.float64]:
    """Returns a point (d,) that has the believed value in the parameter's columns, and NaN in all others."""
    prior = parameter.domain.prior
    if isinstance(parameter.domain, Choice):  # weighs its options, one way or the other
        prior = parameter.domain.options[0]
    (slot,) = (slot for slot in codec.by_name[parameter.name] if slot.path == parameter.path)
    V = np.full((codec.width, 1), np.nan)
    V[slot.start : slot.stop] = slot.write([{parameter.name: prior}]).T
    point: npt.NDArray[np.float64] = codec.points(V)[0]
    return point


def _masses(codec: Codec, parameter: Parameter, column: int, centre: float) -> Matrix | None:
    """Returns the probability of each cell of a column (k,), None for one without cells."""
    domain = parameter.domain
    if isinstance(domain, Choice):
        return np.array(domain.weights)
    if isinstance(domain, Subset):
        odds = ODDS[domain.confidence]
        likely, unlikely = odds / (1.0 + odds), 1.0 / (1.0 + odds)
        return np.array([unlikely, likely] if centre > 0.5 else [likely, unlikely])
    if codec.columns.kind[column] == CONTINUOUS or codec.columns.cardinality[column] > MOST_CELLS:
        return None
    z = (codec.edges(column) - centre) / STD[domain.confidence]
    # Each side from its own end: near 1 the differences of a cumulative probability are rounding noise.
    low, high = (np.array([_cdf(sign * one) for one in z.tolist()]) for sign in (1, -1))
    masses = np.where(z[:-1] >= 0, high[:-1] - high[1:], low[1:] - low[:-1])
    shares: Matrix = masses / masses.sum()
    return shares


def _cdf(z: float) -> float:
    return 0.5 * math.erfc(-z / math.sqrt(2))
