"""Who runs a trial, and whether they still live.

A controller shows that it lives by a counter in the store. Others judge by whether the counter moves during their own
clock's lease, so that clocks that differ between machines do no harm; and on the same machine by the process itself,
so that a killed run is taken over at once.
"""

import os
import threading
import time
from contextlib import suppress
from functools import cache
from pathlib import Path

from lanista.errors import LanistaError
from lanista.journal import Beat, Store

BEAT_S = 2.0
LEASE_S = 15.0


@cache
def this_host() -> str:
    """This machine since it booted, and the process namespace that pids belong to."""
    import socket

    parts = [socket.gethostname()]
    with suppress(OSError):  # only Linux tells
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text().strip()[:8])
        parts.append(os.readlink("/proc/self/ns/pid"))
    return "/".join(parts)


def new_owner() -> Beat:
    """An identity for a controller in this process."""
    import uuid

    import psutil

    return Beat(uuid.uuid4().hex[:12], this_host(), os.getpid(), psutil.Process().create_time())


class Heart:
    """Beats for a controller, in a thread, until stopped."""

    def __init__(self, store: Store, experiment: int, beat: Beat) -> None:
        self._store, self._experiment, self._beat = store, experiment, beat
        self._stop = threading.Event()
        store.beat(experiment, beat)
        self._thread = threading.Thread(target=self._run, name="lanista-heart", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stop.wait(BEAT_S):
            try:
                self._store.beat(self._experiment, self._beat)
            except LanistaError:
                continue  # the store may come back before the lease lapses
        self._store.release()

    def stop(self) -> None:
        """Ends the beating; the controller counts as gone at once."""
        self._stop.set()
        self._thread.join()
        with suppress(LanistaError):  # without the store the lease lapses by itself
            self._store.silence(self._experiment, self._beat.owner)


class Watch:
    """Tells which controllers of an experiment live."""

    def __init__(self, store: Store, experiment: int) -> None:
        self._store, self._experiment = store, experiment
        self._seen: dict[str, tuple[int, float]] = {}

    def living(self) -> set[str]:
        """The owners that live, as far as can be told now."""
        now = time.monotonic()
        living = set()
        for beat in self._store.beats(self._experiment):
            if beat.host == this_host():
                if same_process(beat):
                    living.add(beat.owner)
                continue
            count, since = self._seen.get(beat.owner, (-1, now))
            if count != beat.count:
                self._seen[beat.owner] = (beat.count, now)
                since = now
            if now - since < LEASE_S:
                living.add(beat.owner)
        return living

    def who(self, owner: str | None) -> str:
        """The process behind an owner, in words."""
        beat = next((beat for beat in self._store.beats(self._experiment) if beat.owner == owner), None)
        return f"pid {beat.pid} on {beat.host.partition('/')[0]}" if beat is not None else "another process"

    def forget(self, owner: str) -> None:
        """Strikes out a controller that is known to be dead."""
        self._store.silence(self._experiment, owner)


def same_process(beat: Beat) -> bool:
    """Whether the process that beat, on this machine, is still there."""
    import psutil

    try:
        process = psutil.Process(beat.pid)
        return abs(process.create_time() - beat.born) < 1 and process.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False
