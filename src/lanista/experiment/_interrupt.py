"""Ctrl-C: once to finish what runs, twice to stop now."""

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType, TracebackType
from typing import Any


class Interrupt:
    """Counts interrupts while it is entered; from the second on it raises, though never amid a transaction.

    Outside the main thread signals cannot be caught and nothing changes.
    """

    def __init__(self) -> None:
        self.count = 0
        self._held = 0
        self._late = False
        self._before: Any = None

    def __enter__(self) -> "Interrupt":
        if threading.current_thread() is threading.main_thread():
            self._before = signal.signal(signal.SIGINT, self._on_signal)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if self._before is not None:
            signal.signal(signal.SIGINT, self._before)

    def _on_signal(self, number: int, frame: FrameType | None) -> None:
        self.count += 1
        if self.count == 1:
            print("\ninterrupted: running trials finish; press Ctrl-C again to stop now", file=sys.stderr)
        elif self._held:
            self._late = True
        else:
            raise KeyboardInterrupt

    @contextmanager
    def held(self) -> Iterator[None]:
        """A stretch of code that an interrupt waits for."""
        self._held += 1
        try:
            yield
        finally:
            self._held -= 1
        if self._late and not self._held:
            self._late = False
            raise KeyboardInterrupt
