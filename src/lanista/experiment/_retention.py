"""Which checkpoint files live on."""

import math
from collections.abc import Collection, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

from lanista.errors import LanistaError
from lanista.journal import FIRST_ENDED, Checkpointed, Ended, Event, History, Reported
from lanista.schedule import Action, Start
from lanista.trial import _checkpoint

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor


class Retention:
    """Deletes the checkpoint files that nothing can need any more; the journal goes on to name them.

    One lives while it is the latest of a trial that has not ended, while a clone of it has none of its own, or while it
    is the latest of one of the `best` trials that ended; and not once a later attempt has saved its step again.

    Whether a file is there is looked up. What lives at URLs is listed once, at the first of them, and kept account of
    from then on; it is deleted by a thread, since a run cannot wait for the network.
    """

    def __init__(self) -> None:
        self._gone: set[str] = set()
        self._kept: list[int] | None = None
        self._listed = False
        self._remover = _Remover()

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

    def finish(self) -> None:
        """Waits until all that is to be deleted is."""
        self._remover.finish()

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
        saved = history.checkpoints[number]
        self._gone.update(name for name in saved.values() if name not in self._gone and self._is_lost(name, history))
        there = {step: name for step, name in saved.items() if name not in self._gone}
        latest = max(there, default=None)
        kept = {name for step, name in there.items() if (number, step) in needed or (step == latest and keep_latest)}
        old = {*there.values(), *history.replaced.get(number, ())} - kept - self._gone
        self._gone |= old
        self._remover.add(old)

    def _is_lost(self, name: str, history: History) -> bool:
        """Whether a checkpoint that we did not delete is gone all the same."""
        if not _checkpoint.is_remote(name):
            return not Path(name).exists()
        if not self._listed:
            self._listed = True
            self._gone |= _lost(history)
        return name in self._gone


class _Remover:
    """Deletes files at once, and what lives at URLs in a thread of its own."""

    def __init__(self) -> None:
        self._thread: ThreadPoolExecutor | None = None

    def add(self, names: Collection[str]) -> None:
        remote = [name for name in names if _checkpoint.is_remote(name)]
        _checkpoint.remove(name for name in names if not _checkpoint.is_remote(name))
        if remote:
            from concurrent.futures import ThreadPoolExecutor

            self._thread = self._thread or ThreadPoolExecutor(1, "lanista-retention")
            self._thread.submit(_try_to_remove, remote)

    def finish(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            thread.shutdown()


def _try_to_remove(names: list[str]) -> None:
    """Deletes checkpoints at URLs; those that stay cost room and nothing else."""
    try:
        _checkpoint.remove(names)
    except LanistaError as error:
        import logging

        logging.getLogger("lanista").warning("old checkpoints stay: %s", error)


def _lost(history: History) -> set[str]:
    """The checkpoints at URLs that are not there any more; none where that cannot be learnt."""
    names = chain.from_iterable(saved.values() for saved in history.checkpoints.values())
    replaced = chain.from_iterable(history.replaced.values())
    remote = {name for name in chain(names, replaced) if _checkpoint.is_remote(name)}
    try:
        return remote - _checkpoint.existing(remote)
    except LanistaError:  # a package that it needs may not be here, where checkpoints live elsewhere by now
        return set()


def _needed(history: History, queue: Sequence[Action]) -> set[tuple[int, int]]:
    """The checkpoints that clones begin from, whether they are yet to start or have saved nothing themselves."""
    needed = {a.parent for a in queue if isinstance(a, Start) and a.parent}
    alive = chain.from_iterable(history.live)
    clones = (n for n in alive if n not in history.checkpoints)
    return needed | {parent for n in clones if (parent := history.parent(n)) is not None}
