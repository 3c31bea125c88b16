"""Population based training."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import lanista as la
from lanista.errors import UsageError
from lanista.journal import CODES, STATES, Asked
from lanista.schedule import PB2, PBT, Extend, Finish, Population, Resume, Scheduler, Start, Stop
from lanista.space import Choice, Float, Int, Params, Space
from lanista.testing import SPACES, SchedulerContract

from .bench import Bench
from .scene import Scene

LINE = Space({"rate": Float(0, 1)})


class TestPBT(SchedulerContract):
    """The population is larger than the contract's limits on trials: a smaller one ends the run before they do."""

    def scheduler(self) -> Scheduler:
        return PBT(12, population=60, interval=3)


def climb(height: Any, params: Params, step: int) -> tuple[float, float]:
    """Each step brings as much as the rate."""
    height = (height or 0.0) + params["rate"]
    return height, -height


def kept(history: Any, parent: int, rng: Any) -> Params:
    """An exploration that changes nothing."""
    return dict(history.params[parent])


# --- the toy problem of the paper -------------------------------------------------------------------------------------


def descend(trial: Any) -> None:
    """Figure 2: what is measured is 1.2 - |theta|^2; each worker can improve one of the coordinates only."""
    theta = np.array([0.9, 0.9])
    for step in range(trial.load(theta), 200):
        theta -= 0.01 * 2 * np.array([trial["h0"], trial["h1"]]) * theta
        if step % 4 == 3:
            trial.save(theta, step=step + 1)
        trial.report(q=1.2 - float(theta @ theta))


def toy(scheduler: Any, **limits: Any) -> la.Experiment:
    space = {"h0": la.Float(0, 1), "h1": la.Float(0, 1)}
    exp = la.Experiment("toy", space, metric="q", mode="max", scheduler=scheduler, store="memory", seed=1)
    exp.enqueue([{"h0": 1.0, "h1": 0.0}, {"h0": 0.0, "h1": 1.0}])
    exp.run(descend, executor="inline", progress=False, **limits)
    return exp


def test_the_toy_problem_is_solved_where_grid_search_fails() -> None:
    assert toy(None, trials=2).best.value == pytest.approx(0.4, abs=0.02)
    exp = toy(PBT(200, population=2, interval=4), limits=la.Limits(target=0.5))
    assert "target of 0.5 reached" in (exp.reason or "")
    exp.run(descend, executor="inline", progress=False)  # goes on from the journal
    assert exp.best.value > 1.19
    assert [trial.state for trial in exp.trials].count("completed") == 2
    assert {trial.state for trial in exp.trials} == {"completed", "stopped"}


def test_a_copy_goes_on_where_its_parent_stood() -> None:
    exp = toy(PBT(200, population=2, interval=4), limits=la.Limits(target=0.5))
    assert len(exp.trials) > 2
    for trial in exp.trials[2:]:
        assert trial.parent is not None
        parent, step = trial.parent
        assert parent < trial.number
        assert step > 0


# --- decisions --------------------------------------------------------------------------------------------------------


def populated(losses: list[float], **arguments: Any) -> Scene:
    """A scene whose members have come to their first interval and are paused there; each has a checkpoint."""
    scene = Scene(Population(kept, 30, population=len(losses), interval=10, **arguments))
    scene.start(len(losses), budget=10)
    for trial, loss in enumerate(losses[:-1]):
        scene.report(trial, 10, loss)
    for trial in range(len(losses)):
        scene.history.checkpoints[trial] = {10: f"{trial}/10"}
    return scene


def test_a_member_among_the_worst_gives_its_place_to_a_copy_of_one_of_the_best() -> None:
    scene = populated([1.0, 2.0, 3.0, 4.0, 5.0])
    assert scene.report(4, 10, 5.0) == []
    scene.pause(4)
    assert scene.slots(1) == [Stop(4, "among the worst 20% at step 10"), Start(20, (0, 10), {})]


def test_members_are_judged_at_their_interval_only() -> None:
    scene = populated([1.0, 2.0, 3.0, 4.0, 5.0])
    assert scene.report(4, 9, 0.0) == []
    assert scene.report(4, 11, 0.0) == [Extend(4, 20)]


def test_a_copy_is_judged_after_an_interval_of_its_own() -> None:
    scene = populated([1.0, 2.0])
    scene.history.checkpoints = {0: {6: "0/6"}}
    scene.report(0, 15, 1.0)
    scene.report(1, 10, 2.0)
    scene.pause(1)
    assert scene.slots(1) == [Stop(1, "among the worst 20% at step 10"), Start(16, (0, 6), {})]
    scene.end(1, "stopped")
    scene.history.extend([Asked(0.0, 2, {}, "clone", (0, 6), {}, "me", 16)])
    scene.history.checkpoints[0][14] = "0/14"
    assert scene.report(2, 15, 9.0) == []
    scene.pause(2)  # interrupted
    assert Resume(2, 16) in scene.slots(2)
    scene.resume(2, 16)
    scene.report(2, 16, 9.0)
    scene.pause(2)
    assert Stop(2, "among the worst 20% at step 16") in scene.slots(2)


