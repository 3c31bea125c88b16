"""When an experiment ends: limits, and the meter that holds them against the history."""

import math
from dataclasses import fields, replace
from typing import Any

from lanista._frozen import Frozen
from lanista._words import counted
from lanista.errors import UsageError
from lanista.journal import CODES, COMPLETED, History, Joined
from lanista.search import FEWEST, improvement_left

FAILED = CODES["failed"]
ROUNDING = 1e-9
"""By what share a sum of many floats may fall short of what it should be."""


class Limits(Frozen):
    """What an experiment may spend, and when it has had enough; None: no limit.

    Attributes:
        trials: how many trials in all, over all runs.
        time: wall-clock seconds of one call of `run`.
        trial_time: seconds of one attempt at a trial; `processes` kills it, `inline` ends it at its next report.
        cost: total of the trials' `cost` metric, or of their seconds where they report none; those of trials that are
            paused or run, up to their last report, are counted.
        target: a value of the first metric that is good enough.
        failures: how many trials may fail in a row.
        retries: how often a trial whose attempt failed is run again, from its last checkpoint.
        plateau: (trials, delta): end when the best has not improved by more than delta over that many ended trials.
        checkpoints: how many of the best trials that ended keep their last checkpoint; it is no limit to end by.
        improvement: end when at most so much is left to gain, in units of the first metric, as far as a model of the
            trials can tell. It is asked from 10 completed trials on, whenever a tenth more have ended.

    >>> Limits(trials=100, plateau=(20, 0.001)).trials
    100
    """

    trials: int | None = None
    time: float | None = None
    trial_time: float | None = None
    cost: float | None = None
    target: float | None = None
    failures: int | None = 10
    plateau: tuple[int, float] | None = None
    improvement: float | None = None
    retries: int = 0
    checkpoints: int = 3

    def __post_init__(self) -> None:
        for name in ("trials", "time", "trial_time", "cost", "failures", "improvement"):
            value = getattr(self, name)
            if value is not None and not (isinstance(value, int | float) and not isinstance(value, bool) and value > 0):
                raise UsageError(f"limit {name}={value!r} must be a number above 0, or None for no limit")
            if value == math.inf and name in ("trials", "failures", "improvement"):
                raise UsageError(f"limit {name}={value!r} must be finite, or None for no limit")
        for name in ("retries", "checkpoints"):
            value = getattr(self, name)
            if not isinstance(value, int) or value < 0:
                raise UsageError(f"limit {name}={value!r} must be a whole number from 0")
        for name in ("trials", "failures"):
            value = getattr(self, name)
            if value is not None and value != int(value):
                raise UsageError(f"limit {name}={value!r} must be a whole number")
        if self.plateau is not None:
            pair = tuple(self.plateau) if isinstance(self.plateau, tuple | list) else ()
            if len(pair) != 2 or not pair[0] >= 1 or not pair[1] >= 0:
                raise UsageError(f"limit plateau={self.plateau!r} must be (trials, delta), for instance (20, 0.001)")
            object.__setattr__(self, "plateau", (int(pair[0]), float(pair[1])))

    def updated(self, values: dict[str, Any]) -> "Limits":
        """These limits with others in place of some, as `set` gives them."""
        names = {f.name for f in fields(self)}
        return replace(self, **{name: value for name, value in values.items() if name in names})

    def as_dict(self) -> dict[str, Any]:
        """The limits that are set, as JSON has them."""
        return _plain({f.name: value for f in fields(self) if (value := getattr(self, f.name)) is not None})


def as_limits(limits: Limits | None, trials: int | None, time_limit: float | None) -> Limits:
    """The limits of a run, of which some can be given by themselves."""
    if not isinstance(limits, Limits | None):
        raise UsageError(f"limits={limits!r} must be such as Limits(trials=100, retries=1)")
    given = {"trials": trials, "time": time_limit}
    return (limits or Limits()).updated({name: value for name, value in given.items() if value is not None})


