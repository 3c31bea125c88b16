"""Bounds that a trial's metrics have to keep."""

import math
from typing import NamedTuple

from lanista.errors import UsageError

MOST, LEAST = "<=", ">="


class Bound(NamedTuple):
    """A metric's limit; `kind` is "<=" or ">="."""

    kind: str
    limit: float

    def __str__(self) -> str:
        return f"{self.kind} {self.limit:g}"

    def excess(self, value: float) -> float:
        """By how much a value breaks the bound: at most 0 where it holds, NaN for NaN."""
        return value - self.limit if self.kind == MOST else self.limit - value


def at_most(limit: float) -> Bound:
    """A metric that must not be greater, for `Experiment(constraints=...)`.

    Raises:
        UsageError: the limit is no finite number.

    >>> at_most(10).excess(12.5)
    2.5
    """
    return _bound(MOST, limit)


def at_least(limit: float) -> Bound:
    """A metric that must not be smaller, for `Experiment(constraints=...)`.

    Raises:
        UsageError: the limit is no finite number.

    >>> at_least(0.75).excess(1.0)
    -0.25
    """
    return _bound(LEAST, limit)


def as_bound(name: str, given: object) -> Bound:
    """A bound from an object, or from text such as "<= 10".

    Raises:
        UsageError: it is neither.

    >>> as_bound("latency", "<= 10")
    Bound(kind='<=', limit=10.0)
    """
    if isinstance(given, Bound):
        return _bound(given.kind, given.limit)
    if isinstance(given, str) and given.strip()[:2] in (MOST, LEAST):
        try:
            return _bound(given.strip()[:2], float(given.strip()[2:]))
        except ValueError:
            pass
    raise UsageError(
        f"constraints={{{name!r}: {given!r}}} is no bound; write la.at_most(10), la.at_least(0.9) or the text '<= 10'"
    )


def _bound(kind: str, limit: float) -> Bound:
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not math.isfinite(limit):
        raise UsageError(f"the bound {kind} {limit!r} must be a finite number")
    return Bound(kind, float(limit))