@pytest.mark.parametrize(("step", "copied"), [(4, False), (5, True), (10, True), (30, False)])
def test_no_checkpoint_is_copied_that_lies_far_behind_or_at_the_end(step: int, copied: bool) -> None:
    scene = populated([1.0, 2.0])
    scene.history.checkpoints = {0: {step: f"0/{step}"}}
    scene.report(1, 10, 2.0)
    scene.pause(1)
    assert any(isinstance(action, Stop) for action in scene.slots(1)) == copied


def test_a_tie_is_no_reason_to_stop() -> None:
    scene = populated([1.0, 1.0, 1.0])
    assert scene.report(2, 10, 1.0) == [Extend(2, 20)]


def test_members_are_compared_at_the_same_interval() -> None:
    """The others have gone on since, to better values; at step 10 the last was the best."""
    scene = populated([2.0, 3.0, 1.0])
    scene.report(0, 20, 0.2)
    scene.report(1, 20, 0.1)
    assert scene.report(2, 10, 1.0) == [Extend(2, 20)]


def test_who_was_stopped_at_an_interval_remains_the_worst_of_it() -> None:
    """Otherwise those judged later, of a population that shrinks, would be stopped one after the other."""
    scene = populated([1.0, 2.0, 3.0, 4.0, 5.0])
    scene.report(4, 10, 5.0)
    scene.end(4, "stopped")
    for trial in range(4):
        scene.pause(trial)
    assert [type(action) for action in scene.slots(5)] == [Start, Resume, Resume, Resume, Resume]


def test_among_those_at_the_same_step_the_worst_is_replaced_first() -> None:
    scene = populated([1.0, 2.0])
    scene.report(1, 10, 2.0)
    for trial in (0, 1):
        scene.pause(trial)
    assert scene.slots(1)[:2] == [Stop(1, "among the worst 20% at step 10"), Start(20, (0, 10), {})]


def test_who_is_good_enough_runs_on_if_nobody_waits_for_the_slot() -> None:
    scene = populated([1.0, 2.0, 3.0, 4.0, 5.0])
    assert scene.report(2, 10, 3.0) == [Extend(2, 20)]
    scene.pause(0)
    assert scene.report(1, 10, 2.0) == []


def test_those_behind_are_resumed_first() -> None:
    scene = populated([1.0, 2.0, 3.0])
    scene.report(2, 10, 3.0)
    scene.report(0, 20, 1.0)
    for trial in (0, 1):
        scene.pause(trial)
    assert scene.slots(1)[0] == Resume(1, 20)
    assert scene.slots(2) == [Resume(1, 20), Resume(0, 30)]


@pytest.mark.parametrize("state", ["failed", "cancelled", "infeasible"])
def test_a_member_that_fails_is_replaced(state: str) -> None:
    scene = populated([1.0, 2.0, 3.0])
    scene.end(1, state)
    assert scene.slots(3) == [Start(20, (0, 10), {})]


def test_without_checkpoints_nobody_is_stopped_and_a_member_that_fails_begins_anew() -> None:
    scene = populated([1.0, 2.0])
    scene.history.checkpoints.clear()
    assert scene.report(1, 10, 2.0) == [Extend(1, 20)]
    scene.end(1, "failed")
    assert scene.slots(1) == [Start(10, None, {})]


def test_where_no_value_is_finite_nobody_is_copied() -> None:
    scene = populated([float("nan")] * 3)
    assert scene.report(2, 10, float("nan")) == [Extend(2, 20)]


def test_it_ends_with_the_last_member() -> None:
    scene = populated([1.0, 2.0])
    for trial in (0, 1):
        assert scene.report(trial, 30, 1.0) == [Stop(trial, "has had all 30 steps", "completed")]
        scene.end(trial)
    assert scene.slots(2) == [Finish("the whole population has had 30 steps")]
    assert scene.slots(0) == scene.slots(2)


def test_the_end_tells_how_many_steps_there_were() -> None:
    scene = populated([1.0, 2.0])
    for trial in (0, 1):
        scene.end(trial)
    early = "training ends there by itself: give max_steps=10, not 30"
    assert scene.slots(2) == [Finish(f"the whole population has had 10 steps; {early}")]


