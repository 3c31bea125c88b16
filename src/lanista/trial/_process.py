"""A command as a process group of its own, with lines to and from it."""

import contextlib
import os
import selectors
import shutil
import signal
import socket
import subprocess
import tempfile
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from lanista.errors import ObjectiveError

FD = 3
"""Where the command finds its line: shells such as dash redirect to descriptors of one digit only."""

_START = f'exec {FD}<&0 </dev/null; exec "$@"'
_TAIL_LINES, _TAIL_BYTES = 20, 16384
_LONGEST_PATH = 100
"""Bytes of the longest address of a Unix socket, a little below what Linux and macOS take."""
_TICK = 0.05


class Peer:
    """One end of the line: the command, or a process below it that connected by itself."""

    def __init__(self, sock: socket.socket) -> None:
        sock.setblocking(False)
        self.sock = sock
        self._rest = b""

    def read(self) -> tuple[list[bytes], bool]:
        """The whole lines that have come, and whether the other end is closed."""
        try:
            data = self.sock.recv(1 << 16)
        except BlockingIOError:
            return [], False
        except ConnectionResetError:
            data = b""
        *lines, self._rest = (self._rest + data).split(b"\n")
        if not data and self._rest:
            lines, self._rest = [self._rest], b""
        return [line for line in lines if line.strip()], not data

    def write(self, line: bytes) -> None:
        """Sends a line, if somebody still listens."""
        try:
            self.sock.sendall(line + b"\n")
        except BlockingIOError:
            raise ObjectiveError('the command asked for replies ("reply": true) but does not read them') from None
        except OSError:
            pass


