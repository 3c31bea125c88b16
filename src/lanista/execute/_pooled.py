"""The face of the executors whose trials run in a pool of workers."""

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from lanista.errors import ExecutorError, UsageError
from lanista.trial import Decision, Job, More

if TYPE_CHECKING:
    from lanista.execute._pool import Pool


class Pooled:
    """An executor that hands everything on to the pool that its `open` makes.

    Attributes:
        workers: how many cohorts run at once.
        trial_time: seconds that a cohort may run after it got its last trials.
    """

    workers: int | None
    trial_time: float | None
    _pool: "Pool[Any] | None" = None

    def offer(self, more: More) -> None:
        """Says who gives further trials to cohorts that run."""
        self._opened.offer(more)

    @property
    def slots(self) -> int:
        """How many cohorts can run at once."""
        return self._opened.target

    def free(self) -> int:
        """How many cohorts could be submitted now."""
        return self._opened.free()

    def submit(self, jobs: Sequence[Job]) -> None:
        """Runs a cohort in one worker.

        Raises:
            UsageError: all are busy, or a trial is to get what workers have none of.
            ExecutorError: a worker cannot be started, or no node has what a trial is to get.
        """
        self._opened.submit(jobs)

    def poll(self, timeout: float) -> None:
        """Hands facts to `handle` as they come, at the latest after `timeout` seconds returns without any.

        Raises:
            ExecutorError: workers cannot import the objective, die again and again while they start, or save
                checkpoints where others cannot read them.
        """
        self._opened.poll(timeout)

    def reply(self, number: int, decision: Decision) -> None:
        """Answers a trial's report."""
        self._opened.reply(number, decision)

    def cancel(self, number: int, *, reason: str, end: bool) -> None:
        """Kills the worker of a running trial; in a cohort of which others run on, it ends at its next report."""
        self._opened.cancel(number, reason, end)

    def resize(self, workers: int) -> None:
        """Changes the number of workers, also while trials run; those too many leave when their trial ends.

        Raises:
            UsageError: less than one.
            ExecutorError: more than the GPUs of this machine suffice for.
        """
        check_count("workers", workers)
        if self._pool is not None:
            self._pool.resize(workers)
        self.workers = workers

    def limit(self, trial_time: float | None) -> None:
        """Changes the seconds that a cohort may run, also while trials run."""
        if self._pool is not None:
            self._pool.limit(trial_time)
        self.trial_time = trial_time

    def now(self) -> float:
        """Seconds since the epoch."""
        return time.time()

    def close(self) -> None:
        """Ends all workers, killing what runs, without further facts; it can be opened again."""
        pool, self._pool = self._pool, None
        if pool is not None:
            pool.close()

    @property
    def _opened(self) -> "Pool[Any]":
        if self._pool is None:
            raise UsageError("open() the executor first, with the objective to run")
        return self._pool

    def _check_idle(self) -> None:
        """Raises ExecutorError while another run has it, UsageError for a limit that makes no sense."""
        if self._pool is not None:
            name = type(self).__name__
            raise ExecutorError(f"this {name}() already runs an experiment; make another one for this run")
        if self.trial_time is not None and not self.trial_time > 0:
            raise UsageError(f"trial_time={self.trial_time!r} must be seconds above 0")


def check_count(name: str, value: object) -> None:
    """Raises UsageError for what is no whole number from 1."""
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise UsageError(f"{name}={value!r} must be a whole number from 1")
