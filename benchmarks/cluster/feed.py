"""What a controller spends on trials that cost nothing, simulated and real, and what it journals."""

import time
from collections.abc import Callable
from functools import partial
from typing import Any

import lanista as la
from benchmarks.measure import Result, serve

SPACE = {f"x{i}": la.Float(0.0, 1.0) for i in range(10)}
STEPS = 27


def experiment(folder: str, searcher: str, scheduler: str) -> la.Experiment:
    rule: Any = la.ASHA(STEPS) if scheduler == "asha" else scheduler
    where = f"{folder}/scale.db"
    return la.Experiment("scale", SPACE, metric="loss", searcher=searcher, scheduler=rule, store=where, seed=0)


def taken(exp: la.Experiment, run: Callable[[], Any]) -> Result:
    """What a run costs its controller, and what it journals."""
    wall, cpu = time.perf_counter(), time.process_time()
    run()
    cpu, wall = time.process_time() - cpu, time.perf_counter() - wall
    info = exp.store.find("scale")
    assert info is not None
    trials, reports = len(exp.trials), sum(trial.steps for trial in exp.trials)
    return {"cpu": cpu, "wall": wall, "trials": trials, "reports": reports, "events": exp.store.last(info.id)}


def simulated(folder: str, searcher: str, scheduler: str, trials: int, workers: int) -> Result:
    def cost(params: dict[str, Any], step: int) -> tuple[float, float] | None:
        return (sum(params.values()) + params["x0"] / step, 1.0) if step <= STEPS else None

    exp = experiment(folder, searcher, scheduler)
    return taken(exp, partial(la.simulate, exp, cost, workers=workers, trials=trials))


def real(folder: str, executor: str, trials: int, steps: int, address: str = "") -> Result:
    """Trials of so many reports; with none they return their value at once."""

    def objective(trial: la.Trial) -> float | None:
        for step in range(steps):
            trial.report(loss=trial["x0"] / (step + 1))
        return None if steps else trial["x0"]

    exp = experiment(folder, "random", "fifo")
    if executor == "ray":
        from benchmarks.cluster.shared import join

        join(address)
        on: Any = la.Ray(address, workers=2)
    else:
        on = la.Processes(workers=2)
    return taken(exp, partial(exp.run, objective, trials=trials, executor=on, progress=False))


if __name__ == "__main__":
    serve({"simulated": simulated, "real": real})
