"""An Optuna study that says what a history says."""

import copy
from bisect import bisect_left
from collections.abc import Iterator
from typing import Any

import numpy as np
from optuna.samplers import BaseSampler, BruteForceSampler, GridSampler
from optuna.trial import FrozenTrial, TrialState, create_trial

from lanista.compat.optuna._form import Form
from lanista.compat.optuna._ledger import Ledger, MirroredStudy
from lanista.compat.optuna._rng import reseed
from lanista.errors import LanistaError, UsageError
from lanista.journal import COMPLETED, STOPPED, History
from lanista.space import Params

TRIES = 20
"""Proposals in a row that break the constraints before a random one is taken."""
_CONSTRAINTS = "constraints"
"""The attribute of a trial in which samplers look for how far it breaks each constraint."""


class Mirror:
    """A study with a trial for each of a history's.

    With `replay` the sampler proposes each trial again, at the very place among the others' ends at which it was
    proposed at first, and so comes to hold and to have noted what it did then. Without, a fresh copy of the sampler
    looks at the trials each time.
    """

    def __init__(self, history: History, sampler: BaseSampler, *, replay: bool) -> None:
        self.history, self.space, self.replay = history, history.space, replay
        self._given = sampler
        self._living = copy.deepcopy(sampler)
        self._enumerates = isinstance(sampler, GridSampler | BruteForceSampler)
        self._form = Form(history.space)
        self._ledger = Ledger(max(1, len(history.metrics)))
        self._seed = (history.created.seed if history.created is not None else 0) % 2**64
        self._places: list[int] = []
        self._asked: list[float] = []
        self._told = 0
        self._open: dict[int, int] = {}
        self._stopped = False

    def sync(self) -> bool:
        """Takes in what is new in the history; False: it does not fit what was taken in before, so begin anew."""
        if self.history.space is not self.space:
            return False
        for ended, number in self._news():
            if ended < len(self._places):
                return False
            if number >= 0:
                self._end(number)
            else:
                self._begin(len(self._places))
        for number, size in self._open.items():
            if size != len(params := self.history.params[number]):
                self._open[number] = len(params)
                self._write(self._places[number], params, number)
        return True

    def propose(self, count: int) -> tuple[list[Params], bool]:
        """Up to `count` configurations, and whether the sampler noted anything for later."""
        found: list[Params] = []
        with self._ledger.tentative():
            self._ledger.noted = False
            sampler = copy.deepcopy(self._living if self.replay else self._given)
            while len(found) < count and not self._stopped:
                params = self._next(sampler, len(self.history) + len(found))
                if params is None:
                    break
                found.append(params)
            return found, self._ledger.noted

    def _news(self) -> Iterator[tuple[int, int]]:
        """What happened since, in order: (how many trials were there, number) of ends, (..., -1) of trials proposed.

        Where the sampler is replayed, a trial ended before the next proposal that is of a later time.
        """
        history = self.history
        first, total = len(self._places), len(history)
        fresh = history.finished[self._told :]
        if not self.replay:
            yield from ((k, -1) for k in range(first, total))
            yield from ((total, number) for number in fresh)
            return
        for k in range(first, total):
            asked = history.trial(k).asked
            self._asked.append(max(asked, self._asked[-1]) if self._asked else asked)
        ends = [
            (max(number + 1, bisect_left(self._asked, history.trial(number).ended or 0.0)), number) for number in fresh
        ]
        ends.sort(key=lambda end: end[0])
        at = 0
        for k in range(first, total + 1):
            while at < len(ends) and ends[at][0] <= k:
                yield ends[at]
                at += 1
            if k < total:
                yield k, -1

    def _begin(self, number: int) -> None:
        """Adds a trial that runs."""
        params = self.history.params[number]
        by_searcher = self.history.trial(number).origin == "searcher" if self.replay else False
        if by_searcher and not self._stopped:
            self._next(self._living, number)
        if not by_searcher or self._stopped:
            self._ledger.create_new_trial(0)
        place = len(self._ledger.trials) - 1
        self._places.append(place)
        self._open[number] = len(params)
        self._write(place, params, number)

    def _write(self, place: int, params: Params, number: int) -> None:
        trial = self._ledger.trials[place]
        trial.params, trial.distributions = self._form.tell(params, self.history.X[number])

    def _end(self, number: int) -> None:
        """Ends a trial, with what samplers look at."""
        history, trial = self.history, self._ledger.trials[self._places[number]]
        self._told += 1
        del self._open[number]
        self._write(trial.number, history.params[number], number)
        y, state = history.Y[number], history.state_of(number)
        trial.user_attrs.update(history.metrics_of(number))
        if history.constraints:
            trial.system_attrs[_CONSTRAINTS] = history.C[number].tolist()
        if state == COMPLETED and np.isfinite(y).all() and np.isfinite(history.C[number]).all():
            self._tell(trial, number, TrialState.COMPLETE, y.tolist())
        elif state == STOPPED and len(y) == 1 and np.isfinite(history.C[number]).all():
            steps, curve = history.curve(number)
            trial.intermediate_values = dict(zip(steps.tolist(), curve[:, 0].tolist(), strict=True))
            self._tell(trial, number, TrialState.PRUNED, y.tolist() if np.isfinite(y[0]) else None)
        else:
            trial.system_attrs.pop(_CONSTRAINTS, None)
            self._tell(trial, number, TrialState.FAIL, None)

    def _tell(self, trial: FrozenTrial, number: int, state: TrialState, values: list[float] | None) -> None:
        study = self._ledger.study(self._living)
        if self.history.trial(number).origin == "searcher":
            self._call(lambda: study.sampler.after_trial(study, trial, state, values), number)
        self._ledger.set_trial_state_values(trial.number, state, values)
        self._stopped = self._stopped or study.stopped

    def _next(self, sampler: BaseSampler, number: int) -> Params | None:
        """The sampler's configuration for a trial, added to the study; None: it has nothing left."""
        attempt = 0
        while self._enumerates or attempt < TRIES:
            reseed(sampler, (self._seed, number, attempt))
            study = self._ledger.study(sampler)
            params: Params = self._call(lambda: self._form.ask(study.ask()), number)  # noqa: B023  # called at once
            trial = self._ledger.trials[-1]
            if self._enumerates and any(trial.params == other.params for other in self._ledger.trials[:-1]):
                return None
            if self.space.valid(params):
                x = self.space.encode([params])[0][0]
                trial.params, trial.distributions = self._form.tell(params, x)
                return params
            self._refuse(study, trial, number)
            if study.stopped:
                return None
            attempt += 1
        rng = np.random.default_rng((self._seed, number, attempt))
        params = self.space.sample(rng, 1)[0]
        told = self._form.tell(params, self.space.encode([params])[0][0])
        self._ledger.create_new_trial(
            0, create_trial(state=TrialState.RUNNING, params=told.params, distributions=told.distributions)
        )
        return params

    def _refuse(self, study: MirroredStudy, trial: FrozenTrial, number: int) -> None:
        """Tells the sampler that its configuration failed, as it breaks a constraint."""
        self._call(lambda: study.sampler.after_trial(study, trial, TrialState.FAIL, None), number)
        self._ledger.set_trial_state_values(trial.number, TrialState.FAIL)

    def _call(self, call: Any, number: int) -> Any:
        """What the sampler answers; its exceptions name it.

        Raises:
            UsageError: it raised one.
        """
        try:
            return call()
        except LanistaError:
            raise
        except Exception as error:
            name = type(self._given).__name__
            raise UsageError(
                f"FromOptuna({name}): the sampler raised {type(error).__name__} at trial {number}: {error}; "
                "give it a space and objectives that it serves, or take another sampler"
            ) from error
