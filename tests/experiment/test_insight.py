"""What the trials tell: importance, hypervolume, what comes next, what is left to gain, what the searcher says."""

import logging
import time

import numpy as np
import pytest

import lanista as la
from lanista.errors import UsageError

SPACE = {"x": la.Float(0, 1), "idle": la.Float(0, 1)}


def made(**arguments):
    return la.Experiment("insight", SPACE, **{"metric": "loss", "store": "memory", "seed": 0, **arguments})


def two(**arguments):
    exp = made(metric={"loss": "min", "score": "max"}, **arguments)
    for loss, score, size in [(1.0, 5.0, 1), (2.0, 7.0, 9), (3.0, 4.0, 1), (2.5, 6.5, 1)]:
        exp.add({"x": 0.5, "idle": 0.5}, {"loss": loss, "score": score, "size": size})
    return exp


# --- importance -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("method", ["fanova", "permutation"])
def test_importance_finds_what_matters_for_each_metric(method):
    exp = made(searcher="random")
    exp.run(lambda t: {"loss": t["x"] ** 2, "other": t["idle"]}, trials=40, progress=False)
    shares = exp.importance(method)
    assert next(iter(shares)) == "x"
    assert shares["x"] > 0.9
    assert sum(shares.values()) == pytest.approx(1)
    assert exp.importance(method, metric="other")["idle"] > 0.9


def test_what_importance_cannot_tell_is_said():
    exp = made()
    with pytest.raises(UsageError, match="importance needs 4 completed trials"):
        exp.importance()
    exp.run(lambda t: t["x"], trials=5, progress=False)
    with pytest.raises(UsageError, match=r"method='shap'"):
        exp.importance("shap")
    with pytest.raises(UsageError, match=r"metric='acc'.*there are loss"):
        exp.importance(metric="acc")


# --- several objectives -----------------------------------------------------------------------------------------------


def test_hypervolume_is_counted_in_the_signs_of_the_user():
    exp = two()
    assert exp.hypervolume((3.0, 4.0)) == pytest.approx(2 * 1 + 1 * 2)
    assert exp.hypervolume({"score": 4.0, "loss": 3.0}) == exp.hypervolume([3.0, 4.0])
    assert exp.hypervolume() == exp.hypervolume((3.0, 4.0))  # the worst of each
    assert exp.hypervolume((0.5, 4.0)) == 0


def test_hypervolume_and_front_leave_out_what_breaks_a_constraint():
    exp = two(constraints={"size": la.at_most(5)})
    assert [t.number for t in exp.pareto] == [0, 3]
    assert exp.hypervolume() == pytest.approx(2 * 1 + 0.5 * 1.5)


def test_hypervolume_of_nothing_is_nothing():
    assert made().hypervolume() == 0


@pytest.mark.parametrize("reference", [3.0, (1.0,), (1.0, float("nan")), {"loss": 1.0}, ("a", "b"), (1, True)])
def test_a_wrong_reference_is_named(reference):
    with pytest.raises(UsageError, match=r"reference=.* must have one finite number for each of loss, score"):
        two().hypervolume(reference)


# --- what comes next --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("searcher", ["auto", "tpe", "random", "cmaes", "evolution"])
def test_suggest_next_is_what_a_run_takes_and_leaves_no_trace(searcher):
    exp = made(searcher=searcher)
    exp.run(lambda t: t["x"], trials=11, progress=False)
    seq = exp.history.seq
    suggested = exp.suggest_next()
    assert exp.suggest_next() == suggested
    assert exp.history.seq == seq
    assert [exp.ask().params] == suggested


def test_suggest_next_gives_several_and_fewer_where_the_searcher_has_no_more():
    points = [{"x": x, "idle": 0.5} for x in (0.1, 0.2, 0.3)]
    exp = made(searcher=la.Batch(points))
    assert exp.suggest_next(2) == points[:2]
    assert exp.suggest_next(9) == points
    with pytest.raises(UsageError, match="count=0 must be a whole number from 1"):
        exp.suggest_next(0)


