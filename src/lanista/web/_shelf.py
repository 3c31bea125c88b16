"""The experiments of a store, each folded once and then kept up to date."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from lanista.errors import ExperimentError, UsageError
from lanista.experiment import Experiment, Status, missing
from lanista.experiment._table import Table
from lanista.journal import ExperimentInfo, History, Journal, Store
from lanista.web._errors import Refused

TRIALS = 2_000_000
"""Trials of all experiments held in memory; the experiments that nobody looked at for longest go first."""
PATIENCE_S = 0.05
PICTURES = 64
"""Figures of an experiment that are kept until its journal grows."""


class Book:
    """One experiment, folded, with what was made of it: the table of trials and the figures drawn last."""

    def __init__(self, experiment: Experiment, info: ExperimentInfo) -> None:
        self.experiment = experiment
        self.id = info.id
        self.journal: Journal = experiment._journal  # one fold serves the experiment, its figures and its table
        self.table = Table(self.journal.history)
        self.kept: OrderedDict[tuple[Any, ...], Any] = OrderedDict()
        self._updated = (0, info.created)

    @contextmanager
    def read(self) -> Iterator[History]:
        """The history up to date, which no other thread changes meanwhile."""
        with self.journal.lock:
            self.journal.sync()
            yield self.journal.history

    def living(self) -> tuple[str, ...]:
        """The controllers that live."""
        return tuple(sorted(self.experiment._watch.living()))

    def count(self) -> int:
        """How many trials there are; while a figure is drawn, how many there were when that began."""
        if self.journal.lock.acquire(timeout=PATIENCE_S):
            try:
                self.journal.sync()
            finally:
                self.journal.lock.release()
        return len(self.journal.history)

    def status(self) -> Status:
        """How the experiment stands."""
        with self.journal.lock:
            return self.experiment.status

    def updated(self) -> float:
        """When the last event happened."""
        with self.read() as history:
            if self._updated[0] != history.seq:
                last = self.journal.store.read(self.id, history.seq - 1, history.seq)
                self._updated = history.seq, last[-1].time if last else time.time()
            return self._updated[1]

    def check(self, number: int) -> None:
        """Refuses the number of a trial that there is not."""
        with self.read() as history:
            try:
                history.trial(number)
            except UsageError as error:
                raise Refused(404, error.code, str(error)) from None

    def keep(self, key: tuple[Any, ...], make: Any) -> Any:
        """What `make` makes of the history as it stands, or made of the very same history before."""
        with self.read() as history:
            if (found := self.kept.get(key)) is not None and found[0] == history.seq:
                self.kept.move_to_end(key)
                return found[1]
            made = make(history)
            self.kept[key] = history.seq, made
            while len(self.kept) > PICTURES:
                self.kept.popitem(last=False)
            return made


class Shelf:
    """Opens experiments as they are asked for; one that was removed, or made anew, is noticed."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._books: OrderedDict[str, Book] = OrderedDict()
        self._locks: dict[str, threading.Lock] = {}
        self._summaries: dict[str, tuple[int, int, dict[str, Any]]] = {}
        self._lock = threading.Lock()

    def infos(self) -> list[ExperimentInfo]:
        """All experiments that the store has, the oldest first."""
        return self.store.experiments()

    def get(self, name: str) -> Book:
        """The experiment of that name.

        Raises:
            Refused: there is none.
        """
        info = self.store.find(name)
        if info is None:
            self.drop(name)
            raise self.gone(name)
        with self._lock:
            lock = self._locks.setdefault(name, threading.Lock())
        with lock:  # two requests at once fold it once
            book = self._books.get(name)
            if book is None or book.id != info.id:
                try:
                    book = Book(Experiment.load(name, self.store), info)
                except ExperimentError:
                    raise self.gone(name) from None
            with self._lock:
                self._books[name] = book
                self._books.move_to_end(name)
                self._shed()
        return book

    def summary(self, info: ExperimentInfo, make: Callable[[Book], dict[str, Any]]) -> dict[str, Any]:
        """The summary of an experiment; one that nobody runs is not opened again only to be listed."""
        before = self._summaries.get(info.name)
        if before is not None and before[:2] == (info.id, info.seq) and not before[2]["owners"]:
            return before[2]
        made = make(self.get(info.name))
        self._summaries[info.name] = info.id, info.seq, made
        return made

    def opened(self, name: str) -> Book | None:
        """The experiment of that name if it is in memory."""
        return self._books.get(name)

    def has(self, name: str) -> bool:
        """Whether the store has an experiment of that name."""
        return self.store.find(name) is not None

    def drop(self, name: str) -> None:
        """Forgets an experiment."""
        with self._lock:
            self._books.pop(name, None)
            self._summaries.pop(name, None)

    def gone(self, name: str) -> Refused:
        """The refusal for a name that the store does not have."""
        error = missing(name, self.store)
        return Refused(404, error.code, str(error))

    def _shed(self) -> None:
        total = sum(len(book.journal.history) for book in self._books.values())
        while total > TRIALS and len(self._books) > 1:
            _, book = self._books.popitem(last=False)
            total -= len(book.journal.history)
