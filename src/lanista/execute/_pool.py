"""Worker processes, what they are doing and what becomes of them."""

import contextlib
import selectors
import time
from collections.abc import Sequence
from itertools import islice
from typing import Any

from lanista.errors import ExecutorError, UsageError
from lanista.execute import _launch, _watch
from lanista.execute._channel import LAST, decode, encode_decision
from lanista.execute._resources import Plan
from lanista.execute._seat import Seat
from lanista.execute._verdict import asked
from lanista.journal import Event, Reported
from lanista.trial import Decision, Handle, Job, Runnable

TICK_S = 0.5
"""How often memory is weighed."""
PATIENCE_S = 2.0
"""How long idle workers may take to leave."""
STARTS = 3
"""How many workers in a row may die while they start, with no word from any other."""

_STOP = encode_decision(Decision("stop", "cancelled"))


class Pool:
    """Warm workers, started when first needed.

    All that happens, happens in the caller's thread, within `poll`. Only the burial of a worker, or a fact of its
    own, gives a trial its last fact, so each gets exactly one.
    """

    def __init__(
        self, plan: Plan, objective: Runnable, handle: Handle, *, memory: int | None, trial_time: float | None
    ) -> None:
        self.target = plan.workers
        self._plan, self._handle = plan, handle
        self._memory = memory
        self.limit(trial_time)
        self._parcel = _launch.pack(objective)
        self._selector = selectors.DefaultSelector()
        self._seats: list[Seat] = []
        self._idle: list[Seat] = []
        self._busy = 0
        self._queue: list[tuple[Sequence[Job], int]] = []
        self._where: dict[int, Seat] = {}
        self._facts: list[Event] = []
        self._failures = 0
        self._error: ExecutorError | None = None
        self._closing = False
        self._next_look = 0.0

    # --- what the controller calls ------------------------------------------------------------------------------------

    def free(self) -> int:
        """How many cohorts could be submitted now."""
        return max(0, self.target - self._busy - sum(places for _, places in self._queue))

    def submit(self, jobs: Sequence[Job]) -> None:
        """Gives a cohort to an idle worker, or a new one; one that is to get more than a share waits until it is free.

        Raises:
            UsageError: all are busy, or the trial is to get what is not there.
        """
        if len(self._queue) + sum(bool(seat.open) for seat in self._seats) >= self.target:
            raise UsageError(f"all {self.target} workers are busy; submit when free() says so")
        self._queue.append((jobs, max(self._plan.places(job.resources) for job in jobs)))
        self._serve()

    def poll(self, timeout: float) -> None:
        """Takes what workers send, watches over them, and hands the facts over."""
        deadline = time.monotonic() + timeout
        while True:
            wait = 0.0 if self._facts else min(deadline - time.monotonic(), self._tick)
            self._turn(wait)
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + self._tick
                self._look(now)
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
        if seat is None or number not in seat.asking:
            return
        seat.asking.discard(number)
        self._push(seat, _STOP if number in seat.cancelled else encode_decision(decision))

    def cancel(self, number: int, reason: str, end: bool) -> None:
        """Takes a trial back, or kills its worker; in a cohort of which others run on, it ends at its next report."""
        seat = self._where.get(number)
        if seat is None:
            self._unqueue(number, reason, end)
            return
        if seat.sent_at is not None:
            seat.cancelled.setdefault(number, (reason, end))
            if seat.cancelled.keys() >= seat.open.keys():
                self._kill(seat)
            return
        self._facts.append(asked(number, seat.open[number], reason, end=end))
        seat.drop(number)
        del self._where[number]
        if not seat.open:
            self._rest(seat)

    def resize(self, workers: int) -> None:
        """Sets how many workers there are; those too many leave when they are idle."""
        self._plan.check(workers)
        self.target = workers
        while self._idle and self._staying() > workers:
            self._idle.pop(0).leave()
        self._serve()

    def limit(self, trial_time: float | None) -> None:
        """Sets the seconds that a cohort may run, and looks often enough to hold them."""
        self._trial_time = trial_time
        self._tick = TICK_S if trial_time is None else min(TICK_S, max(0.02, trial_time / 10))

    def close(self) -> None:
        """Lets idle workers leave, kills the others, and waits for all."""
        self._closing = True
        self._queue.clear()
        for seat in self._seats:
            if seat.ready and not seat.open:
                seat.leave()
            else:
                self._kill(seat)
        for patience in (PATIENCE_S, 2 * PATIENCE_S):
            deadline = time.monotonic() + patience
            while self._seats and (left := deadline - time.monotonic()) > 0:
                self._turn(min(left, 0.02 if any(seat.pidfd is None for seat in self._seats) else left))
                self._reap()
            for seat in self._seats:
                self._kill(seat)
        self._selector.close()
        self._parcel.close()

    # --- workers ------------------------------------------------------------------------------------------------------

    def _serve(self) -> None:
        """Places the cohorts that wait, in their order, as far as there is room; none gets more than there is."""
        while self._queue:
            jobs, places = self._queue[0]
            places = min(places, self.target)
            if self._busy + places > self.target:
                return
            del self._queue[0]
            self._busy += places
            self._place(jobs, places)

    def _unqueue(self, number: int, reason: str, end: bool) -> None:
        """Takes back a trial that waits for room."""
        for i, (jobs, places) in enumerate(self._queue):
            for job in jobs:
                if job.number == number:
                    left = [other for other in jobs if other is not job]
                    self._queue[i : i + 1] = [(left, places)] if left else []
                    self._facts.append(asked(number, job.attempt, reason, end=end))
                    return

    def _place(self, jobs: Sequence[Job], places: int) -> None:
        seat = self._idle.pop() if self._idle and places == 1 else self._start(places)
        for job in jobs:
            self._where[job.number] = seat
        seat.assign(jobs)
        if seat.port.backlog:
            self._mind(seat)

    def _start(self, places: int) -> Seat:
        while self._idle and self._staying() + places > self.target:
            self._idle.pop(0).leave()
        taken = {place for seat in self._seats if not seat.leaving for place in seat.places}
        free = (i for i in range(len(taken) + places) if i not in taken)
        seat = Seat(self._plan, list(islice(free, places)), self._parcel)
        self._seats.append(seat)
        self._selector.register(seat.port, selectors.EVENT_READ, (seat, False))
        if seat.pidfd is not None:
            self._selector.register(seat.pidfd, selectors.EVENT_READ, (seat, True))
        return seat

    def _staying(self) -> int:
        return sum(len(seat.places) for seat in self._seats if not seat.leaving)

    def _rest(self, seat: Seat) -> None:
        """A worker has nothing to do: it waits for more, unless it is one too many, or of another size than most."""
        self._busy -= len(seat.places)
        if not (seat.killed or seat.gone or seat.leaving):
            if len(seat.places) > 1 or self._staying() > self.target:
                seat.leave()
            else:
                self._idle.append(seat)
        self._serve()

    def _kill(self, seat: Seat) -> None:
        """Kills a worker, which keeps its place until it is buried; what it still said is read then."""
        if not seat.killed:
            seat.kill()
            self._deafen(seat)

    def _deafen(self, seat: Seat) -> None:
        with contextlib.suppress(KeyError):
            self._selector.unregister(seat.port)

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _turn(self, wait: float) -> None:
        """Waits for something to happen, and sees to it."""
        for key, mask in self._selector.select(max(0.0, wait)):
            seat, dead = key.data
            if seat.gone:
                continue
            if dead:
                self._bury(seat)
                continue
            if mask & selectors.EVENT_WRITE:
                seat.port.flush()
                self._mind(seat)
            if mask & selectors.EVENT_READ:
                self._read(seat)

    def _read(self, seat: Seat) -> None:
        for frame in seat.port.read():
            self._take(seat, decode(frame))
        if seat.port.closed:
            self._deafen(seat)
            if not seat.leaving:
                self._kill(seat)  # it is ending, with its exit code settled, unless user code closed its descriptors

    def _take(self, seat: Seat, said: Any) -> None:
        """Takes a fact, or a worker's word about itself."""
        if isinstance(said, list):
            self._hear(seat, *said)
            return
        seat.begun = True
        self._failures = 0  # workers do start: it was something else that those died of
        number = said.number
        last = isinstance(said, LAST)
        if number not in seat.open or (number in seat.cancelled and not last):
            if isinstance(said, Reported):
                self._push(seat, _STOP)
            return
        if last:
            if number in seat.cancelled:
                reason, end = seat.cancelled[number]
                said = asked(number, seat.open[number], reason, end=end)
            self._end(seat, number)
        elif isinstance(said, Reported):
            seat.asking.add(number)
        self._facts.append(said)

    def _end(self, seat: Seat, number: int) -> None:
        """A trial has its last fact."""
        del seat.open[number], self._where[number]
        seat.asking.discard(number)
        if not seat.open:
            self._rest(seat)

    def _hear(self, seat: Seat, kind: str, *words: str) -> None:
        if kind == "broken":
            self._error = ExecutorError(words[0])
            return
        self._failures = 0
        seat.settle()
        if seat.open:
            seat.send()
            self._mind(seat)

    def _push(self, seat: Seat, frame: bytes) -> None:
        seat.port.push(frame)
        if seat.port.backlog:
            self._mind(seat)

    def _mind(self, seat: Seat) -> None:
        """Waits for a worker's socket to become writable, as long as there is something to write."""
        events = selectors.EVENT_READ | (selectors.EVENT_WRITE if seat.port.backlog else 0)
        with contextlib.suppress(KeyError):
            if self._selector.get_key(seat.port).events != events:
                self._selector.modify(seat.port, events, (seat, False))

    # --- what befalls workers -----------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Holds the limits against the workers that run something."""
        self._reap()
        limit = self._trial_time
        for seat in self._seats:
            if limit is not None and seat.open and seat.sent_at is not None and now - seat.sent_at > limit:
                self._condemn(seat, f"time limit: ran longer than {limit:g} s")
        if self._memory is None or not self._busy:
            return
        processes = _watch.table()
        for seat in self._seats:
            if seat.open and (used := _watch.over(seat.pid, self._memory, processes)) is not None:
                self._condemn(seat, f"memory limit: used {used / 1e9:.3g} GB of {self._memory / 1e9:.3g} GB")

    def _condemn(self, seat: Seat, verdict: str) -> None:
        if not seat.killed:
            seat.verdict = verdict
            self._kill(seat)

    def _reap(self) -> None:
        """Finds the dead where the system does not tell."""
        for seat in [s for s in self._seats if s.pidfd is None and s.process.poll() is not None]:
            self._bury(seat)

    def _bury(self, seat: Seat) -> None:
        """Sees a dead worker off: what it still said, what it leaves behind, what becomes of its trials."""
        self._seats.remove(seat)
        self._deafen(seat)
        if seat.pidfd is not None:
            self._selector.unregister(seat.pidfd)
        while True:
            for frame in seat.port.read():
                self._take(seat, decode(frame))
            if seat.port.dry:
                break
        if seat in self._idle:
            self._idle.remove(seat)
        died = seat.bury()
        if seat.open and not self._closing:
            if seat.untouched and not seat.cancelled and seat.verdict is None:
                self._replace(seat, died)
            else:
                self._fail(seat, died)
        seat.close()

    def _fail(self, seat: Seat, died: str) -> None:
        for number in list(seat.open):
            self._facts.append(seat.last(number, died))
            self._end(seat, number)

    def _replace(self, seat: Seat, died: str) -> None:
        """A worker died before it got its cohort: another one takes it, unless that has happened too often."""
        self._failures += not seat.ready
        if self._error is None and self._failures >= STARTS:
            self._error = ExecutorError(
                f"{STARTS} workers in a row died while they started ({died}): {seat.said() or 'they said nothing'}"
            )
        if self._error is None:
            self._place(seat.jobs, len(seat.places))
