"""Columns of the trial table: arrays over all trials, made when they are asked for and again when the history moved on.

Shapes: n trials.
"""

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from lanista._frozen import Frozen
from lanista.journal import STATES, History

Floats = NDArray[np.float64]
Codes = NDArray[np.intp]


_FIELDS = {
    "seconds": "seconds",
    "attempts": "attempt",
    "retries": "retries",
    "origin": "origin",
    "owner": "owner",
    "reason": "reason",
    "asked": "asked",
    "started": "started",
    "ended": "ended",
}
"""Columns that are fields of the history's entries."""


class Numbers(Frozen):
    """A column of numbers: (n,) float64, NaN where a trial has none."""

    values: Floats

    def order(self) -> tuple[Floats, NDArray[np.bool_]]:
        """(n,) what to sort by, and which trials have a value."""
        return self.values, ~np.isnan(self.values)


class Words(Frozen):
    """A column of anything else: (n,) codes into the list of distinct values; a trial without one has None."""

    codes: Codes
    distinct: list[Any]

    def order(self) -> tuple[Floats, NDArray[np.bool_]]:
        """(n,) the rank of each value as text, and which trials have a value."""
        texts = [str(value) for value in self.distinct]
        place = {text: float(rank) for rank, text in enumerate(sorted(set(texts)))}
        ranks = np.array([place[text] for text in texts], dtype=np.float64)
        known = np.array([value is not None for value in self.distinct], dtype=np.bool_)
        return ranks[self.codes], known[self.codes]


AnyColumn = Numbers | Words


def column(values: Sequence[Any]) -> AnyColumn:
    """A column of the values of all trials, None where there is none."""
    kinds = set(map(type, values))
    if kinds <= {float, int, type(None)}:
        if type(None) in kinds:
            values = [math.nan if value is None else value for value in values]
        try:
            return Numbers(np.array(values, dtype=np.float64))
        except OverflowError:  # whole numbers beyond what a float can hold
            pass
    return words(values)


def words(values: Iterable[Any]) -> Words:
    """A column of distinct values; 1, 1.0 and True are three of them."""
    codes: dict[Any, int] = {}
    distinct: list[Any] = []
    found = []
    for value in values:
        key = (type(value), repr(value) if isinstance(value, list | dict) else value)
        code = codes.get(key)
        if code is None:
            code = codes[key] = len(distinct)
            distinct.append(value)
        found.append(code)
    return Words(np.array(found, dtype=np.intp), distinct)


class Columns:
    """The columns of a history by name: number, state, objectives, `params.*`, `metrics.*` and the rest of `as_row`.

    A parameter or metric also goes by its own name where no other column has it, and the first objective by `value`.
    """

    def __init__(self, history: History) -> None:
        self._history = history
        self._made: dict[str, tuple[int, AnyColumn]] = {}
        self._params: dict[str, list[Any]] = {}
        self._reported: tuple[int, tuple[str, ...]] = (-1, ())

    def names(self) -> list[str]:
        """The full names of all columns."""
        h = self._history
        kept = ["feasible"] if h.constraints else []
        params = [f"params.{name}" for name in (*h.space.names, *(c.name for c in h.space.constants))]
        metrics = [f"metrics.{name}" for name in self.reported() if name not in h.metrics]
        return list(dict.fromkeys(["number", "state", *kept, *h.metrics, *params, *metrics, "steps", *_FIELDS, "tags"]))

    def short(self) -> dict[str, str]:
        """Shorter names of columns, with the full ones."""
        names = self.names()
        there = set(names)
        found: dict[str, str] = {}
        for name in names:
            prefix, _, rest = name.partition(".")
            if prefix in ("params", "metrics") and rest and rest not in there:
                found.setdefault(rest, name)
        if self._history.metrics and "value" not in there and "value" not in found:
            found["value"] = self._history.metrics[0]
        return found

    def reported(self) -> tuple[str, ...]:
        """The names of all metrics that trials have reported."""
        h = self._history
        if self._reported[0] != h.seq:
            found: dict[str, None] = {}
            for metrics in map(h.metrics_of, range(len(h))):
                found.update(dict.fromkeys(metrics))
            self._reported = h.seq, tuple(found)
        return self._reported[1]

    def get(self, name: str) -> AnyColumn:
        """The column of a full name."""
        made = self._made.get(name)
        if made is None or made[0] != self._history.seq:
            made = self._made[name] = self._history.seq, self._make(name)
        return made[1]

    def raw(self, name: str) -> list[Any]:
        """The values of a full name's column as they are, None where a trial has none."""
        h = self._history
        if name == "number":
            return list(range(len(h)))
        if name == "state":
            return [STATES[code] for code in h.state.tolist()]
        if name == "feasible":
            return list(np.all(h.C <= 0, axis=1).tolist())
        if name == "steps":
            return list(h.steps.tolist())
        if name == "tags":
            return [list(h.notes.get(n, {}).get("tags", [])) for n in range(len(h))]
        if name in h.metrics:
            return [h.metrics_of(n).get(name) for n in range(len(h))]
        prefix, _, rest = name.partition(".")
        if prefix == "params" and rest:
            return self._param(rest)
        if prefix == "metrics" and rest:
            return [h.metrics_of(n).get(rest) for n in range(len(h))]
        return h.each(_FIELDS[name])

    def _make(self, name: str) -> AnyColumn:
        h = self._history
        match name:
            case "state":
                return Words(h.state.astype(np.intp), list(STATES))
            case "feasible":
                return Words(np.all(h.C <= 0, axis=1).astype(np.intp), [False, True])
            case "tags":
                return words(self.raw(name))
        return column(self.raw(name))

    def _param(self, name: str) -> list[Any]:
        """The values of a parameter; those of earlier trials are kept, unless the space is still being discovered."""
        h = self._history
        define = h.created is not None and h.created.define
        values = [] if define else self._params.setdefault(name, [])
        if len(values) < len(h):
            values.extend(params.get(name) for params in h.params.take(range(len(values), len(h))))
        return values
