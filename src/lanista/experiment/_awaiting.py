"""What a controller says when it has nothing to do but to wait for others."""

from lanista.experiment._engine import Engine
from lanista.experiment._lease import Watch
from lanista.experiment._progress import Progress
from lanista.trial import Executor

WATCH_S = 1.0
"""How often other controllers' signs of life are looked at."""


class Awaiting:
    """Says, once, which trials of others we have been waiting for; not those that are over in no time."""

    def __init__(self, engine: Engine, executor: Executor, *, watch: Watch, progress: Progress) -> None:
        self._engine, self._executor, self._watch, self._progress = engine, executor, watch, progress
        self._idle_since: float | None = None
        self._said: set[int] = set()

    def look(self, *, idle: bool) -> None:
        """Looks whom we wait for, in each turn; `idle`: nothing runs here."""
        h, now = self._engine.history, self._executor.now()
        if not idle or h.paused:
            self._idle_since = None
            return
        self._idle_since = now if self._idle_since is None else self._idle_since
        if now - self._idle_since < WATCH_S:
            return
        for number in h.running:
            owner = h.owner(number)
            if owner != self._engine.owner and number not in self._said:
                self._said.add(number)
                self._progress.remark(f"waits for trial {number}, held by {self._watch.who(owner)}", h)
