"""Trials of a trainer under schedulers: they stop, pause, go on, and are copied, as those of any objective."""

import math
import signal

import pytest
import torch

import lanista as la
from lanista.journal import Reported
from tests.fuse.tasks import close, curves, data, net, run, trainer

STEPS = 9
RATES = {"lr": la.Float(1e-4, 1, log=True)}
LONG = {"epochs": STEPS, "data": data(32, 16)}
COPIES = {"scheduler": la.PBT(STEPS, population=4, interval=2), "cohort": 4, "searcher": "random"}


@pytest.fixture(scope="module")
def whole():
    """Each trial, trained alone and to the end."""
    return curves(run(trainer(**LONG), trials=10))


def begun_as(exp, whole):
    """Whether each trial's curve is how that of the same trial alone begins."""
    found = curves(exp)
    return close(found, {params: whole[params][: len(curve)] for params, curve in found.items()})


SCHEDULERS = {
    "asha": la.ASHA(STEPS),
    "promotion": la.ASHA(STEPS, form="promotion"),
    "hyperband": la.HyperBand(STEPS),
    "halving": la.SuccessiveHalving(STEPS),
    "median": la.MedianStopping(),
}


@pytest.mark.parametrize("name", SCHEDULERS)
@pytest.mark.parametrize("cohort", [4, 1])
def test_what_leaves_and_what_enters_is_trained_as_it_is_alone(name, cohort, whole):
    exp = run(trainer(**LONG), scheduler=SCHEDULERS[name], trials=10, cohort=cohort)
    assert len(exp.trials) == 10
    assert begun_as(exp, whole)
    assert {trial.state for trial in exp.trials} <= {"completed", "stopped", "paused"}
    assert max(trial.steps for trial in exp.trials) == STEPS
    assert min(trial.steps for trial in exp.trials) < STEPS


def test_copies_go_on_from_their_parents():
    scheduler = la.PBT(STEPS, population=5, interval=2)
    exp = run(trainer(**LONG), RATES, scheduler=scheduler, cohort=5, searcher="random")
    clones = [trial for trial in exp.trials if trial.parent]
    assert clones
    for trial in clones:
        number, step = trial.parent
        assert exp.history.curve(trial.number)[0][0] == step + 1
        assert exp.trials[number].steps >= step
    assert max(trial.steps for trial in exp.trials) == STEPS


def test_a_copy_in_the_same_process_reads_no_file(monkeypatch):
    def load(trial, *objects):
        raise AssertionError("a file was read")

    monkeypatch.setattr(la.Trial, "load", load)
    exp = run(trainer(**LONG), RATES, **COPIES)
    assert any(trial.parent for trial in exp.trials)
    assert {trial.state for trial in exp.trials} <= {"completed", "stopped"}


@pytest.mark.long
def test_copies_in_processes_go_on_from_files():
    here, there = (run(trainer(**LONG), RATES, executor=executor, **COPIES) for executor in ("inline", "processes"))
    assert any(trial.parent for trial in there.trials)
    assert {trial.state for trial in there.trials} <= {"completed", "stopped"}
    assert there.trials[0].params == here.trials[0].params


def test_a_copy_is_of_the_same_weights_frozen_ones_too():
    """Frozen layers are drawn from a seed: from that of the trial that it is a copy of."""

    def model(params):
        layers = [*net(params)]
        layers[0].requires_grad_(False)
        return torch.nn.Sequential(*layers)

    scheduler = la.PBT(4, population=4, interval=2, quantile=0.5, perturb=(1.0000001,), resample=0)
    space = {"lr": la.Float(1e-7, 1, log=True), "drop": 0.0}
    exp = run(trainer(model, epochs=4), space, scheduler=scheduler, cohort=4, searcher="random", seed=1)
    clones = [trial for trial in exp.trials if trial.parent]
    assert clones
    for trial in clones:
        parent = exp.trials[trial.parent[0]]
        assert trial.value == pytest.approx(parent.value, rel=1e-3)


def test_a_copy_of_another_architecture_is_refused():
    scheduler = la.PBT(4, population=4, interval=2, quantile=0.5, resample=1)
    space = {"lr": la.Float(1e-4, 1, log=True), "width": la.Int(2, 64)}
    exp = run(trainer(epochs=4), space, scheduler=scheduler, cohort=4, searcher="random")
    failed = [trial for trial in exp.trials if trial.state == "failed"]
    assert failed
    assert "goes on from the weights of another model: '0.weight' is" in failed[0].reason