# --- what is left to gain ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mode", ["min", "max"])
def test_a_run_ends_when_little_is_left_to_gain_and_a_later_one_at_once(mode, tmp_path):
    sign = 1 if mode == "min" else -1

    def objective(trial):
        return sign * (trial["x"] - 0.3) ** 2

    def run():
        exp = la.Experiment("e", {"x": la.Float(0, 1)}, "y", mode=mode, store=tmp_path / "e.db", searcher="tpe", seed=0)
        return exp.run(objective, limits=la.Limits(trials=300, improvement=0.05), progress=False)

    exp = run()
    count = len(exp.trials)
    assert 10 <= count < 300
    assert exp.reason.startswith("at most 0.0")
    assert exp.reason.endswith("is left to gain, within the limit of 0.05")
    assert abs(exp.best.value) < 0.05
    assert len(run().trials) == count


def test_the_model_is_not_asked_after_every_trial(monkeypatch):
    from lanista.experiment import _limits

    asked = []
    monkeypatch.setattr(_limits, "improvement_left", lambda history: asked.append(history.ended) or 1.0)
    exp = made(searcher="random")
    exp.run(lambda t: t["x"], limits=la.Limits(trials=200, improvement=0.5), progress=False)
    assert asked[:3] == [10, 11, 12]
    assert len(asked) < 45
    assert np.diff(asked).max() <= 20


def test_the_limit_can_be_set_while_it_runs():
    exp = made(searcher="tpe")

    def enough(experiment, event):
        if len(experiment.trials) == 15:
            experiment.set(improvement=1e6)

    exp.run(lambda t: t["x"] ** 2, trials=100, callbacks=[enough], progress=False)
    assert len(exp.trials) < 20
    with pytest.raises(UsageError, match="limit improvement=0 must be a number above 0"):
        la.Limits(improvement=0)


# --- what the searcher says -------------------------------------------------------------------------------------------


class Talking(la.Random):
    def explain(self, history):
        return f"talking: {len(history)} trials so far"


def test_the_searcher_s_line_is_printed_and_logged_once_a_run(capsys, caplog):
    exp = made(searcher=Talking())
    with caplog.at_level(logging.INFO, "lanista"):
        exp.run(lambda t: t["x"], trials=2)
        exp.run(lambda t: t["x"], trials=4, progress=False)
    assert capsys.readouterr().err.startswith("talking: 0 trials so far\ntrial 0 ")
    assert [r.getMessage() for r in caplog.records] == [
        "insight: talking: 0 trials so far",
        "insight: talking: 2 trials so far",
    ]


def test_a_searcher_that_says_nothing_is_no_trouble(capsys):
    made(searcher="random").run(lambda t: t["x"], trials=1)
    assert capsys.readouterr().err.startswith("trial 0 ")


def test_the_time_of_the_searcher_is_not_the_trial_s():
    class Slow(la.Random):
        def ask(self, history, count, rng):
            found = super().ask(history, count, rng)
            self.done = time.time()
            return found

    searcher = Slow()
    exp = made(searcher=searcher)
    assert exp.trials[exp.ask().number].started >= searcher.done


# --- names ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("smac", la.Forest),
        ("SMAC", la.Forest),
        ("Metis", la.GP),
        ("MetisTuner", la.GP),
        ("GridSearch", la.Grid),
        ("grid_search", la.Grid),
        ("Anneal", la.Anneal),
        ("Evolution", la.RegularizedEvolution),
        ("TPE", la.TPE),
        ("CMA-ES", la.CMAES),
        ("NSGA-II", la.NSGA2),
        ("DNGOTuner", la.DNGO),
        ("PPOTuner", la.PPO),
        ("LocalSearch", la.LocalSearch),
        ("PolicyBasedRL", la.PPO),
        (None, la.Auto),
    ],
)
def test_names_that_others_have_are_understood(name, kind):
    assert type(made(searcher=name).searcher) is kind
