"""The trials of an experiment as a sequence, and as a table."""

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

from lanista._words import counted
from lanista.errors import MissingExtraError
from lanista.journal import History, TrialRecord

if TYPE_CHECKING:
    import pandas as pd


class Trials(Sequence[TrialRecord]):
    """All trials by number; records are made as they are looked at."""

    def __init__(self, history: History) -> None:
        self._history = history

    def __len__(self) -> int:
        return len(self._history)

    @overload
    def __getitem__(self, index: int) -> TrialRecord: ...
    @overload
    def __getitem__(self, index: slice) -> list[TrialRecord]: ...
    def __getitem__(self, index: int | slice) -> TrialRecord | list[TrialRecord]:
        """The record of one trial, or those of a slice."""
        if isinstance(index, slice):
            return [self._history.trial(i) for i in range(*index.indices(len(self)))]
        if not -len(self) <= index < len(self):
            raise IndexError(f"there is no trial {index}; the experiment has {len(self)}")
        return self._history.trial(index % len(self))

    def __iter__(self) -> Iterator[TrialRecord]:
        return (self._history.trial(i) for i in range(len(self)))

    def __repr__(self) -> str:
        return f"<{counted(len(self), 'trial')}>"


def as_row(record: TrialRecord, metrics: Sequence[str], *, constrained: bool = False) -> dict[str, Any]:
    """A trial as one flat row: number, state, objectives, `params.*`, `metrics.*`, and what else people sort by.

    `constrained`: the experiment has constraints, so that `feasible` is worth a column.
    """
    row: dict[str, Any] = {"number": record.number, "state": record.state}
    row.update({"feasible": record.feasible} if constrained else {})
    row.update(zip(metrics, record.values, strict=True))
    row.update({f"params.{name}": value for name, value in record.params.items()})
    row.update({f"metrics.{name}": value for name, value in record.metrics.items() if name not in metrics})
    for name in ("steps", "seconds", "attempts", "retries", "origin", "reason", "asked", "started", "ended"):
        row[name] = getattr(record, name)
    return row


def as_frame(history: History) -> "pd.DataFrame":
    """All trials as a pandas table."""
    try:
        import pandas as pd
    except ImportError as error:
        raise MissingExtraError.of("pandas", "frame") from error
    constrained = bool(history.constraints)
    return pd.DataFrame([as_row(record, history.metrics, constrained=constrained) for record in Trials(history)])
