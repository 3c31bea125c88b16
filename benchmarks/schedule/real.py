"""A real run with real checkpoints in a process of its own, which can kill itself and all its workers on the way.

`python -m benchmarks.schedule.real CASE FOLDER SEED KILL_AT` is what `finish` starts.
"""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import lanista as la
from benchmarks.schedule import models
from benchmarks.search.problems.base import ROOT
from lanista.journal import Event, Reported

POPULATION, EPOCHS, ALIVE = 16, 40, 64
POPULATION_SPACE = {
    "lr": la.Float(1e-4, 1.0, log=True),
    "decay": la.Float(1e-6, 1e-1, log=True),
    "friction": la.Float(0.01, 1.0, log=True),
    "epochs": EPOCHS,
}
SHARED_SPACE = {"lr": la.Float(1e-4, 1.0, log=True), "alpha": la.Float(1e-6, 1e-1, log=True)}


def pbt(seed: int, store: str) -> tuple[la.Experiment, Any, int]:
    """A population, its objective and how many trials it may have."""
    scheduler = la.PBT(EPOCHS, population=POPULATION, interval=4)
    made = la.Experiment(
        "pbt", POPULATION_SPACE, metric="loss", searcher="random", scheduler=scheduler, store=store, seed=seed
    )
    return made, models.member, 100 * POPULATION


def plain(seed: int, store: str) -> tuple[la.Experiment, Any, int]:
    """Random search over the same with equal compute: as many trials as the population has members."""
    made = la.Experiment("plain", POPULATION_SPACE, metric="loss", searcher="random", store=store, seed=seed)
    return made, models.member, POPULATION


def sharing(seed: int, store: str) -> tuple[la.Experiment, Any, int]:
    """Time-sharing over 64 models."""
    scheduler = la.TimeSharing(models.EPOCHS_SHARED, alive=ALIVE)
    made = la.Experiment(
        "sharing", SHARED_SPACE, metric="loss", searcher="random", scheduler=scheduler, store=store, seed=seed
    )
    return made, models.shared, ALIVE


CASES = {"pbt": pbt, "plain": plain, "sharing": sharing}


def run(case: str, folder: str, seed: int, kill_at: int) -> None:
    """Runs until the end, or until so many reports came in; then the whole process group is killed."""
    seen = 0

    def watch(experiment: la.Experiment, event: Event) -> None:
        nonlocal seen
        seen += isinstance(event, Reported)
        if kill_at and seen >= kill_at:
            os.killpg(0, signal.SIGKILL)

    experiment, objective, trials = CASES[case](seed, f"{folder}/{case}.db")
    experiment.run(objective, trials=trials, workers=2, executor="processes", progress=False, callbacks=[watch])
    told = [
        {"number": t.number, "state": t.state, "steps": t.steps, "attempts": t.attempts, "params": t.params}
        for t in experiment.trials
    ]
    numbers, steps, values = (column.tolist() for column in experiment.history.log)
    print("\n" + json.dumps({"trials": told, "log": [numbers, steps, [v[0] for v in values]]}))


def finish(case: str, folder: Path, seed: int, kill_at: int) -> dict[str, Any]:
    """Runs a case, kills it after `kill_at` reports (0: not at all), and runs it again to the end.

    Raises:
        SystemExit: it failed.
    """
    for at in dict.fromkeys((kill_at, 0)):
        done = subprocess.run(
            [sys.executable, "-m", "benchmarks.schedule.real", case, str(folder), str(seed), str(at)],
            cwd=ROOT,
            env={**os.environ, "LANISTA_HOME": f"{folder}/home", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            start_new_session=True,
            check=False,
        )
        if done.returncode != (-signal.SIGKILL if at else 0):
            raise SystemExit(f"{case} with seed {seed} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    found: dict[str, Any] = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    return found


if __name__ == "__main__":
    run(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
