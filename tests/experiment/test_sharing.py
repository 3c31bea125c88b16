"""Several processes run one experiment, through nothing but the journal."""

import subprocess
import sys
from pathlib import Path

import pytest

import lanista as la

PROGRAM = Path(__file__).with_name("sharer.py")


def share(store, tmp_path, trials, processes=4):
    log = tmp_path / "log"
    command = [sys.executable, PROGRAM, store, log, str(trials)]
    running = [subprocess.Popen(command, stderr=subprocess.PIPE) for _ in range(processes)]
    for process in running:
        _, errors = process.communicate(timeout=110)
        assert (process.returncode, errors.decode()) == (0, "")
    ran = [line.split() for line in log.read_text().splitlines()]
    assert sorted(int(number) for number, _ in ran) == list(range(trials))
    exp = la.Experiment.load("shared", store)
    assert [t.number for t in exp.trials] == list(range(trials))
    assert len({tuple(t.params.values()) for t in exp.trials}) == trials
    replayed = la.History()
    replayed.extend(exp.store.read(exp.store.find("shared").id))
    assert replayed == exp.history
    exp.store.close()
    return {pid for _, pid in ran}


def test_four_processes_share_one_sqlite_file(tmp_path):
    assert len(share(str(tmp_path / "shared.db"), tmp_path, 400)) > 1


def test_four_processes_share_one_postgresql_database(tmp_path, postgres_url):
    assert len(share(postgres_url, tmp_path, 300)) > 1


def test_commands_reach_a_run_in_another_process(tmp_path):
    store = str(tmp_path / "shared.db")
    log = tmp_path / "log"
    process = subprocess.Popen([sys.executable, PROGRAM, store, log, "1000000"], stderr=subprocess.PIPE)
    while not log.exists():
        assert process.poll() is None
    exp = la.Experiment.load("shared", store)
    assert exp.status.state == "running"
    exp.pause()
    assert exp.status.state == "paused"
    exp.resume()
    exp.set(trials=len(exp.trials))
    process.communicate(timeout=60)
    assert exp.status.state == "ended"
    assert exp.status.owners == ()


def test_a_living_run_cannot_be_removed(tmp_path):
    store = str(tmp_path / "shared.db")
    exp = la.Experiment("mine", {"x": la.Float(0, 1)}, store=store)
    exp.ask()
    with pytest.raises(la.errors.ExperimentError, match="is being run by another process; stop it first"):
        la.remove("mine", store)
