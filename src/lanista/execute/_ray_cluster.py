"""Ray itself: joining it, what its nodes have, and starting workers there."""

import contextlib
import logging
import math
import os
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from lanista.errors import ExecutorError, UsageError
from lanista.execute import _launch, _share
from lanista.execute._resources import cores
from lanista.trial import Runnable

Need = dict[str, float]
"""What a worker takes up, by Ray's names."""

CENSUS_S = 2.0
"""How often the nodes are counted."""
_HUSHED = "A worker died or was killed|The node with node id|Raylet is terminated"
"""What Ray prints in the driver on each death, a page long: the journal says it in a line."""
_LABELS = ("class_name:", "actor_id:", "pid:", "namespace:", "ip:")
_NAMES = {"cpus": "CPU", "gpus": "GPU", "memory": "memory"}


def need_of(resources: Mapping[str, float]) -> Need:
    """Our names for resources as Ray's, without those of which none is wanted."""
    return {_NAMES.get(name, name): float(amount) for name, amount in resources.items() if amount}


def load() -> Any:
    """The module.

    Raises:
        ExecutorError: it is not installed.
    """
    if "ray" not in sys.modules:  # which reads it when it is imported, unlike what `init` is given
        os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", _HUSHED)
    try:
        import ray
    except ImportError as error:
        raise ExecutorError(f"Ray() needs the package ray ({error}); pip install 'lanista[ray]'") from error
    return ray


def join(address: str | None, runtime_env: Mapping[str, Any] | None, cpus: float) -> bool:
    """Joins a cluster, or starts a local one with at least so many cores; False where this process has done so before.

    Raises:
        UsageError: the address is one of Ray's client, or runtime_env comes too late.
        ExecutorError: there is no cluster, or the project cannot be sent to it.
    """
    if address is not None and address.startswith("ray://"):
        raise UsageError(
            f"address={address!r}: workers call their driver, which must be on the cluster's network. Run the program "
            "on a node, by `ray job submit`, with address='auto'"
        )
    ray = load()
    if ray.is_initialized():
        if runtime_env:
            raise UsageError(f"runtime_env={runtime_env!r}: this program has joined Ray already; give it to ray.init")
        return False
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
    if address is None:
        options |= {"num_cpus": max(cores(), math.ceil(cpus)), "include_dashboard": False}
        options["_system_config"] = {"worker_niceness": 0}
    if runtime_env is None and address is not None and "RAY_JOB_CONFIG_JSON_ENV_VAR" not in os.environ:
        runtime_env = {"working_dir": os.getcwd()}  # `ray job submit` has sent the project already
    try:
        ray.init(address or "local", runtime_env=dict(runtime_env) if runtime_env else None, **options)
    except Exception as error:
        with contextlib.suppress(Exception):
            ray.shutdown()
        where = "a local Ray cannot be started" if address is None else f"no cluster can be joined at {address!r}"
        raise ExecutorError(f"{where}: {error}{_advice(address, error)}") from error
    return True


def _advice(address: str | None, error: Exception) -> str:
    if isinstance(error, ConnectionError):
        return "; start one by `ray start --head`, or leave the address out for a Ray of this machine alone"
    if address is not None and "working_dir" in str(error):
        return (
            "; this folder is sent to the nodes: run from the project's own, or give "
            "runtime_env={'working_dir': ..., 'excludes': [...]}, or {} to send nothing"
        )
    return ""


def host() -> str:
    """The address of this machine that the nodes can reach."""
    return str(load().util.get_node_ip_address())


def room(bundles: Sequence[Need]) -> int:
    """How many workers of these bundles the nodes that live have room for, if they have nothing else to do.

    Raises:
        ExecutorError: the cluster is gone.
    """
    nodes = _nodes()
    if len(bundles) == 1:
        return sum(fits(bundles[0], have) for have in nodes)
    left, count = [dict(have) for have in nodes], 0
    while all(_take(need, left) for need in bundles):
        count += 1
    return count


def fits(need: Need, have: Mapping[str, float]) -> int:
    """How many times a node has what is needed.

    >>> fits({"CPU": 2, "GPU": 0.5}, {"CPU": 8, "GPU": 1}), fits({"GPU": 1}, {"CPU": 8})
    (2, 0)
    """
    return min(int(have.get(name, 0.0) / amount + 1e-9) for name, amount in need.items())


def _take(need: Need, left: list[dict[str, float]]) -> bool:
    """Takes what is needed from the first node that has it."""
    for have in left:
        if fits(need, have):
            for name, amount in need.items():
                have[name] -= amount
            return True
    return False