@pytest.mark.parametrize("cohort", [3, 1])
def test_a_fidelity_is_how_many_epochs(cohort, whole):
    epochs = la.Fidelity("epochs", 1, STEPS, log=True)
    exp = run(trainer(**LONG), scheduler=la.ASHA(epochs), trials=9, cohort=cohort)
    assert {trial.steps for trial in exp.trials} <= set(epochs.levels(3))
    assert max(trial.steps for trial in exp.trials) == STEPS
    for trial in exp.trials:
        steps, values = exp.history.curve(trial.number)
        alone = whole[str(trial.params)]
        assert values[:, 0].tolist() == pytest.approx([alone[step - 1] for step in steps], rel=1e-9)


def test_between_levels_of_a_fidelity_it_is_saved_as_well(tmp_path):
    scheduler = la.ASHA(la.Fidelity("epochs", 9, 9))
    exp = run(trainer(**LONG, checkpoints=0), scheduler=scheduler, trials=1, store=tmp_path / "a.db")
    assert [step for step, _ in exp.history.checkpoints_of(0)] == list(range(STEPS, 0, -1))
    assert exp.trials[0].steps == STEPS


def test_a_fidelity_beyond_the_epochs_is_refused():
    told = "asks for 9 epochs, and the Trainer has epochs=3; give both the same"
    with pytest.raises(la.errors.ObjectiveError, match=told):
        run(trainer(), scheduler=la.ASHA(la.Fidelity("epochs", 9, 27, log=True)), trials=12, cohort=4)


# --- ends of a run ----------------------------------------------------------------------------------------------------


class Clock(la.Inline):
    """An executor whose clock can be put forward."""

    skipped = 0.0

    def now(self):
        return super().now() + self.skipped


@pytest.mark.parametrize("cohort", [3, 1])
def test_a_time_limit_pauses_what_runs(cohort, whole, tmp_path):
    def skip(exp, event):
        if isinstance(event, Reported) and event.step == 4:
            clock.skipped = 1000.0

    clock, given = Clock(), {"store": tmp_path / "a.db", "trials": 3, "cohort": cohort}
    exp = run(trainer(**LONG), callbacks=[skip], executor=clock, time_limit=500, **given)
    assert {trial.state for trial in exp.trials} == {"waiting"}
    assert exp.trials[0].steps in (4, 5)
    exp = run(trainer(**LONG), **given)
    assert [trial.steps for trial in exp.trials] == [STEPS] * 3
    assert exp.trials[0].attempts == 2
    assert begun_as(exp, whole)


def test_what_is_interrupted_goes_on_from_its_checkpoint(whole, tmp_path):
    def interrupt(exp, event):
        if isinstance(event, Reported) and event.step == 4 and event.number == 0:
            signal.raise_signal(signal.SIGINT)
            signal.raise_signal(signal.SIGINT)

    given = {"store": tmp_path / "a.db", "trials": 3, "cohort": 3}
    with pytest.raises(KeyboardInterrupt, match=r"^$"):
        run(trainer(**LONG, checkpoints=0), callbacks=[interrupt], **given)
    exp = run(trainer(**LONG), **given)
    assert [trial.steps for trial in exp.trials] == [STEPS] * 3
    assert exp.trials[0].attempts == 2
    assert begun_as(exp, whole)


def test_targets_end_it():
    exp = run(trainer(**LONG), limits=la.Limits(trials=6, target=10.0), cohort=3)
    assert "target of 10 reached" in exp.reason.replace("10.0", "10")


def test_values_that_are_none_go_on_and_are_the_worst():
    def model(params):
        made = net(params)
        if params["lr"] > 0.05:
            torch.nn.init.constant_(made[0].weight, math.nan)
        return made

    exp = run(trainer(model, **LONG), scheduler=la.ASHA(STEPS), trials=10, cohort=5)
    ill = [trial for trial in exp.trials if math.isnan(trial.value)]
    assert {trial.params["lr"] > 0.05 for trial in ill} == {True}
    assert {trial.state for trial in ill} == {"stopped"}
    assert exp.best.state == "completed"
