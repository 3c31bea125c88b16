"""Each limit ends a run, says so, and a later run goes on."""

import signal

import pytest

import lanista as la
from lanista.errors import ObjectiveError, UsageError


def run(objective, limits, **kw):
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", searcher="random", seed=0)
    return exp.run(objective, limits=limits, progress=False, **kw)


def test_trials():
    assert len(run(lambda t: 1.0, la.Limits(trials=3)).trials) == 3


def test_one_trial_is_one():
    assert run(lambda t: 1.0, la.Limits(trials=1)).reason == "its only trial is done"
    space, rungs = {"x": la.Float(0, 1)}, la.ASHA(9, form="promotion")
    for trials, reason in [(1, "its only trial is done; 1 is paused"), (2, "all 2 trials are done; 2 are paused")]:
        exp = la.Experiment("e", space, store="memory", searcher="random", scheduler=rungs, seed=0)
        assert la.simulate(exp, lambda params, step: (1.0, 1.0), trials=trials).reason == reason
    one = la.Experiment("e", space, store="memory", searcher="random", scheduler=la.ASHA(1), seed=0)
    assert la.simulate(one, lambda params, step: (1.0, 1.0), trials=1).trials[0].reason == "has had its only step"


def test_target():
    exp = run(lambda t: 10.0 - t.number, la.Limits(trials=50, target=5.0))
    assert len(exp.trials) == 6
    assert exp.reason == "target of 5 reached with 5"


def test_target_of_a_maximised_metric():
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, metric="acc", mode="max", store="memory")
    exp.run(lambda t: t.number / 10, limits=la.Limits(trials=50, target=0.5), progress=False)
    assert len(exp.trials) == 6


def test_failures_in_a_row():
    def objective(trial):
        if trial.number % 5 == 4:
            return 1.0
        raise ValueError("no")

    assert len(run(objective, la.Limits(trials=30, failures=5)).trials) == 30
    with pytest.raises(
        ObjectiveError, match="4 trials failed in a row, and none completed; trial 3 failed with ValueError: no"
    ):
        run(objective, la.Limits(trials=30, failures=4))


def test_failures_in_a_row_after_a_success_end_the_run_with_its_best():
    exp = run(lambda t: 1.0 if t.number == 0 else 1 / 0, la.Limits(trials=30, failures=4))
    assert len(exp.trials) == 5
    assert exp.reason == "4 trials failed in a row"
    assert exp.best.number == 0


def test_plateau():
    exp = run(lambda t: max(10 - t.number, 5), la.Limits(trials=100, plateau=(7, 0.0)))
    assert len(exp.trials) == 5 + 1 + 7
    assert exp.reason == "no improvement of more than 0 in 7 trials"


def test_plateau_with_a_delta_holds_after_a_resume(tmp_path):
    for _ in range(2):
        exp = la.Experiment("e", {"x": la.Float(0, 1)}, store=tmp_path / "a.db")
        exp.run(lambda t: 1 - t.number / 1000, limits=la.Limits(trials=100, plateau=(5, 0.1)), progress=False)
    assert len(exp.trials) == 6


def test_cost_by_metric():
    exp = run(lambda t: {"value": 1.0, "cost": 2.5}, la.Limits(trials=100, cost=10))
    assert len(exp.trials) == 4


def test_cost_counts_what_paused_and_running_trials_have_cost():
    def objective(trial):
        state = {"cost": 0}
        trial.load(state)
        while True:
            state["cost"] += 1
            trial.save(state)
            trial.report(value=1.0, cost=state["cost"])

    scheduler = la.ASHA(9, form="promotion")
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", searcher="random", scheduler=scheduler, seed=0)
    for _ in range(2):  # a second run begins nothing
        exp.run(objective, limits=la.Limits(cost=30), progress=False)
        assert exp.reason == "cost limit of 30 reached"
        assert sum(trial.steps for trial in exp.trials) == exp.history.total_cost == 30
    assert "paused" in [trial.state for trial in exp.trials]


def test_cost_is_reached_by_a_sum_of_fractions():
    def objective(trial):
        for step in range(1, 11):
            trial.report(value=1.0, cost=step * 0.1)

    exp = run(objective, la.Limits(cost=3))
    assert [trial.steps for trial in exp.trials] == [10, 10, 10]


def test_wall_time_interrupts_what_reports_and_the_next_run_goes_on():
    def objective(trial):
        while True:
            trial.save({})
            trial.report(value=1.0)

    exp = run(objective, la.Limits(time=0.3))
    assert [t.state for t in exp.trials] == ["waiting"]
    assert exp.reason == "time limit of 0.3 s reached"
    steps = exp.trials[0].steps
    exp.run(lambda t: float(t.load({})), trials=1, progress=False)
    assert [(t.state, t.value, t.attempts) for t in exp.trials] == [("completed", steps, 2)]


class Counted(la.Inline):
    """Time passes when a trial says so."""

    seconds = 1000.0

    def now(self):
        return self.seconds