def _nodes() -> list[Mapping[str, float]]:
    """The resources of each node that lives."""
    try:
        return [node["Resources"] for node in load().nodes() if node["Alive"]]
    except Exception as error:
        mend = "start it again and run again: all that was journalled is there, and trials go on"
        raise ExecutorError(f"the cluster is gone ({type(error).__name__}: {error}); {mend}") from error


class Census:
    """How many cohorts can run at once.

    Attributes:
        workers: so many; None: as many as the nodes have room for.
        target: the answer; at least one, since lost nodes may come back.
    """

    def __init__(self, workers: int | None, bundles: Sequence[Need]) -> None:
        self.workers = workers
        self.target = 1
        self._bundles = bundles
        self._next = 0.0
        self.look()

    def look(self) -> None:
        """Counts again, if the last time was long enough ago."""
        now = time.monotonic()
        if self.workers is not None:
            self.target = self.workers
        elif now >= self._next:
            self._next = now + CENSUS_S
            self.target = max(1, room(self._bundles))


def check(bundles: Sequence[Need]) -> None:
    """Raises ExecutorError when the cluster has no room for one worker."""
    if not room(bundles):
        wanted = " and ".join(map(_words, bundles))
        there = "; ".join(map(_words, _nodes())) or "nothing"
        raise ExecutorError(
            f"no node of the cluster has room for a worker with {wanted}: the nodes have {there}. Ask for less; or, "
            "where the cluster grows on demand, say how many workers= it is to grow to"
        )


def _words(resources: Mapping[str, float]) -> str:
    shown = {k: v for k, v in resources.items() if ":" not in k and k != "object_store_memory"}
    return ", ".join(f"{v / 1e9:.3g} GB memory" if k == "memory" else f"{v:g} {k}" for k, v in shown.items())


def put(objective: Runnable) -> tuple[Any, dict[str, list[Any]]]:
    """Puts what all workers need into the object store: the objective, and what `la.share` gave it.

    Raises:
        ExecutorError: it cannot be pickled.
    """
    ray = load()
    with _share.gathering() as shared:
        parcel = _launch.wrap(objective)
    # In lists, so that Ray hands the references on and does not fetch what no trial may ask for.
    return ray.put(parcel), {key: [ray.put(one.get())] for key, one in shared.items()}


class Berth:
    """An actor of ours on the cluster, and the call that is its life.

    Attributes:
        over: why that call has ended, once it has; None for by itself.
        ended: whether it has.

    Args:
        bundles: what it takes up, and what is reserved beside it for what its trials start themselves.
        arguments: of the call.
        wake: is called when that ends, by a thread of Ray's.
    """

    def __init__(self, bundles: Sequence[Need], arguments: tuple[Any, ...], wake: Callable[[], None]) -> None:
        from lanista.execute._ray_worker import Worker

        ray = load()
        need = bundles[0]
        rest = {name: amount for name, amount in need.items() if name not in _NAMES.values()}
        options: dict[str, Any] = {
            "num_cpus": need.get("CPU", 0),
            "num_gpus": need.get("GPU", 0),
            "memory": need.get("memory"),
            "resources": rest or None,
            "max_restarts": 0,
            "max_task_retries": 0,
        }
        self._group: Any = None
        if len(bundles) > 1:
            from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy

            self._group = ray.util.placement_group([dict(bundle) for bundle in bundles], strategy="PACK")
            options["scheduling_strategy"] = PlacementGroupSchedulingStrategy(
                self._group, 0, placement_group_capture_child_tasks=True
            )
        self.ended = False
        self.over: str | None = None
        self._wake = wake
        self._actor = ray.remote(Worker).options(**options).remote()
        self._actor.serve.remote(*arguments).future().add_done_callback(self._end)

    def kill(self) -> None:
        """Kills the actor's process, wherever it is."""
        with contextlib.suppress(Exception):  # it may be gone already, and the cluster too
            load().kill(self._actor)

    def clear(self) -> None:
        """Gives back what was reserved, once it has ended."""
        if self._group is not None:
            with contextlib.suppress(Exception):
                load().util.remove_placement_group(self._group)

    def _end(self, future: Any) -> None:
        error = future.exception()
        self.over = None if error is None else why(error)
        self.ended = True
        self._wake()


def why(error: BaseException) -> str:
    """What befell a worker, in one line.

    All of Ray's errors mean that the worker is lost, however they are called.
    """
    cause = getattr(error, "cause", None) or error
    lines = [line.strip() for line in str(cause).splitlines()]
    told = [line for line in lines if line and not line.startswith(_LABELS)]
    text = " ".join(told).partition(" Some common causes include")[0]
    return f"{type(cause).__name__}: {text[:400]}"
