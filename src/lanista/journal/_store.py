"""What a store of journals must do, and the one that lives in memory."""

import threading
import time
import weakref
from collections.abc import Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Protocol

from lanista._frozen import Frozen
from lanista.errors import ConflictError, ExperimentError
from lanista.journal._events import FREQUENT, Created, Event


class Beat(Frozen):
    """A sign of life of a controller.

    `count` grows while it lives; `host` and `born` tell whether `pid` is still the same process.
    """

    owner: str
    host: str
    pid: int
    born: float
    count: int = 0


class ExperimentInfo(Frozen):
    """An experiment as a store lists it."""

    id: int
    name: str
    created: float
    seq: int


class Store(Protocol):
    """Keeps the journals of experiments. All methods may be called from any thread.

    The life of a journal: `create` writes its first event; `append` adds events in one transaction, all or none;
    `read` gives them back in order, seq 1 first, without gaps.
    """

    url: str

    def create(self, created: Created) -> ExperimentInfo:
        """Creates the experiment, or finds the one of that name; two processes that race get the same one."""
        ...

    def find(self, name: str) -> ExperimentInfo | None:
        """The experiment of that name."""
        ...

    def experiments(self) -> list[ExperimentInfo]:
        """All experiments, the oldest first."""
        ...

    def append(self, experiment: int, events: Sequence[Event], after: int | None = None) -> int:
        """Appends in one transaction and returns the last seq; ConflictError unless `after`, if given, was the last."""
        ...

    def read(self, experiment: int, after: int = 0, upto: int | None = None) -> list[Event]:
        """The events with `after` < seq <= `upto`, in order."""
        ...

    def course(self, experiment: int, number: int) -> list[Event]:
        """What happened to a trial: its events in order, without the `FREQUENT` ones."""
        ...

    def last(self, experiment: int) -> int:
        """The last seq."""
        ...

    def remove(self, experiment: int) -> None:
        """Deletes the experiment and its journal."""
        ...

    def beat(self, experiment: int, beat: Beat) -> None:
        """Records a sign of life of a controller."""
        ...

    def beats(self, experiment: int) -> list[Beat]:
        """The last sign of life of each controller."""
        ...

    def silence(self, experiment: int, owner: str) -> None:
        """Forgets a controller that has left."""
        ...

    def release(self) -> None:
        """Lets go of what this thread holds, a connection for instance; for threads about to end."""
        ...

    def close(self) -> None:
        """Lets go of what all threads hold."""
        ...


class MemoryStore:
    """Journals in this process's memory: nothing survives it."""

    url = "memory"

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._infos: dict[int, ExperimentInfo] = {}
        self._events: dict[int, list[Event]] = {}
        self._beats: dict[int, dict[str, Beat]] = {}

    @cached_property
    def files(self) -> Path:
        """A folder for experiments' files, deleted with the store."""
        import shutil
        import tempfile

        folder = tempfile.mkdtemp(prefix="lanista-")
        weakref.finalize(self, shutil.rmtree, folder, True)
        return Path(folder)

    def create(self, created: Created) -> ExperimentInfo:
        """Creates the experiment, or finds the one of that name."""
        with self._lock:
            if (found := self.find(created.name)) is not None:
                return found
            info = ExperimentInfo(len(self._infos) + 1, created.name, time.time(), 1)
            self._infos[info.id], self._events[info.id], self._beats[info.id] = info, [created], {}
            return info

    def find(self, name: str) -> ExperimentInfo | None:
        """The experiment of that name."""
        return next((info for info in self.experiments() if info.name == name), None)

    def experiments(self) -> list[ExperimentInfo]:
        """All experiments, the oldest first."""
        with self._lock:
            return [
                replace(info, seq=len(self._events[id_])) for id_, info in self._infos.items() if id_ in self._events
            ]

    def append(self, experiment: int, events: Sequence[Event], after: int | None = None) -> int:
        """Appends all or none."""
        with self._lock:
            journal = self._journal(experiment)
            if after is not None and len(journal) != after:
                raise ConflictError(f"the journal is at {len(journal)}, not at {after}; catch up and decide again")
            journal.extend(list(events))  # all of them are had before the first is written
            return len(journal)

    def read(self, experiment: int, after: int = 0, upto: int | None = None) -> list[Event]:
        """The events with `after` < seq <= `upto`."""
        with self._lock:
            return self._journal(experiment)[after:upto]

    def course(self, experiment: int, number: int) -> list[Event]:
        """What happened to a trial."""
        with self._lock:
            own = (event for event in self._journal(experiment) if getattr(event, "number", None) == number)
            return [event for event in own if not isinstance(event, FREQUENT)]

    def last(self, experiment: int) -> int:
        """The last seq."""
        return len(self._journal(experiment))

    def remove(self, experiment: int) -> None:
        """Deletes the experiment."""
        with self._lock:
            self._journal(experiment)
            del self._events[experiment], self._beats[experiment]

    def beat(self, experiment: int, beat: Beat) -> None:
        """Records a sign of life."""
        with self._lock:
            old = self._beats[experiment].get(beat.owner)
            self._beats[experiment][beat.owner] = replace(beat, count=old.count + 1 if old else 0)

    def beats(self, experiment: int) -> list[Beat]:
        """The last sign of life of each controller."""
        with self._lock:
            return list(self._beats[experiment].values())

    def silence(self, experiment: int, owner: str) -> None:
        """Forgets a controller."""
        with self._lock:
            self._beats[experiment].pop(owner, None)

    def release(self) -> None:
        """Nothing to let go of."""

    def close(self) -> None:
        """Nothing to let go of."""

    def _journal(self, experiment: int) -> list[Event]:
        try:
            return self._events[experiment]
        except KeyError:
            raise ExperimentError(f"experiment {experiment} is no longer in the store; it was removed") from None
