"""From trials to an acquisition: what a searcher with a Gaussian process believes.

Shapes: n trials, q pending ones, d columns, m objectives.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import cached_property, partial
from typing import Any, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from lanista.journal import History
from lanista.search._pareto import non_dominated
from lanista.search._ranking import Floats
from lanista.search.gaussian._acquire import Acquisition, Believed, LogEHVI, LogEI, LogFeasible, Sum
from lanista.search.gaussian._data import Known
from lanista.search.gaussian._ensemble import Ensemble, weights
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._process import Process, Scales, fit
from lanista.search.gaussian._transform import gaussianised

SUMMED = 0.05
"""Weight of the sum beside the maximum in a scalarisation: Knowles, ParEGO (2006), section II."""
PRIOR_WEIGHT = 10.0
"""What a user's prior counts at first; it falls as one over the number of trials."""
MOST_TAUGHT = 200
"""Trials of an earlier experiment that are modelled."""
FEWEST_TAUGHT = 3
"""Trials of an earlier experiment below which it is not."""


T = TypeVar("T")


class Memory:
    """Hyperparameters by what they are of; kept as long as the data that they were fitted to stay the same."""

    def __init__(self) -> None:
        self._known: dict[object, tuple[int, object]] = {}

    def kept(self, name: object, data: Sequence[NDArray[Any]], found: Callable[[], T]) -> T:
        """What was found for this name when its data were these, or else is found now."""
        key = hash(tuple(part.tobytes() for part in data))
        known = self._known.get(name)
        if known is None or known[0] != key:
            known = self._known[name] = key, found()
        return cast(T, known[1])

    def scales(self, name: object, features: Features, X: Floats, y: Floats, *, warp: bool) -> Scales:
        """Those of the greatest posterior density for points X (n, d) and targets y (n,)."""
        return self.fitted(name, features, features.of(X, ~np.isnan(X)), y, warp=warp)

    def fitted(self, name: object, features: Features, F: Floats, y: Floats, *, warp: bool = False) -> Scales:
        """The same for features F (n, f)."""
        return self.kept(name, (F, y), lambda: fit(features, F, y, warp=warp))


class Belief:
    """What is believed of all objectives and constraints, given the trials that have an outcome.

    Args:
        features: of the space.
        memory: of earlier fits.
        known: the trials.
        history: that they come from, with its space and earlier experiments.
        warp: whether numbers are warped.
        rng: draws the weights of more than two objectives, and the ranks of earlier experiments.
        part: the part of the space that the trials are from, by which fits are remembered.
    """

    def __init__(
        self,
        features: Features,
        memory: Memory,
        known: Known,
        history: History,
        *,
        warp: bool,
        rng: "np.random.Generator",
        part: object = None,
    ) -> None:
        data, settled = known
        self._features, self._data, self._space = features, data, history.space
        self._F = features.of(data.X, ~np.isnan(data.X))
        fit = partial(memory.scales, features=features, X=settled.X, warp=warp)
        self._y = data.targets
        scales = [fit((part, "Y", j), y=y) for j, y in enumerate(settled.targets.T)]
        if len(scales) > 2:
            self._y, scales = _scalarised(self._y, rng), [_middle(scales)]
        self.scales = scales
        self._objectives = [_Output(features, s, self._F, y) for s, y in zip(scales, self._y.T, strict=True)]
        self._bounds = []
        for j, (c, fitted) in enumerate(zip(data.C.T, settled.C.T, strict=True)):
            y, limit = _excess(c)
            output = _Output(features, fit((part, "C", j), y=_excess(fitted)[0]), self._F, y)
            self._bounds.append((output, limit))
        self._prior = PRIOR_WEIGHT / (1.0 + len(data.X)) if history.space.has_prior else 0.0
        self._sources: list[_Output] = []
        self._shares = np.ones(1)
        if teaches(history):
            self._sources = list(_taught(features, memory, history, warp=warp))
            own = self._objectives[0].process
            taught = [source.process for source in self._sources]
            self._shares = weights(taught, own, self._F, self._y[:, 0], rng) if taught else np.ones(1)

    @property
    def flat(self) -> bool:
        """Whether all values are alike, so that no trial is the best."""
        return not self._y.any()

    def acquisition(self, pending: Floats) -> Acquisition:
        """What to maximise, given that results of the points `pending` (q, d) will be what is expected of them."""
        P = self._features.of(pending, ~np.isnan(pending))
        parts: list[Acquisition] = [
            LogFeasible(self._features, output.process.believing(P), limit) for output, limit in self._bounds
        ]
        rivals = self._rivals(P)
        if len(rivals):
            parts.append(self._gain(rivals, P))
        if self._prior:
            parts.append(Believed(self._space, self._prior))
        return parts[0] if len(parts) == 1 else Sum(*parts)

    def centres(self, count: int) -> Floats:
        """(k, d) the points of the best trials, around which to look."""
        order = np.lexsort((self._y.sum(axis=1), self._data.broken, ~self._data.good))
        if self._y.shape[1] > 1:
            good = np.flatnonzero(self._data.good)
            order = np.concatenate([good[non_dominated(self._y[good])], order])
        return self._data.X[order[:count]]

    def _rivals(self, P: Floats) -> Floats:
        """(r, f) what to improve on: the good trials, and those of the pending P (q, f) that are believed to be good.

        Without the pending ones a proposal that promises an improvement would be followed by others right beside it.
        """
        good = self._data.good
        F = self._F if not self._bounds and not good.any() else self._F[good]
        keep = np.ones(len(P), dtype=np.bool_)
        if len(P):
            for output, limit in self._bounds:
                keep &= output.process.mean(P) <= limit
        return np.concatenate([F, P[keep]])

    def _gain(self, rivals: Floats, P: Floats) -> Acquisition:
        """Improvement over what is believed of the rivals (r, f), given the pending P (q, f)."""
        processes = [output.process.believing(P) for output in self._objectives]
        if len(processes) == 1:
            members = [*(source.process.believing(P) for source in self._sources), *processes]
            model = Ensemble(members, self._shares) if self._sources else processes[0]
            return LogEI(self._features, model, float(model.mean(rivals).min()))
        values = np.stack([process.mean(rivals) for process in processes], axis=1)
        low, high = self._y.min(axis=0), self._y.max(axis=0)
        reference = high + 0.1 * (high - low)
        return LogEHVI(self._features, (processes[0], processes[1]), values[non_dominated(values)], reference)


