"""Trials as rows of a table: which columns there are, which rows are wanted, and in which order."""

import math
from collections.abc import Sequence
from typing import Any

from lanista.errors import UsageError
from lanista.experiment import Experiment, as_row
from lanista.experiment._arguments import near
from lanista.experiment._filter import Filter

LAST = ("steps", "seconds", "reason")
"""Columns after the parameters."""


class TrialTable:
    """The trials of an experiment with all their columns.

    A parameter is the column `params.lr`, or `lr` for short where no other column has that name; what was noted on a
    trial is such a column of `notes`.
    """

    def __init__(self, experiment: Experiment) -> None:
        history = experiment.history
        self.records = list(experiment.trials)
        self.bounds = tuple(history.constraints)
        self.rows: list[dict[str, Any]] = [
            as_row(record, history.metrics, constrained=bool(self.bounds)) for record in self.records
        ]
        for record, row in zip(self.records, self.rows, strict=True):
            row.update(dict.fromkeys(name for name in history.metrics if name not in record.metrics))
            row.update({f"notes.{name}": value for name, value in history.notes.get(record.number, {}).items()})
        self.columns = list(dict.fromkeys(name for row in self.rows for name in row))
        if not self.rows:
            self.columns = ["number", "state", *history.metrics, *(f"params.{n}" for n in history.space.names), *LAST]
        self.short: dict[str, str] = {}
        self._shorten("params", "metrics")
        if "value" not in self.columns and "value" not in self.short and history.metrics:
            self.short["value"] = history.metrics[0]
        self._shorten("notes")
        for row in self.rows:
            row.update({short: row[full] for short, full in self.short.items() if full in row})
        self.metrics = history.metrics

    def _shorten(self, *prefixes: str) -> None:
        """Lets columns go by their names without these prefixes, where nothing else does."""
        for name in self.columns:
            prefix, _, rest = name.partition(".")
            if prefix in prefixes and rest and rest not in self.columns:
                self.short.setdefault(rest, name)

    def full(self, name: str) -> str:
        """The column of that name.

        Raises:
            UsageError: there is none, with the nearest one.
        """
        if name in self.columns or name in self.short:
            return name
        raise UsageError(f"there is no column {name!r}; {near(name, self.names())}")

    def names(self) -> list[str]:
        """All names that columns go by."""
        return [*self.columns, *self.short]

    def default(self) -> list[str]:
        """The columns that a table shows unless told otherwise."""
        back = {full: short for short, full in self.short.items() if full.startswith("params.")}
        params = [back.get(name, name) for name in self.columns if name.startswith("params.")]
        kept = [name for name in ("feasible", *self.bounds) if name in self.names() and name not in self.metrics]
        return ["number", "state", *self.metrics, *kept, *params, *(name for name in LAST if name in self.columns)]

    def select(self, where: str | None, sort: str | None, limit: int | None) -> list[int]:
        """The numbers of the wanted trials, in the wanted order.

        Args:
            where: a filter expression.
            sort: a column, with a minus before it for the largest first.
            limit: how many at most.

        Raises:
            UsageError: a wrong expression or column.
        """
        if limit is not None and limit < 1:
            raise UsageError(f"--limit {limit} must be at least 1")
        wanted = list(range(len(self.rows)))
        if where is not None:
            keep = Filter(where, self.names())
            wanted = [i for i in wanted if keep(self.rows[i])]
        if sort is not None:
            wanted = self._sorted(wanted, sort)
        return wanted if limit is None else wanted[:limit]

    def _sorted(self, wanted: list[int], sort: str) -> list[int]:
        """Sorted by a column; what has no value comes last either way."""
        name = self.full(sort.removeprefix("-").removeprefix("+"))
        known = [i for i in wanted if _known(self.rows[i].get(name))]
        values = [self.rows[i].get(name) for i in known]
        plain = all(isinstance(v, int | float) for v in values)
        order = sorted(
            known,
            key=lambda i: self.rows[i][name] if plain else str(self.rows[i][name]),
            reverse=sort.startswith("-"),
        )
        missing = set(wanted) - set(known)
        return [*order, *(i for i in wanted if i in missing)]


def split_columns(text: str) -> Sequence[str]:
    """The names in a list such as `number,lr`."""
    return [name.strip() for name in text.split(",") if name.strip()]


def _known(value: Any) -> bool:
    return value is not None and not (isinstance(value, float) and math.isnan(value))
