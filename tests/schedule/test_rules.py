"""Rules that end trials, combined with schedulers, and resources for those that deserve them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista.errors import UsageError
from lanista.schedule import Resume, Scheduler, Slots
from lanista.testing import SchedulerContract

SPACE = {"x": la.Float(0, 1)}


class TestPlateau(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.Plateau(3)


class TestThreshold(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.Threshold("loss", above=0.8)


class TestBudget(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.Budget(5)


class TestCombined(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.Combined(la.ASHA(9), la.Plateau(3), la.Threshold("loss", above=0.9))


class TestCombinedWithPromotion(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.Combined(la.ASHA(9, form="promotion"), la.Plateau(2), la.MedianStopping())


class TestResourceChanging(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.ResourceChanging(la.ASHA(9, form="promotion"), most={"cpus": 2})


def run(curve: Callable[[la.Trial, int], dict[str, float]], scheduler: Any, steps: int = 20) -> la.TrialRecord:
    """One trial with these reports."""

    def objective(trial: la.Trial) -> None:
        for step in range(1, steps + 1):
            trial.report(**curve(trial, step))

    exp = la.Experiment("rules", SPACE, metric="loss", store="memory", scheduler=scheduler)
    return exp.run(objective, trials=1, progress=False).trials[0]


def test_a_trial_on_its_plateau_is_complete() -> None:
    def curve(_: la.Trial, step: int) -> dict[str, float]:
        return {"loss": 1 / min(step, 7)}

    trial = run(curve, la.Plateau(4))
    assert (trial.state, trial.steps) == ("completed", 11)
    assert trial.reason == "has not improved in 4 steps"
    assert run(curve, la.Plateau(4, grace_steps=15)).steps == 16
    trial = run(curve, la.Plateau(4, min_delta=0.15))
    assert trial.steps == 10  # the steps that count: 1, 2, 3 and 6
    assert trial.reason == "has not improved by more than 0.15 in 4 steps"
    assert run(lambda _, step: {"loss": 1 / step}, la.Plateau(4)).steps == 20


def test_a_plateau_of_values_that_are_none_ends_too() -> None:
    assert run(lambda *_: {"loss": math.nan}, la.Plateau(4)).steps == 5


@pytest.mark.parametrize(
    ("rule", "steps", "reason"),
    [
        (la.Threshold("loss", above=5), 6, "loss=6 is above 5"),
        (la.Threshold("loss", above=5, grace_steps=8), 9, "loss=9 is above 5"),
        (la.Threshold("speed", below=-3), 4, "speed=-4 is below -3"),
    ],
)
def test_a_metric_beyond_its_bound_stops_the_trial(rule: Scheduler, steps: int, reason: str) -> None:
    trial = run(lambda _, step: {"loss": step, "speed": -step}, rule)
    assert (trial.state, trial.steps, trial.reason) == ("stopped", steps, reason)


def test_a_metric_that_is_no_number_stops_the_trial() -> None:
    trial = run(lambda _, step: {"loss": 1.0 if step < 3 else math.nan}, la.Threshold("loss", above=5))
    assert (trial.state, trial.steps, trial.reason) == ("stopped", 3, "loss=nan is no number")


def test_a_budget_is_of_steps_or_of_a_metric() -> None:
    assert run(lambda _, step: {"loss": step}, la.Budget(7)).steps == 7
    trial = run(lambda _, step: {"loss": step, "energy": 2.5 * step}, la.Budget(10, metric="energy"))
    assert (trial.state, trial.steps, trial.reason) == ("completed", 4, "has spent its budget of 10 energy")


def test_a_list_is_a_scheduler_and_rules() -> None:
    rules = ["asha", la.Plateau(2)]
    with pytest.raises(UsageError, match="max_steps"):
        run(lambda *_: {"loss": 1.0}, rules)
    assert run(lambda *_: {"loss": 1.0}, [la.ASHA(9), la.Plateau(2)]).steps == 3
    assert run(lambda *_: {"loss": 1.0}, [la.ASHA(9), la.Plateau(20)]).steps == 9
    assert run(lambda *_: {"loss": 1.0}, [la.Plateau(5)]).steps == 6


class Late:
    """A rule of one's own."""

    rule = True

    def on(self, history: la.History, event: la.schedule.Event) -> list[la.schedule.Action]:
        return [la.schedule.Stop(0, "late")] if isinstance(event, la.schedule.Report) and event.step > 3 else []


def test_a_rule_of_ones_own_says_so() -> None:
    assert run(lambda *_: {"loss": 1.0}, [la.ASHA(9), Late()]).steps == 4


@pytest.mark.parametrize("rule", [la.ASHA(9), la.MedianStopping(), la.CurveFitting(9), la.FIFO(), la.Budget(9)])
def test_rules_are_those_that_leave_to_others_what_runs(rule: Scheduler) -> None:
    assert la.Combined(la.Combined(la.Plateau(3), rule), la.Combined(la.Plateau(2), rule)).rules


@pytest.mark.parametrize(
    "other",
    [
        la.HyperBand(9),
        la.SuccessiveHalving(9),
        la.ASHA(9, form="promotion"),
        la.PASHA(9),
        la.DEHB(9),
        la.PBT(9),
        la.TimeSharing(9),
        la.ResourceChanging(la.HyperBand(9), most={"cpus": 2}),
        la.Combined(la.HyperBand(9), la.Plateau(2)),
    ],
)
def test_what_decides_what_runs_is_refused_in_the_place_of_a_rule(other: Scheduler) -> None:
    with pytest.raises(UsageError, match=f"{type(other).__name__} decides what runs .* give it first"):
        la.Experiment("order", SPACE, metric="loss", store="memory", scheduler=[la.Plateau(30), other])


