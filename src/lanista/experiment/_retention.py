"""Which checkpoint files live on."""

import math
from collections.abc import Sequence
from itertools import chain
from pathlib import Path

from lanista.journal import FIRST_ENDED, Checkpointed, Ended, Event, History, Reported
from lanista.schedule import Action, Start


class Retention:
    """Deletes the checkpoint files that nothing can need any more; the journal goes on to name them.

    One lives while it is the latest of a trial that has not ended, while a clone of it has none of its own, or while it
    is the latest of one of the `best` trials that ended; and not once a later attempt has saved its step again.
    """

    def __init__(self) -> None:
        self._gone: set[str] = set()
        self._kept: list[int] | None = None

    def sweep(self, history: History, events: Sequence[Event], queue: Sequence[Action], best: int) -> None:
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
                    self._keep_best(history, n, _needed(history, queue), best)

    def _keep_best(self, history: History, number: int, needed: set[tuple[int, int]], best: int) -> None:
        """Of the trials that ended, the best keep their latest checkpoint."""
        if self._kept is None:
            self._kept = [n for n in history.checkpoints if history.state[n] >= FIRST_ENDED]
        elif number not in self._kept:
            self._kept.append(number)
        self._kept.sort(key=lambda n: (math.isnan(history.Y[n, 0]), history.Y[n, 0], n))
        for rank, n in enumerate(self._kept):
            self._sweep(history, n, needed, keep_latest=rank < best)
        del self._kept[best:]

    def _sweep(self, history: History, number: int, needed: set[tuple[int, int]], *, keep_latest: bool) -> None:
        import shutil

        saved = history.checkpoints[number]
        self._gone.update(name for name in saved.values() if name not in self._gone and not Path(name).exists())
        there = {step: name for step, name in saved.items() if name not in self._gone}
        latest = max(there, default=None)
        kept = {name for step, name in there.items() if (number, step) in needed or (step == latest and keep_latest)}
        for name in (*there.values(), *history.replaced.get(number, ())):
            if name in kept or name in self._gone:
                continue
            self._gone.add(name)
            path = Path(name)
            if path.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            else:
                path.unlink(missing_ok=True)


def _needed(history: History, queue: Sequence[Action]) -> set[tuple[int, int]]:
    """The checkpoints that clones begin from, whether they are yet to start or have saved nothing themselves."""
    needed = {a.parent for a in queue if isinstance(a, Start) and a.parent}
    alive = chain.from_iterable(history.live)
    clones = (n for n in alive if n not in history.checkpoints)
    return needed | {parent for n in clones if (parent := history.parent(n)) is not None}
