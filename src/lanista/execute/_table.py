"""A benchmark out of a table: what was measured once is looked up for ever."""

from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from typing import Any

from lanista.errors import UsageError
from lanista.execute._benchmark import Curve
from lanista.journal import Params

Key = frozenset[tuple[str, Any]]


class Table:
    """Configurations with their learning curves, looked up exactly.

    A row is a configuration with a list for each metric, or one step of a configuration with a number for each; rows of
    one configuration make one curve, in the order of their `step` column where there is one, else in that of the rows.
    A parameter that is missing, None or NaN does not apply to its configuration.

    Args:
        rows: dicts, each with parameters, metrics and seconds.
        metrics: the columns that are metrics, by name; one or several.
        seconds: the column of the seconds that each step takes.
        step: the column that counts steps from 1; it may be absent.
        params: the columns that are parameters; by default all others.

    Raises:
        UsageError: a column is missing, or a configuration's steps are not 1, 2, …

    Attributes:
        params: the configurations, in the order of the table. `la.Batch(table.params)` proposes exactly these.

    >>> rows = [{"lr": 0.1, "loss": [0.9, 0.5], "seconds": 3.0}, {"lr": 0.2, "loss": [0.8, 0.7], "seconds": 2.0}]
    >>> Table(rows, metrics="loss").run({"lr": 0.2})
    Curve(metrics={'loss': (0.8, 0.7)}, seconds=(2.0, 2.0))
    """

    def __init__(
        self,
        rows: Iterable[Mapping[str, Any]],
        metrics: str | Sequence[str],
        *,
        seconds: str = "seconds",
        step: str = "step",
        params: Sequence[str] | None = None,
    ) -> None:
        self._metrics = [metrics] if isinstance(metrics, str) else list(metrics)
        self._seconds, self._step = seconds, step
        self.params: list[Params] = []
        given: dict[Key, list[Mapping[str, Any]]] = {}
        others = {*self._metrics, seconds, step}
        for i, row in enumerate(rows):
            names = [name for name in row if name not in others] if params is None else list(params)
            if missing := [name for name in (*self._metrics, seconds) if name not in row]:
                have = ", ".join(map(repr, row))
                raise UsageError(f"row {i} of the table has no column {missing[0]!r}; its columns are {have}")
            own = {str(name): _native(row[name]) for name in names if _plain(row.get(name)) is not None}
            if (key := _key(own)) not in given:
                given[key] = []
                self.params.append(own)
            given[key].append(row)
        if not given:
            raise UsageError("the table has no rows")
        self._columns = sorted({name for own in self.params for name in own})
        self._curves = {key: self._curve(own, given[key]) for own in self.params for key in (_key(own),)}

    @classmethod
    def from_frame(cls, frame: Any, metrics: str | Sequence[str], **columns: Any) -> "Table":
        """The same from a pandas data frame; `columns` are `seconds`, `step` and `params`."""
        return cls(frame.to_dict("records"), metrics, **columns)

    def __repr__(self) -> str:
        return f"Table({len(self._curves):,} configurations of {', '.join(self._columns)})"

    def __len__(self) -> int:
        return len(self._curves)

    def run(self, params: Params, seed: int = 0) -> Curve:
        """The curve of a configuration.

        Raises:
            UsageError: the table does not have it.
        """
        found = self._curves.get(_key(params))
        if found is None:
            if unknown := [name for name in params if name not in self._columns]:
                has = ", ".join(self._columns)
                raise UsageError(f"the table has no parameter {unknown[0]!r}; its parameters are {has}")
            near = ", ".join(map(str, islice(self.params, 2)))
            raise UsageError(
                f"the table has no configuration {dict(params)}; its {len(self)} begin with {near}. "
                "searcher=la.Batch(table.params) proposes only what is in it"
            )
        return found

    def _curve(self, own: Params, rows: list[Mapping[str, Any]]) -> Curve:
        if self._step in rows[0]:
            rows = sorted(rows, key=lambda row: row[self._step])
            steps = [int(row[self._step]) for row in rows]
            if steps != list(range(1, len(rows) + 1)):
                raise UsageError(
                    f"the steps of {own} in the table are {steps!s:.80}; they must be 1, 2, … without gaps"
                )
        if len(rows) == 1:
            (row,) = rows
            return Curve({name: row[name] for name in self._metrics}, row[self._seconds])
        seconds = [row[self._seconds] for row in rows]
        return Curve({name: [row[name] for row in rows] for name in self._metrics}, seconds)


def _native(value: Any) -> Any:
    """A value without numpy's types."""
    return value.tolist() if hasattr(value, "tolist") else value


def _plain(value: Any) -> Any:
    """A value as it is looked up: lists as tuples, and NaN as None."""
    value = _native(value)
    if isinstance(value, list | tuple):
        return tuple(map(_plain, value))
    return None if value != value else value


def _key(params: Mapping[str, Any]) -> Key:
    try:
        return frozenset((name, plain) for name, value in params.items() if (plain := _plain(value)) is not None)
    except TypeError as error:
        raise UsageError(f"the configuration {dict(params)} cannot be looked up: {error}") from error
