"""Workers on a cluster."""

import math
import os
import socket
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from functools import partial

from lanista.execute import _ray_cluster
from lanista.execute._channel import LAST
from lanista.execute._pool import Pool
from lanista.execute._queue import Cohort
from lanista.execute._ray_cluster import Berth, Census, Need
from lanista.execute._ray_harbour import Harbour
from lanista.execute._ray_log import Tape
from lanista.execute._ray_probe import Probe
from lanista.execute._ray_seat import RaySeat
from lanista.execute._ray_worker import LINE, Dock, mark
from lanista.journal import Checkpointed, Event, Released, Reported
from lanista.trial import Handle, Job, Runnable


class RayPool(Pool[RaySeat]):
    """Warm actors.

    Args:
        objective: what they run.
        handle: takes the facts.
        workers: how many; None: as many as the nodes have room for, counted again and again.
        resources: what a worker gets, by our names.
        beside: what is reserved beside each for what its trials start themselves.
        losses: how many workers a trial may lose in a row without a new checkpoint.
    """

    def __init__(
        self,
        objective: Runnable,
        handle: Handle,
        *,
        workers: int | None,
        resources: Mapping[str, float],
        beside: Sequence[Need],
        losses: int,
    ) -> None:
        self._parcel, self._shared = _ray_cluster.put(objective)
        self._resources, self._losses = resources, losses
        self._bundles = [_ray_cluster.need_of(resources), *beside]
        self._census = Census(workers, self._bundles)
        super().__init__(self._census.target, handle)
        self._host, self._secret = _ray_cluster.host(), os.urandom(32)
        self._harbour = Harbour(self._waiter, self._host, self._secret, self._arrive)
        self._ended: deque[int] = deque()
        self._lost: Counter[int] = Counter()
        self._tapes: list[Tape] = []
        self._probe = Probe()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Gives a cohort to an idle worker, or to the next that is ready.

        Raises:
            UsageError: all are busy.
            ExecutorError: no node has what a trial is to get.
        """
        self._probe.lay(jobs[0])
        super().submit(jobs)

    def resize(self, workers: int) -> None:
        """Sets how many workers there are, whatever the nodes have room for."""
        self._census.workers = self._census.target = workers
        super().resize(workers)

    # --- workers ------------------------------------------------------------------------------------------------------

    def _cohort(self, jobs: Sequence[Job]) -> Cohort:
        """A cohort, with the most of each resource that one of its trials is to get."""
        have, wanted = self._resources, {**self._resources}
        for job in jobs:
            wanted |= {name: max(amount, wanted.get(name, 0)) for name, amount in (job.resources or {}).items()}
        if all(amount <= have.get(name, 0) for name, amount in wanted.items()):
            return Cohort(jobs)
        shares = [amount / have[name] for name, amount in wanted.items() if have.get(name)]
        cohort = Cohort(jobs, max(1, *(math.ceil(share - 1e-9) for share in shares)), wanted)
        if self._census.workers is None:
            _ray_cluster.check(self._bundles_of(wanted))
        return cohort

    def _bundles_of(self, resources: Mapping[str, float]) -> list[Need]:
        """What the cluster is asked for, for a worker."""
        return [_ray_cluster.need_of(resources), *self._bundles[1:]]

    def _make(self, number: int, own: Cohort | None) -> RaySeat:
        resources = self._resources if own is None or own.resources is None else own.resources
        dock = Dock.here(self._host, self._harbour.port, self._secret, number, resources, self._probe.path)
        told = dock, self._parcel, self._shared
        berth = Berth(self._bundles_of(resources), told, partial(self._end_of, number))
        return RaySeat(number, own, berth, Tape(mark(self._secret, number)))

    def _end_of(self, number: int) -> None:
        """A worker is dead or has left; called by a thread of Ray's."""
        self._ended.append(number)
        self._harbour.wake()

    def _disband(self) -> None:
        """Ends all workers, and waits for what they have still to say."""
        super()._disband()
        self._wait_while(lambda: bool(self._tapes))
        for tape in self._tapes:
            tape.close()
        self._harbour.close()
        self._probe.lift()

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _turn(self, wait: float) -> None:
        """Waits for something to happen, and sees to it."""
        super()._turn(wait)
        while self._ended:
            if (seat := self._crew.seats.get(self._ended.popleft())) is not None:
                self._bury(seat)

    def _arrive(self, number: int, which: int, sock: socket.socket) -> None:
        """A worker has called."""
        seat = self._crew.seats.get(number)
        if seat is None:
            sock.close()
        elif which == LINE:
            seat.connect(sock)
            self._mind(seat)
        else:
            seat.tape.connect(sock)
            self._tapes.append(seat.tape)
            self._waiter.watch(seat.tape, partial(self._roll, seat.tape))

    def _roll(self, tape: Tape, events: int) -> None:
        tape.read()
        if tape.closed:
            self._tapes.remove(tape)
            self._waiter.forget(tape)
            tape.close()

    def _heard(self, seat: RaySeat, fact: Event) -> None:
        """A checkpoint is progress; one that the other machines cannot read is of no use, and they are told early."""
        if isinstance(fact, Checkpointed) or (isinstance(fact, Reported) and fact.checkpoint is not None):
            del self._lost[fact.number]
            if not seat.reached and self._error is None:
                self._error = self._probe.out_of_reach(seat.node)
        elif isinstance(fact, LAST):
            del self._lost[fact.number]
            seat.tape.read()

    # --- what befalls workers -----------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Counts the nodes, and holds the limits against the workers."""
        self._census.look()
        if self._census.target != self.target:
            super().resize(self._census.target)
        super()._look(now)

    def _reap(self) -> None:
        """Lets Ray kill those that do not end though they were hung up on."""
        for seat in self._crew.seats.values():
            seat.insist()

    def _lose(self, seat: RaySeat, number: int, died: str) -> Event:
        """A trial lost its worker: it is to go on elsewhere, unless it is the one that kills its workers."""
        self._lost[number] += 1
        why = f"its worker{f' on {seat.node}' if seat.node else ''} was lost: {died}"
        if self._lost[number] <= self._losses:
            return Released(time.time(), number, seat.open[number], why)
        return seat.failed(number, f"lost {self._lost[number]} workers in a row without a new checkpoint; {why}")

    def _stillborn(self, seat: RaySeat, died: str) -> str:
        home = f"{self._host}:{self._harbour.port}"
        return f"({died}). The nodes must have Lanista, and reach this machine at {home}"
