"""Ray Tune's cases: the same work on the same cluster, two trials at a time."""

import os
import threading
import time
from typing import Any

from ray import tune

from benchmarks.cluster.shared import dataset, emptied_mib, join, private_mib, settle, stored_mib
from benchmarks.measure import Result, measured, peak_mib, serve

SPACE = {f"x{i}": tune.uniform(0.0, 1.0) for i in range(10)}


def tuner(objective: Any, folder: str, *, trials: int, reuse: bool) -> tune.Tuner:
    return tune.Tuner(
        tune.with_resources(objective, {"cpu": 1}),
        param_space=SPACE,
        tune_config=tune.TuneConfig(num_samples=trials, metric="value", mode="min", reuse_actors=reuse),
        run_config=tune.RunConfig(verbose=0, storage_path=folder),
    )


def run(folder: str, address: str, trials: int, reuse: bool) -> Result:
    """As Lanista's; `reuse` keeps its actors warm, which is off by default."""
    join(address)

    def objective(config: dict[str, float]) -> dict[str, float]:
        return {"value": config["x0"], "at": time.time()}

    made = tuner(objective, folder, trials=trials, reuse=reuse)
    result: Result = {"trials": trials, "before": peak_mib()}
    with measured(result):
        found = made.fit()
    at = sorted(one.metrics["at"] for one in found)
    assert len(at) == trials
    result["steady"] = (trials - 1) / (at[-1] - at[0])
    return result


def first(folder: str, address: str, after: float) -> Result:
    """Seconds from the call of `fit`, so long after Ray is joined, to the first line of the objective."""
    join(address)
    made = tuner(lambda config: {"value": time.time()}, folder, trials=1, reuse=False)
    settle(after)
    begin = time.time()
    return {"first": made.fit()[0].metrics["value"] - begin}


def broadcast(folder: str, address: str, mib: int) -> Result:
    """As Lanista's, by `tune.with_parameters`."""
    join(address)
    before = emptied_mib()
    stored: list[float] = []
    over = threading.Event()

    def objective(config: dict[str, float], data: Any) -> dict[str, float]:
        total = float(data.sum())
        time.sleep(2.0)
        return {"value": total, "private": private_mib(), "worker": float(os.getpid())}

    def watch() -> None:
        while not over.wait(0.2):
            stored.append(stored_mib())

    watcher = threading.Thread(target=watch)
    watcher.start()
    result: Result = {}
    with measured(result):
        made = tuner(tune.with_parameters(objective, data=dataset(mib)), folder, trials=2, reuse=False)
        found = made.fit()
    over.set()
    watcher.join()
    assert len(found) == 2
    return {**result, "stored": max(stored) - before}


if __name__ == "__main__":
    serve({"run": run, "first": first, "broadcast": broadcast})