def test_wall_time_pauses_what_runs_after_an_interrupt(capsys):
    executor = Counted()

    def objective(trial):
        signal.raise_signal(signal.SIGINT)
        for _ in range(20):
            executor.seconds += 1
            trial.save({})
            trial.report(value=1.0)

    exp = run(objective, la.Limits(time=5), executor=executor)
    assert exp.reason == "interrupted"
    assert [(t.state, t.steps, t.reason) for t in exp.trials] == [("waiting", 5, "time limit of 5 s reached")]


ROWS = la.Fidelity("rows", 100, 2700, log=True)
HALVING = {
    "asha": lambda: la.ASHA(9, form="promotion"),
    "asha-rows": lambda: la.ASHA(ROWS),
    "pasha": lambda: la.PASHA(27),
    "hyperband": lambda: la.HyperBand(9),
    "hyperband-rows": lambda: la.HyperBand(ROWS),
    "dehb": lambda: la.DEHB(9),
    "pbt": lambda: la.PBT(9, population=4, interval=2),
}


@pytest.mark.parametrize("scheduler", HALVING)
@pytest.mark.parametrize("limit", [1.0, 1.5])
def test_a_run_cut_into_pieces_does_what_one_run_does(scheduler, limit):
    """A trial whose budget is spent just as the time is over has paused, and is not to run again for nothing."""

    def made():
        space = {"x": la.Float(0, 1)}
        return la.Experiment(
            "e", space, metric="loss", store="memory", searcher="random", scheduler=HALVING[scheduler](), seed=0
        )

    def cost(params, step):
        return params["x"] + 1 / step, 1.0

    whole, cut = la.simulate(made(), cost, workers=1, trials=12), made()
    runs = 0
    while runs == 0 or ("time limit" in cut.reason and runs < 200):
        la.simulate(cut, cost, workers=1, trials=12, time_limit=limit)
        runs += 1
    assert runs > 5

    def reports(exp):
        return [(e.number, e.step) for e in exp.store.read(1) if isinstance(e, la.journal.Reported)]

    assert reports(cut) == reports(whole)
    assert [(t.params, t.state, t.steps) for t in cut.trials] == [(t.params, t.state, t.steps) for t in whole.trials]


def cut_by_time(exp, executor):
    def objective(trial):
        for _ in range(trial.load({}), 9):
            executor.seconds += 1
            trial.save({})
            trial.report(value=1.0)

    exp.run(objective, trials=1, time_limit=1, executor=executor, progress=False)


def cut_by_command(exp, executor):
    def objective(trial):
        exp.stop(now=True)
        trial.save({})
        trial.report(value=1.0)

    exp.run(objective, trials=1, executor=executor, progress=False)


def cut_by_keyboard(exp, executor):
    def objective(trial):
        trial.save({})
        try:
            trial.report(value=1.0)
        finally:
            raise KeyboardInterrupt("second")

    with pytest.raises(KeyboardInterrupt, match="second"):
        exp.run(objective, trials=1, executor=executor, progress=False)


@pytest.mark.parametrize("cut", [cut_by_time, cut_by_command, cut_by_keyboard])
@pytest.mark.parametrize(("rung", "state", "steps"), [(1, "paused", 1), (3, "waiting", 1)])
def test_a_trial_that_is_cut_is_paused_only_where_its_budget_is_spent(cut, rung, state, steps):
    scheduler = la.ASHA(9, min_steps=rung, form="promotion")
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", searcher="random", scheduler=scheduler, seed=0)
    cut(exp, Counted())
    assert [(t.state, t.steps, t.attempts) for t in exp.trials] == [(state, steps, 1)]


def test_failures_before_a_mend_do_not_count():
    exp = la.Experiment("e", {"x": la.Float(0, 1)}, store="memory", seed=0)
    with pytest.raises(ObjectiveError, match="3 trials failed in a row"):
        exp.run(lambda t: 1 / 0, limits=la.Limits(failures=3), progress=False)
    exp.run(lambda t: 1.0, trials=5, progress=False)
    assert [t.state for t in exp.trials] == ["failed"] * 3 + ["completed"] * 2


def test_trial_time_stops_an_inline_trial_at_its_report():
    def objective(trial):
        while True:
            trial.report(value=1.0)

    exp = run(objective, la.Limits(trials=2, trial_time=0.2))
    assert [t.state for t in exp.trials] == ["stopped", "stopped"]
    assert "time limit of 0.2 s" in exp.trials[0].reason


def test_trial_time_kills_a_process_that_never_reports():
    def objective(trial):
        while trial.number == 0:
            pass
        return 1.0

    exp = run(objective, la.Limits(trials=2, trial_time=1.0), executor="processes")
    assert [t.state for t in exp.trials] == ["failed", "completed"]
    assert "time limit" in exp.trials[0].reason


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"trials": 0}, "limit trials=0 must be a number above 0"),
        ({"trials": 2.5}, "must be a whole number"),
        ({"time": -1}, "limit time=-1"),
        ({"plateau": 3}, r"must be \(trials, delta\)"),
        ({"retries": -1}, "must be a whole number from 0"),
        ({"failures": "many"}, "limit failures='many'"),
    ],
)
def test_wrong_limits_are_named(values, message):
    with pytest.raises(UsageError, match=message):
        la.Limits(**values)
