"""Where trainers run, and what can go wrong there: executors, kills, too little memory."""

import logging
import multiprocessing
import os
import resource
import signal
import sys

import pytest
import torch
from torch import nn

import lanista as la
from tests.fuse.tasks import EPOCHS, close, curves, data, run, trainer


@pytest.fixture(scope="module")
def alone():
    return curves(run(trainer(), trials=6))


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.long)])
def test_processes_give_the_same(alone, workers, tmp_path):
    exp = run(trainer(), trials=6, cohort=3, executor="processes", workers=workers, store=tmp_path / "a.db")
    assert close(curves(exp), alone)


@pytest.mark.long
def test_ray_gives_the_same(alone, tmp_path):
    pytest.importorskip("ray")
    exp = run(trainer(), trials=6, cohort=3, executor=la.Ray(workers=1), store=tmp_path / "a.db")
    assert close(curves(exp), alone)


def killed_at(batches, path):
    """A loss that kills its process once, after so many batches."""

    def loss(output, target):
        if path.exists() and (at := int(path.read_text())) >= 0:
            path.write_text(str(at + 1))
            if at == batches:
                path.write_text("-1")
                os.kill(os.getpid(), signal.SIGKILL)
        return nn.functional.cross_entropy(output, target)

    return loss


def test_a_worker_that_is_killed_goes_on_from_the_last_epoch(tmp_path, alone):
    count = tmp_path / "batches"
    count.write_text("0")
    mine = trainer(loss=killed_at(35, count), fuse=False, checkpoints=0)
    limits = la.Limits(trials=3, retries=1)
    exp = run(mine, limits=limits, cohort=3, executor="processes", workers=1, store=tmp_path / "a.db")
    assert count.read_text() == "-1"
    assert {trial.state for trial in exp.trials} == {"completed"}
    assert {trial.attempts for trial in exp.trials} == {2}
    assert [trial.steps for trial in exp.trials] == [EPOCHS] * 3
    again = run(trainer(loss=nn.functional.cross_entropy, fuse=False), trials=3, cohort=3)
    assert close(curves(exp), curves(again))


def _killed(path, count):
    run(trainer(loss=killed_at(35, count), fuse=False, checkpoints=0), trials=3, cohort=3, store=path)


def test_a_run_that_is_killed_goes_on_from_the_last_epoch(tmp_path):
    count = tmp_path / "batches"
    count.write_text("0")
    process = multiprocessing.get_context("spawn").Process(target=_killed, args=(tmp_path / "a.db", count))
    process.start()
    process.join()
    assert process.exitcode == -signal.SIGKILL
    exp = run(trainer(loss=nn.functional.cross_entropy, fuse=False), trials=3, cohort=3, store=tmp_path / "a.db")
    assert [trial.steps for trial in exp.trials] == [EPOCHS] * 3
    again = run(trainer(loss=nn.functional.cross_entropy, fuse=False), trials=3, cohort=3)
    assert close(curves(exp), curves(again))
    assert exp.history.notes.keys() == {0, 1, 2}


# --- memory -----------------------------------------------------------------------------------------------------------


def test_a_limit_splits_teams(alone, caplog):
    with caplog.at_level("INFO", "lanista.fuse"):
        exp = run(trainer(memory=40_000), trials=6, cohort=6)
    assert close(curves(exp), alone)
    sizes = [record.args[1] for record in caplog.records]
    assert max(sizes) < 6
    assert sum(sizes) == 6


@pytest.mark.parametrize("call", [1, 14, 22])
def test_too_little_memory_halves_a_team_and_begins_the_epoch_again(alone, monkeypatch, caplog, call):
    """Wherever it happens: when models are put together, or in an epoch that was begun."""
    from lanista.fuse._stack import Stack

    real, calls = Stack.inputs, []

    def inputs(stack, *args):
        calls.append(stack.size)
        if len(calls) >= call and stack.size > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(stack, *args)

    monkeypatch.setattr(Stack, "inputs", inputs)
    with caplog.at_level("WARNING", "lanista.fuse"):
        exp = run(trainer(), trials=6, cohort=6)
    assert close(curves(exp), alone)
    assert "there is no memory for 6 models at once (OutOfMemoryError: CUDA out of memory)" in caplog.text
    assert "from now on 3 are" in caplog.text
    assert len(caplog.records) == 1
    assert len(calls) > call


def test_one_that_is_too_large_by_itself_fails(monkeypatch):
    def loss(output, target):
        raise MemoryError("no memory")

    exp = run(trainer(loss=loss), trials=2, cohort=2)
    assert [trial.reason for trial in exp.trials] == ["MemoryError: no memory"] * 2


def wide(params):
    """A model whose results take far more memory than its weights."""
    return nn.Sequential(nn.Linear(6, 10_000), nn.ReLU(), nn.Linear(10_000, 2))


def widest():
    return trainer(wide, data=data(300, 20), batch=300, epochs=2, memory=1 << 40)


def _scarce(queue):
    """Trains where no more than a certain number of bytes can be had beyond those that a single model takes."""
    mine, told = widest(), []
    alone = curves(run(mine, trials=2))
    handler = logging.Handler()
    handler.emit = lambda record: told.append(record.getMessage())
    logging.getLogger("lanista.fuse").addHandler(handler)
    with open("/proc/self/statm") as file:
        used = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + (120 << 20), resource.RLIM_INFINITY))
    queue.put((alone, curves(run(mine, trials=8, cohort=8)), told))


@pytest.mark.long
@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="needs Linux")
def test_memory_that_the_system_refuses():
    context = multiprocessing.get_context("spawn")
    queue = context.Queue()
    process = context.Process(target=_scarce, args=(queue,))
    process.start()
    alone, found, told = queue.get(timeout=100)
    process.join()
    assert told and "there is no memory for 8 models at once (" in told[0]
    assert len(found) == 8
    for params, curve in alone.items():
        assert found[params] == pytest.approx(curve, rel=1e-3)
