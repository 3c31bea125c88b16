"""What users of NNI suffered from, right here: one test each."""

import socket
import subprocess
import sys
from collections import Counter

import numpy as np
import pytest

import lanista as la
from lanista.journal import STOPPED

SEARCHERS = ["random", "sobol", "grid", "tpe", "evolution"]


@pytest.mark.parametrize("searcher", SEARCHERS)
def test_resume_repeats_neither_trials_nor_numbers(tmp_path, searcher):
    ran = []

    def objective(trial):
        ran.append((trial.number, trial["x"]))
        return trial["x"]

    for trials in (3, 3, 7):
        exp = la.Experiment("e", {"x": la.Float(0, 1)}, store=tmp_path / "a.db", searcher=searcher, seed=0)
        exp.run(objective, trials=trials, progress=False)
    count = len(exp.trials)
    assert [number for number, _ in ran] == list(range(count))
    assert [t.params["x"] for t in exp.trials] == [x for _, x in ran]


def test_proposals_on_a_small_categorical_space_are_not_distorted_by_leaving_out_repeats():
    exp = la.Experiment("e", {"k": la.Choice(["a", "b"])}, store="memory", searcher="random", seed=0)
    exp.run(lambda t: 0.0, trials=400, progress=False)
    counts = Counter(t.params["k"] for t in exp.trials)
    assert abs(counts["a"] - 200) < 60  # six standard deviations


@pytest.mark.parametrize("mode", ["min", "max"])
@pytest.mark.parametrize("searcher", ["tpe", "evolution"])
def test_every_searcher_follows_the_direction_that_was_given(mode, searcher):
    sign = 1 if mode == "min" else -1
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, "y", mode=mode, store="memory", searcher=searcher, seed=0)
    exp.run(lambda t: sign * (t["x"] - 0.7) ** 2, trials=150, progress=False)
    assert abs(np.median([t.params["x"] for t in exp.trials[-50:]]) - 0.7) < 0.15


def test_the_default_direction_is_the_same_for_every_searcher():
    assert {
        la.Experiment("e", {"x": la.Int(0, 1)}, store="memory", searcher=s).metrics["value"] for s in SEARCHERS
    } == {"min"}


def test_stopped_trials_reach_the_searcher():
    seen = []

    class Watching(la.Random):
        def ask(self, history, count, rng):
            rows = zip(history.state.tolist(), history.Y[:, 0].tolist(), history.steps.tolist(), strict=True)
            seen.append(list(rows))
            return super().ask(history, count, rng)

    def objective(trial):
        for step in range(9):
            trial.report(value=float(trial.number * 10 + step))

    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", searcher=Watching(), scheduler=la.ASHA(9), seed=0)
    exp.run(objective, trials=8, progress=False)
    stopped = [t.number for t in exp.trials if t.state == "stopped"]
    assert stopped
    number = stopped[0]
    assert seen[-1][number] == (STOPPED, exp.trials[number].value, exp.trials[number].steps)


@pytest.mark.parametrize("scheduler", ["fifo", "median", la.ASHA(9), la.ASHA(9, form="promotion")])
@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_no_trial_is_stuck_in_waiting(scheduler, executor):
    def objective(trial):
        for step in range(trial.load({}), 9):
            trial.save({})
            trial.report(value=trial["x"] + step)

    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", searcher="random", scheduler=scheduler, seed=0)
    exp.enqueue({"x": 0.5})
    exp.run(objective, trials=12, executor=executor, progress=False)
    states = Counter(t.state for t in exp.trials)
    assert states["waiting"] == states["running"] == 0
    assert states["completed"] >= 1
    assert sum(states.values()) == 12


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_parameters_of_a_megabyte_arrive(tmp_path, executor):
    long = "x" * 1_000_000
    exp = la.Experiment("e", {"text": la.Choice([long, "y"])}, store=tmp_path / "a.db")
    exp.enqueue({"text": long})
    exp.run(lambda t: float(len(t["text"])), trials=1, executor=executor, progress=False)
    assert exp.best.value == 1_000_000


def test_a_dataset_is_loaded_once_a_worker(tmp_path):
    (tmp_path / "work.py").write_text(
        "import functools, pathlib\n"
        "@functools.cache\n"
        "def data(folder):\n"
        "    with open(pathlib.Path(folder) / 'loads', 'a') as file: file.write('loaded\\n')\n"
        "    return 1.0\n"
        "def objective(trial): return data(trial['folder'])\n"
    )
    program = (
        "import lanista as la, work, sys\n"
        "exp = la.Experiment('e', {'folder': sys.argv[1], 'x': la.Float(0, 1)}, store='memory')\n"
        "exp.run(work.objective, trials=20, workers=2, progress=False)\n"
        "assert all(t.state == 'completed' for t in exp.trials), exp.trials[0].error\n"
    )
    subprocess.run([sys.executable, "-c", program, str(tmp_path)], cwd=tmp_path, check=True, timeout=100)
    assert 1 <= len((tmp_path / "loads").read_text().splitlines()) <= 2


def test_a_port_that_is_taken_is_nobody_s_business():
    with socket.create_server(("127.0.0.1", 0)) as taken:
        assert taken.getsockname()[1]
        exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory")
        exp.run(lambda t: t["x"], trials=2, workers=2, progress=False)
    assert exp.best.state == "completed"
