"""Where workers on a cluster call: a listening socket, and a bell for other threads."""

import contextlib
import hmac
import socket
import time
from collections.abc import Callable
from functools import partial

from lanista.errors import ExecutorError
from lanista.execute._ray_worker import GREETING, tune
from lanista.execute._waiter import Waiter

GREETING_S = 20.0
"""How long a caller may take to say who it is."""


class Harbour:
    """Takes the calls of workers, of which it knows the secret.

    Attributes:
        port: where it listens.
    """

    def __init__(
        self, waiter: Waiter, host: str, secret: bytes, arrived: Callable[[int, int, socket.socket], None]
    ) -> None:
        self._waiter, self._secret, self._arrived = waiter, secret, arrived
        _allow_sockets()
        try:
            self._listener = socket.create_server((host, 0), backlog=512)
        except OSError as error:
            raise ExecutorError(f"workers cannot call back at {host}: {error}") from error
        self.port: int = self._listener.getsockname()[1]
        self._bell, self._ring = socket.socketpair()
        self._strangers: dict[socket.socket, tuple[bytes, float]] = {}
        for sock in (self._listener, self._bell, self._ring):
            sock.setblocking(False)
        waiter.watch(self._listener, self._accept)
        waiter.watch(self._bell, self._rung)

    def wake(self) -> None:
        """Ends the wait; any thread may call it."""
        with contextlib.suppress(OSError):  # full, and so rung already; or closed
            self._ring.send(b"!")

    def close(self) -> None:
        """Lets go of all sockets of its own."""
        for sock in (*self._strangers, self._listener, self._bell, self._ring):
            self._waiter.forget(sock)
            sock.close()

    def _rung(self, events: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(1 << 12)

    def _accept(self, events: int) -> None:
        with contextlib.suppress(OSError):
            sock, _ = self._listener.accept()
            sock.setblocking(False)
            self._strangers[sock] = b"", time.monotonic() + GREETING_S
            self._waiter.watch(sock, partial(self._greet, sock))
        for late in [sock for sock, (_, deadline) in self._strangers.items() if time.monotonic() > deadline]:
            self._dismiss(late)

    def _greet(self, sock: socket.socket, events: int) -> None:
        said, deadline = self._strangers[sock]
        try:
            data = sock.recv(GREETING.size - len(said))
        except BlockingIOError:
            return
        except OSError:
            data = b""
        said += data
        if not data:
            self._dismiss(sock)
        elif len(said) < GREETING.size:
            self._strangers[sock] = said, deadline
        else:
            self._admit(sock, *GREETING.unpack(said))

    def _admit(self, sock: socket.socket, secret: bytes, number: int, which: int) -> None:
        if not hmac.compare_digest(secret, self._secret):
            self._dismiss(sock)
            return
        del self._strangers[sock]
        self._waiter.forget(sock)
        tune(sock)
        self._arrived(number, which, sock)

    def _dismiss(self, sock: socket.socket) -> None:
        del self._strangers[sock]
        self._waiter.forget(sock)
        sock.close()


def _allow_sockets() -> None:
    """Each worker has two sockets here: raises the number of open files to what the system lets us have."""
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < hard:
        with contextlib.suppress(OSError, ValueError):  # macOS calls it unlimited, and is not
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
