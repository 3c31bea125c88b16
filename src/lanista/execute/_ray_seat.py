"""A worker on a cluster as its pool sees it."""

import socket
import time
from collections.abc import Sequence

from lanista.execute._channel import EMPTY, Port, encode_jobs
from lanista.execute._log import log_path, tail
from lanista.execute._ray_cluster import Berth
from lanista.execute._ray_log import Tape
from lanista.execute._ray_queue import Cohort
from lanista.execute._verdict import asked
from lanista.journal import Ended, Event
from lanista.trial import Job

GRACE_S = 1.0
"""How long a worker that is hung up on may take to end before Ray kills it."""


class Seat:
    """One worker, from its start to its burial.

    Attributes:
        number: counts the pool's workers.
        berth: its actor.
        tape: its output.
        own: the cohort that it was started for alone, if any.
        places: how many of the pool's places it takes up.
        line: the line to it, once it has called.
        node: the name of its machine, and `reached` whether it finds the experiment's folder there, once it is ready.
        open: attempts of the trials it runs, by number: those that have had no last fact.
        asking: trials whose report waits for a reply.
        cancelled: what is to become of cancelled trials: (reason, end).
        verdict: why it was killed, where a limit was passed.
        sent_at: when it got its jobs (monotonic).
        hung_up_at: when we ended its line to make it die (monotonic).
        leaving: it was told to leave.
    """

    def __init__(self, number: int, berth: Berth, tape: Tape, cohort: Cohort | None) -> None:
        self.number, self.berth, self.tape, self.own = number, berth, tape, cohort
        self.places = 1 if cohort is None else cohort.places
        self.line: Port | None = None
        self._sock: socket.socket | None = None
        self.node = ""
        self.ready = self.leaving = False
        self.reached = True
        self.jobs: Sequence[Job] = ()
        self.open: dict[int, int] = {}
        self.asking: set[int] = set()
        self.cancelled: dict[int, tuple[str, bool]] = {}
        self.verdict: str | None = None
        self.sent_at = 0.0
        self.hung_up_at: float | None = None

    def connect(self, sock: socket.socket) -> Port:
        """Takes its call."""
        self._sock, self.line = sock, Port(sock)
        return self.line

    def assign(self, jobs: Sequence[Job]) -> None:
        """Gives it a cohort."""
        assert self.line is not None
        self.jobs, self.open = jobs, {job.number: job.attempt for job in jobs}
        self.sent_at = time.monotonic()
        self.tape.expect(jobs)
        self.line.push(encode_jobs(jobs))

    def leave(self) -> None:
        """Tells it to end by itself."""
        self.leaving = True
        if self.line is not None:
            self.line.push(EMPTY)

    def hang_up(self) -> None:
        """Makes it end at once, with all that descends from it; one that has not called yet is killed by Ray."""
        if self.hung_up_at is not None:
            return
        self.hung_up_at = time.monotonic()
        if self._sock is None:
            self.berth.kill()
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.berth.kill()

    def look(self, trial_time: float | None) -> None:
        """Holds the limit on what a cohort may take, and kills a worker that does not end though it was hung up on."""
        now = time.monotonic()
        if trial_time is not None and self.open and self.ready and now - self.sent_at > trial_time:
            self.verdict = self.verdict or f"time limit: ran longer than {trial_time:g} s"
            self.hang_up()
        if self.hung_up_at is not None and now - self.hung_up_at > GRACE_S:
            self.hung_up_at = now
            self.berth.kill()

    def last(self, number: int) -> Event | None:
        """The last fact of a trial that it ran when it died, where it was made to; None: the worker was lost."""
        attempt = self.open[number]
        if number in self.cancelled:
            reason, end = self.cancelled[number]
            return asked(number, attempt, reason, end=end)
        return None if self.verdict is None else self.failed(number, self.verdict)

    def failed(self, number: int, reason: str) -> Ended:
        """The failure of a trial, with the end of its log."""
        first = self.jobs[0]
        log = tail(log_path(first.directory, first.number))
        error = f"{reason}\n\nIts log ends:\n{log}" if log else reason
        return Ended(time.time(), number, self.open[number], "failed", reason=reason, error=error)

    def close(self) -> None:
        """Lets go of its line."""
        if self.line is not None:
            self.line.close()