class _Output:
    """One objective or constraint at the trials: features F (n, f) and values y (n,)."""

    def __init__(self, features: Features, scales: Scales, F: Floats, y: Floats) -> None:
        self._features, self._scales, self._F, self._y = features, scales, F, y

    @cached_property
    def process(self) -> Process:
        """Conditioned on the trials."""
        return Process(self._features, self._scales, self._F, self._y)


def teaches(history: History) -> bool:
    """Whether an earlier experiment, with one objective, has enough trials in this space for a process."""
    known = (np.isfinite(source.points(history.space)[2]).sum() for source in history.sources)
    return history.Y.shape[1] == 1 and any(count >= FEWEST_TAUGHT for count in known)


def _taught(features: Features, memory: Memory, history: History, *, warp: bool) -> Iterator[_Output]:
    """The objectives of earlier experiments that have trials in this space."""
    for number, source in enumerate(history.sources):
        X, active, Y = source.points(history.space)
        rows = np.flatnonzero(np.isfinite(Y).all(axis=1))
        rows = rows[np.linspace(0, len(rows) - 1, min(len(rows), MOST_TAUGHT)).astype(np.intp)]
        if len(rows) >= FEWEST_TAUGHT:
            X, y = X[rows], gaussianised(Y[rows, 0])
            scales = memory.scales(("source", number), features=features, X=X, y=y, warp=warp)
            yield _Output(features, scales, features.of(X, active[rows]), y)


def _excess(c: Floats) -> tuple[Floats, float]:
    """(n,) the excess over a bound with mean 0 and variance 1, and the value at which the bound lies now."""
    finite = np.isfinite(c)
    sizes = np.abs(c[finite & (c != 0)])
    unit = float(np.sort(sizes)[len(sizes) // 2]) if len(sizes) else 1.0
    with np.errstate(over="ignore"):
        c = np.clip(np.where(finite, c / unit, 5.0), -5.0, 5.0)
    spread = float(c.std())
    if not spread > 1e-9:
        return np.sign(c), 0.0
    return (c - c.mean()) / spread, -float(c.mean()) / spread


def _scalarised(Y: Floats, rng: "np.random.Generator") -> Floats:
    """(n, 1) one objective of many, weighted at random: Knowles, ParEGO (2006), equation 2."""
    weights = rng.dirichlet(np.ones(Y.shape[1]))
    span = np.ptp(Y, axis=0)
    Z = (Y - Y.min(axis=0)) / np.where(span > 0, span, 1.0) * weights
    return gaussianised(Z.max(axis=1) + SUMMED * Z.sum(axis=1))[:, None]


def _middle(scales: Sequence[Scales]) -> Scales:
    """The mean of several objectives' hyperparameters, for a mixture of them."""
    weight, signal, noise, warp = (np.mean(np.stack(each), axis=0) for each in zip(*scales, strict=True))
    return Scales(weight, float(signal), float(noise), warp)
