"""Trials on a cluster, by Ray."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from typing import Any

from lanista.errors import UsageError
from lanista.execute._pooled import Pooled, check_count
from lanista.execute._resources import parse_bytes
from lanista.trial import Handle, Runnable


@dataclass(eq=False)
class Ray(Pooled):
    """Runs trials on a Ray cluster: in warm actors, started when first needed, that serve one trial after another.

    The package `ray` comes with the extra: `pip install 'lanista[ray]'`. The nodes need Lanista and what the objective
    imports; the folder that the program runs in is sent to them. What a trial prints comes home, to
    `logs/<number>.log` in the experiment's folder. A trial whose worker or node is lost goes on elsewhere from its last
    checkpoint, without spending a retry. No worker outlives the program, however it ends.

    Args:
        address: "auto" joins the cluster that this machine is a node of, "host:port" names it. By default a Ray of this
            machine alone is started, and shut down at the end. A Ray that this process has joined already is used as it
            is.
        workers: how many cohorts run at once; by default as many as the nodes have room for, counted again and again:
            nodes that join are used at once.
        cpus: CPUs of one worker, as Ray counts them.
        gpus: GPUs of one worker; 0.5 lets two workers share one.
        memory: bytes, or text such as "2GB", that a node must have free for each worker. It reserves and does not
            limit: Ray kills workers when a node runs out of memory.
        resources: further resources of one worker by the names that the nodes were given, for instance {"tpu": 1}.
        runtime_env: Ray's description of what workers need; by default the current folder is sent when a cluster is
            joined. {} sends nothing.
        placement: what to reserve beside each worker, for a trial that is itself distributed: one mapping, such as
            {"cpus": 1, "gpus": 1}, for each Ray task or actor that it starts. They are kept near each other.
        max_losses: how many workers a trial may lose in a row, without a new checkpoint, before it counts as failed.
        trial_time: seconds: a worker whose cohort runs longer, counted from its last trials' entry, is killed, and
            its trials fail.

    >>> import lanista as la
    >>> executor = la.Ray("auto", cpus=2, gpus=0.5)  # joins the cluster when an experiment runs on it
    >>> executor.gpus
    0.5
    """

    address: str | None = None
    _: KW_ONLY
    workers: int | None = None
    cpus: float = 1
    gpus: float = 0
    memory: int | str | None = None
    resources: Mapping[str, float] | None = None
    runtime_env: Mapping[str, Any] | None = None
    placement: Sequence[Mapping[str, float]] = ()
    max_losses: int = 3
    trial_time: float | None = None
    _joined: bool = field(default=False, init=False, repr=False)

    def open(self, objective: Runnable, handle: Handle) -> None:
        """Joins the cluster and packs the objective; workers start later.

        Raises:
            UsageError: an argument that makes no sense.
            ExecutorError: Ray is not installed, there is no such cluster, no node has room for a worker, the objective
                cannot be pickled, or another run has not closed it.
        """
        from lanista.execute import _ray_cluster
        from lanista.execute._ray_pool import RayPool

        self._check_idle()
        wanted, beside = self._wanted()
        each = sum(part.get("CPU", 0) for part in beside) + self.cpus
        self._joined = _ray_cluster.join(self.address, self.runtime_env, each * (self.workers or 1))
        try:
            if self.workers is None:
                _ray_cluster.check([_ray_cluster.need_of(wanted), *beside])
            self._pool = RayPool(
                objective, handle, workers=self.workers, resources=wanted, beside=beside, losses=self.max_losses
            )
            self._pool.limit(self.trial_time)
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Ends all workers, killing what runs, without further facts; leaves the cluster if `open` has joined it."""
        super().close()
        if self._joined:
            from lanista.execute import _ray_cluster

            self._joined = False
            _ray_cluster.load().shutdown()

    def _wanted(self) -> tuple[dict[str, float], list[dict[str, float]]]:
        """What one worker gets, by our names, and what is reserved beside it, by Ray's."""
        from lanista.execute._ray_cluster import need_of

        if self.workers is not None:
            check_count("workers", self.workers)
        check_count("max_losses", self.max_losses)
        memory = {} if self.memory is None else {"memory": parse_bytes(self.memory)}
        wanted = {"cpus": self.cpus, "gpus": self.gpus, **memory, **(self.resources or {})}
        for part in (wanted, *self.placement):
            _check(part)
        return wanted, [need_of(part) for part in self.placement]


def _check(part: Mapping[str, float]) -> None:
    """Raises UsageError for resources that no worker can have."""
    for name, amount in part.items():
        if name in ("CPU", "GPU"):
            raise UsageError(f"resources name {name!r}; write {name.lower()}s={amount!r}")
        if not isinstance(amount, int | float) or not amount >= 0 or (amount > 1 and amount != int(amount)):
            raise UsageError(f"{name}={amount!r} must be a whole number, or a share below 1, such as 0.5")
    if not any(part.values()):
        raise UsageError("a worker must take up something, for the cluster to know where it fits; give cpus=1")
