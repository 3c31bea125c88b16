"""The experiments of a store, each folded once and then kept up to date."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from copy import copy
from typing import Any

from lanista.errors import ExperimentError, UsageError
from lanista.experiment import Experiment, Status, missing
from lanista.experiment._table import Table
from lanista.journal import ExperimentInfo, History, Journal, Store
from lanista.web._errors import Refused

TRIALS = 2_000_000
"""Trials of all experiments held in memory; the experiments that nobody looked at for longest go first."""
AT_ONCE = 500
"""Configurations that are parsed before other threads get a turn."""
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
        self._prepared = False
        self._standing: Journal | None = None
        self._making = threading.Lock()

    @contextmanager
    def read(self) -> Iterator[History]:
        """The history up to date, which no other thread changes meanwhile."""
        with self.journal.lock:
            self.journal.sync()
            yield self.journal.history

    def prepare(self) -> None:
        """Parses all configurations, a few at a time, and makes columns of them, so that the first filter need not."""
        if not self._prepared:
            self._prepared = True
            for first in range(0, self.count(), AT_ONCE):
                with self.read() as history:
                    history.params.take(range(first, min(first + AT_ONCE, len(history))))
            for name in self.table.columns.names():
                if name.startswith("params."):
                    with self.read():
                        self.table.columns.get(name)

    def living(self) -> tuple[str, ...]:
        """The controllers that live."""
        return tuple(sorted(self.experiment._watch.living()))

    def count(self) -> int:
        """How many trials there are."""
        with self.read() as history:
            return len(history)

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

    def standing(self) -> Journal:
        """The journal with a history that stays as it is now: what takes long is made of it while others go on."""
        with self.read() as history:
            if self._standing is None or self._standing.history.seq != history.seq:
                self._standing = copy(self.journal)
                self._standing.history = history.still()
            return self._standing

    def keep(self, key: tuple[Any, ...], make: Callable[[Journal], Any]) -> Any:
        """What `make` makes of the journal as it stands, or made of the very same one before; one at a time."""
        with self._making:
            standing = self.standing()
            seq = standing.history.seq
            if (found := self.kept.get(key)) is not None and found[0] == seq:
                self.kept.move_to_end(key)
                return found[1]
            self.kept[key] = seq, make(standing)
            while len(self.kept) > PICTURES:
                self.kept.popitem(last=False)
            return self.kept[key][1]


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
