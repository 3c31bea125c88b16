import pickle
import sys
from typing import Any

import numpy as np
import pytest

from lanista.compat.optuna import FromOptuna, to_optuna
from lanista.errors import MissingExtraError, UsageError
from lanista.journal import COMPLETED, FAILED, RUNNING, STOPPED, History, Params
from lanista.search import TPE, Batch, Grid
from lanista.space import Choice, Float, Int, Normal, Space

optuna = pytest.importorskip("optuna")


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


class Spy:
    """A random searcher that keeps the last history it saw."""

    def __init__(self) -> None:
        self.history = History()
        self.lengths: list[int] = []

    def ask(self, history: History, count: int, rng: np.random.Generator) -> list[Params]:
        self.history = history
        self.lengths.append(len(history))
        return history.space.sample(rng, count)


def conditional(trial: Any) -> float:
    x = trial.suggest_float("x", -5, 5)
    if trial.suggest_categorical("kind", ["flat", "tilted"]) == "tilted":
        x += trial.suggest_float("slope", 1e-3, 1, log=True)
    return x**2


TREE = {"x": Float(-5, 5), "kind": Choice({"flat": {}, "tilted": {"slope": Float(1e-3, 1, log=True)}})}


@pytest.mark.parametrize("space", [None, TREE], ids=["inferred", "given"])
@pytest.mark.parametrize("searcher", ["tpe", TPE(startup=5)])
def test_a_searcher_optimises_a_study(searcher: Any, space: Any) -> None:
    study = optuna.create_study(sampler=to_optuna(searcher, space, seed=0))
    study.optimize(conditional, n_trials=60)
    assert study.best_value < 0.05
    assert all(("slope" in t.params) == (t.params["kind"] == "tilted") for t in study.trials)


def test_directions_are_kept() -> None:
    study = optuna.create_study(direction="maximize", sampler=to_optuna("tpe", seed=0))
    study.optimize(lambda trial: -((trial.suggest_float("x", -5, 5) - 2) ** 2), n_trials=50)
    assert study.best_value > -0.05


def test_what_happened_is_told() -> None:
    spy = Spy()
    study = optuna.create_study(direction="maximize", sampler=to_optuna(spy, {"x": Float(0, 1)}))
    fates = iter(["complete", "prune", "silent", "fail", "nan", "running", "last"])

    def objective(trial: Any) -> float:
        fate, x = next(fates), trial.suggest_float("x", 0, 1)
        if fate in ("prune", "silent"):
            if fate == "prune":
                trial.report(0.1, 0)
                trial.report(0.2, 4)
            raise optuna.TrialPruned
        if fate == "fail":
            raise RuntimeError("no")
        return float("nan") if fate == "nan" else x

    study.optimize(objective, n_trials=5, catch=RuntimeError)
    study.ask().suggest_float("x", 0, 1)
    study.ask().suggest_float("x", 0, 1)
    history = spy.history
    assert history.state.tolist() == [COMPLETED, STOPPED, STOPPED, FAILED, FAILED, RUNNING]
    x = study.trials[0].params["x"]
    np.testing.assert_allclose(history.Y[:, 0], [-x, -0.2, np.nan, np.nan, np.nan, np.nan])
    assert history.steps.tolist() == [0, 5, 0, 0, 0, 0]
    assert history.curve(1)[1].tolist() == [[-0.1], [-0.2]]
    np.testing.assert_allclose(history.X[:, 0], [t.params["x"] for t in study.trials[:6]])
    assert history.proposed == 6


def test_the_history_grows_and_is_not_told_again() -> None:
    spy = Spy()
    study = optuna.create_study(sampler=to_optuna(spy))
    histories = set()
    study.optimize(
        lambda trial: trial.suggest_float("x", 0, 1), n_trials=20, callbacks=[lambda *_: histories.add(id(spy.history))]
    )
    assert spy.lengths == list(range(1, 20))
    assert len(histories) == 2  # the one at the very beginning, and the study's


