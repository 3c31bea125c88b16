"""What all workers do: they run cohorts, one after the other, until they may leave or their controller is gone."""

import contextlib
import os
import pickle
import select
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, Protocol

from lanista.errors import UsageError
from lanista.execute import _watch
from lanista.execute._channel import LAST, SWAP, Line, decode_decision, decode_jobs, encode_event, encode_message
from lanista.execute._verdict import failed
from lanista.journal import Event, Reported
from lanista.trial import Decision, Job, Runnable

if TYPE_CHECKING:
    import socket

_LOOK_MS = 2000
"""How often the lifeline looks who the parent is: a fork of the controller may keep the socket open after it."""


class Output(Protocol):
    """Where a worker's output goes."""

    def begin(self, jobs: Sequence[Job]) -> None:
        """Leads it to the log of a cohort."""
        ...

    def flush(self) -> None:
        """Writes out what is still held back."""
        ...

    def end(self) -> None:
        """Leads it nowhere: there is no cohort any more."""
        ...


class Lifeline(threading.Thread):
    """Ends the worker, and all that descends from it, when the controller hangs up, however it went.

    Args:
        sock: the line to it.
        controller: its process id, where it is the parent.
    """

    def __init__(self, sock: "socket.socket", controller: int | None = None) -> None:
        super().__init__(name="lanista-lifeline", daemon=True)
        self.wanted = True
        self._controller = controller
        self._poll = select.poll()
        self._poll.register(sock, getattr(select, "POLLRDHUP", 0))  # elsewhere hang-ups are told without it

    def run(self) -> None:
        """Waits."""
        while not self._poll.poll(_LOOK_MS) and self._controller in (None, os.getppid()):
            pass
        if self.wanted:
            die()


def live(
    sock: "socket.socket",
    parcel: Callable[[], bytes],
    output: Output,
    lifeline: Lifeline,
    *,
    resources: dict[str, Any],
    words: tuple[Any, ...] = (),
) -> None:
    """Lives the life of a worker.

    Args:
        sock: the line to the controller.
        parcel: gets what all workers share: see `_launch.wrap`.
        output: where its output goes.
        lifeline: what ends it when the controller is gone.
        resources: what `trial.resources` shows.
        words: what it says of itself when it is ready.
    """
    lifeline.start()
    line = Line(sock)
    try:
        objective, cwd = _unpack(parcel())
    except BaseException as error:
        line.send(encode_message("broken", unfit(error)))
        return
    line.send(encode_message("ready", *words))
    with contextlib.suppress(EOFError):
        while frame := line.receive():
            with contextlib.suppress(OSError):
                os.chdir(cwd)
            run(objective, decode_jobs(frame), line, output, resources)
        lifeline.wanted = False
        output.end()
        return
    die()


def _unpack(parcel: bytes) -> tuple[Runnable, str]:
    """The objective, and the folder to run it in."""
    held = pickle.loads(parcel)
    sys.argv = held["argv"]
    return pickle.loads(held["objective"]), held["cwd"]


def unfit(error: BaseException) -> str:
    """Why a worker cannot take the objective."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, ImportError):
        return (
            f"a worker cannot import what the objective needs: {error}. Workers search the sys.path of the program "
            f"that runs the experiment; install the module, or put its folder into PYTHONPATH\n{trace}"
        )
    return f"a worker cannot take the objective: {type(error).__name__}: {error}\n{trace}"


def run(objective: Runnable, jobs: list[Job], line: Line, log: Output, resources: dict[str, Any]) -> None:
    """Runs a cohort; each of its trials has had its last fact when this returns."""
    link = _Link(line, jobs, log.flush)
    try:
        log.begin(jobs)
        objective.run(jobs, link, resources)
        error: BaseException = UsageError("its code returned without a last fact")
    except BaseException as raised:
        error = raised
    if os.getpid() != link.pid:  # user code forked, and the child returned from the objective
        os._exit(1)
    for number, attempt in list(link.open.items()):
        link.send(failed(number, attempt, error))


def die() -> NoReturn:
    """Ends this process at once, and its whole session with it."""
    sys.setswitchinterval(1e-6)  # the objective may keep the interpreter busy, and what follows is many calls
    _watch.kill(os.getpid(), spare=os.getpid())
    os.kill(os.getpid(), signal.SIGKILL)
    os._exit(1)


class _Link:
    """A cohort's line to the controller. Any thread of the worker may use it."""

    def __init__(self, line: Line, jobs: Sequence[Job], flush: Callable[[], None]) -> None:
        self.open = {job.number: job.attempt for job in jobs}
        self.pid = os.getpid()
        self._line, self._flush = line, flush
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Sends a fact; one of a trial that has ended is dropped."""
        number = event.number  # type: ignore[union-attr]
        last = isinstance(event, LAST)
        self._check()
        with self._lock:
            if number not in self.open:
                return
            if last:
                self._flush()
                del self.open[number]
            self._line.send(encode_event(event))

    def report(self, event: Reported) -> Decision:
        """Sends a report and waits for the decision on it."""
        self._check()
        with self._lock:
            if event.number not in self.open:
                return Decision("stop", "the trial has ended")
            self._line.send(encode_event(event))
            return decode_decision(self._answer())

    def swap(self, ends: Sequence[Event], room: int) -> list[Job]:
        """Sends last facts, and with them that more trials are wanted, in one message; waits for these."""
        self._check()
        with self._lock:
            if not self.open:
                return []
            self._flush()
            last = [end for end in ends if self.open.pop(end.number, None) is not None]  # type: ignore[union-attr, arg-type]
            self._line.send(encode_message(SWAP, room, *map(encode_event, last)))
            jobs = decode_jobs(self._answer())
            self.open |= {job.number: job.attempt for job in jobs}
            return jobs

    def _answer(self) -> bytes:
        try:
            return self._line.receive()
        except EOFError:
            die()

    def _check(self) -> None:
        if os.getpid() != self.pid:
            raise UsageError(
                "a trial can be used in the process that its objective was called in, not in a child that it forked"
            )
