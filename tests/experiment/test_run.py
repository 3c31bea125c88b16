"""Running, resuming and looking, through the public object."""

import math

import numpy as np
import pytest

import lanista as la
from lanista.errors import ExperimentError, MetricError, UsageError

SPACE = {"x": la.Float(-1, 1), "k": la.Int(0, 9)}


def make(name="e", space=SPACE, **kw):
    kw.setdefault("store", "memory")
    kw.setdefault("searcher", "random")
    kw.setdefault("seed", 1)
    return la.Experiment(name, space, **kw)


def test_run_gives_the_wanted_number_of_trials_numbered_from_zero():
    exp = make().run(lambda t: t["x"] ** 2, trials=7, progress=False)
    assert [t.number for t in exp.trials] == list(range(7))
    assert {t.state for t in exp.trials} == {"completed"}
    assert exp.best.value == min(t.value for t in exp.trials)
    assert exp.reason == "all 7 trials are done"


def test_the_best_follows_the_direction():
    exp = make(metric="acc", mode="max").run(lambda t: t["x"], trials=9, progress=False)
    assert exp.best.value == max(t.value for t in exp.trials)


def test_the_same_call_again_runs_nothing_twice(tmp_path):
    ran = []

    def objective(trial):
        ran.append(trial.number)
        return trial["x"]

    make(store=tmp_path / "a.db").run(objective, trials=5, progress=False)
    make(store=tmp_path / "a.db").run(objective, trials=5, progress=False)
    make(store=tmp_path / "a.db").run(objective, trials=8, progress=False)
    assert ran == list(range(8))


def test_a_resumed_run_proposes_what_an_uninterrupted_one_does(tmp_path):
    whole = make(searcher="tpe").run(lambda t: t["x"] ** 2, trials=20, progress=False)
    for n in (7, 13, 20):
        parts = make(searcher="tpe", store=tmp_path / "a.db")
        parts.run(lambda t: t["x"] ** 2, trials=n, progress=False)
    assert [t.params for t in parts.trials] == [t.params for t in whole.trials]


def test_live_and_reopened_history_are_equal(tmp_path):
    def objective(trial):
        for _ in range(3):
            trial.save({"s": trial.step})
            trial.report(value=trial["x"], other=1)
        if trial.number == 2:
            raise ValueError("two")
        return trial["x"]

    exp = make(store=tmp_path / "a.db").run(objective, trials=6, progress=False)
    again = la.Experiment.load("e", tmp_path / "a.db")
    assert again.history == exp.history
    assert len(again.trials) == 6


def test_what_an_objective_may_return():
    values = {0: np.float32(0.5), 1: np.array(0.25), 2: {"value": 1, "extra": 2}, 3: None, 4: True}

    def objective(trial):
        if trial.number == 3:
            trial.report(value=7)
        return values[trial.number]

    exp = make().run(objective, trials=5, progress=False)
    assert [t.value for t in exp.trials] == [0.5, 0.25, 1, 7, 1]
    assert exp.trials[2].metrics["extra"] == 2


def test_nan_and_infinities_are_recorded_and_never_chosen():
    values = [math.nan, -math.inf, 3.0, math.inf]
    exp = make(searcher="tpe").run(lambda t: values[t.number] if t.number < 4 else 5.0, trials=25, progress=False)
    assert math.isnan(exp.trials[0].value)
    assert exp.trials[1].value == -math.inf
    assert exp.trials[3].value == math.inf
    assert exp.best.number == 2


def test_a_crash_fails_its_trial_alone_and_keeps_the_traceback():
    def objective(trial):
        if trial.number == 1:
            raise ValueError("the second one")
        return 1.0

    exp = make().run(objective, trials=3, progress=False)
    record = exp.trials[1]
    assert (record.state, record.reason) == ("failed", "ValueError: the second one")
    assert "in objective" in record.error
    assert "lanista/trial" not in record.error
    assert exp.trials[2].state == "completed"


