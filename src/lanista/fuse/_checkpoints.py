"""Where trials go on from: files, the latest of which are kept in memory as well."""

import os
import time
import weakref

import torch

from lanista.fuse._member import State
from lanista.trial import Trial

_Key = tuple[str, int]
"""A file, and when it was written: an experiment that was deleted and made again has files of the same names."""


class Checkpoints:
    """Saves and loads the states of trials.

    What was saved last for each of the last `room` trials is kept on its device: a trial that goes on soon, or a copy
    of it, reads no file.

    Args:
        every: seconds from one saving of a trial to the next.
        device: where states are loaded to.
    """

    def __init__(self, every: float, device: torch.device) -> None:
        self.room = 2
        self._every, self._device = every, device
        self._kept: dict[int, tuple[_Key, State]] = {}
        self._saved: weakref.WeakKeyDictionary[Trial, float] = weakref.WeakKeyDictionary()

    def begin(self, trial: Trial) -> State | None:
        """Where a trial goes on from, None for one that is new."""
        self._saved[trial] = time.monotonic()
        path = trial.checkpoint
        if path is None:
            return None
        key = _key(str(path))
        for kept, held in self._kept.values():
            if kept == key:
                return held
        state = State({}, {}, [])
        trial.load(state)
        return state.to(self._device)

    def is_due(self, trial: Trial) -> bool:
        """Whether it is time to save a trial."""
        return time.monotonic() - self._saved[trial] >= self._every

    def save(self, trial: Trial, state: State) -> None:
        """Saves a trial."""
        name = trial.save(state.to(torch.device("cpu")), step=state.epoch)
        trial.flush()  # it may be long until the next report
        self._saved[trial] = time.monotonic()
        self._kept.pop(trial.number, None)
        if (key := _key(name)) is not None:
            self._kept[trial.number] = key, state
        for number in list(self._kept)[: -self.room]:
            del self._kept[number]


def _key(name: str) -> _Key | None:
    """Of a file that is there; None for one that is not on this machine."""
    try:
        return name, os.stat(name).st_mtime_ns
    except OSError:
        return None
