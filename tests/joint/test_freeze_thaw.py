"""Freeze-thaw: one decider for what to begin and what to go on with."""

import math
from collections import Counter
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import lanista as la
from lanista.errors import UsageError
from lanista.joint._values import Values, failed
from lanista.journal import COMPLETED, PAUSED, STOPPED, Asked, Created, Ended, History, Reported, Started, Yielded
from lanista.schedule import ASHA, Action, Event, Fidelity, Scheduler, Slots, Start
from lanista.space import Choice, Float, Int, Params, Space
from lanista.testing import SchedulerContract
from tests.schedule.bench import Bench

BOWL = Space({name: Float(0, 1) for name in "abcd"})


class TestFreezeThaw(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.FreezeThaw(12)


class TestFreezeThawOfAFidelity(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return la.FreezeThaw(Fidelity("rows", 100, 1000, log=True))


def bowl(state: Any, params: Params, step: int) -> tuple[None, float]:
    """The distance to a point that is further from the true one the fewer steps there were, and a common start."""
    away = 0.3 + 0.1 * (32 - step) / 32
    return None, sum((params[name] - away) ** 2 for name in "abcd") + 1.0 / step


def crossing(state: Any, params: Params, step: int) -> tuple[None, float]:
    """What is fast at first is poor in the end: curves cross between the steps 8 and 16."""
    floor = (params["a"] - 0.8) ** 2 + (params["b"] - 0.3) ** 2
    return None, floor + 1.5 * math.exp(-step * (0.1 + 0.5 * floor))


def regret(scheduler: Scheduler, advance: Any, seed: int, *, workers: int = 1) -> float:
    """Of the best value at the last step, after as many steps as some whole trials take."""
    history = Bench(scheduler, BOWL, advance, workers=workers, steps=(8 + 4 * workers) * 32, seed=seed).run()
    return float(np.nanmin(np.where(history.state == COMPLETED, history.Y[:, 0], np.nan)))


@pytest.mark.parametrize("workers", [1, 4])
def test_it_finds_better_ones_than_successive_halving_at_random(workers: int) -> None:
    own, other = (
        np.median([regret(make(), bowl, seed, workers=workers) for seed in range(3)])
        for make in (lambda: la.FreezeThaw(32), lambda: ASHA(32, form="promotion"))
    )
    assert own - 1 / 32 < 0.2 * (other - 1 / 32)


def test_it_learns_that_the_first_levels_mislead() -> None:
    own, other = (
        np.median([regret(make(), crossing, seed) for seed in range(3)])
        for make in (lambda: la.FreezeThaw(32), lambda: ASHA(32, form="promotion"))
    )
    assert own < 0.1 < other


def test_a_trial_stops_at_each_level_for_others_to_be_weighed_against_it() -> None:
    history = Bench(la.FreezeThaw(32), BOWL, bowl, workers=1, steps=200).run()
    furthest = history.steps[history.state == PAUSED]
    assert set(furthest.tolist()) <= {1, 2, 4, 8, 16}
    assert (history.state == COMPLETED).any()
    assert len(furthest) > 5


def test_trials_that_are_told_nothing_apart_by_run_in_turn() -> None:
    """Before the model is used configurations are those of the first design, the defaults before all."""
    history = Bench(la.FreezeThaw(32, startup=11), BOWL, bowl, workers=1, trials=11, steps=11).run()
    assert history.params[0] == dict.fromkeys("abcd", 0.5)
    for name in "abcd":
        assert sorted(int(params[name] * 10) for params in history.params[1:]) == list(range(10))


def test_where_there_may_be_no_more_trials_one_is_completed_and_the_run_ends() -> None:
    bench = Bench(la.FreezeThaw(32), BOWL, bowl, workers=2, trials=4)
    history = bench.run()
    assert 1 <= (history.state == COMPLETED).sum() <= 2
    assert bench.spent < 3 * 32
    assert history.state[np.argmin(history.Y[:, 0])] == COMPLETED


class Doubted:
    """Has some of the decisions of a scheduler made again by a new one."""

    def __init__(self, make: Callable[[], Scheduler], every: int) -> None:
        self.make, self.scheduler, self.every, self.asked = make, make(), every, 0

    def on(self, history: History, event: Event) -> list[Action]:
        actions = self.scheduler.on(history, event)
        if isinstance(event, Slots):
            self.asked += 1
            if self.asked % self.every == 0:
                assert self.make().on(history, event) == actions
        return actions


def test_many_workers_are_fed_and_what_is_kept_follows_from_the_history() -> None:
    """Beyond some dozen workers what is believed serves for several decisions, and not all of them begin new trials."""

    def cost(params: Params, step: int) -> tuple[float, float] | None:
        value = float("nan") if params["a"] > 0.9 and step > 2 else bowl(None, params, step)[1]
        return (value, 1.0 + params["b"]) if step <= 16 else None

    doubted = Doubted(lambda: la.FreezeThaw(16), every=20)
    exp = la.Experiment("thaw", BOWL, metric="loss", scheduler=doubted, store="memory", seed=0)
    la.simulate(exp, cost, workers=40, time_limit=50.0, failures=20.0)
    assert doubted.asked > 300
    assert exp.best.value - 1 / 16 < 4 * 0.05**2 + 0.005  # the last level's own optimum is 0.05 away from 0.3
    states = Counter(trial.state for trial in exp.trials)
    assert states["completed"] > 20
    assert states["stopped"] > 0
    assert sum(trial.steps for trial in exp.trials) > 3 * len(exp.trials)


def test_a_small_space_is_trained_to_its_end_by_more_workers_than_it_has_configurations() -> None:
    """Repeats of the best ones, which are not to be trained, do not hide what is left."""
    exp = la.Experiment("thaw", {"x": Int(0, 7)}, "loss", scheduler=la.FreezeThaw(8), store="memory", seed=0)
    la.simulate(exp, lambda p, step: (p["x"] + 1 / step, 0.2 + 0.1 * p["x"]) if step <= 8 else None, workers=300)
    assert {trial.params["x"] for trial in exp.trials if trial.state == "completed"} == set(range(8))


def test_slots_beyond_the_shortlist_go_to_what_is_frozen() -> None:
    """Where there may be no new trials yet: four for each slot have begun, and none came beyond the first level."""
    history = History(BOWL)
    history.extend([Created(0.0, "bench", BOWL.to_json(), {"loss": "min"}, 0)])
    for number, params in enumerate(BOWL.sample(np.random.default_rng(0), 420)):
        history.extend(
            [
                Asked(0.0, number, params, "scheduler"),
                Started(0.0, number, 1, "me", 1),
                Reported(0.0, number, 1, 1, {"loss": bowl(None, params, 1)[1]}, f"{number}/1"),
                Yielded(0.0, number, 1, 1),
            ]
        )
    actions = la.FreezeThaw(32).on(history, Slots(100))
    assert len(actions) >= 100
    assert not any(isinstance(action, Start) for action in actions[:100])


def test_values_that_are_missing_end_a_trial() -> None:
    def broken(state: Any, params: Params, step: int) -> tuple[None, float]:
        return None, float("nan") if params["a"] > 0.7 else params["a"] / step

    history = Bench(la.FreezeThaw(8), BOWL, broken, workers=2, steps=150).run()
    lost = np.array([params["a"] > 0.7 for params in history.params])
    assert lost.any()
    assert (history.state[lost][:-2] == STOPPED).all()
    assert (history.state[~lost] != STOPPED).all()


@pytest.mark.parametrize("late", [False, True])
def test_where_values_are_missing_is_no_good_place(late: bool) -> None:
    """Also where it is the best one until the last step."""

    def broken(state: Any, params: Params, step: int) -> tuple[None, float]:
        bad = params["a"] > 0.7 and (step == 8 or not late)
        return None, float("nan") if bad else params["b"] - params["a"] + 1 / step

    history = Bench(la.FreezeThaw(8), BOWL, broken, workers=1, trials=40).run()
    assert np.mean([params["a"] > 0.7 for params in history.params[8:]]) < 0.4  # the best lie beside it
    assert np.nanmin(np.where(history.state == COMPLETED, history.Y[:, 0], np.nan)) < -0.3


def test_a_trial_from_elsewhere_does_not_keep_ours_from_their_end() -> None:
    exp = la.Experiment("thaw", {"x": Float(0, 1)}, metric="loss", scheduler=la.FreezeThaw(8), store="memory", seed=0)
    exp.add({"x": 0.9}, {"loss": 5.0})
    exp.run(training, trials=4, progress=False)
    assert any(trial.state == "completed" and trial.steps == 8 for trial in exp.trials)


def test_a_trial_that_a_person_cancelled_says_nothing() -> None:
    history = History(BOWL)
    history.extend([Created(0.0, "bench", BOWL.to_json(), {"loss": "min"}, 0)])
    for number, outcome in enumerate(["cancelled", "failed"]):
        history.extend(
            [
                Asked(0.0, number, dict.fromkeys("abcd", 0.5), "scheduler"),
                Started(0.0, number, 1, "me", 1),
                Reported(0.0, number, 1, 1, {"loss": 0.1}),
                Ended(0.0, number, 1, outcome),
            ]
        )
    assert failed(history).tolist() == [False, True]
    assert not len(Values.of(history, np.array([1.0, 2.0]), 2).y)


@given(st.floats(0.01, 100), st.floats(-10, 10), st.integers(0, 1000))
def test_values_are_lifted_by_what_trials_had_at_both_levels(ratio: float, shift: float, seed: int) -> None:
    """With many pairs the spread is nearly that of the upper level."""
    low = np.random.default_rng(seed).normal(size=60)
    both = np.arange(40)
    values = Values(
        np.append(np.arange(60), both), np.repeat([0, 1], [60, 40]), np.append(low, shift + ratio * low[both])
    )
    lifted = values.lifted()
    np.testing.assert_array_equal(np.argsort(lifted[:60]), np.argsort(low))
    spreads = np.ptp(lifted[:60]) / np.ptp(low), np.ptp(lifted[60:]) / np.ptp(low[both])
    assert abs(math.log(spreads[0] / spreads[1])) < 0.11 * abs(math.log(ratio)) + 1e-6
    assert np.median(lifted[both]) == pytest.approx(np.median(lifted[60:]))


def test_few_trials_do_not_tell_that_steps_do_not_matter() -> None:
    trial, level = np.array([0, 1, 2, 3, 0, 1, 2]), np.array([0, 0, 0, 0, 1, 1, 1])
    y = np.array([0.9, 0.8, 0.7, 0.9, 0.1, 0.2, 0.3])
    np.testing.assert_allclose(np.diff(Values(trial, level, y).lifted()) / np.diff(y), 1 / np.median(y))


@pytest.mark.parametrize("end", [{"trials": 16}, {"steps": 800}])
@pytest.mark.parametrize("workers", [1, 4])
def test_a_small_space_is_trained_to_its_end_once_without_repeats(workers: int, end: dict[str, int]) -> None:
    space = Space({"x": Int(0, 3)})
    history = Bench(la.FreezeThaw(8), space, lambda _, p, step: (None, p["x"] + 1 / step), workers=workers, **end).run()
    done = [history.params[n]["x"] for n in np.flatnonzero(history.state == COMPLETED)]
    assert sorted(done) == [0, 1, 2, 3]


@pytest.mark.parametrize("space", [Space({"x": Choice(["only"])}), Space({"x": Choice(["a", "b", "c"])})])
def test_small_spaces_are_exhausted(space: Space) -> None:
    history = Bench(la.FreezeThaw(4), space, lambda *_: (None, 1.0), workers=2, trials=12).run()
    assert {params["x"] for params in history.params} == {each["x"] for each in space.grid()}


def test_all_configurations_meet_the_constraints() -> None:
    space = Space({"a": Float(0, 1), "b": Float(0, 1)}).where("a + b < 0.8")
    history = Bench(la.FreezeThaw(4), space, lambda _, p, step: (None, -p["a"] - p["b"]), workers=3, steps=120).run()
    assert max(params["a"] + params["b"] for params in history.params) < 0.8
    assert max(params["a"] + params["b"] for params in history.params) > 0.79


def test_what_a_person_asks_for_comes_first() -> None:
    scheduler = la.FreezeThaw(32)
    bench = Bench(scheduler, BOWL, bowl, workers=1, steps=60)
    history = bench.run()
    wish = {**history.params[0], "a": 0.123}
    history.extend([Asked(1.0, len(history), wish, origin="enqueued")])
    assert scheduler.on(history, Slots(1)) == [Start(budget=1)]


def test_those_that_are_thawed_are_the_better_ones() -> None:
    history = Bench(la.FreezeThaw(32), BOWL, bowl, workers=1, steps=200).run()
    trials, steps, values = history.log
    at_first = values[steps == 1, 0][np.argsort(trials[steps == 1])]
    assert np.median(at_first[history.steps > 1]) < np.median(at_first[history.steps == 1])


@pytest.mark.parametrize(
    "given", [{"metric": {"loss": "min", "size": "min"}}, {"metric": "loss", "constraints": {"size": "<= 3"}}]
)
def test_what_it_would_not_heed_is_an_error(given: dict[str, Any]) -> None:
    exp = la.Experiment("more", {"x": la.Float(0, 1)}, scheduler=la.FreezeThaw(8), store="memory", **given)
    with pytest.raises(UsageError, match=r"one objective without bounds.*ASHA\(max_steps=8, reduction=4\)"):
        exp.run(lambda trial: {"loss": 1.0, "size": 2.0}, trials=3, progress=False)


@pytest.mark.parametrize("scheduler", [la.FreezeThaw(8), [la.FreezeThaw(8), la.Plateau(3)]])
def test_a_run_says_that_the_searcher_is_not_asked(scheduler: Any, capsys: pytest.CaptureFixture[str]) -> None:
    exp = la.Experiment("told", {"x": la.Float(0, 1)}, "loss", scheduler=scheduler, store="memory")
    exp.run(lambda trial: trial["x"], trials=1, progress=True)
    said = capsys.readouterr()
    assert (
        "freezethaw: proposes by itself, without the searcher; trials are frozen at 1, 2, 4, 8" in said.out + said.err
    )
    assert "auto:" not in said.out + said.err


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ({"max_steps": 0}, "max_steps"),
        ({"max_steps": 9, "startup": 0}, "startup"),
        ({"max_steps": 9, "reduction": 1}, "reduction"),
        ({"max_steps": 9, "min_steps": 10}, "min_steps"),
        ({"max_steps": Fidelity("rows", 10, 100), "min_steps": 20}, "min_steps"),
    ],
)
def test_arguments_out_of_range_are_told(arguments: dict[str, Any], text: str) -> None:
    with pytest.raises(UsageError, match=text):
        la.FreezeThaw(**arguments)


