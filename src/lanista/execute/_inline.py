"""Trials in this very thread, one at a time."""

import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, TypeVar

from lanista.errors import ExecutorError, UsageError
from lanista.execute._channel import LAST, plain
from lanista.execute._resources import cores, refuse_resources
from lanista.execute._verdict import asked, failed
from lanista.journal import Event, Noted, Released, Reported, Suggested
from lanista.trial import Decision, Handle, Job, More, Runnable

T = TypeVar("T")


class _Unwind(BaseException):
    """Takes the controller's own error out through user code, which is to see neither it nor the trial's end."""


class Inline:
    """Runs trials one at a time in the thread that polls.

    Nothing is sent anywhere, so there is no overhead, objectives need not be picklable and a debugger stops in them.
    A trial cannot be killed: a cancelled one ends at its next report. Reports must be answered within `handle`.

    >>> import lanista as la
    >>> exp = la.Experiment("inline", {"x": la.Float(0, 1)}, metric="y", store="memory")
    >>> exp.run(lambda trial: trial["x"], trials=3, executor=la.Inline(), progress=False).trials[2].state
    'completed'
    """

    def __init__(self) -> None:
        self._handle: Handle | None = None
        self._more: More | None = None
        self._objective: Runnable | None = None
        self._resources: Mapping[str, Any] = {}
        self._queue: list[Job] = []
        self._facts: list[Event] = []
        self._line: _Line | None = None
        self._cores = 1

    def __repr__(self) -> str:
        return "Inline()"

    def open(self, objective: Runnable, handle: Handle) -> None:
        """Prepares to run trials of `objective`.

        Raises:
            ExecutorError: another run has not closed it.
        """
        if self._handle is not None:
            raise ExecutorError("this Inline() already runs an experiment; make another one for this run")
        self._objective, self._handle = objective, handle
        self._cores = cores()
        self._resources = {"cpus": self._cores, "gpus": []}

    def offer(self, more: More) -> None:
        """Says who gives further trials to the cohort that runs."""
        self._more = more

    @property
    def slots(self) -> int:
        """Always 1."""
        return 1

    def free(self) -> int:
        """1 when a cohort can be submitted, else 0."""
        return 0 if self._queue or (self._line is not None and self._line.busy) else 1

    def submit(self, jobs: Sequence[Job]) -> None:
        """Takes a cohort, to be run by the next `poll`.

        Raises:
            UsageError: one waits or runs already.
        """
        if not self.free():
            raise UsageError("Inline() runs one cohort at a time; submit when free() says so")
        refuse_resources(self, jobs)
        self._queue = list(jobs)

    def poll(self, timeout: float) -> None:
        """Runs the submitted cohort to its end; with none, sleeps for `timeout` seconds."""
        if not self._facts and not self._queue:
            time.sleep(timeout)
            return
        if self._queue:
            self._run()
        self._hand()

    def reply(self, number: int, decision: Decision) -> None:
        """Answers the report that is being handled."""
        if self._line is not None and self._line.asking == number:
            self._line.decision = decision

    def cancel(self, number: int, *, reason: str, end: bool) -> None:
        """Drops a trial that waits; one that runs ends at its next report, or when its code ends."""
        if self._line is not None and number in self._line.open:
            self._line.cancelled[number] = (reason, end)
            return
        for job in [job for job in self._queue if job.number == number]:
            self._queue.remove(job)
            self._facts.append(asked(job.number, job.attempt, reason, end=end))

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def close(self) -> None:
        """Forgets everything; it can be opened again."""
        self._handle = self._more = self._objective = self._line = None
        self._queue, self._facts = [], []

    def _run(self) -> None:
        jobs, self._queue = self._queue, []
        assert self._objective is not None
        line = self._line = _Line(jobs, self._facts, self._hand, self._more)
        try:
            self._objective.run(jobs, line, self._resources)
        except KeyboardInterrupt:
            line.end(lambda n, attempt: Released(time.time(), n, attempt, "interrupted"))
            self._hand()
            raise
        except _Unwind:
            pass
        except BaseException as error:
            line.end(lambda n, attempt, error=error: failed(n, attempt, error))  # type: ignore[misc]
        if line.error is not None:
            self._line, self._facts = None, []
            raise line.error
        line.end(lambda n, attempt: failed(n, attempt, UsageError("its code returned without a last fact")))

    def _hand(self) -> None:
        """Hands over what has gathered."""
        facts, self._facts[:] = list(self._facts), []
        if facts and self._handle is not None:
            self._handle(facts)


