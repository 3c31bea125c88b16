"""The cohorts that wait for a worker."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lanista._frozen import Frozen
from lanista.trial import Job


class Cohort(Frozen):
    """Trials that run at once in one worker.

    Attributes:
        jobs: the trials.
        places: how many workers' shares they take up.
        resources: what they get, where that is more than a worker has: they have a worker of their own then.
    """

    jobs: Sequence[Job]
    places: int = 1
    resources: Mapping[str, float] | None = None


class Queue:
    """Cohorts in the order of their submission.

    Attributes:
        cohorts: those that wait, now.
    """

    def __init__(self) -> None:
        self.cohorts: tuple[Cohort, ...] = ()

    @property
    def places(self) -> int:
        """How many workers' shares wait."""
        return sum(cohort.places for cohort in self.cohorts)

    def add(self, cohort: Cohort) -> None:
        """Takes a cohort in, as the last."""
        self.cohorts += (cohort,)

    def put_back(self, cohort: Cohort) -> None:
        """Takes a cohort in again, as the first."""
        self.cohorts = (cohort, *self.cohorts)

    def take(self, cohort: Cohort) -> None:
        """Takes a cohort out: it has a worker."""
        self.cohorts = tuple(other for other in self.cohorts if other is not cohort)

    def remove(self, number: int) -> Job | None:
        """Takes a trial back; None where it does not wait here."""
        for at, cohort in enumerate(self.cohorts):
            for job in cohort.jobs:
                if job.number == number:
                    left = [other for other in cohort.jobs if other is not job]
                    rest = (replace(cohort, jobs=left),) if left else ()
                    self.cohorts = (*self.cohorts[:at], *rest, *self.cohorts[at + 1 :])
                    return job
        return None
