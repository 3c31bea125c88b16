"""The trial table of large experiments: which trials are wanted and in which order, by arrays.

Shapes: n trials, k of them wanted.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanista.errors import UsageError
from lanista.experiment._arguments import near
from lanista.experiment._columns import Columns
from lanista.experiment._filter import Filter
from lanista.experiment._mask import mask
from lanista.journal import History

Rows = NDArray[np.intp]


class Table:
    """The trials of a history, to be filtered and sorted; what it made is kept until the history moves on.

    >>> import lanista as la
    >>> exp = la.Experiment("tabled", {"x": la.Float(0, 9)}, metric="loss", store="memory")
    >>> table = Table(exp.add({"x": 1}, 3.0).add({"x": 2}, 1.0).add({"x": 3}, 2.0).history)
    >>> table.select("x > 1 and state == 'completed'", "-loss").tolist()
    [2, 1]
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self.columns = Columns(history)
        self._last: tuple[Any, Rows] | None = None

    def select(self, where: str | None = None, sort: str | None = None) -> Rows:
        """(k,) the numbers of the wanted trials, in the wanted order.

        Args:
            where: a filter expression; None: all.
            sort: a column, with a minus before it for the largest first; what has no value comes last either way.

        Raises:
            UsageError: a wrong expression or column.
        """
        key = self._history.seq, where, sort
        if self._last is None or self._last[0] != key:  # a page that is scrolled asks the same again
            self._last = key, self._select(where, sort)
        return self._last[1]

    def _select(self, where: str | None, sort: str | None) -> Rows:
        n = len(self._history)
        rows: Rows = np.arange(n)
        if where is not None and where.strip():
            names = [*self.columns.names(), *self.columns.short()]
            rows = np.flatnonzero(mask(Filter(where, names), self.columns, n))
        if sort is None or not sort.lstrip("+-"):
            return rows
        values, known = self.columns.get(self.full(sort.lstrip("+-"))).order()
        there = rows[known[rows]]
        keys = -values[there] if sort.startswith("-") else values[there]
        return np.concatenate([there[np.argsort(keys, kind="stable")], rows[~known[rows]]])

    def full(self, name: str) -> str:
        """The full name of a column.

        Raises:
            UsageError: there is none of that name, with the nearest one.
        """
        names, short = self.columns.names(), self.columns.short()
        if name in names:
            return name
        if name in short:
            return short[name]
        raise UsageError(f"there is no column {name!r}; {near(name, [*names, *short])}")
