"""Trials in worker processes of this machine."""

import time
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import TYPE_CHECKING

from lanista.errors import ExecutorError, UsageError
from lanista.execute._resources import parse_bytes, plan
from lanista.trial import Decision, Handle, Job, Runnable

if TYPE_CHECKING:
    from lanista.execute._pool import Pool


@dataclass(eq=False)
class Processes:
    """Runs trials in warm worker processes, which are started when first needed and serve one trial after another.

    A worker is a fresh Python that gets the objective by cloudpickle, so lambdas, functions of notebooks and of
    scripts without a main guard all work. What a module of yours keeps in a global, a dataset for instance, is loaded
    once a worker, not once a trial. What a trial prints goes to `logs/<number>.log` in the experiment's folder. A
    worker that dies fails its trials alone; no process outlives the experiment, however it ends.

    Args:
        workers: how many cohorts run at once; by default as many as the cores, or the GPUs, suffice for.
        cpus: cores of one worker: what OMP_NUM_THREADS and the like are set to. By default the cores are shared out
            evenly, and an OMP_NUM_THREADS of yours is left as it is.
        gpus: GPUs of one worker, by CUDA_VISIBLE_DEVICES; 0.5 lets two workers share one. With 0, the default, nothing
            is set.
        memory: bytes, or text such as "2GB": a worker whose processes use more is killed, and its trials fail.
        trial_time: seconds: a worker whose cohort runs longer is killed, and its trials fail.

    >>> import lanista as la
    >>> exp = la.Experiment("two workers", {"x": la.Float(0, 1)}, metric="y", store="memory")
    >>> exp.run(lambda trial: trial["x"], trials=4, executor=la.Processes(2), progress=False).trials[3].state
    'completed'
    """

    workers: int | None = None
    _: KW_ONLY
    cpus: int | None = None
    gpus: float = 0
    memory: int | str | None = None
    trial_time: float | None = None
    _pool: "Pool | None" = field(default=None, init=False, repr=False)

    def open(self, objective: Runnable, handle: Handle) -> None:
        """Checks the resources and packs the objective; workers start later.

        Raises:
            UsageError: an argument that makes no sense.
            ExecutorError: GPUs or cores that do not exist, an objective that cannot be pickled, or another run has not
                closed it.
        """
        from lanista.execute._pool import Pool

        if self._pool is not None:
            raise ExecutorError("this Processes() already runs an experiment; make another one for this run")
        memory = None if self.memory is None else parse_bytes(self.memory)
        if self.trial_time is not None and not self.trial_time > 0:
            raise UsageError(f"trial_time={self.trial_time!r} must be seconds above 0")
        shares = plan(self.workers, self.cpus, self.gpus)
        self._pool = Pool(shares, objective, handle, memory=memory, trial_time=self.trial_time)

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
            UsageError: all are busy.
            ExecutorError: a worker cannot be started.
        """
        self._opened.submit(jobs)

    def poll(self, timeout: float) -> None:
        """Hands facts to `handle` as they come, at the latest after `timeout` seconds returns without any.

        Raises:
            ExecutorError: workers cannot import the objective, or die again and again while they start.
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
            ExecutorError: more than the GPUs suffice for.
        """
        if not isinstance(workers, int) or workers < 1:
            raise UsageError(f"workers={workers!r} must be a whole number from 1")
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
    def _opened(self) -> "Pool":
        if self._pool is None:
            raise UsageError("open() the executor first, with the objective to run")
        return self._pool
