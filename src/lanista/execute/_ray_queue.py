"""The cohorts that wait for a worker on a cluster."""

import math
from collections.abc import Mapping, Sequence

from lanista._frozen import Frozen
from lanista.trial import Job


class Cohort(Frozen):
    """Trials that run at once in one worker.

    Attributes:
        jobs: the trials.
        places: how many workers' shares they take up.
        resources: what they get, where that is more than a worker has.
    """

    jobs: Sequence[Job]
    places: int = 1
    resources: Mapping[str, float] | None = None


class Queue:
    """Cohorts in the order of their submission.

    Attributes:
        cohorts: those that wait, now.

    Args:
        resources: what a worker has.
    """

    def __init__(self, resources: Mapping[str, float]) -> None:
        self._resources = resources
        self.cohorts: tuple[Cohort, ...] = ()

    @property
    def places(self) -> int:
        """How many workers' shares wait."""
        return sum(cohort.places for cohort in self.cohorts)

    def add(self, jobs: Sequence[Job]) -> Cohort:
        """Takes a cohort in, with the most of each resource that one of its trials is to get."""
        wanted = {**self._resources}
        for job in jobs:
            wanted |= {name: max(amount, wanted.get(name, 0)) for name, amount in (job.resources or {}).items()}
        if all(amount <= self._resources.get(name, 0) for name, amount in wanted.items()):
            cohort = Cohort(jobs)
        else:
            shares = [amount / self._resources[name] for name, amount in wanted.items() if self._resources.get(name)]
            cohort = Cohort(jobs, max(1, *(math.ceil(share - 1e-9) for share in shares)), wanted)
        self.cohorts += (cohort,)
        return cohort

    def take(self, cohort: Cohort) -> None:
        """Takes a cohort out: it has a worker."""
        self.cohorts = tuple(other for other in self.cohorts if other is not cohort)

    def remove(self, number: int) -> Job | None:
        """Takes a trial back; None where it does not wait here."""
        for cohort in self.cohorts:
            for job in cohort.jobs:
                if job.number == number:
                    left = [other for other in cohort.jobs if other is not job]
                    rest = (Cohort(left, cohort.places, cohort.resources),) if left else ()
                    at = self.cohorts.index(cohort)
                    self.cohorts = (*self.cohorts[:at], *rest, *self.cohorts[at + 1 :])
                    return job
        return None
