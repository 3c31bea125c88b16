"""The trials that one call of a function trains together, which may change on the way."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any, overload

from lanista.errors import UsageError
from lanista.journal import Event
from lanista.trial._conclusion import conclusion
from lanista.trial._protocol import CohortLink, Job, Link
from lanista.trial._trial import Trial


class Cohort(Sequence[Trial]):
    """The trials that a cohort's function has at present, in the order in which they entered.

    It is what a function gets that runs with `cohort=`. Where it never calls `swap`, it can take it for a list.

    Attributes:
        capacity: how many trials it has room for: the `cohort=` of the run.

    >>> import lanista as la
    >>> def train(trials):
    ...     while trials:
    ...         for trial in trials:
    ...             trial.report(loss=trial["x"] / (trial.step + 1))
    ...         trials.swap([trial for trial in trials if trial.stopped or trial.step == 3])
    >>> exp = la.Experiment("swaps", {"x": la.Float(0, 1)}, metric="loss", store="memory")
    >>> [trial.steps for trial in exp.run(train, trials=6, cohort=4, progress=False).trials]
    [3, 3, 3, 3, 3, 3]
    """

    def __init__(
        self, jobs: Sequence[Job], link: Link, begin: Callable[[Job], Trial], *, capacity: int | None = None
    ) -> None:
        self.capacity = max(capacity or 0, len(jobs))
        self._link, self._begin = link, begin
        self._jobs = {begin(job): job for job in jobs}

    def __repr__(self) -> str:
        return f"Cohort({list(self)}, capacity={self.capacity})"

    def __len__(self) -> int:
        return len(self._jobs)

    def __iter__(self) -> Iterator[Trial]:
        return iter(list(self._jobs))  # those that it has now: the loop may swap

    def __contains__(self, trial: object) -> bool:
        return isinstance(trial, Trial) and trial in self._jobs

    @overload
    def __getitem__(self, index: int) -> Trial: ...

    @overload
    def __getitem__(self, index: slice) -> list[Trial]: ...

    def __getitem__(self, index: int | slice) -> Trial | list[Trial]:
        return list(self._jobs)[index]

    def swap(self, leaving: Mapping[Trial, Any] | Iterable[Trial] = ()) -> list[Trial]:
        """Ends trials now, as returning would end them, and takes in others.

        Each trial that leaves is completed, stopped, paused or failed at once, and the scheduler hears of it. Then the
        experiment is asked for as many trials as there is room for. It may give new ones, and ones that go on from a
        checkpoint: call `trial.load(...)` as at the start of the function. It gives fewer, or none, when a limit is
        reached, it is paused or ending, the scheduler waits for other trials, or the next trial is to get other
        resources. A cohort that all have left without others in their place is over: it gets no more.

        Args:
            leaving: the trials; or a mapping to what each has for a result: what a function of a single trial would
                return, None for what it has reported, or an exception, which fails that one. By default nobody leaves,
                and only the free places are filled.

        Returns:
            Those that entered; they are the last of the cohort. [] too where an executor that is not ours cannot do
            it.

        Raises:
            UsageError: one of them is not in the cohort.
        """
        results = self._leaving(leaving)
        room = self.capacity - len(self) + len(results)
        if not (room and self._jobs):
            return []
        ends = [conclusion(trial, self._jobs[trial], result) for trial, result in results.items()]
        entered = {self._begin(job): job for job in self._exchange(ends, room)}
        for trial in results:
            del self._jobs[trial]
        self._jobs |= entered
        return list(entered)

    def conclude(self, results: Sequence[Any]) -> None:
        """Ends all that are still in it; `results` has one for each. The caller of the function does this."""
        for (trial, job), result in zip(self._jobs.items(), results, strict=True):
            self._link.send(conclusion(trial, job, result))

    def _leaving(self, leaving: Mapping[Trial, Any] | Iterable[Trial]) -> dict[Trial, Any]:
        """The results of those that leave."""
        if isinstance(leaving, Trial):
            raise UsageError("swap() takes several trials; write for one: trials.swap([trial])")
        results = dict(leaving) if isinstance(leaving, Mapping) else dict.fromkeys(leaving)
        for trial in results:
            if trial not in self:
                named = f"trial {trial.number}" if isinstance(trial, Trial) else repr(trial)
                there = ", ".join(str(other.number) for other in self) or "none"
                raise UsageError(f"swap() was given {named}, which is not in the cohort (any more); it has {there}")
        return results

    def _exchange(self, ends: list[Event], room: int) -> list[Job]:
        """Sends last events, and takes what comes in return."""
        if isinstance(self._link, CohortLink):
            return self._link.swap(ends, room)
        for end in ends:
            self._link.send(end)
        return []
