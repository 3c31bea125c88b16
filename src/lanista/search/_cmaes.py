"""Evolution strategy with covariance matrix adaptation."""

import copy
import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from lanista._described import Described
from lanista.errors import MissingExtraError, UsageError
from lanista.journal import CANCELLED, COMPLETED, STOPPED, History, Params
from lanista.search._axes import ORDERED, Axes, Floats
from lanista.search._checks import is_number
from lanista.search._genetic import check_population
from lanista.search._stream import seed_of
from lanista.search._threads import one_thread

MOST_STEPS = 64
"""Values beyond which an ordered column is as good as continuous."""
KEPT = 32
"""Generations back from which a result still counts."""
TRIES = 50
"""Draws that may break a constraint before a random configuration is taken instead."""
MOST_CORNERS = 500
"""Draws after which a corner that was tried is tried again, since there is nothing else."""
NEAR = 1e-6
"""By how much a point of the cube may differ from itself after it was a configuration."""
CONVERGED = 1e-9
"""Spread of a generation in the cube below which the search starts again."""


class CMAES(Described):
    """Draws from a Gaussian that learns which way is down, and from option probabilities that learn likewise.

    CMA-ES with margin: Hamano et al., CatCMA with Margin (2025), of which `CatCMAwM` of the package cmaes is the
    implementation; numbers, whole numbers and choices adapt together, and no value becomes too improbable to be drawn.
    When it has converged, or finds nothing better for 10 + 30 d / population generations, it starts again somewhere
    else with twice the population: Auger and Hansen, A Restart CMA Evolution Strategy With Increasing Population Size
    (2005). Best for numeric spaces of 5 to 50 columns and some hundred trials or more.

    A generation is made of the first `population` results that come in, from whichever generation they were drawn; any
    number of trials may be pending. Within it, stopped trials rank after completed ones, failed ones last, those that
    break a constraint after all that keep them; of several objectives the first counts. What lies outside of the ranges
    is moved onto their ends; a corner that was tried before is drawn again. Trials count once they are over, so a
    scheduler that pauses trials for good leaves little to learn from. Trials that a person added or imported give the
    place to start from, if they ended before the first proposal did.

    Args:
        population: of the first run; by default 4 + 3 ln d.
        sigma: the first standard deviation, as a share of each range.

    Raises:
        UsageError: an argument is out of range.
        MissingExtraError: the package cmaes is not installed.
        UnsatisfiableError: too few configurations meet the constraints.

    >>> from lanista.space import Float, Space
    >>> CMAES().ask(History(Space({"x": Float(0, 1)})), 1, np.random.default_rng(0))
    [{'x': 0.985...}]
    """

    _replay: "_Replay | None" = None

    def __init__(self, population: int | None = None, *, sigma: float = 0.2) -> None:
        self.population, self.sigma = population, sigma
        if population is not None:
            check_population("CMAES", population)
        if not is_number(sigma) or not 0 < sigma <= 1:
            raise UsageError(f"CMAES(sigma={sigma!r}): it must be above 0 and at most 1")

    @one_thread()
    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Draws from the distribution that the results so far have made; `rng` serves where constraints defy it."""
        replay = self._replay
        if replay is None or replay.history is not history or replay.coding.space is not history.space:
            coding = _Coding(history)
            if not coding.d:
                return history.space.sample(rng, count)
            replay = self._replay = _Replay(
                history, coding, self.population or 4 + int(3 * math.log(coding.d)), self.sigma
            )
        replay.advance()
        first = history.proposed
        proposals: list[Params] = []
        for index in range(first, first + count):
            drawn = replay.propose(index, proposals)
            proposals.append(history.space.sample(rng, 1)[0] if drawn is None else drawn)
        return proposals


class _Coding:
    """Between the unit cube and what the package calls x (continuous), z (ordered) and c (categorical)."""

    def __init__(self, history: History) -> None:
        self.space = history.space
        axes = self._axes = Axes(self.space)
        kind, n = self.space.columns.kind, self.space.columns.cardinality
        ordered = (kind == ORDERED) & (n > 2) & (n <= MOST_STEPS)
        self.z = np.flatnonzero(ordered)
        self.c = np.sort(np.concatenate([axes.options, np.flatnonzero((kind == ORDERED) & (n == 2))]))
        self.x = np.setdiff1d(axes.searched, np.concatenate([self.z, self.c]))
        self.d, self.n = len(axes.searched), n

    def optimiser(self, population: int, sigma: float, mean: Floats, trust: float) -> Any:
        """A fresh one around a full point (d,), whose options get at least the share `trust` of the probability."""
        try:
            from cmaes import CatCMAwM
        except ImportError as error:
            raise MissingExtraError.of("cmaes", "cmaes") from error
        gaussian, sizes = np.concatenate([self.x, self.z]), self.n[self.c].tolist()
        share = np.zeros((len(sizes), max(sizes, default=0)))
        for row, column, size in zip(share, self.c.tolist(), sizes, strict=True):
            row[:size] = (1.0 - trust) / size
            row[min(int(mean[column] * size), size - 1)] += trust
        return CatCMAwM(
            x_space=[[0.0, 1.0]] * len(self.x) or None,
            z_space=[((np.arange(n) + 0.5) / n).tolist() for n in self.n[self.z]] or None,
            c_space=sizes or None,
            population_size=population,
            mean=mean[gaussian] if len(gaussian) else None,
            sigma=sigma,
            cov=np.eye(len(gaussian)) if len(gaussian) else None,
            cat_param=share if sizes else None,
        )

    def point(self, solution: Any) -> Floats:
        """(1, d) the full point of a solution."""
        x = np.full((1, self.space.width), 0.5)
        if len(self.x):
            x[0, self.x] = solution.x
        if len(self.z):
            x[0, self.z] = solution.z
        if len(self.c):
            x[0, self.c] = (np.argmax(solution.c, axis=1) + 0.5) / self.n[self.c]
        return x

    def is_corner(self, X: Floats) -> bool:
        """Whether all continuous columns that apply at a full point X (1, d), if any, are at an end of their range."""
        active = self._axes.active(X)
        values = X[0, self.x] if active is None else X[0, self.x[active[0, self.x]]]
        return bool(len(values)) and bool(((values <= 0.0) | (values >= 1.0)).all())


class _Replay:
    """The optimiser's states, rebuilt from a history that grows.

    Proposal k is drawn with a generator seeded by the experiment's seed and k, so a trial can be recognised in the
    history as the k-th draw from one of the last states, and its undiscretised point be had again: that is all the
    package wants to be told, and nothing has to be kept besides the journal.
    """

    def __init__(self, history: History, coding: _Coding, population: int, sigma: float) -> None:
        self.history, self.coding, self.sigma = history, coding, sigma
        self._population, self._seed = population, seed_of(history)
        self._indices: dict[int, int] = {}
        self._scanned = self._done = self._run = 0
        self._guess: tuple[float, ...] | None = None
        self._start(np.full(coding.space.width, 0.5))

    def _start(self, mean: Floats, trust: float = 0.0) -> None:
        """Begins a run around a full point (d,)."""
        self.states = [self.coding.optimiser(self._population << self._run, self.sigma, mean, trust)]
        self._members: list[tuple[int, Any]] = []
        self._record: tuple[float, ...] | None = None
        self._stale = 0

    def advance(self) -> None:
        """Takes in what has ended since."""
        history = self.history
        for number in range(self._scanned, len(history)):
            if history.origin(number) == "searcher":
                self._indices[number] = len(self._indices)
        self._scanned = len(history)
        with np.errstate(all="ignore"):
            for number in history.finished[self._done :]:
                if history.state[number] != CANCELLED:
                    self._count(number)
        self._done = len(history.finished)

    def propose(self, index: int, others: list[Params]) -> Params | None:
        """Proposal number `index`, None if no draw meets the constraints: not a corner that was tried, if possible."""
        first = None
        for _, params, corner in self._draws(self.states[-1], index):
            first = first or params
            if not corner or (params not in others and params not in self.history.params):
                return params
        return first

    def _draws(self, state: Any, index: int) -> Iterator[tuple[Any, Params, bool]]:
        """The draws from that state of which one becomes proposal number `index`, and which of them are corners.

        They end with the first that is none. What was tried does not count here: a trial is recognised as one
        of them without knowing what had been tried when it was proposed.
        """
        state.reseed_rng(int(np.random.SeedSequence((self._seed, index)).generate_state(1)[0]))
        space = self.coding.space
        corners = 0
        for at in range(MOST_CORNERS):
            if at >= TRIES and not corners:
                return
            solution = state.ask()
            X = self.coding.point(solution)
            params = space.decode(X)[0]
            if not space.constraints or space.valid(params):
                corner = self.coding.is_corner(X)
                yield solution, params, corner
                if not corner:
                    return
                corners += 1

    def _count(self, number: int) -> None:
        solution = self._recognised(number)
        if solution is not None:
            self._members.append((number, solution))
            if len(self._members) == self.states[-1].population_size:
                self._next_generation()
        elif not self._run and not self._members and not self.states[-1].generation:
            self._take_guess(number)

    def _recognised(self, number: int) -> Any:
        """The solution that became the trial, None if it came from elsewhere or from too far back."""
        index = self._indices.get(number)
        if index is None or not self.history.active[number].any():
            return None
        x, applies = self.history.X[number], self.history.active[number]
        for state in reversed(self.states):
            for solution, params, _ in self._draws(state, index):
                X, active = self.coding.space.encode([params])
                if active[0][applies].all() and (np.abs(X[0] - x)[applies] < NEAR).all():
                    return solution
        return None

    def _take_guess(self, number: int) -> None:
        """Starts from a trial of another origin, if it is the best of those so far; earlier draws still count."""
        (key,) = self._keys([number])
        if key[1] < 2 and (self._guess is None or key < self._guess):
            self._guess, x, states = key, self.history.X[number], self.states
            self._start(np.where(np.isnan(x), 0.5, x), trust=0.5)
            self.states = states[1 - KEPT :] + self.states

    def _next_generation(self) -> None:
        keys = self._keys([number for number, _ in self._members])
        state = copy.deepcopy(self.states[-1])
        # Ranks for values: failures have none, and what steps outside of the cube costs is in units of values.
        order = sorted(range(len(keys)), key=keys.__getitem__)
        state.tell([(self._members[at][1], float(rank)) for rank, at in enumerate(order)])
        points = np.concatenate([self.coding.point(solution) for _, solution in self._members])
        self._members = []
        self.states = [*self.states[1 - KEPT :], state]
        best = min(keys)
        self._stale = 0 if self._record is None or best < self._record else self._stale + 1
        self._record = best if self._record is None else min(best, self._record)
        patience = 10 + math.ceil(30 * self.coding.d / state.population_size)
        gaussian = len(self.coding.x) + len(self.coding.z)
        if self._stale > patience or np.ptp(points, axis=0).max() < CONVERGED or (gaussian and state.should_stop()):
            self._run += 1
            self._start(np.random.default_rng((self._seed, self._run)).random(self.coding.space.width))

    def _keys(self, numbers: list[int]) -> list[tuple[float, ...]]:
        """What to sort trials by; a key never changes, whatever becomes known later."""
        history = self.history
        keys: list[tuple[float, ...]] = []
        for number in numbers:
            y, state = float(history.Y[number, 0]), history.state[number]
            excess = (
                np.nan_to_num(np.maximum(history.C[number], 0.0), nan=np.inf) if history.constraints else np.zeros(1)
            )
            if not math.isfinite(y) or state not in (COMPLETED, STOPPED):
                keys.append((math.inf, 2.0, 0.0, 0.0))
            elif state == COMPLETED:
                keys.append((float(excess.sum()), 0.0, 0.0, y))
            else:
                keys.append((float(excess.sum()), 1.0, -float(history.steps[number]), y))
        return keys