def test_infeasible_trials_are_no_failures():
    def objective(trial):
        if trial["k"] < 5:
            raise la.Infeasible("k is too small")
        return 1.0

    exp = make().run(objective, trials=20, progress=False)
    infeasible = [t for t in exp.trials if t.state == "infeasible"]
    assert infeasible
    assert all(t.reason == "k is too small" and t.params["k"] < 5 for t in infeasible)


def test_retries_run_a_crashed_trial_again_under_its_number():
    seen = []

    def objective(trial):
        seen.append((trial.number, trial.attempt, trial.seed, trial["x"]))
        if trial.number == 0 and trial.attempt < 3:
            raise OSError("flaky")
        return 1.0

    exp = make().run(objective, trials=2, limits=la.Limits(retries=2), progress=False)
    assert [s[:2] for s in seen] == [(0, 1), (0, 2), (0, 3), (1, 1)]
    assert len({s[2:] for s in seen[:3]}) == 1
    assert exp.trials[0].state == "completed"
    assert exp.trials[0].retries == 2


def test_a_retried_trial_goes_on_from_its_checkpoint():
    starts = []

    def objective(trial):
        state = {"sum": 0}
        start = trial.load(state)
        starts.append((start, state["sum"]))
        for epoch in range(start, 6):
            state["sum"] += epoch
            trial.save(state)
            trial.report(value=state["sum"])
            if epoch == 3 and trial.attempt == 1:
                raise RuntimeError("after four epochs")

    exp = make().run(objective, trials=1, limits=la.Limits(retries=1), progress=False)
    assert starts == [(0, 0), (4, 6)]
    assert exp.trials[0].value == 15
    steps, values = exp.history.curve(0)
    assert steps.tolist() == [1, 2, 3, 4, 5, 6]
    assert values[:, 0].tolist() == [0, 1, 3, 6, 10, 15]


def test_steps_that_count_from_zero_are_understood_when_saving():
    starts = []

    def objective(trial):
        state = {"epochs": 0}
        start = trial.load(state)
        starts.append((start, state["epochs"]))
        for epoch in range(start, 6):
            state["epochs"] = epoch + 1
            trial.save(state)
            trial.report(1.0, epoch)
            if epoch in (1, 3) and trial.attempt == 1 + epoch // 2:
                raise OSError("again")

    exp = make().run(objective, trials=1, limits=la.Limits(retries=2), progress=False)
    assert starts == [(0, 0), (2, 2), (4, 4)]
    assert exp.history.curve(0)[0].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_trial_lost_after_its_last_report_completes_with_that_report():
    def objective(trial):
        for _ in range(trial.load({}), 3):
            trial.save({})
            trial.report(value=trial.step)
        if trial.attempt == 1:
            raise OSError("after the last epoch")

    exp = make().run(objective, trials=1, limits=la.Limits(retries=1), progress=False)
    assert (exp.trials[0].state, exp.trials[0].value, exp.trials[0].steps) == ("completed", 2.0, 3)


def test_while_none_completed_the_best_is_a_paused_one():
    def objective(trial):
        for _ in range(trial.load({}), 9):
            trial.save({})
            trial.report(value=trial["x"])

    exp = make(scheduler=la.ASHA(9, form="promotion"))
    exp.run(objective, trials=2, progress=False)
    assert {t.state for t in exp.trials} == {"paused"}
    assert exp.best.value == min(t.value for t in exp.trials)


def test_saving_after_the_report_is_understood_too():
    starts = []

    def objective(trial):
        state = {"n": 0}
        start = trial.load(state)
        starts.append((start, state["n"]))
        for epoch in range(start, 4):
            state["n"] = epoch + 1
            trial.report(value=epoch)
            trial.save(state)
            if epoch == 1 and trial.attempt == 1:
                raise RuntimeError("now")

    make().run(objective, trials=1, limits=la.Limits(retries=1), progress=False)
    assert starts == [(0, 0), (2, 2)]


def test_a_misspelt_metric_ends_the_run_with_the_nearest_name(tmp_path):
    exp = make(metric="accuracy", store=tmp_path / "a.db")
    with pytest.raises(MetricError, match="without metric 'accuracy'; it reported 'acuracy'; is 'acuracy' the"):
        exp.run(lambda t: {"acuracy": 1.0}, trials=5, progress=False)
    assert [t.state for t in la.Experiment.load("e", tmp_path / "a.db").trials] == ["failed"]


