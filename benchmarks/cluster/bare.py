"""What Ray itself does: two actors, and a driver that draws the parameters of each call and takes its result."""

import random
import time
from collections.abc import Callable
from typing import Any

import ray

from benchmarks.cluster.shared import join, settle
from benchmarks.measure import Result, measured, peak_mib, serve

NAMES = [f"x{i}" for i in range(10)]


@ray.remote(num_cpus=1)
class Actor:
    def no_op(self, params: dict[str, float]) -> float:
        return params["x0"]

    def now(self) -> float:
        return time.time()


@ray.remote(num_cpus=1)
def task(params: dict[str, float]) -> float:
    return params["x0"]


def run(folder: str, address: str, way: str, trials: int, ahead: int) -> Result:
    """Each worker has `ahead` calls at most; with one, it waits for the driver after each, as a trial's worker does."""
    join(address)
    rng = random.Random(0)
    result: Result = {"trials": trials, "before": peak_mib()}
    with measured(result):
        actors = [Actor.remote() for _ in range(2)] if way == "actors" else []
        calls = [actor.no_op.remote for actor in actors] or [task.remote, task.remote]
        busy: dict[Any, Callable[..., Any]] = {}
        started = ended = 0
        begun = 0.0
        while ended < trials:
            for call in calls if not started else []:
                busy |= {call(_draw(rng)): call for _ in range(ahead)}
                started += ahead
            (done,), _ = ray.wait(list(busy))
            ray.get(done)
            ended += 1
            begun = begun or time.perf_counter()
            call = busy.pop(done)
            if started < trials:
                busy[call(_draw(rng))] = call
                started += 1
        result["steady"] = (trials - 1) / (time.perf_counter() - begun)
    return result


def first(folder: str, address: str, after: float) -> Result:
    """Seconds from asking for an actor to the first line of its first call: what no one on Ray can be below."""
    join(address)
    settle(after)
    begin = time.time()
    return {"first": ray.get(Actor.remote().now.remote()) - begin}


def _draw(rng: random.Random) -> dict[str, float]:
    return {name: rng.random() for name in NAMES}


if __name__ == "__main__":
    serve({"run": run, "first": first})
