"""Which checkpoint files live on."""

import math
from collections.abc import Sequence
from pathlib import Path

from lanista.journal import FIRST_ENDED, Checkpointed, Ended, Event, History, Reported
from lanista.schedule import Action, Start

KEEP_BEST = 3


class Retention:
    """Deletes the checkpoint files that nothing can need any more; the journal goes on to name them.

    One lives while it is the latest of a trial that has not ended, a named parent of a trial not yet started, or the
    latest of one of the best `KEEP_BEST` trials that ended.
    """

    def __init__(self) -> None:
        self._gone: set[str] = set()
        self._kept: list[int] | None = None

    def sweep(self, history: History, events: Sequence[Event], queue: Sequence[Action]) -> None:
        """Looks at the trials that these events concern."""
        if not history.checkpoints:
            return
        for event in events:
            match event:
                case Reported(number=n, checkpoint=path) if path is not None and n in history.checkpoints:
                    self._sweep(history, n, _needed(history, queue), keep_latest=True)
                case Checkpointed(number=n) if n in history.checkpoints:
                    self._sweep(history, n, _needed(history, queue), keep_latest=True)
                case Ended(number=n) if n in history.checkpoints:
                    self._keep_best(history, n, _needed(history, queue))

    def _keep_best(self, history: History, number: int, needed: set[tuple[int, int]]) -> None:
        """Of the trials that ended, the best keep their latest checkpoint."""
        if self._kept is None:
            self._kept = [n for n in history.checkpoints if history.state[n] >= FIRST_ENDED]
        elif number not in self._kept:
            self._kept.append(number)
        self._kept.sort(key=lambda n: (math.isnan(history.Y[n, 0]), history.Y[n, 0], n))
        for rank, n in enumerate(self._kept):
            self._sweep(history, n, needed, keep_latest=rank < KEEP_BEST)
        del self._kept[KEEP_BEST:]

    def _sweep(self, history: History, number: int, needed: set[tuple[int, int]], *, keep_latest: bool) -> None:
        import shutil

        saved = history.checkpoints[number]
        latest = max(saved)
        for step, name in saved.items():
            if name in self._gone or (number, step) in needed or (step == latest and keep_latest):
                continue
            self._gone.add(name)
            path = Path(name)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _needed(history: History, queue: Sequence[Action]) -> set[tuple[int, int]]:
    """The checkpoints that clones not yet started begin from."""
    needed = {a.parent for a in queue if isinstance(a, Start) and a.parent}
    return needed | {parent for n in history.waiting if (parent := history.parent(n)) is not None}
