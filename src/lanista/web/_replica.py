"""An experiment elsewhere as it stands: its journal, copied event by event, so that what looks at one works here."""

import threading
from collections.abc import Callable
from typing import Any

from lanista.experiment import Experiment
from lanista.journal import Created, MemoryStore, from_rows

PAGE = 5_000
"""Events asked for at once."""


class Replica:
    """A copy in memory; what was copied before is not sent again.

    Args:
        read: asks the server for the journal after a seq: at most `PAGE` events, and where the journal is.
    """

    def __init__(self, read: Callable[[int], dict[str, Any]]) -> None:
        self._read = read
        self._id = 0
        self._copy: Experiment | None = None
        self._lock = threading.Lock()

    def experiment(self) -> Experiment:
        """The copy, up to date."""
        with self._lock:
            while True:
                seq = 0 if self._copy is None else self._copy.history.seq
                told = self._read(seq)
                if told["experiment"] != self._id and seq:  # it was removed, and made anew
                    self._copy = None
                    continue
                self._id = told["experiment"]
                copy = self._copy = self._take(
                    from_rows([(e["time"], e["kind"], e["trial"], e["body"]) for e in told["events"]])
                )
                if copy.history.seq >= told["last"]:
                    return copy

    def _take(self, events: list[Any]) -> Experiment:
        if self._copy is not None:
            self._copy.store.append(self._copy._info.id, events)
            return self._copy
        store, created = MemoryStore(), events[0]
        assert isinstance(created, Created)
        store.append(store.create(created).id, events[1:])
        return Experiment.load(created.name, store)
