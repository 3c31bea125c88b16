"""Kill -9 at random moments: nothing acknowledged is lost, no number is used twice, nothing that ended runs again."""

import os
import random
import signal
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import psutil
import pytest

import lanista as la
from lanista.errors import LanistaError

PROGRAM = Path(__file__).with_name("soak.py")
TRIALS = 100_000  # more than can ever be reached: the run ends by being killed


def start(store, acks, executor="processes", trials=TRIALS):
    return subprocess.Popen([sys.executable, PROGRAM, store, acks, str(trials), executor], stderr=subprocess.PIPE)


def lines(acks):
    return acks.read_text().splitlines() if acks.exists() else []


def wait_for_lines(process, acks, count):
    """Until the run has acknowledged that many lines; its death before is an error."""
    while len(lines(acks)) < count:
        if process.poll() is not None:
            pytest.fail(f"the run died by itself: {process.stderr.read().decode()}")
        os.sched_yield()


def check(store, acks):
    """Holds the journal against what was acknowledged."""
    exp = la.Experiment.load("soak", store)
    h = exp.history
    replayed = la.History()
    replayed.extend(exp.store.read(1))
    assert replayed == h
    params, ended = defaultdict(set), set()
    for line in lines(acks):
        kind, number, *rest = line.split()
        number = int(number)
        if kind == "ran":
            assert number not in ended, f"trial {number} ran again after it had ended"
            params[number].add(rest[1])
        elif kind == "reported":
            assert int(rest[0]) in h.curve(number)[0], f"trial {number} lost its report of step {rest[0]}"
        elif kind == "ended":
            ended.add(number)
            assert exp.trials[number].ended is not None, f"the end of trial {number} was lost"
    assert all(len(p) == 1 for p in params.values()), "a number was used for two configurations"
    asked = [e.number for e in exp.store.read(1) if isinstance(e, la.journal.Asked)]
    assert asked == list(range(len(asked)))
    odd = [t for t in exp.trials if t.state in ("failed", "infeasible") and "worker died" not in t.reason]
    assert not odd, odd
    exp.store.close()
    return ended


def soak(tmp_path, kills, executor, seed):
    store, acks = str(tmp_path / "soak.db"), tmp_path / "acks"
    rng = random.Random(seed)
    process = start(store, acks, executor)
    done = 0
    try:
        for _ in range(kills):
            wait_for_lines(process, acks, len(lines(acks)) + rng.randint(1, 25))
            workers = psutil.Process(process.pid).children() if executor == "processes" else []
            if workers and rng.random() < 0.4:
                os.kill(rng.choice(workers).pid, signal.SIGKILL)
                continue
            process.kill()
            process.communicate()
            ended = check(store, acks)
            assert len(ended) >= done
            done = len(ended)
            process = start(store, acks, executor)
        wait_for_lines(process, acks, len(lines(acks)) + 50)
    finally:
        process.kill()
        process.communicate()
    assert len(check(store, acks)) > kills / 2


@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_four_kills(tmp_path, executor):
    soak(tmp_path, 4, executor, seed=1)


@pytest.mark.long
@pytest.mark.parametrize("executor", ["processes", "inline"])
def test_ten_kills(tmp_path, executor):
    soak(tmp_path, 10, executor, seed=1)


@pytest.mark.long
def test_two_hundred_kills(tmp_path):
    soak(tmp_path, 200, "processes", seed=2)


def test_a_killed_run_is_finished_by_the_same_command(tmp_path):
    store, acks = str(tmp_path / "soak.db"), tmp_path / "acks"
    process = start(store, acks, trials=12)
    wait_for_lines(process, acks, 9)
    process.kill()
    process.communicate()
    process = start(store, acks, trials=12)
    _, errors = process.communicate(timeout=100)
    assert (process.returncode, errors) == (0, b"")
    exp = la.Experiment.load("soak", store)
    assert len(exp.trials) == 12
    assert all(t.ended is not None for t in exp.trials)
    check(store, acks)


def test_workers_die_with_their_controller(tmp_path):
    store, acks = str(tmp_path / "soak.db"), tmp_path / "acks"
    process = start(store, acks)
    wait_for_lines(process, acks, 5)
    workers = psutil.Process(process.pid).children()
    assert len(workers) == 2
    process.kill()
    process.communicate()
    _, alive = psutil.wait_procs(workers, timeout=30)
    assert alive == []


def test_a_full_disk_ends_the_run_with_the_journal_intact(tmp_path):
    """The size of files is limited, as a full disk limits it."""
    store, acks = str(tmp_path / "soak.db"), tmp_path / "acks"
    limit = "import resource, runpy, signal, sys; signal.signal(signal.SIGXFSZ, signal.SIG_IGN);"
    limit += "resource.setrlimit(resource.RLIMIT_FSIZE, (400_000, 400_000));"
    limit += "sys.argv = sys.argv[1:]; runpy.run_path(sys.argv[0], run_name='__main__')"
    command = [sys.executable, "-c", limit, str(PROGRAM), store, str(acks), str(TRIALS), "inline"]
    result = subprocess.run(command, capture_output=True, text=True, timeout=100)
    assert result.returncode != 0
    assert "StoreError" in result.stderr
    assert "everything journalled before is intact" in result.stderr
    assert len(check(store, acks)) > 3


def test_missing_experiment_after_removal(tmp_path):
    store = str(tmp_path / "soak.db")
    la.Experiment("soak", {"x": la.Float(0, 1)}, store=store)
    la.remove("soak", store)
    with pytest.raises(LanistaError, match="there is no experiment 'soak'"):
        la.Experiment.load("soak", store)
