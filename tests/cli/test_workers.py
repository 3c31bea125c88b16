"""lanista work in processes of their own, which come and go, are killed, and live by clocks that differ."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

import lanista as la

MACHINE = Path(__file__).with_name("machine.py")
HOUR = 3600.0
PAUSE = threading.Event()


class Worker:
    """`lanista work` in a process of its own."""

    def __init__(self, folder, *words, machine=(), env=None):
        program = [MACHINE, *map(str, machine)] if machine else ["-m", "lanista"]
        command = [sys.executable, *program, "work", *words]
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        self.process = subprocess.Popen(command, cwd=folder, env={**os.environ, **(env or {})}, **pipes)

    def line(self, text):
        """Waits for a line of output that holds the text."""
        for line in self.process.stdout:
            if text in line:
                return line
        pytest.fail(f"it ended without {text!r}: {self.process.stderr.read()}")

    def end(self):
        out, err = self.process.communicate(timeout=100)
        return self.process.returncode, out, err


@pytest.fixture
def worker():
    workers = []

    def start(*words, **given):
        workers.append(Worker(*words, **given))
        return workers[-1]

    yield start
    for one in workers:
        if one.process.poll() is None:
            one.process.kill()
        one.process.communicate()


def test_it_takes_over_the_trials_of_a_run_that_was_killed(lanista, gated, worker) -> None:
    gated.step()
    gated.process.kill()
    gated.process.wait()
    helper = worker(gated.folder, "gated")
    gated.step("free")
    code, out, err = helper.end()
    assert (code, err) == (0, "")
    assert "all 3 trials are done" in out
    trials = lanista("trials", "gated", "--json").json
    assert [(trial["number"], trial["attempts"], trial["state"]) for trial in trials] == [
        (0, 2, "completed"),
        (1, 1, "completed"),
        (2, 1, "completed"),
    ]


def test_it_waits_while_the_last_trial_runs_elsewhere(lanista, gated, worker) -> None:
    gated.step()
    la.Experiment.load("gated").set(trials=1)
    helper = worker(gated.folder, "gated")
    assert f"waits for trial 0, held by pid {gated.process.pid}" in helper.line("waits for")
    gated.finish()
    code, out, _ = helper.end()
    assert (code, "its only trial is done" in out) == (0, True)


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGINT], [signal.SIGTERM]], ids=["ctrl-c twice", "term"])
def test_a_worker_that_is_told_to_go_gives_its_trials_back(lanista, gated, worker, signals) -> None:
    gated.step()
    gated.process.kill()
    gated.process.wait()
    helper = worker(gated.folder, "gated")
    gated.step()
    for each in signals[:-1]:
        helper.process.send_signal(each)
        while "press Ctrl-C again" not in helper.process.stderr.readline():
            assert helper.process.poll() is None
    helper.process.send_signal(signals[-1])
    code, _, err = helper.end()
    assert code == 130
    assert "Traceback" not in err
    status = la.Experiment.load("gated").status
    assert (status.counts["waiting"], status.counts["running"], status.owners) == (1, 0, ())


HOLDS = """
import time

def f(trial):
    if trial.number == 0 and trial.attempt == 1:
        open("gate").read()
    time.sleep(0.3)
    return trial["x"] ** 2
"""


def test_clocks_that_differ_do_no_harm(lanista, worker, tmp_path) -> None:
    """A living process stays living, a dead one is noticed, and no time is counted that no trial ran."""
    (tmp_path / "work.py").write_text(HOLDS)
    (tmp_path / "config.yml").write_text(
        "name: shared\nspace: {x: {float: [0, 1]}}\nmetric: loss\nobjective: work.py:f\ntrials: 6\n"
        "limits: {cost: 1000}\n"
    )
    os.mkfifo(tmp_path / "gate")
    lease = 1.0
    command = [sys.executable, MACHINE, "west", str(-3 * HOUR), str(lease), "run", "config.yml", "--quiet"]
    with subprocess.Popen(command, cwd=tmp_path) as west, open(tmp_path / "gate", "w"):
        east = worker(tmp_path, "shared", machine=("east", 3 * HOUR, lease))
        assert f"waits for trial 0, held by pid {west.pid} on west" in east.line("waits for")
        exp = la.Experiment.load("shared")
        assert [(trial.attempts, trial.state) for trial in exp.trials] == [(1, "running")] + [(1, "completed")] * 5
        west.kill()
        code, out, err = east.end()
    assert (code, err) == (0, "")
    assert "all 6 trials are done" in out
    assert [(trial.attempts, trial.state) for trial in exp.trials] == [(2, "completed")] + [(1, "completed")] * 5
    assert all(trial.seconds < HOUR for trial in exp.trials)


LOGS = """
import os, time

