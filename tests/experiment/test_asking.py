"""Ask and tell under a scheduler, what may be told, and trials that have nothing left to report."""

import pytest

import lanista as la
from lanista.errors import UsageError

SPACE = {"x": la.Float(0, 1)}


def test_a_trial_that_had_all_its_steps_is_told_as_completed():
    exp = la.Experiment("all", SPACE, "loss", scheduler=la.ASHA(max_steps=9), store="memory", seed=0)
    for _ in range(10):
        trial = exp.ask()
        while not trial.stopped:
            trial.report(loss=trial["x"])
        exp.tell(trial)
    assert {(t.state, t.steps == 9) for t in exp.trials} == {("completed", True), ("stopped", False)}
    assert all(t.reason for t in exp.trials)


def test_a_trial_that_spent_its_budget_pauses_and_is_handed_out_again():
    scheduler = la.ASHA(max_steps=9, form="promotion")
    exp = la.Experiment("pause", SPACE, "loss", scheduler=scheduler, store="memory", seed=0)
    for _ in range(30):
        trial = exp.ask()
        state = [0]
        trial.load(state)
        while not trial.stopped:
            state[0] += 1
            trial.save(state)
            trial.report(loss=trial["x"])
        exp.tell(trial)
    assert {t.state for t in exp.trials} == {"paused", "completed"}
    assert {(t.steps, t.attempts) for t in exp.trials} == {(1, 1), (3, 2), (9, 3)}


def test_a_state_that_is_none_is_refused_and_the_journal_stays_whole():
    exp = la.Experiment("state", SPACE, "loss", seed=0)
    trial = exp.ask()
    with pytest.raises(UsageError, match="state='done' must be one of 'completed'"):
        exp.tell(trial, 1.0, state="done")
    with pytest.raises(UsageError, match="state='paused' must be one of 'completed'"):
        exp.add({"x": 0.5}, 1.0, state="paused")
    exp.tell(trial, 1.0)
    assert [t.state for t in la.Experiment.load("state").trials] == ["completed"]


def test_a_trial_lost_after_its_last_report_completes_with_that_report():
    def train(trial):
        state = [0]
        for _ in range(trial.load(state), 3):
            state[0] += 1
            trial.save(state)
            trial.report(loss=state[0])
        if trial.attempt == 1:
            raise RuntimeError("lost")

    exp = la.Experiment("lost", SPACE, "loss", store="memory", seed=0)
    exp.run(train, limits=la.Limits(trials=1, retries=1), progress=False)
    record = exp.trials[0]
    assert (record.state, record.value, record.steps, record.attempts) == ("completed", 3.0, 3, 2)


def test_the_repr_counts_trials_by_state():
    exp = la.Experiment("shown", SPACE, "loss", store="memory", seed=0)
    assert repr(exp) == "<Experiment 'shown': no trials; memory>"
    exp.run(lambda trial: trial["x"], trials=2, progress=False)
    assert repr(exp) == "<Experiment 'shown': 2 completed; memory>"


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda exp: exp.enqueue(3), r"enqueue\(3\): give a configuration"),
        (lambda exp: exp.warm_start("old"), r"warm_start\('old'\): give an experiment"),
        (lambda exp: exp.run(len, limits={"trials": 3}), r"limits=\{'trials': 3\} must be such as Limits"),
        (lambda exp: exp.run(len, callbacks=print), "must be a list of functions"),
        (lambda exp: la.Experiment("m", SPACE, 3, store="memory"), "metric=3 must be a name, or a dict"),
        (
            lambda exp: la.Experiment("s", SPACE, scheduler="asha", store="memory"),
            r"'asha' needs max_steps; give an object, ASHA\(max_steps=\.\.\.\)",
        ),
    ],
)
def test_an_argument_of_the_wrong_kind_is_named(wrong, message):
    with pytest.raises(UsageError, match=message):
        wrong(la.Experiment("wrong", SPACE, store="memory"))
