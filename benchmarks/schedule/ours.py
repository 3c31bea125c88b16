"""Our combinations of a searcher and a scheduler, and their runs by `la.simulate`."""

import math
import time
from collections.abc import Callable
from typing import Any

import lanista as la
from benchmarks.schedule.metrics import Improvements
from benchmarks.schedule.problems import Problem
from lanista.journal import Event, Reported

Make = Callable[[int], la.Scheduler]

SCHEDULERS: dict[str, Make] = {
    "fifo": lambda steps: la.FIFO(),
    "asha": lambda steps: la.ASHA(steps),
    "asha-promotion": lambda steps: la.ASHA(steps, form="promotion"),
    "asha-2": lambda steps: la.ASHA(steps, brackets=2),
    "asha-4": lambda steps: la.ASHA(steps, reduction=4),
    "asha-4-2": lambda steps: la.ASHA(steps, reduction=4, brackets=2),
    "hyperband": lambda steps: la.HyperBand(steps),
    "pasha": lambda steps: la.PASHA(steps),
    "dehb": lambda steps: la.DEHB(steps),
    "median": lambda steps: la.MedianStopping(),
    "freezethaw": lambda steps: la.FreezeThaw(steps),
    "timesharing": lambda steps: la.TimeSharing(steps),
}
SLOW = ("auto", "gp", "tpe", "bohb", "forest", "dngo")
"""Searchers whose proposals cost more the more trials there are; their runs are capped."""
DEFAULT = (
    *("random+asha", "random+asha-promotion", "random+hyperband", "random+pasha", "random+median", "random+dehb"),
    *(
        "bohb+hyperband",
        "bohb+asha",
        "bohb+asha-2",
        "tpe+asha",
        "auto+asha-4",
        "auto+asha-2",
        "auto+hyperband",
        "random+freezethaw",
    ),
)


def parse(combo: str) -> tuple[str, Make]:
    """The searcher's name and the scheduler's maker of `searcher+scheduler`.

    Raises:
        SystemExit: no such scheduler.
    """
    searcher, _, scheduler = combo.partition("+")
    if scheduler not in SCHEDULERS:
        raise SystemExit(f"combination {combo!r} is not known; a scheduler is one of: {', '.join(SCHEDULERS)}")
    return searcher, SCHEDULERS[scheduler]


def run(
    combo: str,
    problem: Problem,
    workers: int,
    seed: int,
    *,
    target: float,
    horizon: float,
    cap: int = 3000,
    timeout: float = math.inf,
) -> dict[str, Any]:
    """Simulates until the target, the virtual horizon or the real timeout; `cap` is the most trials of slow searchers.

    Trials of other searchers are not capped.
    """
    searcher, make = parse(combo)
    watch = _Watch(target, time.monotonic() + timeout)
    experiment = la.Experiment(
        "schedule",
        problem.space,
        metric="loss",
        searcher=searcher,
        scheduler=make(problem.steps),
        store="memory",
        seed=seed,
    )
    trials = cap if searcher in SLOW else 1_000_000
    la.simulate(experiment, problem, workers, trials=trials, time_limit=horizon, callbacks=[watch])
    reason = watch.reason or ("cap" if len(experiment.trials) >= trials else "horizon")
    return {
        "run": watch.found,
        "end": watch.now,
        "reason": reason,
        "trials": len(experiment.trials),
        "reports": watch.reports,
    }


class _Watch:
    """Sees the reports go by, and stops the experiment once it has what it wants."""

    def __init__(self, target: float, deadline: float) -> None:
        self.target, self.deadline = target, deadline
        self.found: Improvements = []
        self.begun: float | None = None
        self.best, self.now, self.reports = math.inf, 0.0, 0
        self.reason = ""

    def __call__(self, experiment: la.Experiment, event: Event) -> None:
        if self.reason:
            return
        if self.begun is None:
            self.begun = event.time
        if not isinstance(event, Reported):
            return
        self.reports += 1
        self.now = event.time - self.begun
        value = event.metrics["loss"]
        if value < self.best:
            self.best = value
            self.found.append((self.now, value))
        if self.best <= self.target:
            self._stop(experiment, "target")
        elif self.reports % 100 == 0 and time.monotonic() > self.deadline:
            self._stop(experiment, "timeout")

    def _stop(self, experiment: la.Experiment, reason: str) -> None:
        self.reason = reason
        experiment.stop(now=True)