def f(trial):
    with open("log", "ab", buffering=0) as file:
        file.write(f"{trial.number} {trial.attempt} {os.getpid()}\\n".encode())
    while not os.path.exists("go"):
        time.sleep(0.05)
    if trial.number >= 20 and "GATE" in os.environ:
        open(os.environ["GATE"]).read()
    while trial.number >= 60 and not os.path.exists("killed"):
        time.sleep(0.05)
    for step in range(3):
        time.sleep(0.01)
        trial.report(loss=trial["x"] ** 2 + step)
"""
TRIALS = 100


@pytest.fixture
def logs(tmp_path, monkeypatch):
    """A module with an objective that writes down what it runs, and waits for all before it begins."""
    (tmp_path / "logs.py").write_text(LOGS)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "logs", raising=False)
    import logs as module

    yield module
    sys.modules.pop("logs", None)


def help_together(logs, worker, folder, store, *, count, victims, extra=None, machines=None, patience=30.0):
    """Workers of which some are killed amid a trial: none runs twice, none is lost, and others take over in time."""
    exp = la.Experiment("shared", {"x": la.Float(-1, 1)}, "loss", store=store, seed=1)
    (folder / "go").touch()
    exp.run(logs.f, trials=TRIALS, progress=False, callbacks=[lambda exp, event: exp.history.ended and exp.stop()])
    (folder / "go").unlink()
    workers = []
    for i in range(count):
        gate = folder / f"gate{i}"
        os.mkfifo(gate)
        env = {"GATE": str(gate)} if i in victims else {}
        words = ["shared", "--store", store.url, *(extra or {}).get(i, [])]
        workers.append(worker(folder, *words, env=env, machine=(machines or {}).get(i, ())))
    for one in workers:
        one.line("works on")
    (folder / "go").touch()
    held = set()
    for i in victims:
        with open(folder / f"gate{i}", "w"):  # when this returns, it runs a trial
            pid = workers[i].process.pid
            h = exp.history
            held |= {n for n in h.running if h.owners[h.owner(n)].pid == pid}
            workers[i].process.kill()
            workers[i].process.wait()
    (folder / "killed").touch()
    deadline = time.monotonic() + patience
    while any(exp.history.attempt(number) == 1 for number in held):
        assert time.monotonic() < deadline, "the trials of the dead were not taken over"
        PAUSE.wait(0.1)
    for i in set(range(count)) - set(victims):
        code, _, err = workers[i].end()
        assert (code, err) == (0, "")
    check_all(exp, folder, held)
    assert len({trial.owner for trial in exp.trials}) > count - len(victims)


def check_all(exp, folder, held):
    """Holds the journal, and what the objective wrote down, against what has to be."""
    events = exp.store.read(exp.store.find("shared").id)
    released = [event.number for event in events if type(event) is la.journal.Released]
    assert len(held) > 0
    assert held <= set(released)
    assert [(t.state, t.attempts) for t in exp.trials] == [("completed", 1 + released.count(n)) for n in range(TRIALS)]
    assert sorted(event.number for event in events if type(event) is la.journal.Ended) == list(range(TRIALS))
    assert len({trial.params["x"] for trial in exp.trials}) == TRIALS
    ran = [tuple(map(int, line.split()[:2])) for line in (folder / "log").read_text().splitlines()]
    assert len(set(ran)) == len(ran)
    assert {number for number, _ in ran} == set(range(TRIALS))


def test_a_worker_is_killed_amid_others(logs, worker, tmp_path) -> None:
    store = la.journal.open_store(tmp_path / "s.db")
    help_together(logs, worker, tmp_path, store, count=2, victims=[0])
    store.close()


@pytest.mark.long
@pytest.mark.parametrize("apart", [False, True], ids=["one machine", "six machines"])
def test_six_workers_on_postgresql_of_which_two_are_killed(logs, worker, tmp_path, postgres_url, apart) -> None:
    """On machines of their own, whose clocks are hours apart, the lease decides who is dead; on one, the process."""
    lease = 15.0
    store = la.journal.open_store(postgres_url)
    if store.find("shared") is not None:
        la.remove("shared", store)
    machines = {i: (f"host{i}", HOUR * (i - 3), lease) for i in range(6)} if apart else {}
    patience = 2 * lease if apart else lease
    extra = {1: ["--workers", "2"], 4: ["--workers", "2"]}
    given = {"extra": extra, "machines": machines, "patience": patience}
    help_together(logs, worker, tmp_path, store, count=6, victims=[0, 1], **given)
    store.close()
