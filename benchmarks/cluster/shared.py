"""What the drivers of all cases share: joining the cluster, and looking at memory."""

import time

import numpy as np
import psutil
import ray

MIB = 2**20


def join(address: str) -> None:
    """Joins the cluster as a program would, with nothing sent to it; the workers have the interpreter and its path."""
    ray.init(address, log_to_driver=False, logging_level="ERROR", runtime_env={})


def settle(seconds: float) -> None:
    """Leaves Ray so long to start the idle workers that it keeps for a new driver."""
    time.sleep(seconds)


def dataset(mib: int) -> np.ndarray:
    """An array of so many MiB."""
    return np.random.default_rng(0).random(mib * MIB // 8)


def private_mib() -> float:
    """The memory of this process that it shares with no other."""
    return psutil.Process().memory_full_info().uss / MIB


def stored_mib() -> float:
    """What the object store of the one node holds."""
    name = "object_store_memory"
    return float(ray.cluster_resources()[name] - ray.available_resources().get(name, 0.0)) / MIB


def emptied_mib(patience: float = 20.0) -> float:
    """The same, once what the driver before left is gone."""
    deadline = time.monotonic() + patience
    while (held := stored_mib()) > 1 and time.monotonic() < deadline:
        time.sleep(0.2)
    return held
