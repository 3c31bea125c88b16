"""One process's end of a journal: a store and the history folded from it, kept in step."""

import gc
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from lanista.errors import ConflictError
from lanista.journal._events import Event
from lanista.journal._history import History
from lanista.journal._store import ExperimentInfo, Store
from lanista.space import Space

Listener = Callable[[Sequence[Event], bool], None]


PAGE = 5_000
"""How many events are read in one go: few enough to stay in the processor's cache until they are folded."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Makes many lasting objects without the garbage collector walking over all of them again and again."""
    paused = gc.isenabled()
    if paused:
        gc.disable()
    try:
        yield
    finally:
        if paused:
            gc.enable()


class Journal:
    """Appends to the store and folds what was written, by anyone, in the journal's order.

    The history only ever advances over events that are already durable. `listener` hears each batch after it was
    folded, and whether this process wrote it; `foreign` counts the events that it did not. `lock` is held while events
    are written and folded; who decides on the history holds it from the first look to the last word, as other threads
    may write too.
    """

    def __init__(self, store: Store, info: ExperimentInfo, space: Space | None = None) -> None:
        self.store = store
        self.info = info
        self.history = History(space)
        self.listener: Listener | None = None
        self.foreign = 0
        self.lock = threading.RLock()
        self.sync()

    def sync(self) -> None:
        """Folds what others have written."""
        with self.lock:
            last = self.store.last(self.info.id)
            if last - self.history.seq > PAGE:
                with collector_paused():
                    self._read(last)
            elif last > self.history.seq:
                self._read(last)

    def _read(self, last: int) -> None:
        while self.history.seq < last:
            upto = min(last, self.history.seq + PAGE)
            events = self.store.read(self.info.id, self.history.seq, upto)
            if not events:  # somebody removed the experiment just now: the next call says so
                return
            self._fold(events, False)

    def append(self, events: Sequence[Event]) -> None:
        """Writes facts: they hold whatever others have written meanwhile."""
        with self.lock:
            try:
                self.store.append(self.info.id, events, self.history.seq)
            except ConflictError:
                last = self.store.append(self.info.id, events)
                self._fold(self.store.read(self.info.id, self.history.seq, last - len(events)), False)
            self._fold(events, True)

    def decide(self, events: Sequence[Event]) -> bool:
        """Writes decisions, which hold only for the history they were made on; False: others wrote first."""
        with self.lock:
            try:
                self.store.append(self.info.id, events, self.history.seq)
            except ConflictError:
                self.sync()
                return False
            self._fold(events, True)
            return True

    def _fold(self, events: Sequence[Event], own: bool) -> None:
        self.history.extend(events)
        self.foreign += 0 if own else len(events)
        if self.listener is not None:
            self.listener(events, own)