def test_of_two_stops_one_is_heard() -> None:
    actions = la.Combined(la.Budget(1), la.Budget(1)).on(la.History(), la.schedule.Report(0, 1, {"loss": 1.0}))
    assert len(actions) == 1


def test_the_best_get_more() -> None:
    def objective(trial: la.Trial) -> None:
        trial.note(**{f"attempt {trial.attempt}": trial.resources["cpus"]})
        state: dict[str, int] = {}
        for _ in range(trial.load(state), 9):
            trial.save(state)
            trial.report(loss=trial["x"])

    scheduler = la.ResourceChanging(la.ASHA(9, form="promotion"), most={"cpus": 2}, top=0.1)
    settings: dict[str, Any] = {"store": "memory", "searcher": "random", "seed": 3}
    exp = la.Experiment("more", SPACE, metric="loss", scheduler=scheduler, **settings)
    exp.run(objective, trials=27, executor=la.Processes(2, cpus=1), progress=False)
    given = {number: list(exp.history.notes[number].values()) for number in range(27)}
    assert all(cpus[0] == 1 for cpus in given.values())
    assert given[exp.best.number][-1] == 2
    assert any(len(cpus) > 1 and 2 not in cpus for cpus in given.values())


def test_a_rule_of_ones_own_decides() -> None:
    class Always:
        def on(self, history: la.History, event: la.schedule.Event) -> list[la.schedule.Action]:
            return [Resume(3)]

    scheduler = la.ResourceChanging(Always(), rule=lambda history, number: {"gpus": number})
    assert scheduler.on(la.History(), Slots(1)) == [Resume(3, resources={"gpus": 3})]


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: la.Plateau(0), r"Plateau\(patience=0\): it must be a whole number, at least 1"),
        (lambda: la.Threshold(5, above=3), r"Threshold\(metric=5\): it must be the name of a metric"),
        (lambda: la.Threshold("loss", above=1, below=2), r"Threshold\(above=1, below=2\): no value is let pass"),
        (lambda: la.Fidelity(None, 1, 2), r"Fidelity\(None\): its name must be a text"),
        (lambda: la.ASHA(math.inf), r"ASHA\(max_steps=inf\): it must be a whole number"),
        (lambda: la.ASHA(9, brackets="2"), r"ASHA\(brackets='2'\): it must be a whole number"),
        (lambda: la.ASHA(9, brackets=1.5), r"ASHA\(brackets=1.5\): it must be a whole number"),
        (lambda: la.Threshold("loss"), r"Threshold\('loss'\) has no bound"),
        (lambda: la.Budget("x"), r"Budget\(limit=\'x\'\): it must be a number above 0"),
        (lambda: la.Threshold("loss", above="3"), r"above='3'\): it must be a number"),
        (lambda: la.Combined(la.FIFO(), "plateau"), "'plateau' is no scheduler; give an object with `on`"),
        (lambda: la.ResourceChanging("asha", most={"cpus": 1}), "'asha' is no scheduler"),
        (lambda: la.PBT(la.Fidelity("rows", 1, 9)), r"max_steps=Fidelity\(.*: it must be a whole number"),
        (lambda: la.TimeSharing(True), r"max_steps=True\): it must be a whole number"),
        (lambda: la.ASHA(9.5), r"max_steps=9.5\): it must be a whole number, at least 1$"),
        (lambda: la.ASHA(16.0), r"max_steps=16.0\): it must be a whole number, at least 1; write 16$"),
        (lambda: la.FreezeThaw(np.int64(16)), r"16\)?\): it must be a whole number, at least 1; write 16$"),
        (lambda: la.MedianStopping(grace_steps=None), "grace_steps=None"),
        (lambda: la.Combined(la.FIFO()), "no rule beside the scheduler"),
        (lambda: la.ResourceChanging(la.FIFO(), most=2), r"most=2\): give an amount above 0"),
        (lambda: la.ResourceChanging(la.FIFO(), most={}), r"most=\{\}\): give an amount above 0"),
        (lambda: la.ResourceChanging(la.FIFO(), most={"cpus": "2"}), r"'2'\}\): give an amount above 0"),
        (lambda: la.ResourceChanging(la.FIFO(), rule={"cpus": 2}), r"it must be a function of the history"),
        (lambda: la.ResourceChanging(la.FIFO(), most={"cpus": 2}), r"\(FIFO\): it never resumes a trial"),
        (lambda: la.ResourceChanging(la.ASHA(9), most={"cpus": 2}), r"\(ASHA\): it never resumes a trial"),
        (lambda: la.ResourceChanging(la.FIFO()), "give one of the two"),
        (lambda: la.ResourceChanging(la.FIFO(), most={"tpus": 1}), "'cpus' or 'gpus'"),
        (lambda: la.ResourceChanging(la.FIFO(), most={"cpus": 1}, top=-1), r"top=-1.*: it must be a number"),
    ],
)
def test_arguments_are_checked(make: Callable[[], object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        make()


def test_the_journal_names_the_schedulers_inside_of_others() -> None:
    inner = la.Combined(la.ASHA(9, form="promotion"), la.Plateau(3))
    scheduler = la.ResourceChanging(inner, most={"cpus": 2})
    exp = la.Experiment("named", SPACE, metric="loss", store="memory", scheduler=scheduler)
    created = exp.history.created
    assert created is not None
    assert created.scheduler == (
        "ResourceChanging(scheduler=Combined(ASHA(max_steps=9, form='promotion'), Plateau(patience=3)), "
        "most={'cpus': 2})"
    )
