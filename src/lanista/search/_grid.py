"""Grid search."""

from collections.abc import Iterator, Mapping
from itertools import islice
from math import isinf

import numpy as np

from lanista._described import Described
from lanista.errors import UnsatisfiableError, UsageError
from lanista.journal import History, Params
from lanista.space import Space


class Grid(Described):
    """Proposes every point of a grid once, in order, and is then exhausted.

    The n-th proposal of an experiment is the n-th point, so a resumed grid goes on where it was. Choices, whole numbers
    and steps take all their values; conditional parameters appear only where they apply.

    Args:
        points: values on each continuous axis, ends included (quantiles of a `Normal`); or name to number, with 5 for
            the names left out.

    Raises:
        UsageError: `points` is neither a whole number from 1 nor a mapping.
        SpaceError: `points` names no parameter of the space, or gives one fewer than 1.
        UnsatisfiableError: no point of the grid meets the constraints, or a million in a row break them.

    >>> from lanista.space import Choice, Float, Space
    >>> space = Space({"x": Float(0, 1), "c": Choice(["a", "b"])})
    >>> Grid(points=2).ask(History(space), 9, np.random.default_rng(0))
    [{'x': 0.0, 'c': 'a'}, {'x': 0.0, 'c': 'b'}, {'x': 1.0, 'c': 'a'}, {'x': 1.0, 'c': 'b'}]
    """

    _space: Space | None = None
    _points: Iterator[Params]
    _at = 0

    def __init__(self, points: int | Mapping[str, int] = 5) -> None:
        if not isinstance(points, Mapping) and (isinstance(points, bool) or not isinstance(points, int) or points < 1):
            raise UsageError(f"Grid(points={points!r}): it must be a whole number from 1, or {{name: number}}")
        self.points = points

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Hands out the next `count` points, fewer at the end of the grid; `rng` is not used."""
        defined = history.created is None or not history.created.define
        if not defined and not history.space.width:
            return [{} for _ in range(count)]
        first = history.proposed - (0 if defined else _blind(history))
        if self._space is not history.space or first < self._at:
            self._points, self._at = history.space.grid(self.points), 0
        self._space = None  # what raises is begun anew
        found = list(islice(self._points, first - self._at, first - self._at + count))
        if count and not first and not found:
            names = ", ".join(map(repr, history.space.constraints))
            finer = f", or take a finer grid than Grid(points={self.points!r})" if isinf(history.space.size) else ""
            raise UnsatisfiableError(f"no point of the grid meets the constraints {names}; loosen them{finer}")
        self._space, self._at = history.space, first + len(found)
        return found


def _blind(history: History) -> int:
    """How many proposals were made while nothing was known of a space that is discovered: they used up no point."""
    unproposed = (number for number in range(len(history)) if number not in history.proposals)
    return sum(history.trial(number).origin == "searcher" for number in unproposed)
