"""A worker on a cluster as its pool sees it."""

import socket
import time

from lanista.execute._channel import Port
from lanista.execute._queue import Cohort
from lanista.execute._ray_cluster import Berth
from lanista.execute._ray_log import Tape
from lanista.execute._seat import Seat

GRACE_S = 1.0
"""How long a worker that is hung up on may take to end before Ray kills it."""


class RaySeat(Seat):
    """One actor.

    Attributes:
        berth: its place on the cluster.
        tape: its output.
        node: the name of its machine, and `reached` whether it finds the experiment's folder there, once it is ready.
    """

    def __init__(self, number: int, own: Cohort | None, berth: Berth, tape: Tape) -> None:
        super().__init__(number, own)
        self.berth, self.tape = berth, tape
        self.node = ""
        self.reached = True
        self._sock: socket.socket | None = None
        self._killed_at = 0.0

    def connect(self, sock: socket.socket) -> None:
        """Takes its call."""
        self._sock, self.port = sock, Port(sock)

    def settle(self, node: str, reached: bool) -> None:
        """It is ready, on this machine."""
        super().settle()
        self.node, self.reached = node, reached

    def send(self) -> None:
        """Sends the cohort that it has, to whose logs its output goes from the next mark on."""
        self.tape.expect(self.jobs)
        super().send()

    def kill(self) -> None:
        """Hangs up, so that it ends at once with all that descends from it; Ray kills one that has not called yet."""
        if self.killed:
            return
        self.killed, self._killed_at = True, time.monotonic()
        if self._sock is None:
            self.berth.kill()
            return
        try:
            self._sock.shutdown(socket.SHUT_WR)
        except OSError:
            self.berth.kill()

    def insist(self) -> None:
        """Lets Ray kill it, if it does not end though it was hung up on."""
        now = time.monotonic()
        if self.killed and now - self._killed_at > GRACE_S:
            self._killed_at = now
            self.berth.kill()

    def bury(self) -> str:
        """Gives back what was reserved for it; how it died."""
        self.berth.clear()
        self.tape.read()
        return self.berth.over or "it left"
