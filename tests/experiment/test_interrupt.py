"""Ctrl-C: once to finish what runs, twice to stop now; both leave a journal that goes on."""

import os
import signal
import subprocess
import sys

import pytest

import lanista as la

PROGRAM = """
import sys
import lanista as la
store, flag, executor = sys.argv[1:]

def objective(trial):
    open(flag + str(trial.number), "w").close()
    open(flag + "go").close()  # a FIFO: waits until the test opens it, too
    return trial["x"]

exp = la.Experiment("e", {"x": la.Float(0, 1)}, store=store, seed=0, searcher="random")
exp.run(objective, trials=50, executor=executor, progress=False)
print(exp.reason)
"""


@pytest.fixture(params=["inline", "processes"])
def run(request, tmp_path):
    store, flag = str(tmp_path / "a.db"), str(tmp_path / "flag")
    os.mkfifo(flag + "go")
    command = [sys.executable, "-c", PROGRAM, store, flag, request.param]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "flag0").exists():
        assert process.poll() is None, process.stderr.read()
    yield process, store, tmp_path
    process.kill()
    process.communicate()


def wait_for(process, text):
    line = ""
    while text not in line:
        line = process.stderr.readline()
        assert line, "the run ended without a word"


def test_once_finishes_what_runs(run):
    process, store, tmp_path = run
    process.send_signal(signal.SIGINT)
    wait_for(process, "running trials finish; press Ctrl-C again to stop now")
    with open(tmp_path / "flaggo", "w"):
        out, _ = process.communicate(timeout=60)
    assert out == "interrupted\n"
    states = [t.state for t in la.Experiment.load("e", store).trials]
    assert 0 < len(states) < 50
    assert set(states) == {"completed"}


def test_twice_stops_now_and_the_trials_go_on_at_the_next_run(run):
    process, store, _ = run
    process.send_signal(signal.SIGINT)
    wait_for(process, "press Ctrl-C again")
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode != 0
    assert "KeyboardInterrupt" in errors
    exp = la.Experiment.load("e", store)
    cut = [t.number for t in exp.trials if t.state == "waiting"]
    assert cut
    assert exp.status.state == "interrupted"
    exp.run(lambda t: 1.0, trials=len(exp.trials), progress=False)
    assert {t.state for t in exp.trials} == {"completed"}
    assert all(exp.trials[n].attempts == 2 for n in cut)
