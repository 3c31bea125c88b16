"""Workers, what they say and what becomes of them, wherever they are."""

import selectors
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, Generic

from lanista.errors import ExecutorError, UsageError
from lanista.execute._channel import LAST, SWAP, decode, encode_decision
from lanista.execute._crew import Crew, S
from lanista.execute._queue import Cohort, Queue
from lanista.execute._verdict import asked
from lanista.execute._waiter import Waiter
from lanista.journal import Event, Reported
from lanista.trial import Decision, Handle, Job, More

TICK_S = 0.5
"""How often limits are held against workers."""
PATIENCE_S = 2.0
"""How long workers may take to leave, and how long to die after that."""
STARTS = 3
"""How many workers in a row may die while they start, with no word from any other."""
_BREATH_S = 0.02

_STOP = encode_decision(Decision("stop", "cancelled"))


class Pool(ABC, Generic[S]):
    """Warm workers.

    All that happens, happens in the caller's thread, within `poll`. Only the burial of a worker, or a fact of its
    own, gives a trial its last fact, so each gets exactly one.

    Args:
        target: how many cohorts can run at once.
        handle: takes the facts.
    """

    def __init__(self, target: int, handle: Handle) -> None:
        self._handle = handle
        self._waiter = Waiter()
        self._crew: Crew[S] = Crew(target, self._make, self._mind)
        self._facts: list[Event] = []
        self._swapping: list[S] = []
        self._more: More | None = None
        self._failures = 0
        self._error: ExecutorError | None = None
        self._closing = False
        self._next_look = 0.0
        self.limit(None)

    # --- what the controller calls ------------------------------------------------------------------------------------

    def offer(self, more: More) -> None:
        """Says who gives further trials to cohorts that run."""
        self._more = more

    @property
    def target(self) -> int:
        """How many cohorts can run at once."""
        return self._crew.target

    def free(self) -> int:
        """How many cohorts could be submitted now."""
        return self._crew.free()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Gives a cohort to an idle worker, or to the next that is ready.

        One that is to get more than a worker has waits until so much is free, and gets a worker of its own.

        Raises:
            UsageError: all are busy, or a trial is to get what is not there.
        """
        if self._crew.full():
            raise UsageError(f"all {self.target} workers are busy; submit when free() says so")
        self._crew.queue.add(self._cohort(jobs))
        self._crew.serve()

    def poll(self, timeout: float) -> None:
        """Takes what workers send, watches over them, and hands the facts over."""
        deadline = time.monotonic() + timeout
        while True:
            self._turn(0.0 if self._facts else min(deadline - time.monotonic(), self._tick))
            now = time.monotonic()
            if now >= self._next_look:
                self._next_look = now + self._tick
                self._look(now)
            facts, self._facts = self._facts, []
            if facts:
                self._handle(facts)
            if self._error is not None:
                raise self._error
            self._extend()
            if facts or now >= deadline:
                return

    def reply(self, number: int, decision: Decision) -> None:
        """Answers a report."""
        seat = self._crew.where.get(number)
        if seat is not None and number in seat.asking:
            seat.asking.discard(number)
            self._push(seat, _STOP if number in seat.cancelled else encode_decision(decision))

    def cancel(self, number: int, reason: str, end: bool) -> None:
        """Takes a trial back, or kills its worker; in a cohort of which others run on, it ends at its next report."""
        seat = self._crew.where.get(number)
        if seat is None:
            if (job := self._crew.queue.remove(number)) is not None:
                self._facts.append(asked(number, job.attempt, reason, end=end))
            return
        seat.cancelled.setdefault(number, (reason, end))
        if seat.cancelled.keys() >= seat.open.keys():
            seat.kill()

    def resize(self, workers: int) -> None:
        """Sets how many workers there are; those too many leave when they are idle."""
        self._crew.resize(workers)

    def limit(self, trial_time: float | None) -> None:
        """Sets the seconds that a cohort may run, and looks often enough to hold them."""
        self._trial_time = trial_time
        self._tick = TICK_S if trial_time is None else min(TICK_S, max(_BREATH_S, trial_time / 10))

    def close(self) -> None:
        """Lets idle workers leave, kills the others, and waits for all."""
        self._closing = True
        self._disband()
        self._waiter.close()

    def _disband(self) -> None:
        """Ends all workers."""
        self._crew.queue = Queue()
        for seat in self._crew.seats.values():
            if seat.ready and not seat.busy:
                self._crew.leave(seat)
            else:
                seat.kill()
        for _ in ("leaving", "dying"):
            self._wait_while(lambda: bool(self._crew.seats))
            for seat in self._crew.seats.values():
                seat.kill()
        for seat in self._crew.seats.values():
            seat.close()

    def _wait_while(self, so: Callable[[], bool]) -> None:
        """Sees to what happens while something is so, but not for long."""
        deadline = time.monotonic() + PATIENCE_S
        while so() and (left := deadline - time.monotonic()) > 0:
            self._turn(min(left, _BREATH_S))
            self._reap()

    # --- in what pools differ -----------------------------------------------------------------------------------------

    @abstractmethod
    def _cohort(self, jobs: Sequence[Job]) -> Cohort:
        """A cohort, and what it takes up."""

    @abstractmethod
    def _make(self, number: int, own: Cohort | None) -> S:
        """Starts a worker, for this cohort alone or for any."""

    @abstractmethod
    def _reap(self) -> None:
        """Looks after workers that nobody tells of."""

    @abstractmethod
    def _lose(self, seat: S, number: int, died: str) -> Event:
        """The last fact of a trial whose worker died by itself."""

    @abstractmethod
    def _stillborn(self, seat: S, died: str) -> str:
        """How a worker died while it started, for an error."""

    def _heard(self, seat: S, fact: Event) -> None:
        """A worker has told a fact that is about to be handed on."""

    # --- what comes in ------------------------------------------------------------------------------------------------

    def _turn(self, wait: float) -> None:
        """Waits for something to happen, and sees to it."""
        self._waiter.wait(wait)

    def _heed(self, seat: S, events: int) -> None:
        """There is something to read from a worker, or room to write to it."""
        assert seat.port is not None
        if events & selectors.EVENT_WRITE:
            seat.port.flush()
            self._mind(seat)
        if events & selectors.EVENT_READ:
            self._read(seat)
            if seat.port.closed:
                self._waiter.forget(seat.port)
                self._crew.forget(seat)
                if not seat.leaving:
                    seat.kill()  # it is ending, with its exit code settled, unless user code closed its descriptors

    def _read(self, seat: S) -> None:
        assert seat.port is not None
        for frame in seat.port.read():
            self._take(seat, decode(frame))

    def _take(self, seat: S, said: Any) -> None:
        """Takes a fact, or a worker's word about itself."""
        self._failures = 0  # workers do start: it was something else that those died of
        if isinstance(said, list):
            self._hear(seat, *said)
            return
        seat.fresh = ()
        number = said.number
        last = isinstance(said, LAST)
        if number not in seat.open or (number in seat.cancelled and not last):
            if isinstance(said, Reported):
                self._push(seat, _STOP)
            return
        self._heard(seat, said)
        if last:
            if number in seat.cancelled:
                reason, end = seat.cancelled[number]
                said = asked(number, seat.open[number], reason, end=end)
            self._crew.end(seat, number)
        elif isinstance(said, Reported):
            seat.asking.add(number)
        self._facts.append(said)

    def _hear(self, seat: S, kind: str, *words: Any) -> None:
        if kind == "broken":
            self._error = ExecutorError(words[0])
        elif kind == SWAP:
            self._swap(seat, *words)
        else:
            seat.settle(*words)
            self._crew.settle(seat)

    def _swap(self, seat: S, room: int, *ends: bytes) -> None:
        """Takes last facts of a cohort that keeps its place meanwhile, since it waits for more."""
        seat.fresh, seat.room = (), room
        self._swapping.append(seat)
        for frame in ends:
            self._take(seat, decode(frame))

    def _extend(self) -> None:
        """Gives the cohorts that wait for more what there is for them, now that their last facts are known."""
        swapping, self._swapping = self._swapping, []
        for seat in swapping:
            if seat.going or seat.room is None:
                continue
            jobs: Sequence[Job] = ()
            if self._more is not None and not self._crew.starves(seat):
                jobs = self._more(seat.room, seat.jobs)
            self._crew.extend(seat, jobs)

    def _push(self, seat: S, frame: bytes) -> None:
        assert seat.port is not None
        seat.port.push(frame)
        self._mind(seat)

    def _mind(self, seat: S) -> None:
        """Waits for a worker's socket, as long as it is open; to write too, as long as something waits to be sent."""
        if seat.port is not None and not (seat.port.closed or seat.gone):
            self._waiter.watch(seat.port, partial(self._heed, seat), writing=bool(seat.port.backlog))

    # --- what befalls workers -----------------------------------------------------------------------------------------

    def _look(self, now: float) -> None:
        """Holds the limit on time against the workers that run something."""
        self._reap()
        limit = self._trial_time
        for seat in self._crew.seats.values():
            if limit is not None and seat.open and seat.sent_at is not None and now - seat.sent_at > limit:
                seat.condemn(f"time limit: ran longer than {limit:g} s")

    def _bury(self, seat: S, events: int = 0) -> None:
        """Sees a dead worker off: what it still said, what it leaves behind, what becomes of its trials."""
        seat.gone = True
        del self._crew.seats[seat.number]
        self._crew.forget(seat)
        if seat.port is not None:
            self._waiter.forget(seat.port)
            seat.port.dry = False
            while not seat.port.dry:
                self._read(seat)
        died = seat.bury()
        if not self._closing:
            if not (seat.ready or seat.leaving or seat.cancelled):
                self._count_failure(seat, died)
            if seat.verdict is None:
                self._crew.put_back(seat)
            for number in list(seat.open):
                self._facts.append(seat.last(number) or self._lose(seat, number, died))
                self._crew.end(seat, number)
            self._crew.drop(seat)
            self._crew.serve()
        seat.close()

    def _count_failure(self, seat: S, died: str) -> None:
        self._failures += 1
        if self._failures >= STARTS and self._error is None:
            told = self._stillborn(seat, died)
            self._error = ExecutorError(f"{STARTS} workers in a row died while they started {told}")
