"""The main program of a worker: it runs cohorts, one after the other, until it may leave or its controller is gone."""

import contextlib
import faulthandler
import os
import pickle
import select
import signal
import socket
import sys
import threading
import traceback
from collections.abc import Callable, Sequence
from typing import Any, NoReturn, Protocol

from lanista.errors import UsageError
from lanista.execute import _watch
from lanista.execute._channel import LAST, Line, decode_decision, decode_jobs, encode_event, encode_message
from lanista.execute._log import Log
from lanista.execute._verdict import failed
from lanista.journal import Event, Reported
from lanista.trial import Decision, Job, Runnable

_LOOK_MS = 2000
"""How often the lifeline looks who the parent is: a fork of the controller may keep the socket open after it."""


def main(line_fd: int, parcel_fd: int, controller: int, resources: dict[str, Any]) -> None:
    """Lives the life of a worker.

    Args:
        line_fd: the socket to the controller.
        parcel_fd: the file with what all workers share: see `pack`.
        controller: its process id.
        resources: what `trial.resources` shows.
    """
    for fd in (line_fd, parcel_fd):
        os.set_inheritable(fd, False)
    sock = socket.socket(fileno=line_fd)
    lifeline = _Lifeline(line_fd, controller)
    lifeline.start()
    faulthandler.enable()
    line, log = Line(sock), Log()
    try:
        objective, cwd = _unpack(parcel_fd)
    except BaseException as error:
        line.send(encode_message("broken", unfit(error)))
        sys.exit(1)
    line.send(encode_message("ready"))
    with contextlib.suppress(EOFError):
        while frame := line.receive():
            with contextlib.suppress(OSError):
                os.chdir(cwd)
            run(objective, decode_jobs(frame), line, log, resources)
        lifeline.wanted = False
        log.end()
        return
    die()


def _unpack(fd: int) -> tuple[Runnable, str]:
    """The objective, and the folder to run it in."""
    with open(fd, "rb", closefd=False) as shared:  # workers share the file's offset, hence pread
        size = os.fstat(shared.fileno()).st_size
        data = b""
        while len(data) < size:
            data += os.pread(fd, size - len(data), len(data))
    parcel = pickle.loads(data)
    sys.argv = parcel["argv"]
    return pickle.loads(parcel["objective"]), parcel["cwd"]


def unfit(error: BaseException) -> str:
    """Why a worker cannot take the objective."""
    trace = "".join(traceback.format_exception(error))
    if isinstance(error, ImportError):
        return (
            f"a worker cannot import what the objective needs: {error}. Workers search the sys.path of the program "
            f"that runs the experiment; install the module, or put its folder into PYTHONPATH\n{trace}"
        )
    return f"a worker cannot take the objective: {type(error).__name__}: {error}\n{trace}"


class Output(Protocol):
    """Where a worker's output goes."""

    def begin(self, jobs: Sequence[Job]) -> None:
        """Leads it to the log of a cohort."""
        ...

    def flush(self) -> None:
        """Writes out what is still held back."""
        ...


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
            try:
                return decode_decision(self._line.receive())
            except EOFError:
                die()

    def _check(self) -> None:
        if os.getpid() != self.pid:
            raise UsageError(
                "a trial can be used in the process that its objective was called in, not in a child that it forked"
            )


class _Lifeline(threading.Thread):
    """Ends the worker when the controller is gone, however it went."""

    def __init__(self, fd: int, controller: int) -> None:
        super().__init__(name="lanista-lifeline", daemon=True)
        self.wanted = True
        self._controller = controller
        self._poll = select.poll()
        self._poll.register(fd, 0)  # hang-ups are always told

    def run(self) -> None:
        while not self._poll.poll(_LOOK_MS) and os.getppid() == self._controller:
            pass
        if self.wanted:
            die()
