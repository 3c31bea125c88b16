"""Worker processes of this machine."""

from collections.abc import Sequence
from itertools import islice

from lanista.execute import _launch, _watch
from lanista.execute._pool import Pool
from lanista.execute._process_seat import ProcessSeat
from lanista.execute._queue import Cohort
from lanista.execute._resources import Plan
from lanista.journal import Event
from lanista.trial import Handle, Job, Runnable


class ProcessPool(Pool[ProcessSeat]):
    """Worker processes, each of which takes up places of a plan.

    Args:
        plan: who gets which cores and GPUs.
        objective: what they run.
        handle: takes the facts.
        memory: bytes that the processes of a worker may use.
    """

    def __init__(self, plan: Plan, objective: Runnable, handle: Handle, *, memory: int | None) -> None:
        super().__init__(plan.workers, handle)
        self._plan, self._memory = plan, memory
        self._parcel = _launch.pack(objective)

    def resize(self, workers: int) -> None:
        """Sets how many workers there are; those too many leave when they are idle.

        Raises:
            ExecutorError: more than the GPUs suffice for.
        """
        self._plan.check(workers)
        super().resize(workers)

    def _cohort(self, jobs: Sequence[Job]) -> Cohort:
        places = max(self._plan.places(job.resources) for job in jobs)
        if min(places, self.target) == 1:
            return Cohort(jobs)
        return Cohort(jobs, places, {"cpus": self._plan.cpus * places, "gpus": self._plan.gpus * places})

    def _make(self, number: int, own: Cohort | None) -> ProcessSeat:
        seats = self._crew.seats.values()
        taken = {share for seat in seats if not seat.leaving for share in seat.shares}
        wanted = 1 if own is None else own.places
        free = (share for share in range(len(taken) + wanted) if share not in taken)
        seat = ProcessSeat(number, own, self._plan, list(islice(free, wanted)), self._parcel)
        self._mind(seat)
        if seat.pidfd is not None:
            self._waiter.watch(seat.pidfd, lambda events: self._bury(seat))
        return seat

    def _disband(self) -> None:
        """Ends all workers."""
        super()._disband()
        self._parcel.close()

    def _reap(self) -> None:
        """Finds the dead where the system does not tell."""
        for seat in list(self._crew.seats.values()):
            if seat.pidfd is None and seat.process.poll() is not None:
                self._bury(seat)

    def _look(self, now: float) -> None:
        """Holds the limits on time and memory against the workers that run something."""
        super()._look(now)
        if self._memory is None or not self._crew.where:
            return
        processes = _watch.table()
        for seat in self._crew.seats.values():
            if seat.open and (used := _watch.over(seat.pid, self._memory, processes)) is not None:
                seat.condemn(f"memory limit: used {used / 1e9:.3g} GB of {self._memory / 1e9:.3g} GB")

    def _bury(self, seat: ProcessSeat, events: int = 0) -> None:
        if seat.pidfd is not None:
            self._waiter.forget(seat.pidfd)
        super()._bury(seat)

    def _lose(self, seat: ProcessSeat, number: int, died: str) -> Event:
        return seat.failed(number, f"worker died: {died}")

    def _stillborn(self, seat: ProcessSeat, died: str) -> str:
        return f"({died}): {seat.said() or 'they said nothing'}"