def as_settings(values: dict[str, Any]) -> dict[str, Any]:
    """Checks what `set` is to change: limits, `time_limit` as in `run`, and `workers`."""
    from difflib import get_close_matches

    settings = {"time" if name == "time_limit" else name: value for name, value in values.items()}
    workers = settings.get("workers", 1)
    if not isinstance(workers, int) or workers < 1:
        raise UsageError(f"workers={workers!r} must be a whole number from 1")
    names = [*Limits.__dataclass_fields__, "workers"]
    for name in settings:
        if name not in names:
            close = get_close_matches(name, names, 1)
            hint = f"; did you mean {close[0]!r}?" if close else ""
            raise UsageError(f"there is no limit {name!r}{hint} There are: {', '.join(names)}")
    Limits().updated(settings)
    return _plain(settings)


class Helper(Frozen):
    """How much a process does for the run of another: `count` starts of trials, `time` in seconds; None: no limit.

    All other limits, and the time where none is given, are those of the run.
    """

    count: int | None = None
    time: float | None = None

    def __post_init__(self) -> None:
        if self.count is not None and (not isinstance(self.count, int) or self.count < 1):
            raise UsageError(f"count={self.count!r} must be a whole number from 1")
        Limits(time=self.time)

    def limits(self, history: History) -> Limits:
        """The limits of the run that goes on, or was the last."""
        limits = Limits() if history.begun is None else Limits(failures=None).updated(history.begun.limits)
        return limits if self.time is None else replace(limits, time=self.time)

    def differ(self, one: Joined, other: Joined) -> str:
        """In what two runs differ that a helper takes up once, when it begins; "" where they do not."""
        names = ("objective", "searcher", "scheduler", "cohort")
        return " and ".join(name for name in names if one.plan.get(name) != other.plan.get(name))


def _plain(values: dict[str, Any]) -> dict[str, Any]:
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


class Meter:
    """Counts, over the trials in the order in which they ended, what limits are held against.

    Failures count from now on only: who mends the objective and runs again must not be held to those before.
    """

    def __init__(self, history: History) -> None:
        self._begin = len(history.finished)
        self._seen = 0
        self.failures = 0
        self._best = math.inf
        self._since_best = 0
        self._delta: float | None = None
        self._left = math.inf
        self._next_look = 0

    def reached(self, limits: Limits, history: History) -> str | None:
        """The limit that has been reached, in words; trials and time are the controller's own."""
        delta = limits.plateau[1] if limits.plateau else 0.0
        if delta != self._delta:
            self._restart(delta)
        self._catch_up(history)
        if self.failing(limits):
            return f"{counted(self.failures, 'trial')} failed in a row"
        if limits.cost is not None and history.total_cost >= limits.cost * (1 - ROUNDING):
            return f"cost limit of {limits.cost:g} reached"
        if limits.target is not None and history.best is not None:
            sign = float(history.signs[0])
            value = history.first(history.best) * sign
            if value * sign <= limits.target * sign:
                return f"target of {limits.target:g} reached with {value:g}"
        if limits.plateau is not None and self._since_best >= limits.plateau[0]:
            return f"no improvement of more than {limits.plateau[1]:g} in {counted(limits.plateau[0], 'trial')}"
        if limits.improvement is not None and self._left_to_gain(history) <= limits.improvement:
            return f"at most {self._left:.3g} is left to gain, within the limit of {limits.improvement:g}"
        return None

    def failing(self, limits: Limits) -> bool:
        """Whether too many trials failed in a row."""
        return limits.failures is not None and self.failures >= limits.failures

    def _left_to_gain(self, history: History) -> float:
        """What the best trial may still be bettered by; asked anew when a tenth more trials have ended: it costs."""
        if history.counts[COMPLETED] >= FEWEST and self._seen >= self._next_look:
            self._next_look = self._seen + max(1, self._seen // 10)
            self._left = improvement_left(history)
        return self._left

    def _restart(self, delta: float) -> None:
        self._seen, self.failures, self._best, self._since_best = 0, 0, math.inf, 0
        self._delta = delta

    def _catch_up(self, history: History) -> None:
        for place, number in enumerate(history.finished[self._seen :], self._seen):
            failed = place >= self._begin and history.state_of(number) == FAILED
            self.failures = self.failures + 1 if failed else 0
            value = history.first(number)
            if value < self._best - (self._delta or 0.0):
                self._best, self._since_best = value, 0
            else:
                self._since_best += 1
        self._seen = len(history.finished)
