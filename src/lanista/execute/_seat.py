"""A worker as its pool sees it."""

import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

from lanista.execute._channel import EMPTY, Port, encode_jobs
from lanista.execute._log import log_path, refer, tail
from lanista.execute._queue import Cohort
from lanista.execute._verdict import asked
from lanista.journal import Ended, Event
from lanista.trial import Job


class Seat(ABC):
    """One worker, from its start to its burial.

    Attributes:
        number: counts the pool's workers.
        own: the cohort that it was started for alone, if any.
        places: how many of the pool's places it takes up.
        port: the line to it, once there is one.
        ready: it has imported the objective.
        jobs: the cohort that it has, or had last, as it began.
        fresh: the jobs that it got last, as long as nothing was heard that says that they arrived.
        room: for how many more trials its cohort waits now; None: it does not wait.
        open: attempts of the trials it runs, or is to run, by number: those that have had no last fact.
        asking: trials whose report waits for a reply.
        cancelled: what is to become of cancelled trials: (reason, end).
        verdict: why it was killed, where a limit was passed.
        sent_at: when it got jobs last (monotonic), None while they wait for it to be ready, or where it was dead.
        leaving: it was told to leave.
        killed: we have killed it.
        gone: it is buried.
    """

    def __init__(self, number: int, own: Cohort | None, port: Port | None = None) -> None:
        self.number, self.own, self.port = number, own, port
        self.places = 1 if own is None else own.places
        self.ready = self.leaving = self.killed = self.gone = False
        self.jobs: Sequence[Job] = ()
        self.fresh: Sequence[Job] = ()
        self.room: int | None = None
        self.open: dict[int, int] = {}
        self.asking: set[int] = set()
        self.cancelled: dict[int, tuple[str, bool]] = {}
        self.verdict: str | None = None
        self.sent_at: float | None = None

    @property
    def coming(self) -> bool:
        """Whether it will be ready for any cohort."""
        return self.own is None and not (self.ready or self.going)

    @property
    def going(self) -> bool:
        """Whether it can take nothing any more."""
        return self.leaving or self.killed or self.gone

    @property
    def busy(self) -> bool:
        """Whether it has a cohort: one in which nobody is may get somebody at once."""
        return bool(self.open) or self.room is not None

    @property
    def untouched(self) -> Sequence[Job]:
        """The jobs that it died before it had taken up."""
        return self.fresh if self.sent_at is None or (self.port is not None and self.port.unread) else ()

    def settle(self, *words: Any) -> None:
        """It is ready, and says so with these words."""
        self.ready = True

    def hold(self, jobs: Sequence[Job]) -> None:
        """Keeps a cohort for it."""
        self.jobs = self.fresh = jobs
        self.open = {job.number: job.attempt for job in jobs}
        self.sent_at = None

    def send(self) -> None:
        """Sends the cohort that it has."""
        if self._give(self.jobs):
            self.sent_at = time.monotonic()

    def extend(self, jobs: Sequence[Job]) -> None:
        """Sends its cohort the further trials that it waits for, be they none, and says so in their logs."""
        self.room = None
        arrives = not self.going and self._give(jobs)
        if jobs:
            self.open |= {job.number: job.attempt for job in jobs}
            self.fresh, self.sent_at = jobs, time.monotonic() if arrives else None
            refer(jobs, self.jobs[0])

    def _give(self, jobs: Sequence[Job]) -> bool:
        """Sends jobs; False when it is known to be dead."""
        assert self.port is not None
        return not self.port.hung_up() and self.port.push(encode_jobs(jobs))

    def leave(self) -> None:
        """Tells it to end by itself; one that does not hear yet is killed."""
        self.leaving = True
        if self.port is None:
            self.kill()
        else:
            self.port.push(EMPTY)

    @abstractmethod
    def kill(self) -> None:
        """Kills it and all that it started, unless that was done; what it still said can be read."""

    def condemn(self, verdict: str) -> None:
        """Kills it because it has passed a limit."""
        if not self.killed:
            self.verdict = verdict
            self.kill()

    @abstractmethod
    def bury(self) -> str:
        """Clears away what it leaves behind; how it died."""

    def close(self) -> None:
        """Lets go of all that is still open."""
        if self.port is not None:
            self.port.close()

    def last(self, number: int) -> Event | None:
        """The last fact of a trial that it had when it died, where it was made to; None: it died by itself."""
        if number in self.cancelled:
            reason, end = self.cancelled[number]
            return asked(number, self.open[number], reason, end=end)
        return None if self.verdict is None else self.failed(number, self.verdict)

    def failed(self, number: int, reason: str) -> Ended:
        """The failure of a trial, with the end of its log."""
        first = self.jobs[0]
        log = tail(log_path(first.directory, first.number))
        error = f"{reason}\n\nIts log ends:\n{log}" if log else reason
        return Ended(time.time(), number, self.open[number], "failed", reason=reason, error=error)
