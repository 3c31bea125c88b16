"""The best trials, measured again: one run's value is partly luck, and the best of many is the luckiest."""

import math
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

from lanista._frozen import Frozen
from lanista.errors import ExperimentError, UsageError
from lanista.experiment._seeds import mix
from lanista.journal import STATES, History, Params
from lanista.space._values import canonical

if TYPE_CHECKING:
    from lanista.experiment._experiment import Experiment

_SEED = 0x5EED


class Finalist(Frozen):
    """A trial that was among the best, and what its configuration gave when it was run again.

    `values` are the first objective of the new runs, in the user's own sign; the trial's own value, which it was chosen
    for, is `first`, and no part of `mean`.
    """

    number: int
    params: Params
    first: float
    values: tuple[float, ...]

    @property
    def mean(self) -> float:
        """The mean of the new values, NaN without any."""
        return float(np.mean(self.values)) if self.values else math.nan

    @property
    def std(self) -> float:
        """Their standard deviation, NaN of fewer than two."""
        return float(np.std(self.values, ddof=1)) if len(self.values) > 1 else math.nan


def reevaluate(exp: "Experiment", objective: Any, top: int, times: int, how: dict[str, Any]) -> list[Finalist]:
    """Runs the best `top` configurations until each has been run `times` times in an experiment of their own.

    Raises:
        UsageError: a number is out of range. ExperimentError: no trial has completed.
    """
    for name, value in (("top", top), ("times", times)):
        if isinstance(value, bool) or not isinstance(value, int) or value < 1:
            raise UsageError(f"reevaluate({name}={value!r}): it must be a whole number from 1")
    h = exp.history
    chosen = _best(h, top)
    if not chosen:
        raise ExperimentError(f"experiment {exp.name!r} has no completed trial that keeps the constraints yet")
    second = _second(exp, h)
    done = Counter(canonical(trial.params) for trial in second.trials if trial.state not in ("failed", "cancelled"))
    for params in (h.params[number] for number in chosen):
        missing = max(0, times - done[canonical(params)])
        if missing:
            second.enqueue([dict(params)] * missing, again=True)
    second.run(objective, trials=len(second.trials), **how)
    found = _values(second.history)
    finalists = []
    for number in chosen:
        record = h.trial(number)
        finalists.append(Finalist(number, record.params, record.value, tuple(found.get(canonical(record.params), []))))
    sign = -1.0 if next(iter(exp.metrics.values())) == "max" else 1.0
    return sorted(finalists, key=lambda each: sign * each.mean if each.values else math.inf)


def _second(exp: "Experiment", history: History) -> "Experiment":
    """The experiment in which finalists are run, in the same store."""
    created = history.created
    assert created is not None
    return type(exp)(
        f"{exp.name} finalists",
        None if created.define else exp.space,
        exp.metrics,
        constraints=dict(history.constraints),
        searcher="random",
        store=exp.store,
        seed=mix(created.seed, _SEED) & 0x7FFFFFFF,
    )


def _best(history: History, top: int) -> list[int]:
    """The best completed trials that keep the constraints, of equal configurations the best."""
    completed = [n for n in history.finished if STATES[history.state_of(n)] == "completed" and history.feasible(n)]
    valued = sorted((n for n in completed if not math.isnan(history.first(n))), key=history.first)
    first: dict[str, int] = {}
    for number in valued:
        first.setdefault(canonical(history.params[number]), number)
    return list(first.values())[:top]


def _values(history: History) -> dict[str, list[float]]:
    """The first objective of all completed trials, by configuration."""
    found: dict[str, list[float]] = {}
    for number in sorted(history.finished):
        record = history.trial(number)
        if record.state == "completed" and math.isfinite(record.value):
            found.setdefault(canonical(record.params), []).append(record.value)
    return found
