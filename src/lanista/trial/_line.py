"""The script's end of the line: links that speak to a command's runner, or to the person who started the script."""

import json
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lanista.errors import ObjectiveError
from lanista.journal import Checkpointed, Event, Noted, Reported, Suggested
from lanista.trial._protocol import Decision


class Line:
    """Speaks JSON lines to the `Command` that runs this script.

    Raises:
        ObjectiveError: it cannot be reached.
    """

    def __init__(self, address: str) -> None:
        import socket

        self._socket = socket.socket(socket.AF_UNIX)
        try:
            self._socket.connect(address)
        except OSError as error:
            self._socket.close()
            raise ObjectiveError(
                f"the experiment cannot be reached at LANISTA_SOCKET={address!r}: {error}; has it ended?"
            ) from error
        self._answers = self._socket.makefile("rb")
        self._lock = threading.Lock()

    def send(self, event: Event) -> None:
        """Sends a checkpoint, a note or a parameter found while running."""
        with self._lock:
            self._write(_message(event))

    def report(self, event: Reported) -> Decision:
        """Sends a report and waits for the decision; an experiment that is gone decides to stop."""
        with self._lock:
            try:
                self._write({**_message(event), "reply": True})
                answer = self._answers.readline()
            except OSError:
                answer = b""
        if not answer:
            return Decision("stop", "the experiment has ended")
        decision = json.loads(answer)
        return Decision(decision["decision"], decision["reason"])

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Sends the result."""
        with self._lock:
            self._write({"finish": metrics})

    def infeasible(self, reason: str) -> None:
        """Says that the configuration makes no sense."""
        with self._lock:
            self._write({"infeasible": reason})

    def _write(self, message: Mapping[str, Any]) -> None:
        self._socket.sendall(json.dumps(message).encode() + b"\n")


class Printer:
    """Prints what a script started by hand has to say, and keeps its latest checkpoint only."""

    def __init__(self) -> None:
        self._kept: Path | None = None

    def send(self, event: Event) -> None:
        """Prints notes."""
        if isinstance(event, Checkpointed):
            self._keep(event.path)
        elif isinstance(event, Noted):
            print(f"note: {_pairs(event.values)}", flush=True)

    def report(self, event: Reported) -> Decision:
        """Prints a report; nobody stops the script."""
        self._keep(event.checkpoint)
        print(f"step {event.step}: {_pairs(event.metrics)}", flush=True)
        return Decision()

    def finish(self, metrics: Mapping[str, float]) -> None:
        """Prints the result."""
        print(f"result: {_pairs(metrics)}", flush=True)

    def infeasible(self, reason: str) -> None:
        """Prints the reason."""
        print(f"infeasible: {reason}", flush=True)

    def _keep(self, path: str | None) -> None:
        import shutil

        if path is None or (self._kept is not None and Path(path) == self._kept):
            return
        if self._kept is not None:
            if self._kept.is_dir():
                shutil.rmtree(self._kept)
            else:
                self._kept.unlink(missing_ok=True)
        self._kept = Path(path)


def _message(event: Event) -> dict[str, Any]:
    match event:
        case Reported():
            message: dict[str, Any] = {"report": event.metrics, "step": event.step}
            return message if event.checkpoint is None else {**message, "checkpoint": event.checkpoint}
        case Checkpointed():
            return {"checkpoint": event.path, "step": event.step}
        case Noted():
            return {"note": event.values}
        case Suggested():
            return {"suggest": event.name, "domain": event.domain, "value": event.value}
        case _:
            raise TypeError(f"a script does not send {type(event).__name__}")


def _pairs(values: Mapping[str, Any]) -> str:
    return ", ".join(f"{name}={value}" for name, value in values.items())