def test_what_a_person_enqueues_comes_first() -> None:
    bench = Bench(PBT(9, population=3, interval=3), LINE, climb)
    bench.history.extend([Asked(0.0, 0, {"rate": 1.0}, "enqueued")])
    assert bench.scheduler.on(bench.history, la.schedule.Slots(5)) == [Start(3)] * 3


@pytest.mark.parametrize("workers", [3, 8])
def test_a_population_beats_as_many_trials_that_are_left_alone(workers: int) -> None:
    """So many steps with the best of eight rates bring 36 in the mean, the very best rate 40."""
    reached = []
    for seed in range(5):
        bench = Bench(PBT(40, population=8, interval=4), LINE, climb, workers=workers, seed=seed)
        history = bench.run()
        reached.append(-np.nanmin(history.Y))
        assert {STATES[code] for code in history.state} == {"completed", "stopped"}
        assert bench.finished == "the whole population has had 40 steps"
    assert np.mean(reached) > 36


def test_without_checkpoints_it_ends_too() -> None:
    bench = Bench(PBT(12, population=4, interval=3), LINE, climb, saves=False)
    assert len(bench.run()) == 4
    assert bench.finished == "the whole population has had 12 steps; none was copied, as trials never call trial.save"


# --- it ends ----------------------------------------------------------------------------------------------------------


def ends(scheduler: PBT | PB2, curve: str, **arguments: Any) -> None:
    """That all members get to the end in a bounded number of steps."""
    rng = np.random.default_rng(7)
    bound = 2 * scheduler.population * scheduler.max_steps

    def advance(state: Any, params: Params, step: int) -> tuple[None, float]:
        return None, CURVES[curve](params["rate"], step, rng)

    bench = Bench(scheduler, LINE, advance, steps=2 * bound, **arguments)
    history = bench.run()
    assert (bench.finished or "").startswith(f"the whole population has had {scheduler.max_steps} steps")
    assert bench.spent <= bound
    assert history.counts[CODES["completed"]] == scheduler.population


CURVES: dict[str, Callable[[float, int, np.random.Generator], float]] = {
    "flat": lambda x, step, rng: 0.5,
    "improving": lambda x, step, rng: x - step,
    "worsening": lambda x, step, rng: x * step,
    "overfitting": lambda x, step, rng: x + abs(step - 8) / 20,
    "noisy": lambda x, step, rng: float(rng.normal()),
    "drifting": lambda x, step, rng: 0.02 * step + 0.1 * float(rng.normal()),
    "broken": lambda x, step, rng: float(rng.choice([x, np.nan])),
}


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize("workers", [1, 2, 3, 4])
@pytest.mark.parametrize("saves", [1, 3])
def test_it_ends_whatever_the_values_are(curve: str, workers: int, saves: int) -> None:
    ends(PBT(20, population=4, interval=4), curve, workers=workers, saves=saves)


@settings(max_examples=60, deadline=None)
@given(
    st.sampled_from(sorted(CURVES)),
    st.fixed_dictionaries({"workers": st.integers(1, 7), "saves": st.integers(0, 9), "seed": st.integers(0, 99)}),
    st.fixed_dictionaries(
        {"population": st.integers(2, 7), "interval": st.integers(1, 9), "quantile": st.floats(0.1, 0.5)}
    ),
    st.integers(9, 30),
)
def test_it_ends_whatever_the_population_is(
    curve: str, world: dict[str, int], arguments: dict[str, Any], max_steps: int
) -> None:
    ends(PBT(max_steps, **arguments), curve, **world)


def test_it_ends_with_one_worker_and_checkpoints_between_the_intervals() -> None:
    """Members repeat the steps since their checkpoint, at most two of four, and copies begin between the intervals."""
    epochs = 0

    def train(trial: la.Trial) -> None:
        nonlocal epochs
        state = {"epoch": 0}
        for epoch in range(trial.load(state), 20):
            epochs += 1
            state["epoch"] = epoch + 1
            if epoch % 3 == 2:
                trial.save(state)
            trial.report(loss=trial["x"] - epoch)

    scheduler = PBT(20, population=4, interval=4)
    exp = la.Experiment("sparse", {"x": la.Float(0, 1)}, metric="loss", store="memory", scheduler=scheduler, seed=0)
    exp.run(train, trials=200, progress=False)
    assert exp.reason == "the whole population has had 20 steps"
    assert epochs <= 3 * 4 * 20


