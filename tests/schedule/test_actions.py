"""What the actions of people's own schedulers hold: numpy's numbers are taken, and what is wrong is named at once."""

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista.errors import LanistaError, SpaceError, UsageError
from lanista.schedule import Extend, Finish, Report, Resume, Slots, Start, Stop, Yield

SPACE = {"x": la.Float(0, 1), "n": la.Int(1, 9, default=3)}
STORES = ["memory", "sqlite"]
Answer = Callable[[Any, Any], list[Any]]


class Mine:
    """Answers free slots by one function and reports by another."""

    def __init__(self, slots: Answer, reports: Answer = lambda history, event: []) -> None:
        self.slots, self.reports = slots, reports

    def on(self, history: Any, event: Any) -> list[Any]:
        if isinstance(event, Slots):
            return self.slots(history, event)
        return self.reports(history, event) if isinstance(event, Report) else []


def train(trial: la.Trial) -> None:
    state = {"loss": 1.0}
    for step in range(trial.load(state), 4):
        state["loss"] = trial["x"] / (step + 1)
        trial.save(state)
        trial.report(loss=state["loss"])


def experiment(scheduler: Any, store: str, **more: Any) -> la.Experiment:
    more = {"space": SPACE, "searcher": "random", **more}
    return la.Experiment("own", metric="loss", scheduler=scheduler, store=store, seed=0, **more)


def run(exp: la.Experiment, trials: int = 2) -> la.Experiment:
    return exp.run(train, trials=trials, progress=False, executor=la.Inline())


