"""Lanista's cases on a cluster that runs already: a no-op objective with 10 floats, random search."""

import os
import time

import lanista as la
from benchmarks.cluster.shared import dataset, emptied_mib, join, private_mib, settle, stored_mib
from benchmarks.measure import Result, measured, peak_mib, serve

SPACE = {f"x{i}": la.Float(0.0, 1.0) for i in range(10)}


def experiment(folder: str, store: str) -> la.Experiment:
    where = f"{folder}/cluster.db" if store == "sqlite" else store
    return la.Experiment("cluster", SPACE, searcher="random", store=where, seed=0)


def run(folder: str, address: str, store: str, trials: int) -> Result:
    """The rate over all, which counts the start of the workers, and `steady` from the first trial's end to the last's.

    `before` is the driver's peak memory before the first trial, `rss` after the last.
    """
    join(address)
    exp = experiment(folder, store)
    result: Result = {"trials": trials, "before": peak_mib()}
    with measured(result):
        exp.run(lambda t: t.params["x0"], trials=trials, executor=la.Ray(address, workers=2), progress=False)
    assert exp.status.counts["completed"] == trials
    ended = sorted(trial.ended or 0.0 for trial in exp.trials)
    result["steady"] = (trials - 1) / (ended[-1] - ended[0])
    return result


def first(folder: str, address: str, after: float) -> Result:
    """Seconds from the call of `run`, so long after Ray is joined, to the first line of the objective."""
    join(address)
    exp = experiment(folder, "sqlite")
    settle(after)
    begin = time.time()
    exp.run(lambda t: time.time(), trials=1, executor=la.Ray(address, workers=2), progress=False)
    return {"first": (exp.trials[0].value or 0.0) - begin}


def broadcast(folder: str, address: str, mib: int) -> Result:
    """What the object store and the workers hold of an array that two workers read from end to end."""
    join(address)
    before = emptied_mib()
    data = la.share(dataset(mib))
    stored: list[float] = []

    def objective(trial: la.Trial) -> dict[str, float]:
        empty = private_mib()
        total = float(data.get().sum())
        grown = private_mib() - empty
        time.sleep(2.0)  # so that no worker takes both trials
        return {"value": total, "private": grown, "worker": float(os.getpid())}

    def look(*_: object) -> None:
        stored.append(stored_mib())

    exp = la.Experiment("broadcast", SPACE, searcher="random", store="memory", seed=0)
    result: Result = {}
    with measured(result):
        exp.run(objective, trials=2, executor=la.Ray(address, workers=2), progress=False, callbacks=[look])
    found = [trial.metrics for trial in exp.trials]
    assert len({metrics["worker"] for metrics in found}) == 2
    return {**result, "stored": max(stored) - before, "private": sum(metrics["private"] for metrics in found)}


if __name__ == "__main__":
    serve({"run": run, "first": first, "broadcast": broadcast})
