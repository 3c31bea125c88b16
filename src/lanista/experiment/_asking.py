"""Ask and tell: trials for loops of the user's own."""

import math
import time
from typing import Any

from lanista._words import counted
from lanista.errors import ExperimentError
from lanista.experiment._checks import check_end
from lanista.experiment._engine import Engine
from lanista.experiment._lease import Watch
from lanista.journal import FIRST_ENDED, Ended, Event, Reported, TrialRecord, Yielded
from lanista.trial import Decision, Trial, as_metrics, check_metrics


class Desk:
    """Hands trials out and takes their results; the line of each trial leads straight to the engine."""

    def __init__(self, engine: Engine, watch: Watch) -> None:
        self._engine, self._watch = engine, watch

    def ask(self) -> Trial:
        """A started trial."""
        engine = self._engine
        self._release_dead()
        engine.exhausted = False
        jobs = engine.start(1, room=lambda: math.inf)
        if not jobs:
            why = (
                "the searcher has no further configuration"
                if engine.exhausted
                else "the scheduler starts no further trial"
            )
            raise ExperimentError(f"{why} after {counted(len(engine.history), 'trial')}")
        engine.handed_out.add(jobs[0].number)
        return Trial(jobs[0], _EngineLink(engine), raises=False, groups=engine.history.space.groups)

    def tell(self, trial: Trial | int, value: Any, state: str | None, *, reason: str = "") -> TrialRecord:
        """Ends a trial, or pauses it where that was the decision on its last report; `reason`: of one that failed."""
        engine = self._engine
        h = engine.history
        check_end(state)
        engine.journal.sync()
        number = h.trial(trial).number if isinstance(trial, int) else trial.number
        attempt = h.attempt(number) if isinstance(trial, int) else trial.attempt
        if h.state_of(number) >= FIRST_ENDED:
            raise ExperimentError(f"trial {number} has ended already, as {h.trial(number).state}")
        if attempt != h.attempt(number):
            raise ExperimentError(
                f"trial {number} was taken over by another controller; its result will come from there"
            )
        if isinstance(trial, int) and engine.mine(number) and engine.job(number).fidelity is not None:
            trial = self.again(number)
        if isinstance(trial, Trial):
            value = trial.conclude(value) if state is None else value
            trial.flush()
            verdict = trial.decision
            if verdict.kind == "yield" and state is None:
                engine.handle([Yielded(time.time(), number, attempt, trial.step)])
                engine.handed_out.discard(number)
                return h.trial(number)
            if verdict.kind == "stop" and state in (None, verdict.state):
                state, reason = verdict.state, verdict.reason
        state = state or "completed"
        metrics = as_metrics(value, h.metrics)
        if state == "completed":
            check_metrics({**h.metrics_of(number), **metrics}, (*h.metrics, *h.constraints))
        engine.handle([Ended(time.time(), number, attempt, state, metrics, reason)])
        engine.handed_out.discard(number)
        return h.trial(number)

    def again(self, number: int) -> Trial:
        """The handle of a trial that was handed out before."""
        engine = self._engine
        return Trial(engine.job(number), _EngineLink(engine), raises=False, groups=engine.history.space.groups)

    def _release_dead(self) -> None:
        """Makes trials of controllers that no longer live wait again."""
        h = self._engine.history
        foreign = [n for n in h.running if h.owner(n) != self._engine.owner]
        if foreign:
            living = self._watch.living()
            dead = [n for n in foreign if h.owner(n) not in living]
            lost: list[Event] = [self._engine.let_go(n, h.heard(n), "its controller died") for n in dead]
            if lost:
                self._engine.journal.decide(lost)


class _EngineLink:
    """A trial's line within the process that decides."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    def send(self, event: Event) -> None:
        """Journals a fact."""
        self._engine.handle([event])

    def report(self, event: Reported) -> Decision:
        """Journals a report and returns the decision."""
        return self._engine.handle([event])[event.number]
