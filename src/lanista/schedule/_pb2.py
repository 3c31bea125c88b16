"""Population based bandits.

Parker-Holder, Nguyen and Roberts, Provably Efficient Online Hyperparameter Optimization with Population-Based Bandits,
2020.

Shapes: m observations, d columns of the space, f features, c candidates.
"""

from itertools import product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.journal import History, Params
from lanista.schedule._base import Action, Described, Event
from lanista.schedule._population import Population, checked
from lanista.space import Space

Floats = NDArray[np.float64]

MOST = 128
"""Observations that the model learns from, the latest."""
CANDIDATES, NEAR, NEARNESS = 512, 128, 0.1
"""Points compared over the whole space and around the trial that is copied, and the spread of the latter."""
SETTINGS = list(product((0.1, 0.2, 0.4, 0.8), (0.0, 0.03, 0.1, 0.3), (0.001, 0.01, 0.1)))
"""Length scale, forgetting per interval and noise variance among which the likelihood chooses."""
CATEGORICAL = 2


class PB2(Described):
    """Trains a population as `PBT` does, and chooses the hyperparameters of copies by a model.

    Parker-Holder et al. (2020), sections 3 and 4: a Gaussian process over the hyperparameters learns what each interval
    of each trial gained. It forgets: an observation that lies n intervals back counts as (1 - ω)^(n/2) (Bogunovic et
    al., Time-Varying Gaussian Process Bandit Optimization, 2016). A copy gets the configuration with the greatest upper
    confidence bound of the gain; those that others try at that time count as known, so that copies differ. Options
    and conditional parameters are chosen by the model, too.

    It suits small populations, of 4 to 8, where random changes find little.

    Args:
        max_steps: the step at which a trial is complete.
        population: how many members there are, at least 2.
        interval: steps between two judgements of a member; by default a tenth of `max_steps`, at least 1.
        quantile: the share of the members that is replaced, and the share that is copied; above 0, at most 0.5.

    Raises:
        UsageError: an argument is out of range.

    >>> from lanista.schedule import Slots, Start
    >>> PB2(200, population=4, interval=20).on(History(), Slots(free=1)) == [Start(budget=20)]
    True
    """

    def __init__(
        self, max_steps: int, *, population: int = 4, interval: int | None = None, quantile: float = 0.25
    ) -> None:
        self.max_steps, self.population, self.interval, self.quantile = max_steps, population, interval, quantile
        self._every = checked("PB2", max_steps, population, interval, quantile)
        self._population = Population(
            self._explore, max_steps, population=population, interval=interval, quantile=quantile
        )

    def on(self, history: History, event: Event) -> list[Action]:
        """Judges members at their interval, fills free places, ends with the last member."""
        return self._population.on(history, event)

    def _explore(self, history: History, parent: int, rng: "np.random.Generator") -> Params:
        """The configuration with the greatest upper confidence bound of the gain in the parent's next interval."""
        space = history.space
        near = np.where(np.isnan(history.X[parent]), 0.5, history.X[parent])
        near = np.clip(near + rng.normal(0.0, NEARNESS, (NEAR, space.width)), 0.0, 1.0)
        points = np.concatenate([space.sample_unit(rng, CANDIDATES), near[space.feasible_unit(near)]])
        seen = gains(history, self._every)
        now = float(history.steps[parent] // self._every + 1)
        bonus = np.sqrt(0.2 + max(0.0, np.log(0.4 * now)))  # the paper's β_t, with the constants of its experiments
        best = int(np.argmax(_bounds(space, seen, points, now, float(bonus))))
        return space.decode(points[[best]])[0]


class Gains(NamedTuple):
    """What each interval of each trial brought: points X (m, d), intervals t (m,), gains y (m,), NaN while it runs."""

    X: Floats
    t: Floats
    y: Floats


def gains(history: History, interval: int) -> Gains:
    """Reads what each interval brought from the curves; the latest `MOST`, and those that run."""
    rows: list[tuple[float, int, float]] = []
    for trial in range(len(history)):
        start, value = history.parent(trial) or (0, 0), np.nan
        steps, values = history.curve(trial)
        if start[1]:
            earlier, before = history.curve(start[0])
            known = int(np.searchsorted(earlier, start[1], "right"))
            value = before[known - 1, 0] if known else np.nan
        period = start[1] // interval
        for at in np.flatnonzero(np.diff(steps // interval, prepend=period)).tolist():
            period, last, value = int(steps[at]) // interval, value, values[at, 0]
            if np.isfinite(last - value):
                rows.append((float(period), trial, float(last - value)))
        if trial in history.live[1]:
            rows.append((float(period + 1), trial, np.nan))
    rows = sorted(rows)[-MOST:]
    t, trials, y = (np.array([row[i] for row in rows]) for i in range(3))
    return Gains(history.X[trials.astype(np.intp)], t, y)


def _bounds(space: Space, seen: Gains, points: Floats, now: float, bonus: float) -> Floats:
    """(c,) upper confidence bounds of the gain at points (c, d) in the interval `now`, in standard deviations."""
    known = np.isfinite(seen.y)
    features = _features(space, np.concatenate([seen.X, points]))
    F, G, t = features[: len(seen.t)], features[len(seen.t) :], seen.t
    y = seen.y[known]
    y = (y - y.mean()) / (y.std() or 1.0) if len(y) else y
    squares, ages = _squares(F, F), np.abs(t[:, None] - t)
    both = np.ix_(known, known)
    setting = max(SETTINGS, key=lambda s: _likelihood(squares[both], ages[both], y, s))
    K, cross = _kernel(squares, ages, setting), _kernel(_squares(F, G), np.abs(t - now)[:, None], setting)
    K[np.diag_indices(len(K))] += setting[2]
    mean = cross[known].T @ np.linalg.solve(K[both], y)
    # Those that run count for the spread, which needs no values: Desautels et al., GP-BUCB (2014), section 4.
    spread = 1.0 - np.einsum("mc,mc->c", cross, np.linalg.solve(K, cross))
    bounds: Floats = mean + bonus * np.sqrt(np.maximum(spread, 0.0))
    return bounds


def _likelihood(squares: Floats, ages: Floats, y: Floats, setting: tuple[float, float, float]) -> float:
    """The log marginal likelihood of y (m,), up to a constant."""
    K = _kernel(squares, ages, setting)
    K[np.diag_indices(len(K))] += setting[2]
    L = np.linalg.cholesky(K)
    a = np.linalg.solve(L, y)
    return float(-0.5 * a @ a - np.log(np.diag(L)).sum())


def _kernel(squares: Floats, ages: Floats, setting: tuple[float, float, float]) -> Floats:
    """Squared exponential in the features times what is left of the memory."""
    length, forgetting, _ = setting
    kernel: Floats = np.exp(-0.5 * squares / length**2) * (1.0 - forgetting) ** (ages / 2)
    return kernel


def _features(space: Space, X: Floats) -> Floats:
    """(n, f) numbers as they are, options as unit vectors of distance 1, 0.5 in place of what does not apply."""
    X = np.nan_to_num(space.canonical(X), nan=0.5)
    columns = []
    for x, kind, n in zip(X.T, space.columns.kind, space.columns.cardinality, strict=True):
        hot = (x[:, None] * n).astype(np.intp) == np.arange(n)
        columns.append(hot / np.sqrt(2.0) if kind == CATEGORICAL else x[:, None])
    return np.concatenate([*columns, np.empty((len(X), 0))], axis=1)


def _squares(A: Floats, B: Floats) -> Floats:
    """(a, b) squared distances of the rows of A (a, f) and B (b, f)."""
    squares: Floats = np.maximum((A * A).sum(1)[:, None] + (B * B).sum(1) - 2.0 * A @ B.T, 0.0)
    return squares
