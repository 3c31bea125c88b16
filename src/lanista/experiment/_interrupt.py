"""Ctrl-C: once to finish what runs, twice to stop now."""

import sys
import threading
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Counts interrupts while it is entered; from the second on it raises, though never amid a transaction.

    Outside the main thread signals cannot be caught and nothing changes. The handler may be called with other signals
    than that of Ctrl-C: each stands for two.
    """

    def __init__(self) -> None:
        self.count = 0
        self.held = _Held(self)
        self._holds = 0
        self._late = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        import signal

        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        import signal

        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        import signal

        self.count += 1 if number == signal.SIGINT else 2
        if self.count == 1:
            print("\ninterrupted: running trials finish; press Ctrl-C again to stop now", file=sys.stderr)
        elif self._holds:
            self._late = True
        else:
            raise KeyboardInterrupt


class _Held:
    """A stretch of code that an interrupt waits for; entered at each report, hence no generator."""

    def __init__(self, interrupt: Interrupt) -> None:
        self._interrupt = interrupt

    def __enter__(self) -> None:
        self._interrupt._holds += 1

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        interrupt = self._interrupt
        interrupt._holds -= 1
        if interrupt._late and not interrupt._holds and error is None:
            interrupt._late = False
            raise KeyboardInterrupt