class Process:
    """Runs a command; on leaving the context no process of its group is left.

    Attributes:
        ended: whether the command is over; after `terminate`, whether its whole group is.

    Args:
        words: the command line.
        cwd: the folder to run in.
        env: the whole environment, to which the places of the line are added.
        directory: where the line's socket may be put.
        log: the file that descriptor 2 leads to, if any; else standard error passes through a pipe, to keep its end.
    """

    def __init__(
        self, words: Sequence[str], *, cwd: str, env: Mapping[str, str], directory: Path, log: Path | None
    ) -> None:
        self._selector = selectors.DefaultSelector()
        self._log, self._log_start = log, log.stat().st_size if log is not None else 0
        self._kept: deque[bytes] = deque()
        self._lines: list[tuple[Peer, bytes]] = []
        self._exit_seen = self._signalled = False
        self.ended = False
        self._pidfd: int | None = None
        self._folder = (
            directory
            if len(os.fsencode(directory / "socket")) <= _LONGEST_PATH
            else Path(tempfile.mkdtemp(prefix="lanista-"))
        )
        self._temporary = self._folder != directory
        try:
            self._popen = self._start(
                words, cwd, {**env, "LANISTA_FD": str(FD), "LANISTA_SOCKET": str(self._folder / "socket")}
            )
        except BaseException:
            self._let_go()
            raise
        self._watch()

    def _start(self, words: Sequence[str], cwd: str, env: dict[str, str]) -> subprocess.Popen[bytes]:
        (self._folder / "socket").unlink(missing_ok=True)
        listener = socket.socket(socket.AF_UNIX)
        self._selector.register(listener, selectors.EVENT_READ, self._accept)
        listener.bind(str(self._folder / "socket"))
        listener.listen()
        listener.setblocking(False)
        ours, theirs = socket.socketpair()
        self._add(ours)
        with theirs:
            try:
                return subprocess.Popen(
                    ["/bin/sh", "-c", _START, "sh", *words],
                    stdin=theirs.fileno(),
                    stderr=None if self._log is not None else subprocess.PIPE,
                    cwd=cwd,
                    env=env,
                    process_group=0,
                )
            except (OSError, ValueError) as error:
                raise ObjectiveError(_refused(error, words, cwd)) from None

    def _watch(self) -> None:
        if self._popen.stderr is not None:
            self._selector.register(self._popen.stderr, selectors.EVENT_READ, self._forward)
        with contextlib.suppress(AttributeError, OSError):  # neither on macOS nor in every sandbox
            self._pidfd = os.pidfd_open(self._popen.pid)
            self._selector.register(self._pidfd, selectors.EVENT_READ, self._exited)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self._kill()
        self._popen.wait()
        self._let_go()

    # --- running ------------------------------------------------------------------------------------------------------

    def poll(self, timeout: float | None) -> list[tuple[Peer, bytes]]:
        """Lines as they come, after at most `timeout` seconds; all that is left of them once the command has ended."""
        if self._pidfd is None or (self._exit_seen and self._signalled):
            timeout = _TICK if timeout is None else min(timeout, _TICK)
        self._turn(timeout)
        if self._pidfd is None and self._popen.poll() is not None:
            self._exit_seen = True
        self.ended = self._exit_seen and not (self._signalled and self._members())
        if self.ended:
            self._kill()
            while self._turn(0):
                pass
        lines, self._lines = self._lines, []
        return lines

    def terminate(self) -> None:
        """Asks all processes of the group to end (SIGTERM)."""
        self._signalled = True
        self._signal(signal.SIGTERM)

    def returncode(self) -> int:
        """The exit code once it has ended, negative for a signal."""
        return self._popen.wait()

    def tail(self) -> str:
        """The last lines of its output: of the log, or else of the standard error."""
        if self._log is not None:
            with self._log.open("rb") as file:
                size = file.seek(0, os.SEEK_END)
                file.seek(max(self._log_start, size - _TAIL_BYTES))
                data = file.read()
        else:
            data = b"".join(self._kept)
        return "\n".join(data.decode(errors="replace").splitlines()[-_TAIL_LINES:])

    def _turn(self, timeout: float | None) -> bool:
        events = self._selector.select(timeout)
        for key, _ in events:
            key.data(key.fileobj)
        return bool(events)

    # --- what may happen ----------------------------------------------------------------------------------------------

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):
            self._add(listener.accept()[0])

    def _add(self, sock: socket.socket) -> None:
        peer = Peer(sock)
        self._selector.register(sock, selectors.EVENT_READ, lambda _: self._hear(peer))

    def _hear(self, peer: Peer) -> None:
        lines, closed = peer.read()
        self._lines += [(peer, line) for line in lines]
        if closed:
            self._selector.unregister(peer.sock)
            peer.sock.close()

    def _forward(self, pipe: int) -> None:
        """Passes standard error on, keeping its end."""
        assert self._popen.stderr is not None
        data = os.read(self._popen.stderr.fileno(), 1 << 16)
        if not data:
            self._selector.unregister(pipe)
            return
        self._kept.append(data)
        while len(self._kept) > 1 and sum(map(len, self._kept)) - len(self._kept[0]) >= _TAIL_BYTES:
            self._kept.popleft()
        while data:
            data = data[os.write(2, data) :]

    def _exited(self, pidfd: int) -> None:
        self._selector.unregister(pidfd)
        self._exit_seen = True

    # --- ending -------------------------------------------------------------------------------------------------------

    def _signal(self, number: int) -> None:
        with contextlib.suppress(ProcessLookupError, PermissionError):  # macOS: EPERM where only zombies are left
            os.killpg(self._popen.pid, number)

    def _kill(self) -> None:
        # The leader is not reaped yet (where pidfds exist), so that its number cannot have become another group's.
        self._signal(signal.SIGKILL)

    def _members(self) -> bool:
        """Whether any process of the group lives; zombies, which nobody may ever reap, do not."""
        import psutil

        for pid in psutil.pids():
            with contextlib.suppress(ProcessLookupError, PermissionError, psutil.Error):
                if os.getpgid(pid) == self._popen.pid and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE:
                    return True
        return False

    def _let_go(self) -> None:
        for key in list(self._selector.get_map().values()):
            if isinstance(key.fileobj, socket.socket):
                key.fileobj.close()
        self._selector.close()
        if self._pidfd is not None:
            os.close(self._pidfd)
        popen = getattr(self, "_popen", None)
        if popen is not None and popen.stderr is not None:
            popen.stderr.close()
        (self._folder / "socket").unlink(missing_ok=True)
        if self._temporary:
            shutil.rmtree(self._folder, ignore_errors=True)


def _refused(error: OSError | ValueError, words: Sequence[str], cwd: str) -> str:
    """Why the system did not start the command."""
    if isinstance(error, OSError) and not os.path.isdir(cwd):
        return f"the command cannot run in {cwd!r}, which is no folder; correct cwd="
    size = sum(len(word) for word in words)
    if isinstance(error, OSError) and error.errno == 7:  # E2BIG
        advice = "hand over {params_file} in place of the values"
        return f"the command line of {size} characters is longer than the system takes; {advice}"
    return f"the command {' '.join(words)[:200]!r} cannot be started: {error}"
