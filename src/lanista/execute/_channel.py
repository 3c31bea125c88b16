"""The line between a controller and a worker: frames on a socket.

A worker sends facts, whose values are numbers, text and JSON, so that no class of the user's need exist in the
controller. The controller sends jobs, also to a cohort that waits for more, and decisions where a report waits for
one; the empty frame means "go on" to a report, and "leave" to an idle worker.
"""

import json
import pickle
import struct
from collections.abc import Sequence
from dataclasses import replace
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from lanista.errors import UsageError
from lanista.journal import Checkpointed, Ended, Event, Noted, Released, Reported, Suggested, Yielded
from lanista.trial import Decision, Job

if TYPE_CHECKING:
    import socket

LAST = (Ended, Yielded, Released)
"""The facts of which each job has one, as its last."""

EMPTY = b""
SWAP = "swap"
"""The kind of a message with last facts, for which further jobs are wanted."""

_FACTS: tuple[type[Any], ...] = (Reported, Checkpointed, Suggested, Noted, *LAST)
_codes = {cls: code for code, cls in enumerate(_FACTS)}
_values: dict[type[Any], Any] = {cls: attrgetter(*cls.__match_args__) for cls in _FACTS}
_job_values = attrgetter(*Job.__match_args__)
_decision_values = attrgetter(*Decision.__match_args__)
_HEAD = struct.Struct("<I")
_CHUNK = 1 << 15


def encode_message(kind: str, *values: Any) -> bytes:
    """A message of a worker about itself."""
    return pickle.dumps((kind, values), 5)


def encode_event(event: Event) -> bytes:
    """A fact; raises UsageError for remarks that JSON does not have."""
    cls = type(event)
    return pickle.dumps((_codes[cls], _values[cls](plain(event))), 5)


def decode(frame: bytes) -> Any:
    """What a worker sent: a fact, or the list of a message."""
    kind, values = pickle.loads(frame)
    return [kind, *values] if isinstance(kind, str) else _FACTS[kind](*values)


def plain(event: Event) -> Event:
    """The fact with nothing in it that the journal would not keep as it is.

    Raises:
        UsageError: a remark that is no JSON value.
    """
    if isinstance(event, Noted | Suggested):
        try:
            text = json.dumps([event.values, None] if isinstance(event, Noted) else [event.domain, event.value])
        except (TypeError, ValueError) as error:
            raise UsageError(
                f"{event!r:.200} holds what JSON does not have: {error}; give numbers, text, lists"
            ) from error
        body, value = json.loads(text)
        return replace(event, values=body) if isinstance(event, Noted) else replace(event, domain=body, value=value)
    if isinstance(event, Ended) and not (event.reason.isascii() and (event.error is None or event.error.isascii())):
        return replace(event, reason=_clean(event.reason), error=event.error and _clean(event.error))
    return event


def _clean(text: str) -> str:
    """Text that UTF-8 has: file names, for instance, may hold lone surrogates."""
    return text.encode("utf-8", "backslashreplace").decode()


def encode_jobs(jobs: Sequence[Job]) -> bytes:
    """The jobs of a cohort."""
    return pickle.dumps([_job_values(job) for job in jobs], 5)


def decode_jobs(frame: bytes) -> list[Job]:
    """The inverse of `encode_jobs`."""
    return [Job(*values) for values in pickle.loads(frame)]


def encode_decision(decision: Decision) -> bytes:
    """The answer to a report."""
    if decision.kind == "continue" and decision.budget is None and not decision.reason:
        return EMPTY
    return pickle.dumps(_decision_values(decision), 5)


def decode_decision(frame: bytes) -> Decision:
    """The inverse of `encode_decision`."""
    return Decision(*pickle.loads(frame)) if frame else Decision()


class _Frames:
    """Cuts what comes in into frames."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def cut(self, data: bytes) -> list[bytes]:
        """The frames that are whole with this data."""
        rest = self._rest
        if not rest and len(data) >= 4 and _HEAD.unpack_from(data)[0] == len(data) - 4:
            return [data[4:]]
        rest += data
        frames: list[bytes] = []
        at, size = 0, len(rest)
        while size - at >= 4:
            end = at + 4 + _HEAD.unpack_from(rest, at)[0]
            if end > size:
                break
            frames.append(bytes(rest[at + 4 : end]))
            at = end
        if at:
            del rest[:at]
        return frames


class Line:
    """A worker's end: blocking."""

    def __init__(self, sock: "socket.socket") -> None:
        self._sock = sock
        self._frames = _Frames()
        self._ready: list[bytes] = []

    def send(self, frame: bytes) -> None:
        """Sends a frame whole."""
        self._sock.sendall(_HEAD.pack(len(frame)) + frame)

    def receive(self) -> bytes:
        """The next frame; EOFError when the controller is gone."""
        while not self._ready:
            try:
                data = self._sock.recv(_CHUNK)
            except ConnectionResetError:
                data = b""
            if not data:
                raise EOFError("the controller is gone")
            self._ready = self._frames.cut(data)
        return self._ready.pop(0)


class Port:
    """A controller's end: never blocks. What the socket does not take at once waits in a backlog.

    Attributes:
        backlog: bytes that are still to be sent by `flush`, when the socket is writable.
        closed: the worker's end is closed.
        dry: the last `read` found nothing.
        unread: the worker's end was closed before it had read all that was sent.
    """

    def __init__(self, sock: "socket.socket") -> None:
        sock.setblocking(False)
        self._sock = sock
        self._frames = _Frames()
        self.backlog = bytearray()
        self.closed = self.dry = self.unread = False

    def fileno(self) -> int:
        """For selectors."""
        return self._sock.fileno()

    def read(self) -> list[bytes]:
        """The frames that have come, by one look at the socket."""
        try:
            data = self._sock.recv(_CHUNK)
        except BlockingIOError:
            self.dry = True
            return []
        except OSError as error:
            self.unread = isinstance(error, ConnectionResetError)
            data = b""
        self.closed = self.dry = not data
        return self._frames.cut(data) if data else []

    def hung_up(self) -> bool:
        """Whether the worker's end is known to be closed; a network takes what is sent there all the same."""
        from socket import MSG_PEEK

        try:
            return not self._sock.recv(1, MSG_PEEK)
        except BlockingIOError:
            return False
        except OSError:
            return True

    def push(self, frame: bytes) -> bool:
        """Sends a frame, or puts what does not go through into the backlog; False when the worker is gone."""
        data = _HEAD.pack(len(frame)) + frame
        if self.backlog:
            self.backlog += data
            return True
        try:
            sent = self._sock.send(data)
        except BlockingIOError:
            sent = 0
        except OSError:
            return False
        if sent < len(data):
            self.backlog += data[sent:]
        return True

    def flush(self) -> None:
        """Sends more of the backlog."""
        try:
            del self.backlog[: self._sock.send(self.backlog)]
        except BlockingIOError:
            pass
        except OSError:
            self.backlog.clear()

    def close(self) -> None:
        """Lets go of the socket."""
        self._sock.close()
