"""Workers on a cluster, what they are doing and what becomes of them."""

import os
import selectors
import socket
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from lanista.errors import ExecutorError, UsageError
from lanista.execute import _ray_cluster
from lanista.execute._channel import LAST, decode, encode_decision
from lanista.execute._ray_cluster import Berth, Census, Need
from lanista.execute._ray_harbour import Harbour
from lanista.execute._ray_log import Tape
from lanista.execute._ray_probe import Probe
from lanista.execute._ray_queue import Cohort, Queue
from lanista.execute._ray_seat import Seat
from lanista.execute._ray_worker import LINE, Dock, mark
from lanista.execute._verdict import asked
from lanista.journal import Checkpointed, Event, Released, Reported
from lanista.trial import Decision, Handle, Job, Runnable

TICK_S = 0.5
"""How often limits are held against workers."""
PATIENCE_S = 3.0
"""How long workers may take to leave."""
STARTS = 3
"""How many workers in a row may die while they start, with no word from any other."""

_STOP = encode_decision(Decision("stop", "cancelled"))


class Pool:
    """Warm actors, started when first needed.

    All that happens, happens in the caller's thread, within `poll`. A cohort waits here until a worker is ready for
    it, so that none waits for an actor that has no room yet while another has nothing to do.

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
        self._handle, self._resources, self._losses = handle, resources, losses
        self._bundles = [_ray_cluster.need_of(resources), *beside]
        self._census = Census(workers, self._bundles)
        self._host, self._secret = _ray_cluster.host(), os.urandom(32)
        self._harbour = Harbour(self._host, self._secret, self._arrive)
        self._seats: dict[int, Seat] = {}
        self._ended: deque[int] = deque()
        self._idle: list[Seat] = []
        self._queue = Queue(self._resources)
        self._places = 0
        self._where: dict[int, Seat] = {}
        self._lost: Counter[int] = Counter()
        self._facts: list[Event] = []
        self._tapes: list[Tape] = []
        self._failures = self._started = 0
        self._error: ExecutorError | None = None
        self._closing, self._probe = False, Probe()
        self._next_look = 0.0
        self.limit(None)

    # --- what the controller calls ------------------------------------------------------------------------------------

    @property
    def target(self) -> int:
        """How many cohorts can run at once."""
        return self._census.target

    def free(self) -> int:
        """How many cohorts could be submitted now."""
        return max(0, self.target - self._places - self._queue.places)

    def submit(self, jobs: Sequence[Job]) -> None:
        """Gives a cohort to an idle worker, or to the next that is ready.

        Raises:
            UsageError: all are busy.
            ExecutorError: no node has what a trial is to get.
        """
        if not self.free():
            raise UsageError(f"all {self.target} workers are busy; submit when free() says so")
        self._probe.lay(jobs[0].directory)
        cohort = self._queue.add(jobs)
        if cohort.resources is not None and self._census.workers is None:
            _ray_cluster.check(self._wanted(cohort))
        self._serve()

    def poll(self, timeout: float) -> None:
        """Takes what workers send, watches over them, and hands the facts over."""
        deadline = time.monotonic() + timeout
        while True:
            self._turn(0.0 if self._facts else min(deadline - time.monotonic(), self._tick))
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + self._tick
                self._look()
            facts, self._facts = self._facts, []
            if facts:
                self._handle(facts)
            if self._error is not None:
                raise self._error
            if facts or now >= deadline:
                return

    def reply(self, number: int, decision: Decision) -> None:
        """Answers a report."""
        seat = self._where.get(number)
        if seat is not None and number in seat.asking:
            seat.asking.discard(number)
            self._push(seat, _STOP if number in seat.cancelled else encode_decision(decision))

    def cancel(self, number: int, reason: str, end: bool) -> None:
        """Takes a trial back, or kills its worker; in a cohort of which others run on, it ends at its next report."""
        seat = self._where.get(number)
        if seat is None:
            if (job := self._queue.remove(number)) is not None:
                self._facts.append(asked(number, job.attempt, reason, end=end))
            return
        seat.cancelled.setdefault(number, (reason, end))
        if seat.cancelled.keys() >= seat.open.keys():
            seat.hang_up()

    def resize(self, workers: int) -> None:
        """Sets how many workers there are; those too many leave when they are idle."""
        self._census.workers = workers
        self._census.look()
        self._dismiss(self.target)
        self._serve()

    def limit(self, trial_time: float | None) -> None:
        """Sets the seconds that a cohort may run, and looks often enough to hold them."""
        self._trial_time = trial_time
        self._tick = TICK_S if trial_time is None else min(TICK_S, max(0.02, trial_time / 10))

    def close(self) -> None:
        """Lets idle workers leave, kills the others, waits for all, and for what they have still to say."""
        self._closing = True
        self._queue = Queue(self._resources)
        for seat in list(self._seats.values()):
            if seat.ready and not seat.open:
                self._leave(seat)
            else:
                seat.hang_up()
        deadline = time.monotonic() + PATIENCE_S
        while (self._seats or self._tapes) and (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, 0.1))
            for seat in self._seats.values():
                seat.look(None)
        for seat in list(self._seats.values()):
            seat.berth.kill()
            self._bury(seat)
        for tape in self._tapes:
            tape.close()
        self._harbour.close()
        self._probe.lift()

    # --- workers ------------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Places the cohorts that wait, in their order, as far as there are workers; starts those that lack."""
        coming = sum(not seat.ready and seat.own is None for seat in self._seats.values()) if self._queue.cohorts else 0
        for cohort in self._queue.cohorts:
            if cohort.resources is not None:
                places = min(cohort.places, self.target)
                if self._places + places > self.target:
                    return
                self._queue.take(cohort)
                self._places += places
                self._dismiss(self.target - places)
                self._start(replace(cohort, places=places))
            elif self._idle:
                self._queue.take(cohort)
                self._places += 1
                self._assign(self._idle.pop(), cohort.jobs)
            elif coming:
                coming -= 1
            elif self._staying() < self.target:
                self._start(None)

    def _start(self, own: Cohort | None) -> None:
        """Starts a worker, for this cohort alone or for any."""
        number = self._started = self._started + 1
        resources = self._resources if own is None or own.resources is None else own.resources
        dock = Dock.here(self._host, self._harbour.port, self._secret, number, resources, self._probe.path)
        berth = Berth(self._wanted(own), (dock, self._parcel, self._shared), partial(self._end_of, number))
        seat = self._seats[number] = Seat(number, berth, Tape(mark(self._secret, number)), own)
        for job in own.jobs if own is not None else ():
            seat.open[job.number] = job.attempt
            self._where[job.number] = seat

    def _wanted(self, own: Cohort | None) -> list[Need]:
        """What the cluster is asked for, for a worker."""
        if own is None or own.resources is None:
            return self._bundles
        return [_ray_cluster.need_of(own.resources), *self._bundles[1:]]

    def _end_of(self, number: int) -> None:
        """A worker is dead or has left; called by a thread of Ray's."""
        self._ended.append(number)
        self._harbour.wake()

    def _assign(self, seat: Seat, jobs: Sequence[Job]) -> None:
        for job in jobs:
            self._where[job.number] = seat
        seat.assign(jobs)
        self._mind(seat)

    def _staying(self) -> int:
        return sum(seat.places for seat in self._seats.values() if not seat.leaving and seat.hung_up_at is None)

    def _rest(self, seat: Seat) -> None:
        """A worker has nothing to do: it waits for more, unless it is one too many, or was for one cohort alone."""
        self._places -= seat.places
        if seat.hung_up_at is None and not seat.berth.ended and not seat.leaving:
            if seat.own is not None or self._staying() > self.target:
                self._leave(seat)
            else:
                self._idle.append(seat)
        self._serve()

    def _leave(self, seat: Seat) -> None:
        seat.leave()
        self._mind(seat)

    def _dismiss(self, most: int) -> None:
        """Lets idle workers leave until at most so many stay."""
        while self._idle and self._staying() > most:
            self._leave(self._idle.pop(0))

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _turn(self, wait: float) -> None:
        """Waits for something to happen, and sees to it."""
        self._harbour.wait(wait)
        while self._ended:
            if (seat := self._seats.get(self._ended.popleft())) is not None:
                self._bury(seat)

    def _arrive(self, number: int, which: int, sock: socket.socket) -> None:
        """A worker has called."""
        seat = self._seats.get(number)
        if seat is None:
            sock.close()
        elif which == LINE:
            self._harbour.watch(seat.connect(sock), partial(self._heed, seat))
        else:
            seat.tape.connect(sock)
            self._tapes.append(seat.tape)
            self._harbour.watch(seat.tape, partial(self._roll, seat.tape))

    def _roll(self, tape: Tape, events: int = 0) -> None:
        tape.read()
        if tape.closed and tape in self._tapes:
            self._tapes.remove(tape)
            self._harbour.forget(tape)
            tape.close()

    def _heed(self, seat: Seat, events: int) -> None:
        assert seat.line is not None
        if events & selectors.EVENT_WRITE:
            seat.line.flush()
            self._mind(seat)
        if events & selectors.EVENT_READ:
            for frame in seat.line.read():
                self._take(seat, decode(frame))
            if seat.line.closed:
                self._harbour.forget(seat.line)
                self._idle = [other for other in self._idle if other is not seat]
                if not seat.leaving:
                    seat.hang_up()  # it is ending already, unless user code closed its descriptors

    def _take(self, seat: Seat, said: Any) -> None:
        """Takes a fact, or a worker's word about itself."""
        self._failures = 0  # workers do start: it was something else that those died of
        if isinstance(said, list):
            self._hear(seat, *said)
            return
        number = said.number
        last = isinstance(said, LAST)
        if number not in seat.open or (number in seat.cancelled and not last):
            if isinstance(said, Reported):
                self._push(seat, _STOP)
            return
        self._mind_checkpoint(seat, said)
        if last:
            self._roll(seat.tape)
            if number in seat.cancelled:
                reason, end = seat.cancelled[number]
                said = asked(number, seat.open[number], reason, end=end)
            self._lost.pop(number, None)
            self._end(seat, number)
        elif isinstance(said, Reported):
            seat.asking.add(number)
        self._facts.append(said)

    def _hear(self, seat: Seat, kind: str, *words: Any) -> None:
        if kind == "broken":
            self._error = ExecutorError(words[0])
            return
        seat.ready = True
        seat.node, seat.reached = words
        if seat.own is not None:
            self._assign(seat, seat.own.jobs)
        elif self._closing or self._staying() > self.target:
            self._leave(seat)
        else:
            self._idle.append(seat)
            self._serve()

    def _mind_checkpoint(self, seat: Seat, said: Event) -> None:
        """A checkpoint is progress; one that the other machines cannot read is of no use, and they are told early."""
        if isinstance(said, Checkpointed) or (isinstance(said, Reported) and said.checkpoint is not None):
            self._lost.pop(said.number, None)
            if not seat.reached and self._error is None:
                self._error = self._probe.out_of_reach(seat.node)

    def _end(self, seat: Seat, number: int) -> None:
        """A trial has its last fact."""
        del seat.open[number], self._where[number]
        seat.asking.discard(number)
        seat.cancelled.pop(number, None)
        if not seat.open:
            self._rest(seat)

    def _push(self, seat: Seat, frame: bytes) -> None:
        assert seat.line is not None
        seat.line.push(frame)
        self._mind(seat)

    def _mind(self, seat: Seat) -> None:
        """Waits for a worker's socket to become writable, as long as there is something to write."""
        if seat.line is not None and not seat.line.closed:
            self._harbour.watch(seat.line, partial(self._heed, seat), writing=bool(seat.line.backlog))

    # --- what befalls workers -----------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Counts the nodes, and holds the limits against the workers."""
        self._census.look()
        self._serve()
        for seat in self._seats.values():
            seat.look(self._trial_time)

    def _bury(self, seat: Seat) -> None:
        """Sees a dead worker off: what it still said, what becomes of its trials."""
        del self._seats[seat.number]
        seat.berth.clear()
        while seat.line is not None and not seat.line.dry:
            for frame in seat.line.read():
                self._take(seat, decode(frame))
        self._roll(seat.tape)
        if seat.line is not None:
            self._harbour.forget(seat.line)
        self._idle = [other for other in self._idle if other is not seat]
        if not self._closing:
            if not seat.ready and not seat.cancelled and not seat.leaving:
                self._count_failure(seat)
            for trial in list(seat.open):
                self._facts.append(seat.last(trial) or self._lose(seat, trial))
                self._end(seat, trial)
            self._serve()
        seat.close()

    def _count_failure(self, seat: Seat) -> None:
        self._failures += 1
        if self._failures >= STARTS and self._error is None:
            self._error = ExecutorError(
                f"{STARTS} workers in a row died while they started: {seat.berth.over}. The nodes must have Lanista, "
                f"and reach this machine at {self._host}:{self._harbour.port}"
            )

    def _lose(self, seat: Seat, number: int) -> Event:
        """A trial lost its worker: it is to go on elsewhere, unless it is the one that kills its workers."""
        self._lost[number] += 1
        why = f"its worker{f' on {seat.node}' if seat.node else ''} was lost: {seat.berth.over or 'it left'}"
        if self._lost[number] <= self._losses:
            return Released(time.time(), number, seat.open[number], why)
        return seat.failed(number, f"lost {self._lost[number]} workers in a row without a new checkpoint; {why}")
