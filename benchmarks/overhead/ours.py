"""Lanista's cases: a no-op objective with 10 floats, random search."""

import time
from statistics import median, quantiles

import lanista as la
from benchmarks.measure import Result, measured, serve, since_start

SPACE = {f"x{i}": la.Float(0.0, 1.0) for i in range(10)}
EARLY, WINDOW = 1_000, 1_000
"""Where the first marginal cost is taken, and over how many trials around it."""
UNPRUNED = 5
"""Optuna's pruner, and ours likewise, asks for so many trials before it compares: their reports are not counted."""


def experiment(store: str, folder: str, *, name: str = "overhead", scheduler: str = "fifo") -> la.Experiment:
    """A new experiment; on SQLite in a file of its own."""
    where = f"{folder}/{name}.db" if store == "sqlite" else store
    return la.Experiment(name, SPACE, searcher="random", scheduler=scheduler, store=where, seed=0)


def advance(exp: la.Experiment, way: str, count: int) -> float:
    """Makes so many more trials; the CPU seconds of one, without what comes before the first and after the last."""
    marks: list[float] = []

    def objective(trial: la.Trial) -> float:
        marks.append(time.process_time())
        return trial.params["x0"]

    if way == "inline":
        exp.run(objective, trials=len(exp.trials) + count, progress=False)
    else:
        for _ in range(count):
            trial = exp.ask()
            exp.tell(trial, objective(trial))
    return (marks[-1] - marks[0]) / (count - 1)


def run(folder: str, store: str, way: str, trials: int) -> Result:
    exp = experiment(store, folder)
    result: Result = {"trials": trials}
    with measured(result):
        advance(exp, way, trials)
    assert len(exp.trials) == trials
    return result


def growth(folder: str, store: str, way: str, trials: int, rounds: int) -> Result:
    """As `run`; then what a trial costs around the 1,000th and beyond the last, in turns, on the same machine."""
    large = experiment(store, folder, name="large")
    result: Result = {"trials": trials}
    with measured(result):
        advance(large, way, trials)
    early, late = [], []
    for turn in range(rounds):
        small = experiment(store, folder, name=f"small-{turn}")
        advance(small, way, EARLY - WINDOW // 2)
        early.append(advance(small, way, WINDOW))
        late.append(advance(large, way, WINDOW))
    ratio = median(b / a for a, b in zip(early, late, strict=True))
    return {**result, "early": median(early), "late": median(late), "ratio": ratio}


def run_processes(folder: str, store: str, trials: int, workers: int) -> Result:
    exp = experiment(store, folder)
    result: Result = {"trials": trials}
    with measured(result):
        exp.run(lambda trial: trial.params["x0"], trials=trials, workers=workers, executor="processes", progress=False)
    assert exp.status.counts["completed"] == trials
    ended = sorted(trial.ended or 0.0 for trial in exp.trials)
    result["steady"] = (trials - 1) / (ended[-1] - ended[0])
    return result


def reports(folder: str, store: str, trials: int, steps: int, scheduler: str, executor: str) -> Result:
    """The round trip of a report, timed by the trial; each trial is better than those before: none is stopped."""
    exp = experiment(store, folder, scheduler=scheduler)

    def objective(trial: la.Trial) -> dict[str, float]:
        taken = []
        for step in range(1, steps + 1):
            begin = time.perf_counter()
            trial.report(value=float(-trial.number), step=step)
            taken.append(time.perf_counter() - begin)
        return {"value": float(-trial.number), "median": median(taken), "p95": quantiles(taken, n=20)[-1]}

    result: Result = {"trials": trials}
    with measured(result):
        exp.run(objective, trials=trials, workers=1, executor=executor, progress=False)
    found = [trial.metrics for trial in exp.trials[UNPRUNED:]]
    assert all(trial.state == "completed" for trial in exp.trials)
    return result | {
        "median": median(m["median"] for m in found),
        "p95": median(m["p95"] for m in found),
        "cpu_report": result["cpu"] / (trials * steps),
    }


def first_trial(folder: str, store: str, executor: str) -> Result:
    """Seconds from the start of the interpreter to the first line of the objective."""
    exp = experiment(store, folder)
    exp.run(lambda trial: time.time(), trials=1, executor=executor, progress=False)
    begun = exp.trials[0].value
    return {"first": since_start() - (time.time() - begun)}


def opening(folder: str, trials: int, times: int) -> Result:
    """Opens a SQLite file with finished trials, several times over."""
    exp = experiment("sqlite", folder)
    advance(exp, "inline", trials)
    taken = []
    for _ in range(times):
        result: Result = {}
        with measured(result):
            opened = la.Experiment.load("overhead", store=f"{folder}/overhead.db")
            assert len(opened.trials) == trials
        taken.append(result)
    return {
        "wall": median(r["wall"] for r in taken),
        "cpu": median(r["cpu"] for r in taken),
        "rss": taken[-1]["rss"],
    }


if __name__ == "__main__":
    serve(
        {
            "run": run,
            "growth": growth,
            "run_processes": run_processes,
            "reports": reports,
            "first_trial": first_trial,
            "opening": opening,
        }
    )
