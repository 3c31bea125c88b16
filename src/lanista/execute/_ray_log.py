"""What a worker on a cluster prints, brought home: bytes from a socket into the logs of its trials."""

import socket
from collections import deque
from collections.abc import Sequence
from pathlib import Path

from lanista.execute._log import append, log_path, refer
from lanista.trial import Job

_CHUNK = 1 << 16


class Tape:
    """The driver's end of a worker's output.

    Attributes:
        closed: the worker's end is closed, and all that it has said is read.
    """

    def __init__(self, mark: bytes) -> None:
        self.closed = False
        self._sock: socket.socket | None = None
        self._mark = mark
        self._awaited: deque[Sequence[Job]] = deque()
        self._rest = b""
        self._path: Path | None = None
        self._heading = b""

    def connect(self, sock: socket.socket) -> None:
        """Takes the worker's connection."""
        sock.setblocking(False)
        self._sock = sock

    def fileno(self) -> int:
        """For selectors."""
        return -1 if self._sock is None else self._sock.fileno()

    def expect(self, jobs: Sequence[Job]) -> None:
        """The cohort that what is said after the next mark belongs to."""
        self._awaited.append(jobs)

    def read(self) -> None:
        """Writes what has come into the logs."""
        while self._sock is not None and not self.closed:
            try:
                data = self._sock.recv(_CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            self.closed = not data
            self._take(data)

    def close(self) -> None:
        """Lets go of the socket."""
        self.closed = True
        if self._sock is not None:
            self._sock.close()

    def _take(self, data: bytes) -> None:
        *ended, rest = (self._rest + data).split(self._mark)
        for part in ended:
            self._write(part)
            self._next()
        keep = 0 if self.closed else _begun(rest, self._mark)
        self._rest = rest[len(rest) - keep :]
        self._write(rest[: len(rest) - keep])

    def _next(self) -> None:
        if not self._awaited:  # user code has printed a mark
            self._write(self._mark)
            return
        first, *others = self._awaited.popleft()
        self._path = Path(log_path(first.directory, first.number))
        self._heading = b"lanista: attempt %d\n" % first.attempt if first.attempt > 1 else b""
        refer(others, first)

    def _write(self, data: bytes) -> None:
        """Appends to the running trial's log; what is said before the first trial goes nowhere."""
        if data and self._path is not None:
            append(self._path, (self._heading if self._path.exists() else b"") + data)
            self._heading = b""


def _begun(data: bytes, mark: bytes) -> int:
    """How many bytes at the end of `data` may be the start of a mark."""
    at = data.rfind(mark[:1], max(0, len(data) - len(mark) + 1))
    while at >= 0:
        if mark.startswith(data[at:]):
            return len(data) - at
        at = data.rfind(mark[:1], max(0, len(data) - len(mark) + 1), at)
    return 0
