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


def experiment(store: str, folder: str, *, scheduler: str = "fifo") -> la.Experiment:
    where = f"{folder}/journal.db" if store == "sqlite" else store
    return la.Experiment("overhead", SPACE, searcher="random", scheduler=scheduler, store=where, seed=0)


def marginal(marks: list[float]) -> Result:
    """CPU seconds of a trial around the 1,000th and of the last ones, from the CPU time at the start of every trial."""
    if len(marks) <= EARLY + WINDOW:
        return {}
    early = (marks[EARLY + WINDOW // 2] - marks[EARLY - WINDOW // 2]) / WINDOW
    late = (marks[-1] - marks[-1 - WINDOW]) / WINDOW
    return {"early": early, "late": late}


def run_inline(folder: str, store: str, trials: int) -> Result:
    exp = experiment(store, folder)
    marks: list[float] = []

    def objective(trial: la.Trial) -> float:
        marks.append(time.process_time())
        return trial.params["x0"]

    result: Result = {"trials": trials}
    with measured(result):
        exp.run(objective, trials=trials, progress=False)
    assert len(exp.trials) == trials
    return result | marginal(marks)


def ask_and_tell(folder: str, store: str, trials: int) -> Result:
    exp = experiment(store, folder)
    marks: list[float] = []
    result: Result = {"trials": trials}
    with measured(result):
        for _ in range(trials):
            marks.append(time.process_time())
            trial = exp.ask()
            exp.tell(trial, trial.params["x0"])
    assert len(exp.trials) == trials
    return result | marginal(marks)


def run_processes(folder: str, store: str, trials: int, workers: int) -> Result:
    exp = experiment(store, folder)
    result: Result = {"trials": trials}
    with measured(result):
        exp.run(lambda trial: trial.params["x0"], trials=trials, workers=workers, executor="processes", progress=False)
    assert exp.status.counts["completed"] == trials
    ended = sorted(trial.ended or 0.0 for trial in exp.trials)
    result["steady"] = (trials - 1) / (ended[-1] - ended[0])
    if trials > EARLY + WINDOW:
        result["early"] = (ended[EARLY + WINDOW // 2] - ended[EARLY - WINDOW // 2]) / WINDOW
        result["late"] = (ended[-1] - ended[-1 - WINDOW]) / WINDOW
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
    exp.run(lambda trial: trial.params["x0"], trials=trials, progress=False)
    taken = []
    for _ in range(times):
        result: Result = {}
        with measured(result):
            opened = la.Experiment.load("overhead", store=f"{folder}/journal.db")
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
            "run_inline": run_inline,
            "ask_and_tell": ask_and_tell,
            "run_processes": run_processes,
            "reports": reports,
            "first_trial": first_trial,
            "opening": opening,
        }
    )
