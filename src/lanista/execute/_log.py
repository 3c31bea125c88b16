"""A worker's output, trial by trial: descriptors 1 and 2 lead to the running trial's log file."""

import contextlib
import ctypes
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from lanista.trial import Job


def log_path(directory: str, number: int) -> str:
    """The log of a trial, from the trial's own folder `<experiment>/trials/<number>`."""
    return os.path.join(os.path.dirname(os.path.dirname(os.path.normpath(directory))), "logs", f"{number}.log")


def tail(path: str, size: int = 4096) -> str:
    """The last lines of a file, "" when there is none."""
    try:
        with open(path, "rb") as file:
            length = file.seek(0, os.SEEK_END)
            file.seek(max(0, length - size))
            text = file.read().decode(errors="replace")
    except OSError:
        return ""
    return text if length <= size else text.partition("\n")[2]


def refer(jobs: Sequence[Job], first: Job) -> None:
    """Says in the logs of trials whose log has the output of their cohort."""
    for job in jobs:
        append(
            Path(log_path(job.directory, job.number)),
            b"lanista: ran in one cohort with trial %d; see %d.log\n" % (first.number, first.number),
        )


def append(path: Path, data: bytes) -> None:
    """Writes to the end of a log, which there need not be yet."""
    try:
        file = path.open("ab")
    except FileNotFoundError:
        path.parent.mkdir(parents=True, exist_ok=True)
        file = path.open("ab")
    with file:
        file.write(data)


class Log:
    """Leads the output of this process to one file a trial.

    A file in which nothing was written is renamed for the next trial, so that trials without output cost neither
    files nor time.
    """

    def __init__(self) -> None:
        self._fd: int | None = None
        self._path = ""
        self._fflush = libc_fflush()
        for stream in (sys.stdout, sys.stderr):
            stream.reconfigure(encoding="utf-8", errors="backslashreplace", line_buffering=True)  # type: ignore[union-attr]

    def begin(self, jobs: Sequence[Job]) -> None:
        """Leads the output to the log of a cohort's first trial; the logs of the others say so."""
        first = jobs[0]
        path = log_path(first.directory, first.number)
        if not self._rename(path):
            self._open(path)
        assert self._fd is not None
        os.dup2(self._fd, 1)
        os.dup2(self._fd, 2)
        if first.attempt > 1 and os.lseek(self._fd, 0, os.SEEK_END):
            os.write(self._fd, b"lanista: attempt %d\n" % first.attempt)
        refer(jobs[1:], first)

    def flush(self) -> None:
        """Writes out what Python and the C library still hold back."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # user code may have put anything there, or closed it
                stream.flush()
        self._fflush(None)

    def end(self) -> None:
        """Removes a last log in which nothing was written."""
        if self._fd is not None and self._empty():
            with contextlib.suppress(OSError):
                os.unlink(self._path)

    def _empty(self) -> bool:
        try:
            return self._fd is not None and os.lseek(self._fd, 0, os.SEEK_END) == 0
        except OSError:  # user code closed it
            self._fd = None
            return False

    def _rename(self, path: str) -> bool:
        """Renames the last trial's log, if nothing was written there, to this one's, if there is none."""
        if not self._empty() or os.path.exists(path):
            return False
        try:
            os.rename(self._path, path)
        except OSError:
            return False
        self._path = path
        return True

    def _open(self, path: str) -> None:
        old, flags = self._fd, os.O_WRONLY | os.O_CREAT | os.O_APPEND
        try:
            self._fd = os.open(path, flags, 0o666)
        except FileNotFoundError:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            self._fd = os.open(path, flags, 0o666)
        self._path = path
        if old is not None:
            os.close(old)
        else:
            self._adopt()

    def _adopt(self) -> None:
        """Puts what was printed while this process started, by imports for instance, into the first trial's log."""
        assert self._fd is not None
        with contextlib.suppress(OSError):
            if size := os.lseek(1, 0, os.SEEK_END):
                os.write(self._fd, os.pread(1, size, 0))


def libc_fflush() -> Callable[[Any], Any]:
    """The C library's fflush, where there is one."""
    try:
        return ctypes.CDLL(None).fflush
    except (AttributeError, OSError, TypeError):
        return lambda stream: 0