@pytest.mark.parametrize(("make", "length", "interval"), [(PBT, 10, 5), (PB2, 10, 5), (PBT, 10, 10), (PBT, 7, 5)])
def test_a_training_that_ends_before_max_steps(make: type[PBT | PB2], length: int, interval: int) -> None:
    def train(trial: la.Trial) -> None:
        state = {"loss": 1.0}
        for _ in range(trial.load(state), length):
            state["loss"] *= trial["x"]
            trial.save(state)
            trial.report(loss=state["loss"])

    scheduler = make(100, population=6, interval=interval)
    exp = la.Experiment("short", {"x": la.Float(0.5, 1)}, metric="loss", store="memory", scheduler=scheduler, seed=0)
    exp.run(train, progress=False)
    assert exp.reason == (
        f"the whole population has had {length} steps; training ends there by itself: give max_steps={length}, not 100"
    )
    assert {trial.state for trial in exp.trials} == {"completed", "stopped"}
    idle = [trial for trial in exp.trials if not trial.steps]
    assert len(idle) == (length % interval == 0)
    assert all(trial.reason.startswith("had nothing left to train after step 10 of trial ") for trial in idle)


# --- what copies look like --------------------------------------------------------------------------------------------


def copies(space: Space, **arguments: Any) -> list[tuple[Params, Params]]:
    """(parent's, copy's) configurations."""

    rng = np.random.default_rng(0)

    def luck(state: Any, params: Params, step: int) -> tuple[None, float]:
        return None, float(rng.random())

    history = Bench(PBT(30, population=4, interval=3, quantile=0.5, **arguments), space, luck, trials=30).run()
    pairs = [(history.parent(n), history.params[n]) for n in range(len(history))]
    return [(history.params[parent[0]], params) for parent, params in pairs if parent is not None]


@pytest.mark.parametrize("name", SPACES)
def test_copies_are_valid_configurations_of_every_space(name: str) -> None:
    found = copies(SPACES[name])
    assert found
    for _, params in found:
        assert SPACES[name].check(params) == params


def test_numbers_are_multiplied_within_their_range_and_options_kept() -> None:
    space = Space(
        {
            "lr": Float(1e-4, 1, log=True),
            "n": Int(1, 100),
            "q": Float(0, 1, step=0.25),
            "c": Choice(["a", "b", "c", "d"]),
        }
    )
    for parent, params in copies(space, resample=0.0):
        assert params["lr"] in [pytest.approx(min(parent["lr"] * factor, 1)) for factor in (0.8, 1.2)] + [1e-4]
        assert params["n"] != parent["n"] or params["n"] in (1, 100)
        assert abs(params["q"] - parent["q"]) in (0.25, 0.0)
        assert params["c"] == parent["c"]


def test_resampling_draws_all_anew() -> None:
    found = copies(Space({"x": Float(0, 1), "c": Choice(["a", "b"])}), resample=1.0)
    assert len({params["x"] / parent["x"] for parent, params in found}) == len(found)
    assert {params["c"] for _, params in found} == {"a", "b"}


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"interval": 0}, r"interval=0\): it must be a whole number, at least 1"),
        ({"interval": 31}, r"PBT\(interval=31, max_steps=30\): interval <= max_steps must hold"),
        ({"population": 1}, r"PBT\(population=1\): it must be a whole number, at least 2"),
        ({"quantile": 0.6}, r"quantile=0\.6\): it must be a number above 0 to 0\.5"),
        ({"perturb": ()}, r"PBT\(perturb=\(\)\): it must be factors above 0"),
        ({"perturb": (0.0, 2.0)}, r"PBT\(perturb=0\.0\): it must be a number above 0"),
        ({"perturb": 1.2}, r"PBT\(perturb=1\.2\): it must be factors above 0"),
        ({"perturb": ("a",)}, r"PBT\(perturb='a'\): it must be a number above 0"),
        ({"resample": "a"}, r"PBT\(resample='a'\): it must be a number from 0 to 1"),
        ({"resample": 1.5}, r"PBT\(resample=1\.5\): it must be a number from 0 to 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        PBT(30, **arguments)


def test_a_population_is_named_where_it_is_the_owner() -> None:
    with pytest.raises(UsageError, match=r"Population\(population=1\): it must be a whole number, at least 2"):
        Population(kept, 30, population=1)


def test_the_first_members_are_the_searchers_with_one_worker_too() -> None:
    def objective(trial: la.Trial) -> None:
        state: dict[str, int] = {}
        for _ in range(trial.load(state), 6):
            trial.save(state)
            trial.report(loss=trial["x"])

    scheduler = la.PBT(6, population=4, interval=1)
    exp = la.Experiment("alone", {"x": la.Float(0, 1)}, metric="loss", store="memory", scheduler=scheduler, seed=0)
    exp.run(objective, progress=False)
    assert [trial.parent for trial in exp.trials[:4]] == [None] * 4
    assert all(trial.parent is not None for trial in exp.trials[4:])
    assert len({trial.params["x"] for trial in exp.trials[:4]}) == 4