def test_conditional_parameters_do_not_apply() -> None:
    spy = Spy()
    study = optuna.create_study(sampler=to_optuna(spy, seed=1))
    study.optimize(conditional, n_trials=12)
    slope = spy.history.space.names.index("slope")
    active = spy.history.active[:, slope].tolist()
    assert active == ["slope" in t.params for t in study.trials[: len(active)]]
    assert set(active) == {True, False}


def test_constraints_are_told() -> None:
    spy = Spy()
    study = optuna.create_study(sampler=to_optuna(spy))

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("latency", x - 0.5)
        return -x

    study.optimize(objective, n_trials=10)
    history = spy.history
    np.testing.assert_allclose(history.C[:, 0], [t.params["x"] - 0.5 for t in study.trials[:9]])
    assert list(history.constraints) == ["constraint latency"]


def test_constraints_hold_in_the_end() -> None:
    study = optuna.create_study(sampler=to_optuna("tpe", {"x": Float(0, 1)}, seed=0))

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        trial.set_constraint("0", x - 0.5)
        return -x

    study.optimize(objective, n_trials=50)
    late = [t.params["x"] for t in study.trials[25:]]
    assert np.median(late) < 0.6
    assert study.best_value < -0.45


def test_several_objectives() -> None:
    study = optuna.create_study(directions=["minimize", "maximize"], sampler=to_optuna("tpe", seed=0))

    def objective(trial: Any) -> tuple[float, float]:
        x, y = trial.suggest_float("x", 0, 1), trial.suggest_float("y", 0, 1)
        return x + y, x - y

    study.optimize(objective, n_trials=50)
    assert len(study.best_trials) > 5
    assert np.mean([t.params["y"] for t in study.trials[30:]]) < 0.35


def test_trials_in_threads_are_pending() -> None:
    sampler = to_optuna("tpe", {"x": Float(0, 1)}, seed=0)
    study = optuna.create_study(sampler=sampler)
    study.optimize(lambda trial: trial.suggest_float("x", 0, 1) ** 2, n_trials=40, n_jobs=4)
    assert [t.number for t in study.trials] == list(range(40))
    spy = Spy()
    study.sampler = to_optuna(spy, {"x": Float(0, 1)})
    running = [study.ask() for _ in range(4)]
    values = [trial.suggest_float("x", 0, 1) for trial in running]
    assert spy.history.state[-3:].tolist() == [RUNNING] * 3
    np.testing.assert_allclose(spy.history.X[-3:, 0], values[:3])


def test_proposals_that_were_not_asked_for_yet_are_pending() -> None:
    spy = Spy()
    sampler = to_optuna(spy, {"x": Float(0, 1), "y": Float(0, 1)})
    study = optuna.create_study(sampler=sampler)
    one, other = study.ask(), study.ask()
    first = sampler.sample_relative(study, study.trials[one.number], sampler.infer_relative_search_space(study, None))
    other.suggest_float("y", 0, 1)
    np.testing.assert_allclose(spy.history.X[0], [first["x"], first["y"]])


def test_a_study_goes_on_with_a_fresh_sampler() -> None:
    def trials(breaks: list[int]) -> list[dict[str, Any]]:
        study = optuna.create_study()
        for n in breaks:
            study.sampler = to_optuna("tpe", TREE, seed=3)
            study.optimize(conditional, n_trials=n)
        return [t.params for t in study.trials]

    assert trials([30]) == trials([7, 13, 10])


def test_a_sampler_serves_one_study_after_another() -> None:
    def trials(sampler: Any) -> list[dict[str, Any]]:
        study = optuna.create_study(sampler=sampler)
        study.optimize(conditional, n_trials=15)
        return [t.params for t in study.trials]

    sampler = to_optuna("tpe", seed=3)
    assert trials(sampler) == trials(sampler) == trials(pickle.loads(pickle.dumps(sampler)))


