"""What runs on a cluster: an actor that takes cohorts from its driver, until it may leave or the driver is gone.

Jobs, reports and decisions pass by a socket of their own, since a call through Ray takes some ten times as long. What
a trial prints goes into a second one, straight from descriptors 1 and 2, so that the last words of a worker that is
killed come home too.
"""

import contextlib
import faulthandler
import hmac
import os
import socket
import struct
import sys
from collections.abc import Mapping, Sequence
from typing import Any

from lanista._frozen import Frozen
from lanista.execute import _share
from lanista.execute._log import libc_fflush
from lanista.execute._ray_probe import check, reached
from lanista.execute._worker import Lifeline, live
from lanista.trial import Job

LINE, OUTPUT = 0, 1
"""The two sockets of a worker."""
GREETING = struct.Struct("<32sIB")
"""What it says first on each: the secret, its number, which of the two it is."""
DIAL_S = 20.0
_KEEPALIVE = {"TCP_KEEPIDLE": 10, "TCP_KEEPINTVL": 5, "TCP_KEEPCNT": 4}


class Dock(Frozen):
    """Where a worker finds its driver, and what it is to be.

    Attributes:
        host: the driver's address, and `port`.
        secret: 32 bytes that the driver knows its workers by.
        number: the worker's.
        resources: what `trial.resources` shows, but for the GPUs, which Ray settles.
        path: where the driver finds modules.
        probe: a file in the experiment's folder, or the URL of checkpoints, to see whether that is reached from here.
    """

    host: str
    port: int
    secret: bytes
    number: int
    resources: Mapping[str, float]
    path: tuple[str, ...]
    probe: str | None

    @classmethod
    def here(
        cls, host: str, port: int, secret: bytes, number: int, resources: Mapping[str, float], probe: str | None
    ) -> "Dock":
        """A dock of this process."""
        return cls(host, port, secret, number, resources, tuple(filter(None, sys.path)), probe)

    def call(self, which: int) -> socket.socket:
        """Connects to the driver."""
        sock = socket.create_connection((self.host, self.port), DIAL_S)
        sock.settimeout(None)
        tune(sock)
        sock.sendall(GREETING.pack(self.secret, self.number, which))
        return sock

    @property
    def mark(self) -> bytes:
        """What parts the outputs of two cohorts."""
        return mark(self.secret, self.number)


def mark(secret: bytes, number: int) -> bytes:
    """What parts the outputs of two cohorts of a worker: nothing that a trial would print."""
    return b"\0" + hmac.digest(secret, number.to_bytes(4, "little"), "sha256")[:15]


def tune(sock: socket.socket) -> None:
    """Sends small frames at once, and notices a machine that is gone."""
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE.items():
        if hasattr(socket, name):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)


class Worker:
    """The actor: `serve` is its whole life."""

    def serve(self, dock: Dock, parcel: bytes, shared: Mapping[str, Sequence[Any]]) -> None:
        """Runs cohorts, one after the other.

        Args:
            dock: where the driver is.
            parcel: what all workers get: see `_launch.wrap`.
            shared: references to what `la.share` has put into the object store.
        """
        sock, output = dock.call(LINE), _Output(dock)
        lifeline = Lifeline(sock)
        faulthandler.enable()  # now, that descriptor 2 leads home
        sys.path += [folder for folder in dock.path if folder not in sys.path]
        _share.found.update({key: _fetcher(refs) for key, refs in shared.items()})
        words = socket.gethostname(), reached(dock.probe)
        resources = {**dock.resources, "gpus": _gpus()}

        def checked() -> bytes:
            check(dock.probe)
            return parcel

        live(sock, checked, output, lifeline, resources=resources, words=words)


def _fetcher(refs: Sequence[Any]) -> Any:
    import ray

    return lambda: ray.get(refs[0])


def _gpus() -> list[int | str]:
    import ray

    return [int(name) if str(name).isdigit() else name for name in ray.get_gpu_ids()]


class _Output:
    """Leads what is printed here into the driver's log of the running trial."""

    def __init__(self, dock: Dock) -> None:
        self._mark = dock.mark
        self._sock = dock.call(OUTPUT)
        self._fflush = libc_fflush()
        for fd in (1, 2):
            os.dup2(self._sock.fileno(), fd)
        for name, fd in (("stdout", 1), ("stderr", 2)):
            file = open(fd, "w", buffering=1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115
            setattr(sys, name, file)

    def begin(self, jobs: Sequence[Job]) -> None:
        """Parts a cohort's output from the last one's."""
        self.flush()
        self._sock.sendall(self._mark)

    def flush(self) -> None:
        """Writes out what Python and the C library still hold back."""
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(Exception):  # user code may have put anything there, or closed it
                stream.flush()
        self._fflush(None)

    def end(self) -> None:
        """Hangs up: what is said from here on goes nowhere."""
        self.flush()
        nowhere = os.open(os.devnull, os.O_WRONLY)
        for fd in (1, 2):
            os.dup2(nowhere, fd)
        os.close(nowhere)
        self._sock.close()
