"""One place to wait for all sockets that matter."""

import contextlib
import selectors
from collections.abc import Callable
from typing import Any

Call = Callable[[int], None]
"""What is called with the events of a socket."""


class Waiter:
    """Calls what waits for a socket, or another thing with a descriptor."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()

    def wait(self, seconds: float) -> None:
        """Waits for something to happen, and sees to it."""
        for key, events in self._selector.select(max(0.0, seconds)):
            there = self._selector.get_map().get(key.fd)
            if there is not None and there.data is key.data:  # an earlier call may have taken it away
                key.data(events)

    def watch(self, fileobj: Any, call: Call, *, writing: bool = False) -> None:
        """Calls `call` when there is something to read, or room to write; the first `call` given stays."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if writing else 0)
        try:
            known = self._selector.get_key(fileobj)
        except KeyError:
            self._selector.register(fileobj, events, call)
        else:
            if known.events != events:
                self._selector.modify(fileobj, events, known.data)

    def forget(self, fileobj: Any) -> None:
        """Calls nothing any more for this one."""
        with contextlib.suppress(KeyError, ValueError):
            self._selector.unregister(fileobj)

    def close(self) -> None:
        """Lets go of the system's side of it."""
        self._selector.close()
