"""Trials in worker processes of this machine."""

from dataclasses import KW_ONLY, dataclass

from lanista.execute._pooled import Pooled
from lanista.execute._resources import parse_bytes, plan
from lanista.trial import Handle, Runnable


@dataclass(eq=False)
class Processes(Pooled):
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
        trial_time: seconds: a worker whose cohort runs longer, counted from its last trials' entry, is killed, and
            its trials fail.

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

    def open(self, objective: Runnable, handle: Handle) -> None:
        """Checks the resources and packs the objective; workers start later.

        Raises:
            UsageError: an argument that makes no sense.
            ExecutorError: GPUs or cores that do not exist, an objective that cannot be pickled, or another run has not
                closed it.
        """
        from lanista.execute._process_pool import ProcessPool

        self._check_idle()
        memory = None if self.memory is None else parse_bytes(self.memory)
        shares = plan(self.workers, self.cpus, self.gpus)
        self._pool = ProcessPool(shares, objective, handle, memory=memory)
        self._pool.limit(self.trial_time)
