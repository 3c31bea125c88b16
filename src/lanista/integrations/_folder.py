"""The folder of one experiment's runs, kept in step with its journal."""

from collections.abc import Iterable, Iterator
from itertools import takewhile
from pathlib import Path
from typing import TYPE_CHECKING

from lanista.errors import UsageError
from lanista.integrations import _event_files, _records
from lanista.integrations._columns import Column, columns, valued
from lanista.journal import FIRST_ENDED, Ended, Event, History, Reported, TrialRecord

if TYPE_CHECKING:
    from lanista.integrations._tensorboard import Shown

PAGE = 5_000
"""How many events are read in one go."""

Line = tuple[float, int, tuple[tuple[str, float], ...]]
"""Metrics after a step: the time, the step, the metrics."""


class Folder:
    """The files of one experiment, and how far they are written."""

    def __init__(self, path: Path, experiment: "Shown") -> None:
        self.path, self.experiment = path, experiment
        self._seq = 0
        self._seen: dict[str, None] = {}
        self._columns: dict[str, Column] = {}
        self._table: object = None
        self._runs: dict[int, _Run] = {}
        self._over: set[int] = set()

    def update(self, *, whole: bool) -> None:
        """Writes what is new; with `whole` also the table where only the values seen in it are others."""
        history = self.experiment.history
        try:
            if self._seq == 0:
                self._begin(history)
            touched = self._read(history)
            table = (history.space, tuple(self._seen))
            if whole or table != self._table:
                self._table = table
                self._write_table(history)
            for number in sorted(touched):
                self._write_trial(history, number)
        except OSError as error:
            raise UsageError(
                f"the files for TensorBoard cannot be written to {self.path}: {error.strerror or error}; "
                "give another logdir"
            ) from error

    def _begin(self, history: History) -> None:
        """Makes room where another experiment had the name."""
        assert history.created is not None
        there, mine = _event_files.read(self.path), _records.header(history.created.time)
        if not there.startswith(mine) and not mine.startswith(there):
            _event_files.clear(self.path)

    def _read(self, history: History) -> set[int]:
        """Takes note of the events since the last look; the trials that they are about."""
        touched = set()
        for event in self._events(history.seq):
            number = getattr(event, "number", None)
            if isinstance(event, Reported | Ended):
                self._seen.update(dict.fromkeys(event.metrics))
            if number is None or number in self._over:
                continue
            touched.add(number)
            if isinstance(event, Reported):
                self._runs.setdefault(number, _Run()).times[event.step] = event.time
        return touched

    def _events(self, upto: int) -> Iterator[Event]:
        info = self.experiment.store.find(self.experiment.name)
        while info is not None and self._seq < upto:
            events = self.experiment.store.read(info.id, self._seq, min(upto, self._seq + PAGE))
            if not events:
                break
            self._seq += len(events)
            yield from events

    def _write_table(self, history: History) -> None:
        created = history.created
        assert created is not None
        self._columns = columns(history.space, history.params)
        words = dict.fromkeys((*history.metrics, *history.constraints, *self._seen), "")
        words |= {name: f"to be {bound}" for name, bound in history.constraints.items()}
        words |= {name: f"objective, the {mode}imum is best" for name, mode in created.metrics.items()}
        data = _records.header(created.time) + _records.experiment(created, self._columns, words)
        _event_files.write(self.path, data)

    def _write_trial(self, history: History, number: int) -> None:
        trial = history.trial(number)
        if (trial.started is None and trial.origin != "imported") or _unknown(history, trial):
            return
        params = {name: valued(value, self._columns.get(name)) for name, value in trial.params.items()}
        begun = trial.asked if trial.started is None else trial.started
        over = history.state_of(number) >= FIRST_ENDED
        first = _records.header(begun) + _records.start(begun, params)
        last = _records.end(trial, begun if trial.ended is None else trial.ended) if over else b""
        folder = self.path / f"trial-{number:05d}"
        run = self._runs.setdefault(number, _Run())
        if not (over and _whole(folder, first, last)):
            _event_files.write(folder, b"".join([first, *run.lines(history, trial, begun), last]))
        if over:
            del self._runs[number]
            self._over.add(number)


def _whole(folder: Path, first: bytes, last: bytes) -> bool:
    """Whether a trial that has ended was written to its end: then nothing of it can be new."""
    there = _event_files.read(folder)
    return there.startswith(first) and there.endswith(last)


class _Run:
    """What was encoded of a trial; encoding takes most of the time, and curves grow at their end."""

    def __init__(self) -> None:
        self.times: dict[int, float] = {}
        self._lines: list[Line] = []
        self._data: list[bytes] = []

    def lines(self, history: History, trial: TrialRecord, begun: float) -> list[bytes]:
        """The trial's metrics by step, and at its end those that it returned, where they are others."""
        lines = [
            (self.times.get(step, begun), step, tuple(metrics.items()))
            for step, metrics in history.reports(trial.number)
        ]
        last = {name: value for _, _, metrics in lines for name, value in metrics}
        returned = [(name, value) for name, value in trial.metrics.items() if not _same(last.get(name), value)]
        if returned and trial.ended is not None:
            lines.append((trial.ended, trial.steps, tuple(returned)))
        kept = _shared(self._lines, lines)
        self._lines = lines
        self._data[kept:] = [_records.scalars(time, step, dict(told)) for time, step, told in lines[kept:]]
        return self._data


def _same(known: float | None, value: float) -> bool:
    return known == value or (known is not None and known != known and value != value)


def _shared(old: Iterable[Line], new: Iterable[Line]) -> int:
    """How many lines both begin with."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(old, new, strict=False)))


def _unknown(history: History, trial: TrialRecord) -> bool:
    """Whether the trial may yet ask for parameters before its first report."""
    return history.created is not None and history.created.define and trial.ended is None and not trial.steps
