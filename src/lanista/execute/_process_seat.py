"""A worker process as its pool sees it."""

import contextlib
import os
import sys
from collections.abc import Sequence
from typing import IO, Any

from lanista.execute import _launch, _watch
from lanista.execute._queue import Cohort
from lanista.execute._resources import Plan
from lanista.execute._seat import Seat
from lanista.execute._verdict import death

_SAYS = 4000
"""Bytes of what a worker said before it died that go into an error."""


class ProcessSeat(Seat):
    """One worker process.

    Attributes:
        shares: which places of the plan it takes up: they decide its cores and GPUs.
        pidfd: becomes readable when it is dead; None where the system has no such thing.
    """

    def __init__(self, number: int, own: Cohort | None, plan: Plan, shares: Sequence[int], parcel: IO[bytes]) -> None:
        self.process, port, self._says = _launch.start(plan, shares, parcel)
        super().__init__(number, own, port)
        self.shares = shares
        self.pid = self.process.pid
        self.pidfd = _pidfd(self.pid)

    def settle(self, *words: Any) -> None:
        """Lets go of what served the start."""
        super().settle()
        self._says.close()

    def said(self) -> str:
        """The end of what it printed while it started."""
        size = self._says.seek(0, os.SEEK_END)
        self._says.seek(max(0, size - _SAYS))
        return self._says.read().decode(errors="replace").strip()

    def kill(self) -> None:
        """Kills it and all that it started."""
        if not self.killed:
            self.killed = True
            _watch.kill(self.pid)

    def bury(self) -> str:
        """Kills what it left behind, and reaps it; how it died."""
        _watch.kill(self.pid)  # not reaped yet, so that its number cannot be another's
        code = self.process.wait()
        if self.pidfd is not None:
            os.close(self.pidfd)
        return death(code)

    def close(self) -> None:
        """Lets go of its line, and of what it printed while it started."""
        super().close()
        self._says.close()


def _pidfd(pid: int) -> int | None:
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError, OSError):  # old kernels and some sandboxes have none
            return os.pidfd_open(pid)
    return None
