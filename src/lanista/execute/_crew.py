"""Who works: the workers of a pool, those that have nothing to do, and the cohorts that wait for one."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

from lanista.execute._queue import Cohort, Queue
from lanista.execute._seat import Seat
from lanista.trial import Job

S = TypeVar("S", bound=Seat)


class Crew(Generic[S]):
    """Workers, started when first needed.

    A cohort waits here until a worker is ready for it, so that none waits for a worker that is still starting while
    another has nothing to do.

    Attributes:
        target: how many cohorts can run at once.
        queue: those that wait.
        seats: the workers that are not buried, by number.
        where: the worker of each trial that has one.

    Args:
        target: how many cohorts can run at once.
        make: starts a worker, of this number, for this cohort alone or for any.
        told: is called with a worker after something was pushed to it.
    """

    def __init__(self, target: int, make: Callable[[int, Cohort | None], S], told: Callable[[S], None]) -> None:
        self.target = target
        self._make, self._told = make, told
        self.queue = Queue()
        self.seats: dict[int, S] = {}
        self.where: dict[int, S] = {}
        self._idle: list[S] = []
        self._busy = self._started = 0

    def free(self) -> int:
        """How many cohorts could be taken in now."""
        return max(0, self.target - self._busy - self.queue.places)

    def full(self) -> bool:
        """Whether as many cohorts wait or run as can run at once, however large they are."""
        return len(self.queue.cohorts) + sum(seat.busy for seat in self.seats.values()) >= self.target

    def serve(self) -> None:
        """Places the cohorts that wait, in their order, as far as there are workers; starts those that lack."""
        coming = self._coming() if self.queue.cohorts else 0
        ahead, waiting = self._busy, 0
        for cohort in self.queue.cohorts:
            places = min(cohort.places, self.target)
            ahead += places
            if cohort.resources is not None:
                if ahead > self.target or not self._make_room(places):
                    return
                self.queue.take(cohort)
                self._start(replace(cohort, places=places))
                coming = self._coming()
            elif self._idle:
                self.queue.take(cohort)
                seat = self._idle.pop()
                self._hold(seat, cohort.jobs)
                self.send(seat)
            elif waiting < coming:
                waiting += 1
            elif self._staying() < self.target:
                self._start(None)
                waiting, coming = waiting + 1, coming + 1

    def settle(self, seat: S) -> None:
        """A worker is ready: it gets its own cohort, or any."""
        if seat.open:
            self.send(seat)
        else:
            self._rest(seat)

    def send(self, seat: S) -> None:
        """Sends a worker the cohort that it has."""
        seat.send()
        self._told(seat)

    def leave(self, seat: S) -> None:
        """Tells a worker to end by itself."""
        seat.leave()
        self._told(seat)

    def forget(self, seat: S) -> None:
        """Counts on a worker no more that is dying."""
        self._idle = [other for other in self._idle if other is not seat]

    def end(self, seat: S, number: int) -> None:
        """A trial is no more with this worker."""
        del seat.open[number], self.where[number]
        seat.asking.discard(number)
        seat.cancelled.pop(number, None)
        self._over(seat)

    def starves(self, seat: S) -> bool:
        """Whether a worker's cohort is to run out: there is one worker too many, or others wait for its place."""
        ahead = sum(other.places for other in self.seats.values() if not other.leaving and other.number <= seat.number)
        return ahead > self.target or any(cohort.resources is not None for cohort in self.queue.cohorts)

    def extend(self, seat: S, jobs: Sequence[Job]) -> None:
        """Gives a worker's cohort the further trials that it waits for, be they none."""
        self.where |= {job.number: seat for job in jobs}
        seat.extend(jobs)
        self._told(seat)
        self._over(seat)

    def drop(self, seat: S) -> None:
        """A worker died while its cohort waited for more."""
        if seat.room is not None:
            seat.room = None
            self._over(seat)

    def put_back(self, seat: S) -> None:
        """A worker died before it got its last jobs: another one takes those that are still wanted."""
        jobs = [job for job in seat.untouched if job.number in seat.open.keys() - seat.cancelled.keys()]
        if jobs:
            self.queue.put_back(Cohort(jobs) if seat.own is None else replace(seat.own, jobs=jobs))
            for job in jobs:
                self.end(seat, job.number)

    def resize(self, target: int) -> None:
        """Sets how many cohorts can run at once; those too many leave when they have nothing to do."""
        self.target = target
        self._make_room(0)
        self.serve()

    def _start(self, own: Cohort | None) -> None:
        self._started += 1
        seat = self.seats[self._started] = self._make(self._started, own)
        if own is not None:
            self._hold(seat, own.jobs)

    def _hold(self, seat: S, jobs: Sequence[Job]) -> None:
        seat.hold(jobs)
        self._busy += seat.places
        self.where |= {job.number: seat for job in jobs}

    def _over(self, seat: S) -> None:
        """Sees whether a worker has nothing to do now."""
        if not seat.busy:
            self._busy -= seat.places
            self._rest(seat)

    def _rest(self, seat: S) -> None:
        """A worker has nothing to do: it gets more, unless it was for one cohort alone, or is one too many.

        What was taken in while there were more places runs all the same.
        """
        if not seat.going:
            if seat.own is not None or (self._staying() > self.target and not self.queue.cohorts):
                self.leave(seat)
            else:
                self._idle.append(seat)
        self.serve()

    def _coming(self) -> int:
        return sum(seat.coming for seat in self.seats.values())

    def _staying(self) -> int:
        """How many places are taken up by workers; the dead keep theirs until they are buried."""
        return sum(seat.places for seat in self.seats.values() if not seat.leaving)

    def _make_room(self, places: int) -> bool:
        """Lets workers leave that have nothing to do, and nothing to come for; whether there is room then."""
        most = self.target - places
        while self._idle and self._staying() > most:
            self.leave(self._idle.pop(0))
        awaited = sum(cohort.resources is None for cohort in self.queue.cohorts)
        for seat in [seat for seat in self.seats.values() if seat.coming][awaited:]:
            if self._staying() > most:
                self.leave(seat)
        return self._staying() <= most
