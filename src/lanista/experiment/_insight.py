"""What the trials tell: the front of several objectives and its volume, what comes nearest, what comes next."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from lanista.errors import UsageError
from lanista.experiment._proposals import proposed
from lanista.experiment._seeds import Generators
from lanista.journal import COMPLETED, FAILED, History, Params
from lanista.search import Searcher, hypervolume, non_dominated
from lanista.search._ranking import violation

Reference = float | Sequence[float] | Mapping[str, float]


def pareto(history: History) -> list[int]:
    """The completed trials that keep all constraints and that no other one beats in every objective, by number."""
    rows = _kept(history, _valued(history))
    found: list[int] = rows[non_dominated(history.Y[rows])].tolist()
    return found


def volume(history: History, reference: Reference | None) -> float:
    """The hypervolume of the completed trials that keep all constraints, up to a reference in the user's own signs.

    Raises:
        UsageError: the reference has not one finite number for each objective.
    """
    rows = _valued(history)
    if reference is not None:
        corner = _corner(history, reference)
    elif len(rows):
        corner = history.Y[rows].max(axis=0)
    else:
        return 0.0
    return hypervolume(history.Y[_kept(history, rows)], corner)


def _valued(history: History) -> NDArray[np.intp]:
    """The completed trials with all objectives."""
    return np.flatnonzero((history.state == COMPLETED) & np.isfinite(history.Y).all(axis=1))


def _kept(history: History, rows: NDArray[np.intp]) -> NDArray[np.intp]:
    """Those of the trials that keep all constraints."""
    return rows[(history.C[rows] <= 0).all(axis=1)] if history.constraints else rows


def _corner(history: History, given: Reference) -> NDArray[np.float64]:
    """(m,) the reference, minimised."""
    names = history.metrics
    if isinstance(given, Mapping):
        values = [given.get(name) for name in names] if set(given) == set(names) else []
    else:
        values = [given] if isinstance(given, int | float) else list(given)
    numbers = all(isinstance(v, int | float) and not isinstance(v, bool) and math.isfinite(v) for v in values)
    if len(values) != len(names) or not numbers:
        raise UsageError(f"reference={given!r} must have one finite number for each of {', '.join(names)}")
    return np.array(values, dtype=np.float64) * history.signs


def missing_best(history: History) -> str:
    """Why there is no best trial, to be read after the experiment's name."""
    if near := nearest(history):
        return f"has no trial that keeps the constraints yet; {near}"
    failed = [n for n in history.finished if history.state[n] == FAILED]
    hint = f"; {len(failed)} failed" if failed else ""
    if failed and (reason := history.trial(failed[-1]).reason):
        hint += f", the last one with: {reason}"
    return f"has no trial with a value of {history.metrics[0]!r} yet{hint}"


def nearest(history: History) -> str:
    """Which of the trials that ended comes nearest to keeping the constraints, "" without any that has a value."""
    done = [n for n in history.finished if not math.isnan(history.first(n))]
    if not done or not history.constraints:
        return ""
    broken = violation(history)
    near = min(done, key=lambda n: float(broken[n]))
    metrics = history.metrics_of(near)
    told = [f"{name} is {metrics.get(name, math.nan):g}, to be {bound}" for name, bound in history.constraints.items()]
    return f"trial {near} comes nearest: {', '.join(told)}"


def bounds_line(history: History) -> str:
    """The constraints as people write them, "" without any.

    >>> from lanista.journal import Created
    >>> history = History()
    >>> bounds = {"latency": ["<=", 10.0]}
    >>> history.extend([Created(0.0, "e", {"parameters": {}}, {"loss": "min"}, 0, constraints=bounds)])
    >>> bounds_line(history)
    'latency <= 10'
    """
    return ", ".join(f"{name} {bound}" for name, bound in history.constraints.items())


def proposals(history: History, searcher: Searcher, count: int) -> list[Params]:
    """What the searcher would propose now, drawn as the controller draws it.

    Raises:
        UsageError: the count is no whole number from 1.
    """
    if isinstance(count, bool) or not isinstance(count, int) or count < 1:
        raise UsageError(f"count={count!r} must be a whole number from 1")
    seed = history.created.seed if history.created is not None else 0
    return proposed(searcher, history, count, Generators().at(seed, len(history)))