class _Line:
    """A cohort's line to the controller: plain calls.

    Remarks and suggested parameters wait for the next report, checkpoint or end, since each call of `handle` is a
    transaction.
    """

    def __init__(self, jobs: Sequence[Job], facts: list[Event], hand: Callable[[], None], more: More | None) -> None:
        self.open = {job.number: job.attempt for job in jobs}
        self.cancelled: dict[int, tuple[str, bool]] = {}
        self.asking: int | None = None
        self.decision: Decision | None = None
        self.error: BaseException | None = None
        self._jobs, self._facts, self._hand, self._more = jobs, facts, hand, more
        self._swapping = False
        self._thread = threading.get_ident()

    @property
    def busy(self) -> bool:
        """Whether somebody is in the cohort, or may be at once."""
        return bool(self.open) or self._swapping

    def send(self, event: Event) -> None:
        """Takes a fact."""
        self._check(type(event).__name__)
        number = event.number  # type: ignore[union-attr]
        if number not in self.open:
            return
        if isinstance(event, LAST):
            attempt = self.open.pop(number)
            if number in self.cancelled:
                reason, end = self.cancelled.pop(number)
                event = asked(number, attempt, reason, end=end)
        elif isinstance(event, Noted):
            event = plain(event)  # what is wrong with it is an error here, in user code, not in the controller
        self._facts.append(event)
        if not isinstance(event, (*LAST, Noted, Suggested)):
            self._call(self._hand)

    def swap(self, ends: Sequence[Event], room: int) -> list[Job]:
        """Takes last facts, hands them over, and asks for more."""
        self._check("swap()")
        if not self.open:
            return []
        self._swapping = True
        try:
            for end in ends:
                self.send(end)
            if ends:
                self._call(self._hand)
            jobs = [] if self._more is None else self._call(partial(self._more, room, self._jobs))
            self.open |= {job.number: job.attempt for job in jobs}
        finally:
            self._swapping = False
        return jobs

    def report(self, event: Reported) -> Decision:
        """Hands a report over and returns what was replied meanwhile."""
        self._check(type(event).__name__)
        number = event.number
        if number in self.open and number not in self.cancelled:
            self.asking, self.decision = number, None
            self._facts.append(event)
            self._call(self._hand)
            self.asking = None
        if number not in self.open:
            return Decision("stop", "the trial has ended")
        if number in self.cancelled:
            return Decision("stop", self.cancelled[number][0])
        if self.decision is None:
            self.error = ExecutorError(
                f"the controller did not reply to the report of trial {number} within handle; Inline() needs that"
            )
            raise _Unwind
        return self.decision

    def end(self, last: Callable[[int, int], Event]) -> None:
        """Gives the trials that have none a last fact."""
        for number, attempt in list(self.open.items()):
            self.send(last(number, attempt))

    def _call(self, what: Callable[[], T]) -> T:
        """Calls the controller."""
        try:
            return what()
        except KeyboardInterrupt:
            raise
        except BaseException as error:
            self.error = error
            raise _Unwind from error

    def _check(self, what: str) -> None:
        if self.error is not None:
            raise _Unwind
        if threading.get_ident() != self._thread:
            raise UsageError(
                f"{what} came from another thread than the trial's; use "
                "executor='processes', where any thread may report"
            )
