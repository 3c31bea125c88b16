"""A worker process as its pool sees it."""

import contextlib
import os
import sys
import time
from collections.abc import Sequence
from typing import IO

from lanista.execute import _launch, _watch
from lanista.execute._channel import encode_jobs
from lanista.execute._log import log_path, tail
from lanista.execute._resources import Plan
from lanista.execute._verdict import asked, death
from lanista.journal import Ended, Event
from lanista.trial import Job

_SAYS = 4000
"""Bytes of what a worker said before it died that go into an error."""


class Seat:
    """One worker, from its start to its burial.

    Attributes:
        places: which of the plan's places it takes up: they decide its cores and GPUs.
        port: the line to it.
        pidfd: becomes readable when it is dead; None where the system has no such thing.
        ready: it has imported the objective.
        open: attempts of the trials it runs, or is to run, by number: those that have had no last fact.
        asking: trials whose report waits for a reply.
        cancelled: what is to become of cancelled trials: (reason, end).
        verdict: why it was killed, where a limit was passed.
        sent_at: when it got its jobs (monotonic), None while they wait for it to be ready, or when it was dead already.
        begun: something was heard of the trials it has.
        leaving: it was told to leave.
        killed: it was killed by us.
        gone: it is buried.
    """

    def __init__(self, plan: Plan, places: Sequence[int], parcel: IO[bytes]) -> None:
        self.places = places
        self.process, self.port, self._says = _launch.start(plan, places, parcel)
        self.pid = self.process.pid
        self.pidfd = _pidfd(self.pid)
        self.ready = self.begun = self.leaving = self.killed = self.gone = False
        self.jobs: Sequence[Job] = ()
        self.open: dict[int, int] = {}
        self.asking: set[int] = set()
        self.cancelled: dict[int, tuple[str, bool]] = {}
        self.verdict: str | None = None
        self.sent_at: float | None = None

    def assign(self, jobs: Sequence[Job]) -> None:
        """Gives it a cohort, which waits until it is ready."""
        self.jobs, self.open = jobs, {job.number: job.attempt for job in jobs}
        self.cancelled.clear()
        self.sent_at = None
        self.begun = False
        if self.ready:
            self.send()

    def send(self) -> None:
        """Sends the cohort that waits."""
        if self.port.push(encode_jobs(self.jobs)):
            self.sent_at = time.monotonic()

    def drop(self, number: int) -> None:
        """Takes a job back that was not sent yet."""
        del self.open[number]
        self.jobs = [job for job in self.jobs if job.number != number]

    def leave(self) -> None:
        """Tells it to end by itself."""
        self.leaving = True
        self.port.push(b"")

    def kill(self) -> None:
        """Kills it and all that it started."""
        self.killed = True
        _watch.kill(self.pid)

    def settle(self) -> None:
        """Lets go of what served the start."""
        self.ready = True
        self._says.close()

    def said(self) -> str:
        """The end of what it printed while it started."""
        size = self._says.seek(0, os.SEEK_END)
        self._says.seek(max(0, size - _SAYS))
        return self._says.read().decode(errors="replace").strip()

    def bury(self) -> str:
        """Kills what it left behind, reaps it, closes all; how it died."""
        self.gone = True
        _watch.kill(self.pid)  # not reaped yet, so that its number cannot be another's
        code = self.process.wait()
        self.port.close()
        if self.pidfd is not None:
            os.close(self.pidfd)
        return death(code)

    def close(self) -> None:
        """Closes what burial leaves open."""
        self._says.close()

    @property
    def untouched(self) -> bool:
        """Whether it died before it had taken its cohort up."""
        return self.sent_at is None or (self.port.unread and not self.begun)

    def last(self, number: int, died: str) -> Event:
        """The last fact of a trial that it ran when it died."""
        attempt = self.open[number]
        if number in self.cancelled:
            reason, end = self.cancelled[number]
            return asked(number, attempt, reason, end=end)
        reason = self.verdict or f"worker died: {died}"
        first = self.jobs[0]
        error = reason
        if log := tail(log_path(first.directory, first.number)):
            error += f"\n\nIts log ends:\n{log}"
        return Ended(time.time(), number, attempt, "failed", reason=reason, error=error)


def _pidfd(pid: int) -> int | None:
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # old kernels and some sandboxes have none
            return os.pidfd_open(pid)
    return None