def training(trial: la.Trial) -> None:
    state = {"loss": 2.0}
    for _ in range(trial.load(state), 8):
        state["loss"] = 0.5 * state["loss"] + (trial["x"] - 0.3) ** 2
        trial.save(state)
        trial.report(loss=state["loss"])


@pytest.mark.parametrize(("executor", "workers"), [("inline", 1), ("processes", 2)])
def test_an_experiment_of_it(executor: str, workers: int) -> None:
    exp = la.Experiment("thaw", {"x": Float(0, 1)}, metric="loss", scheduler=la.FreezeThaw(8), store="memory", seed=0)
    exp.run(training, trials=12, workers=workers, executor=executor, progress=False)
    assert exp.best.state == "completed"
    assert abs(exp.best.params["x"] - 0.3) < 0.05
    assert {trial.state for trial in exp.trials} == {"completed", "paused"}


def test_branches_that_are_not_taken_have_no_values_where_the_space_is_told_by_the_objective() -> None:
    def objective(trial: la.Trial) -> None:
        kind = trial.suggest_categorical("kind", ["a", "b"])
        value = trial.suggest_float("x" if kind == "a" else "z", 0, 1)
        for step in range(1, 5):
            trial.report(loss=value + 1 / step)

    exp = la.Experiment("thaw", metric="loss", scheduler=la.FreezeThaw(4, startup=3), store="memory", seed=0)
    exp.run(objective, trials=12, progress=False)
    for trial in exp.trials:
        assert set(trial.params) == {"kind", "x" if trial.params["kind"] == "a" else "z"}