@pytest.fixture
def place(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return "memory" if request.param == "memory" else str(tmp_path / "own.db")


def slots(action: Any) -> Mine:
    """Starts a trial, which pauses, and then returns the action."""
    return Mine(lambda history, event: [action] if len(history) else [Start(budget=1)])


def reports(action: Any) -> Mine:
    """Returns the action at each report."""
    return Mine(lambda history, event: [Start(budget=2)], lambda history, event: [action])


WRONG = [
    (slots(Start(budget=0)), r"Start\(budget=0\): it must be a whole number, at least 1$"),
    (slots(Start(budget=-1)), r"Start\(budget=-1\): it must be a whole number"),
    (slots(Start(budget=2.5)), r"Start\(budget=2.5\): it must be a whole number, at least 1$"),
    (slots(Start(budget=2.0)), r"Start\(budget=2.0\): it must be a whole number, at least 1; write 2$"),
    (slots(Start(budget=np.float32(2))), r"Start\(budget=.*2.0.*\): it must be .*; write 2$"),
    (slots(Start(budget=np.nan)), r"Start\(budget=nan\): it must be a whole number, at least 1$"),
    (slots(Start(budget="3")), r"Start\(budget='3'\): it must be a whole number"),
    (slots(Start(budget=True)), r"Start\(budget=True\): it must be a whole number"),
    (slots(Resume(0, budget="3")), r"Resume\(budget='3'\): it must be a whole number"),
    (slots(Start(seconds=0)), r"Start\(seconds=0\): it must be a number above 0; for no limit leave it out"),
    (slots(Start(seconds=-1)), r"Start\(seconds=-1\): it must be a number above 0"),
    (slots(Start(seconds=np.nan)), r"Start\(seconds=nan\): it must be a number above 0"),
    (slots(Start(seconds=np.inf)), r"Start\(seconds=inf\): .*for no limit leave it out"),
    (slots(Resume(0, seconds="3")), r"Resume\(seconds='3'\): it must be a number above 0"),
    (slots(Start(resources="x")), r"Start\(resources='x'\): it must be amounts by name, say {'cpus': 2}"),
    (slots(Start(resources=["cpus"])), r"Start\(resources=\['cpus'\]\): it must be amounts by name"),
    (slots(Start(resources={"cpus": -1})), r"Start\(resources={'cpus': -1}\): it must be amounts by name"),
    (slots(Resume(0, resources={1: 1})), r"Resume\(resources={1: 1}\): it must be amounts by name"),
    (slots(Start(parent=0)), r"Start\(parent=0\): it must be \(trial, step\)"),
    (slots(Start(parent=(0,))), r"Start\(parent=\(0,\)\): it must be \(trial, step\)"),
    (slots(Start(parent=(99, 1))), r"Start\(parent=\(99, 1\)\): there is no trial 99, those .* go from 0 to 0"),
    (slots(Start(parent=(-1, 1))), r"Start\(parent=\(-1, 1\)\): its trial must be a whole number, at least 0"),
    (slots(Start(parent=(0, "1"))), r"Start\(parent=\(0, '1'\)\): its step must be a whole number, at least 0"),
    (slots(Resume(99)), r"Resume\(trial=99\): there is no trial 99, .* from 0 to 0; take one of history.running"),
    (slots(Resume(-1)), r"Resume\(trial=-1\): it must be a whole number, at least 0"),
    (slots(Resume("a")), r"Resume\(trial='a'\): it must be a whole number"),
    (slots(Resume(None)), r"Resume\(trial=None\): it must be a whole number"),
    (slots(Resume(np.array([0]))), r"Resume\(trial=array\(\[0\]\)\): it must be a whole number"),
    (slots(Finish(None)), r"Finish\(reason=None\): it must be a text"),
    (Mine(lambda history, event: [Resume(0)]), r"Resume\(trial=0\): there is no trial 0, there is none yet"),
    (reports(Stop(99, "x")), r"Stop\(trial=99\): there is no trial 99"),
    (reports(Stop("a", "x")), r"Stop\(trial='a'\): it must be a whole number"),
    (reports(Stop([0], "x")), r"Stop\(trial=\[0\]\): it must be a whole number"),
    (reports(Stop(0, {"a": 1})), r"Stop\(reason={'a': 1}\): it must be a text, which people read"),
    (reports(Stop(0, "x", "complete")), r"Stop\(state='complete'\): it must be 'stopped' or 'completed'"),
    (reports(Stop(0, "x", None)), r"Stop\(state=None\): it must be 'stopped' or 'completed'; leave it out"),
    (reports(Yield(99)), r"Yield\(trial=99\): there is no trial 99"),
    (reports(Extend(99, 4)), r"Extend\(trial=99\): there is no trial 99"),
    (reports(Extend(0, "a")), r"Extend\(budget='a'\): it must be a whole number"),
]
NO_CONFIGURATIONS = [
    ([1], r"Start\(params=\[1\]\): a configuration is a dict of name: value; .* leave it out"),
    ({"x": 99.0}, r"Start\(params={'x': 99.0}\): 'x': 99.0 is outside Float\(0.0, 1.0\)"),
    ({"x": 0.5, "y": 1}, r"'y' is no parameter of the space; the names are n, x"),
    ({}, r"Start\(params={}\): 'x' is missing from {}; give it a value"),
    ({"x": "a"}, r"Start\(params={'x': 'a'}\): 'x': a value of Float\(0.0, 1.0\) must be a number"),
]
CASES = [(scheduler, UsageError, words) for scheduler, words in WRONG]
CASES += [(slots(Start(params=params)), SpaceError, words) for params, words in NO_CONFIGURATIONS]


@pytest.mark.parametrize("place", STORES, indirect=True)
@pytest.mark.parametrize(("scheduler", "kind", "words"), CASES, ids=[words[:40] for _, _, words in CASES])
def test_what_is_wrong_is_named_and_the_experiment_lives(
    scheduler: Any, kind: type[LanistaError], words: str, place: str
) -> None:
    scheduler = Mine(scheduler.slots, scheduler.reports)
    exp = experiment(scheduler, place)
    with pytest.raises(kind, match=r"^Mine.on\(history, (Slots|Report)\(...\)\) returned .*" + words):
        run(exp)
    assert all(trial.state != "running" for trial in exp.trials)
    if place != "memory":
        exp = experiment("fifo", place)
    else:
        scheduler.slots, scheduler.reports = la.FIFO().on, lambda history, event: []
    assert [trial.state for trial in run(exp).trials] == ["completed"] * 2


def paused(history: Any) -> Any:
    """The numbers of the paused trials as numpy gives them."""
    return np.flatnonzero(history.state == 2)


def resume(history: Any, event: Any) -> list[Any]:
    return [Resume(n, history.steps[n] + 2) for n in paused(history)] or [Start(budget=np.int64(2))]


def stop(history: Any, event: Any) -> list[Any]:
    return [*(Stop(n, "bad") for n in paused(history)), Start(budget=2)]


def copy(history: Any, event: Any) -> list[Any]:
    return [Start(parent=(n, np.int64(1)), seconds=np.float32(60)) for n in paused(history)] or [Start(budget=1)]


def pick(history: Any, event: Any) -> list[Any]:
    return [Start(params={"x": np.float32(0.5), "n": np.int64(3)}, resources={})]


NUMPY = [
    (Mine(resume), ["completed", "completed"]),
    (Mine(stop), ["stopped", "stopped"]),
    (Mine(copy), ["paused", "completed"]),
    (Mine(pick), ["completed", "completed"]),
    (Mine(resume, lambda h, e: [Extend(np.int32(e.trial), np.uint8(9))]), ["completed", "completed"]),
    (Mine(resume, lambda h, e: [Yield(np.int64(e.trial))]), ["completed", "completed"]),
]


@pytest.mark.parametrize("place", STORES, indirect=True)
@pytest.mark.parametrize(("scheduler", "states"), NUMPY)
def test_numbers_of_numpy_are_journalled_as_plain_ones(scheduler: Any, states: list[str], place: str) -> None:
    assert [trial.state for trial in run(experiment(scheduler, place)).trials] == states
    if place != "memory":
        again = experiment("fifo", place)
        assert [trial.state for trial in again.trials] == states
        assert all(type(trial.number) is int for trial in again.trials)
        with sqlite3.connect(place) as db:
            kinds = {kind for (kind,) in db.execute("SELECT DISTINCT typeof(trial) FROM lanista_events")}
        assert kinds <= {"integer", "null"}


def test_a_configuration_takes_its_defaults_as_one_that_is_enqueued() -> None:
    exp = run(experiment(Mine(lambda history, event: [Start(params={"x": 1})]), "memory"), trials=1)
    assert json.dumps(exp.trials[0].params) == '{"x": 1.0, "n": 3}'


@pytest.mark.parametrize("params", [{"x": 99.0}, {"z": 0.5}])
def test_a_space_that_is_found_while_trials_run_takes_any(params: dict[str, float]) -> None:
    def found(trial: la.Trial) -> None:
        trial.report(loss=trial.suggest_float("x", 0, 1))

    exp = experiment(Mine(lambda history, event: [Start(params=params)]), "memory", space=None)
    exp.run(found, trials=1, progress=False, executor=la.Inline())
    assert 0 <= exp.trials[0].params["x"] <= 1


@pytest.mark.parametrize("beside", ["main", "rule", "within"])
def test_within_another_scheduler_it_is_named_as_well(beside: str) -> None:
    class Rule(Mine):
        rule = True

    wrong = Rule(lambda history, event: [Start(2), Resume("a")], lambda history, event: [Stop([0], "x")])
    scheduler = {
        "main": lambda: la.Combined(wrong, la.Plateau(3)),
        "rule": lambda: la.Combined(la.ASHA(9), wrong),
        "within": lambda: la.ResourceChanging(Mine(wrong.slots), rule=lambda history, n: history.resources(n)),
    }[beside]()
    with pytest.raises(UsageError, match=r"^(Rule|Mine).on\(history, .* returned (Resume|Stop)\(trial="):
        run(experiment(scheduler, "memory"))


def test_an_explore_that_leaves_the_space() -> None:
    scheduler = la.schedule.Population(lambda history, parent, rng: {"x": 99.0}, 4, population=4, interval=1)
    with pytest.raises(
        SpaceError, match=r"^Population.on.* returned Start\(params={'x': 99.0}\): 'x': 99.0 is outside"
    ):
        run(experiment(scheduler, "memory"), trials=20)