def test_a_grid_ends_the_study() -> None:
    space = {"a": Choice([1, 2, 3]), "b": Int(0, 1)}
    study = optuna.create_study(sampler=to_optuna(Grid(), space))
    study.optimize(lambda t: t.suggest_categorical("a", [1, 2, 3]) + t.suggest_int("b", 0, 1), n_trials=50)
    assert sorted((t.params["a"], t.params["b"]) for t in study.trials) == [(a, b) for a in (1, 2, 3) for b in (0, 1)]


def test_a_batch_is_run_in_order_beside_enqueued_trials() -> None:
    batch = [{"a": 3}, {"a": 1}]
    study = optuna.create_study(sampler=to_optuna(Batch(batch), {"a": Int(1, 9)}))
    study.enqueue_trial({"a": 7})
    study.optimize(lambda t: t.suggest_int("a", 1, 9), n_trials=50)
    assert [t.params for t in study.trials] == [{"a": 7}, *batch]


def test_a_searcher_that_is_exhausted_leaves_the_trial_to_chance() -> None:
    class Two:
        def ask(self, history: History, count: int, rng: np.random.Generator) -> list[Params]:
            return [{"a": 5}] if history.proposed < 2 else []

    study = optuna.create_study(sampler=to_optuna(Two(), {"a": Int(1, 9)}))
    study.optimize(lambda t: t.suggest_int("a", 1, 9), n_trials=50)
    assert [t.params["a"] for t in study.trials[:2]] == [5, 5]
    assert len(study.trials) == 3
    assert study.ask().suggest_int("a", 1, 9) in range(1, 10)


def test_options_that_json_cannot_hold_work() -> None:
    options = [float("nan"), float("inf"), 1, "a", None]
    study = optuna.create_study(sampler=to_optuna("tpe"))
    study.optimize(lambda t: float(options.index(t.suggest_categorical("c", options)) == 2), n_trials=20)
    assert len(study.trials) == 20


def test_ranges_that_change_are_widened() -> None:
    spy = Spy()
    study = optuna.create_study(sampler=to_optuna(spy))
    for high in (1, 5, 3):
        study.optimize(lambda t, high=high: t.suggest_float("x", 0, high) + t.suggest_int("n", 0, high), n_trials=4)
    assert spy.history.space == Space({"n": Int(0, 5), "x": Float(0, 5)})


def test_hyperbands_brackets_share_what_is_known() -> None:
    spy = Spy()
    pruner = optuna.pruners.HyperbandPruner(min_resource=1, max_resource=9)
    study = optuna.create_study(sampler=to_optuna(spy), pruner=pruner)

    def objective(trial: Any) -> float:
        x = trial.suggest_float("x", 0, 1)
        for step in range(9):
            trial.report(x, step)
            if trial.should_prune():
                raise optuna.TrialPruned
        return x

    study.optimize(objective, n_trials=20)
    assert len(spy.history) == 19


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"searcher": "tpf"}, r"searcher='tpf' is not known; did you mean 'tpe'"),
        ({"searcher": TPE}, r"searcher=TPE is a class"),
        ({"searcher": "tpe", "seed": -1}, r"to_optuna\(seed=-1\): it must be a whole number from 0"),
        (
            {"searcher": "tpe", "space": {"z": Normal(0, 1)}},
            r"to_optuna\(space=...\): 'z' is a Normal, which an Optuna",
        ),
        ({"searcher": "tpe", "space": {"q": Float(1, 9, log=True, step=1)}}, r"'q' has both log and step"),
        (
            {"searcher": "tpe", "space": {"c": Choice({"a": {"n": Int(1, 2)}, "b": {"n": Int(1, 3)}})}},
            r"the name 'n' stands for several parameters",
        ),
    ],
)
def test_what_cannot_be_done_is_refused(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        to_optuna(**arguments)


def test_a_missing_optuna_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [
        name for name in sys.modules if name.split(".")[0] == "optuna" or name == "lanista.compat.optuna._sampler"
    ]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    with pytest.raises(MissingExtraError, match=r"pip install 'lanista\[optuna\]'"):
        to_optuna("tpe")
    with pytest.raises(MissingExtraError, match=r"pip install 'lanista\[optuna\]'"):
        FromOptuna(None)