@pytest.mark.parametrize(
    "scheduler",
    [
        la.ASHA(3),
        la.ASHA(3, form="promotion"),
        la.HyperBand(3),
        la.PASHA(3),
        la.DEHB(3),
        la.Plateau(1),
        la.TimeSharing(3),
        la.FreezeThaw(3),
    ],
    ids=lambda scheduler: type(scheduler).__name__,
)
def test_a_misspelt_metric_ends_the_run_under_a_scheduler_too(scheduler):
    def objective(trial):
        for step in range(1, 4):
            trial.report(acuracy=step / 3)

    exp = make(metric="accuracy", scheduler=scheduler)
    with pytest.raises(MetricError, match="without metric 'accuracy'; it reported 'acuracy'; is 'acuracy' the"):
        exp.run(objective, trials=20, progress=False)
    assert len(exp.trials) < 5


def test_a_metric_that_is_never_given_ends_the_run():
    with pytest.raises(MetricError, match=r"return it, or call trial.report\(value=…\)"):
        make().run(lambda t: None, trials=5, progress=False)


def test_a_text_for_a_metric_ends_the_run():
    with pytest.raises(MetricError, match="'good', which is no number"):
        make().run(lambda t: "good", trials=5, progress=False)


def test_a_wrong_metric_late_fails_that_trial_alone():
    exp = make().run(lambda t: "oops" if t.number == 3 else 1.0, trials=5, progress=False)
    assert [t.state for t in exp.trials] == ["completed"] * 3 + ["failed", "completed"]


def test_several_objectives_have_a_front():
    exp = make(metric={"a": "min", "b": "max"})
    points = [(1, 1), (2, 3), (3, 2), (0.5, 0.5)]
    exp.run(lambda t: points[t.number], trials=4, progress=False)
    assert sorted(t.number for t in exp.pareto) == [0, 1, 3]
    assert exp.trials[1].values == (2.0, 3.0)


def test_an_optuna_objective_runs_as_it_is():
    def objective(trial):
        lr = trial.suggest_float("lr", 1e-5, 1e-1, log=True)
        kind = trial.suggest_categorical("kind", ["a", "b"])
        depth = trial.suggest_int("depth", 1, 8) if kind == "a" else 0
        for step in range(3):
            trial.report(lr, step)
            if trial.should_prune():
                raise RuntimeError("never asked to")
        trial.set_user_attr("note", depth)
        return lr + depth

    exp = la.Experiment("o", store="memory", seed=0, searcher="tpe").run(objective, trials=25, progress=False)
    assert {t.state for t in exp.trials} == {"completed"}
    assert set(exp.space.names) == {"lr", "kind", "depth"}
    for t in exp.trials:
        assert ("depth" in t.params) == (t.params["kind"] == "a")
    assert exp.history.notes[0] == {"note": exp.trials[0].params.get("depth", 0)}


def test_options_that_change_while_running_fail_that_trial():
    def objective(trial):
        trial.suggest_categorical("k", ["a", "b"] if trial.number != 3 else ["q"])
        return 1.0

    exp = la.Experiment("o", store="memory", seed=0).run(objective, trials=6, progress=False)
    assert [t.state for t in exp.trials].count("failed") == 1
    assert "the options of 'k' changed" in exp.trials[3].reason


def test_suggesting_what_a_given_space_lacks_is_an_error_that_says_so():
    exp = make().run(lambda t: t.suggest_float("new", 0, 1), trials=1, progress=False)
    assert "has a space that does not name 'new'" in exp.trials[0].reason


def test_ask_and_tell_loop_is_journalled(tmp_path):
    exp = make(store=tmp_path / "a.db")
    for _ in range(5):
        trial = exp.ask()
        trial.report(value=1)
        exp.tell(trial, trial["x"])
    with pytest.raises(ExperimentError, match="trial 0 has ended already"):
        exp.tell(0, 1.0)
    with pytest.raises(UsageError, match="there is no trial 9"):
        exp.tell(9, 1.0)
    assert len(la.Experiment.load("e", tmp_path / "a.db").trials) == 5


