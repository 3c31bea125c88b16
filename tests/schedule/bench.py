"""Invented training runs, step by step, under a real scheduler and searcher: no process, no clock."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from lanista.journal import FIRST_ENDED, PAUSED, RUNNING, Asked, Created, Ended, Event, History, Reported, Started
from lanista.journal import Yielded as Paused
from lanista.schedule import Action, Extend, Finish, Report, Resume, Scheduler, Slots, Start, Stop, Yielded
from lanista.search import Random, Searcher
from lanista.space import Params, Space

Advance = Callable[[Any, Params, int], tuple[Any, float]]
"""One step of training: (state before, None at first; params; number of the step) to (state after, loss)."""


class Bench:
    """Lets all running trials make one step in turn, each of which they checkpoint, until nothing more is to be done.

    Args:
        scheduler: decides.
        space: searched.
        advance: the training.
        searcher: proposes.
        workers: trials that run at once.
        trials: how many may be started.
        steps: how many steps may be made by all trials together.
        seed: of the experiment.
        saves: every how many steps trials write checkpoints; False: never.
    """

    def __init__(
        self,
        scheduler: Scheduler,
        space: Space,
        advance: Advance,
        *,
        searcher: Searcher | None = None,
        workers: int = 2,
        trials: float = math.inf,
        steps: float = math.inf,
        seed: int = 0,
        saves: int = True,
    ) -> None:
        self.scheduler, self.advance, self.searcher = scheduler, advance, searcher or Random()
        self.workers, self.trials, self.left, self.saves = workers, trials, steps, saves
        self.history = History(space)
        self.finished: str | None = None
        self.spent = 0
        self.reasons: list[str] = []
        self._states: dict[tuple[int, int], Any] = {}
        self._budget: dict[int, int | None] = {}
        self._record(Created(0.0, "bench", space.to_json(), {"loss": "min"}, seed))

    def run(self) -> History:
        """Runs to the end."""
        while True:
            free = self.workers - len(self.history.running)
            if free > 0 and self.finished is None:
                actions = self.scheduler.on(self.history, Slots(free))
                self._act([action for action in actions if not isinstance(action, Start | Resume)])
                for action in actions:
                    if isinstance(action, Start | Resume) and len(self.history.running) < self.workers:
                        self._act([action])
            if not self.history.running:
                return self.history
            for trial in self.history.running:
                if self.spent >= self.left:
                    return self.history
                self._step(trial)

    def _step(self, trial: int) -> None:
        h, attempt = self.history, self.history.attempt(trial)
        at, _ = h.latest_checkpoint(trial)
        step = max(at, int(h.steps[trial])) + 1
        source = (trial, step - 1) if (trial, step - 1) in self._states else h.parent(trial)
        state, loss = self.advance(self._states.get(source) if source else None, h.params[trial], step)
        self._states[trial, step] = state
        self.spent += 1
        saved = self.saves and step % self.saves == 0
        self._record(Reported(0.0, trial, attempt, step, {"loss": loss}, f"{trial}/{step}" if saved else None))
        self._act(self.scheduler.on(h, Report(trial, step, {"loss": loss})))
        budget = self._budget[trial]
        if h.state[trial] == RUNNING and budget is not None and step >= budget:
            self._record(Paused(0.0, trial, attempt, step))
            self._act(self.scheduler.on(h, Yielded(trial, step, step if self.saves else None)))

    def _act(self, actions: list[Action]) -> None:
        h = self.history
        for action in actions:
            match action:
                case Start(budget=budget, parent=parent, params=params) if len(h) < self.trials:
                    number = len(h)
                    rng = np.random.default_rng((h.created.seed if h.created else 0, number))
                    found = params if params is not None else self.searcher.ask(h, 1, rng)[0]
                    self._record(Asked(0.0, number, found, "scheduler" if params else "searcher", parent))
                    self._begin(number, budget)
                case Resume(trial, budget):
                    assert h.state[trial] == PAUSED
                    self._begin(trial, budget)
                case Extend(trial, budget):
                    self._budget[trial] = budget
                case Stop(trial, reason, state):
                    assert h.state[trial] < FIRST_ENDED
                    self.reasons.append(reason)
                    self._record(Ended(0.0, trial, h.attempt(trial), state, reason=reason))
                case Finish(reason):
                    self.finished = reason

    def _begin(self, trial: int, budget: int | None) -> None:
        assert budget is None or budget > max(int(self.history.steps[trial]), (self.history.parent(trial) or (0, 0))[1])
        self._budget[trial] = budget
        self._record(Started(0.0, trial, self.history.attempt(trial) + 1, "me", budget))

    def _record(self, event: Event) -> None:
        self.history.extend([event])