def test_ask_stops_when_the_searcher_is_exhausted():
    exp = make(searcher=la.Batch([{"x": 0.5, "k": 1}]))
    exp.tell(exp.ask(), 1.0)
    with pytest.raises(ExperimentError, match="no further configuration"):
        exp.ask()


def test_enqueued_configurations_run_first_and_only_once():
    exp = make()
    for _ in range(2):  # as a script that is run again does
        exp.enqueue([{"x": 0.5, "k": 3}, {"x": -0.5, "k": 4}])
    exp.run(lambda t: t["x"], trials=4, progress=False)
    assert [t.params for t in exp.trials[:2]] == [{"x": 0.5, "k": 3}, {"x": -0.5, "k": 4}]
    assert [t.origin for t in exp.trials] == ["enqueued"] * 2 + ["searcher"] * 2


def test_warm_start_enqueues_the_best_that_fit():
    first = make().run(lambda t: t["x"], trials=10, progress=False)
    second = make("f", {"x": la.Float(-1, 1), "k": la.Int(0, 9), "new": la.Int(1, 3, default=2)})
    second.warm_start(first, 3).run(lambda t: t["x"], trials=3, progress=False)
    best = sorted(first.trials, key=lambda t: t.value)[:3]
    assert [t.params for t in second.trials] == [{**t.params, "new": 2} for t in best]


def test_added_trials_teach_but_do_not_count():
    exp = make().add({"x": 0.0, "k": 1}, -5.0)
    exp.run(lambda t: t["x"], trials=3, progress=False)
    assert len(exp.trials) == 4
    assert exp.best.number == 0


def test_callbacks_hear_every_event_after_it_is_journalled():
    heard = []
    exp = make()
    exp.run(
        lambda t: 1.0,
        trials=2,
        progress=False,
        callbacks=[lambda e, event: heard.append((type(event).__name__, len(e.trials)))],
    )
    names = [name for name, _ in heard]
    assert names == ["Joined", "Asked", "Ended", "Asked", "Ended", "Left"]


def test_a_callback_may_stop_the_run():
    exp = make()

    def enough(experiment, event):
        if type(event).__name__ == "Ended" and event.number == 3:
            experiment.stop()

    exp.run(lambda t: 1.0, trials=100, progress=False, callbacks=[enough])
    assert exp.reason == "stopped by command"
    assert len(exp.trials) < 10


class Count(la.Trainable):
    max_steps = 4

    def setup(self, trial):
        self.n = 0

    def step(self):
        self.n += 1
        return self.n


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_trainables_run_step_by_step(executor):
    exp = make(mode="max").run(Count, trials=3, executor=executor, progress=False)
    assert [(t.steps, t.value, t.state) for t in exp.trials] == [(4, 4.0, "completed")] * 3


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_cohort_takes_several_trials_at_once(executor):
    def objective(trials):
        for step in range(3):
            for t in trials:
                if not t.stopped:
                    t.report(value=len(trials) + step)
        return [t["x"] for t in trials]

    exp = make().run(objective, trials=10, cohort=4, executor=executor, progress=False)
    assert [t.steps for t in exp.trials] == [3] * 10
    assert [exp.history.reports(n)[0][1]["value"] for n in range(10)] == [4] * 8 + [2] * 2
    assert all(t.value == t.params["x"] for t in exp.trials)


def test_minimize_and_maximize_return_the_best_trial():
    low = la.minimize(lambda t: (t["x"] - 0.3) ** 2, {"x": la.Float(-1, 1)}, trials=60, seed=0)
    high = la.maximize(lambda t: -((t["x"] - 0.3) ** 2), {"x": la.Float(-1, 1)}, trials=60, seed=0)
    assert low.params == high.params
    assert low.value < 0.05


def test_the_frame_has_a_row_a_trial():
    frame = make().run(lambda t: {"value": t["x"], "other": 1}, trials=4, progress=False).frame()
    assert len(frame) == 4
    assert {"number", "state", "value", "params.x", "params.k", "metrics.other", "seconds"} <= set(frame.columns)
