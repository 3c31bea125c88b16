import pickle
import warnings
from collections.abc import Mapping
from typing import Any, ClassVar

import numpy as np
import pytest

import lanista as la
from lanista.compat.optuna import FromOptuna
from lanista.errors import UnsatisfiableError, UsageError
from lanista.search import Searcher
from lanista.space import Choice, Float, Int, Normal, Permutation, Space, Subset
from lanista.testing import SPACES, DiscoveringContract, SearcherContract, Story

optuna = pytest.importorskip("optuna")
samplers = optuna.samplers

SOME = {name: SPACES[name] for name in ("numeric", "discrete", "conditional")}
FEW = {
    "mixed": Space({"x": Float(-5, 5), "n": Int(1, 9), "net": Choice({"mlp": {"width": Int(1, 64)}, "none": {}})}),
}
FINITE = {name: SPACES[name] for name in ("empty", "constant", "binary")} | {
    "finite": Space({"net": Choice({"mlp": {"layers": Int(1, 3)}, "none": {}}), "step": Float(0, 1, step=0.25)}),
    "forbidden": Space({"a": Int(0, 4), "b": Int(0, 4)}).where("a + b <= 2"),
}
GRID = {"a": [0, 1, 2], "net": ["mlp", "none"], "width": [8, 16]}
EVERY = Space(
    {
        "lr": Float(1e-5, 1, log=True),
        "q": Float(0.1, 10, log=True, step=0.1),
        "k": Int(2, 64, log=True, step=2),
        "z": Normal(3, 2),
        "s": Normal(0, 1, step=0.5),
        "set": Subset(["a", "b", "c"], min=1, max=2),
        "order": Permutation([1, 2, 3]),
        "odd": Choice([1, True, [1, 2], "1"]),
        "net": Choice({"mlp": {"size": Int(1, 4)}, "tree": {"size": Float(0, 1)}, "none": {}}),
    }
)


@pytest.fixture(autouse=True)
def quiet() -> None:
    optuna.logging.set_verbosity(optuna.logging.ERROR)


def experimental(make: Any, **arguments: Any) -> Any:
    """A sampler that Optuna calls experimental."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return make(**arguments)


class TestRandom(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return FromOptuna(samplers.RandomSampler())


class TestTPE(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return FromOptuna(samplers.TPESampler(n_startup_trials=5))

    def spaces(self) -> Mapping[str, Space]:
        return SOME


class TestNSGAII(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return FromOptuna(samplers.NSGAIISampler(population_size=4))

    def spaces(self) -> Mapping[str, Space]:
        return FEW


class TestQMC(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return FromOptuna(experimental(samplers.QMCSampler, seed=0))

    def spaces(self) -> Mapping[str, Space]:
        return FEW


@pytest.mark.filterwarnings("ignore:Constraints have been set")
class TestCmaEs(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return FromOptuna(samplers.CmaEsSampler(popsize=4))

    def spaces(self) -> Mapping[str, Space]:
        return FEW

    def test_several_objectives(self) -> None:
        story = Story(FEW["mixed"], metrics={"a": "min", "b": "max"})
        with pytest.raises(UsageError, match=r"FromOptuna\(CmaEsSampler\): .* at trial 0: .*multi-objective"):
            story.ask(self.searcher(), 2)


class TestBruteForce(SearcherContract):
    def searcher(self) -> Searcher:
        return FromOptuna(experimental(samplers.BruteForceSampler))

    def spaces(self) -> Mapping[str, Space]:
        return FINITE

    def test_constraints_that_nothing_meets_are_named(self) -> None:
        """What is forbidden has been tried in the end, and nothing is left to propose."""
        assert Story(Space({"a": Int(0, 9)}).where("a > 9")).ask(self.searcher()) == []


class TestGrid(SearcherContract):
    def searcher(self) -> Searcher:
        return FromOptuna(samplers.GridSampler(GRID))

    def spaces(self) -> Mapping[str, Space]:
        return {"grid": Space({"a": Int(0, 2), "net": Choice(["mlp", "none"]), "width": Int(8, 16)})}

    def test_constraints_that_nothing_meets_are_named(self) -> None:
        """All of a grid has then been tried: see `test_a_grid_is_gone_through_once`."""


def minimum(searcher: Searcher, space: Mapping[str, Any], objective: Any, trials: int, **more: Any) -> la.Experiment:
    exp = la.Experiment("e", space, metric="loss", mode="min", searcher=searcher, store="memory", seed=1, **more)
    return exp.run(objective, trials=trials, progress=False)


def sphere(trial: la.Trial) -> float:
    return float(sum((trial[name] - 0.3) ** 2 for name in "abcd"))


@pytest.mark.parametrize(
    "sampler",
    [samplers.TPESampler(), samplers.CmaEsSampler(), samplers.NSGAIISampler(population_size=10)],
    ids=lambda sampler: type(sampler).__name__,
)
def test_samplers_learn(sampler: Any) -> None:
    """In particular those that note in the study how far they are."""
    exp = minimum(FromOptuna(sampler), {name: Float(-5, 5) for name in "abcd"}, sphere, 90)
    values = [trial.value for trial in exp.trials]
    assert np.mean(values[60:]) < 0.5 * np.mean(values[:30])


@pytest.mark.parametrize("sampler", [samplers.CmaEsSampler(popsize=5), samplers.NSGAIISampler(population_size=5)])
def test_an_experiment_goes_on_as_if_it_had_not_been_interrupted(sampler: Any, tmp_path: Any) -> None:
    space = {name: Float(-5, 5) for name in "abcd"}
    whole = minimum(FromOptuna(sampler), space, sphere, 40)
    for trials in (13, 26, 40):
        exp = la.Experiment(
            "e", space, metric="loss", mode="min", searcher=FromOptuna(sampler), store=tmp_path / "s.db", seed=1
        )
        exp.run(sphere, trials=trials, progress=False)
    assert [t.params for t in exp.trials] == [t.params for t in whole.trials]


def test_every_domain_comes_and_goes() -> None:
    story, searcher = Story(EVERY), FromOptuna(samplers.TPESampler(n_startup_trials=40))
    for i in range(50):
        for params in story.ask(searcher):
            assert EVERY.check(params) == params
            story.end(story.start(params), "completed", float(i % 5))
    assert {params["net"] for params in story.history.params} == {"mlp", "tree", "none"}
    assert {repr(params["odd"]) for params in story.history.params} == {"1", "True", "[1, 2]", "'1'"}


def test_forbidden_configurations_are_asked_for_again() -> None:
    space = SPACES["constrained"]
    exp = minimum(FromOptuna(samplers.TPESampler(n_startup_trials=5)), space, lambda trial: trial["c"], 15)
    assert all(space.valid(t.params) for t in exp.trials)
    with pytest.raises(UnsatisfiableError, match="never"):
        Story(Space({"a": Float(0, 1)}).where("a > 2", name="never")).ask(FromOptuna(samplers.TPESampler()))


class Spy(samplers.RandomSampler):
    """Keeps what it sees of the study."""

    seen: Any = None

    def sample_relative(self, study: Any, trial: Any, search_space: Any) -> dict[str, Any]:
        type(self).seen = study.get_trials(deepcopy=True), study.directions
        return {}


def test_a_sampler_sees_what_happened() -> None:
    story = Story(EVERY, metrics={"accuracy": "max"}, constraints={"latency": la.at_most(3)})
    configurations = EVERY.sample(np.random.default_rng(0), 6)
    numbers = [story.start(params) for params in configurations]
    story.end(numbers[0], "completed", 0.5, latency=2.0)
    story.report(numbers[1], 1, 0.1)
    story.report(numbers[1], 2, 0.2)
    story.end(numbers[1], "stopped", latency=5.0)
    story.end(numbers[2], "failed")
    story.end(numbers[3], "completed", float("nan"), latency=1.0)
    story.end(numbers[4], "infeasible")
    story.ask(FromOptuna(Spy()))
    trials, directions = Spy.seen
    assert [d.name for d in directions] == ["MINIMIZE"]
    assert [t.state.name for t in trials] == ["COMPLETE", "PRUNED", "FAIL", "FAIL", "FAIL", "RUNNING", "RUNNING"]
    assert (trials[0].values, trials[0].user_attrs["latency"]) == ([-0.5], 2.0)
    assert list(trials[0].constraints.values()) == [-1.0]
    assert (trials[1].intermediate_values, list(trials[1].constraints.values())) == ({1: -0.1, 2: -0.2}, [2.0])
    assert trials[5].params["lr"] == configurations[5]["lr"]
    assert [t.number for t in trials] == list(range(7))


def test_a_grid_is_gone_through_once() -> None:
    space = {"a": Int(0, 2), "net": Choice({"mlp": {"width": Int(8, 16)}, "none": {"width": Int(8, 16)}})}
    exp = minimum(FromOptuna(samplers.GridSampler(GRID)), space, lambda trial: float(trial["a"]), 50)
    assert len(exp.trials) == 12
    assert len({repr(t.params) for t in exp.trials}) == 12
    some = Space(space).where("a < 2")
    assert len(minimum(FromOptuna(samplers.GridSampler(GRID)), some, lambda trial: 1.0, 50).trials) == 8


def test_brute_force_tries_everything_once() -> None:
    space = FINITE["forbidden"]
    exp = minimum(FromOptuna(experimental(samplers.BruteForceSampler)), space, lambda trial: 1.0, 50)
    assert sorted((t.params["a"], t.params["b"]) for t in exp.trials) == [
        (a, b) for a in range(3) for b in range(3 - a)
    ]


def test_parameters_can_be_fixed_by_name() -> None:
    sampler = experimental(
        samplers.PartialFixedSampler, fixed_params={"n": 4}, base_sampler=samplers.TPESampler(n_startup_trials=2)
    )
    exp = minimum(FromOptuna(sampler), FEW["mixed"], lambda trial: trial["x"] ** 2, 8)
    assert {t.params["n"] for t in exp.trials} == {4}


def test_several_objectives_and_a_space_found_by_running() -> None:
    def objective(trial: la.Trial) -> dict[str, float]:
        x = trial.suggest_float("x", 0, 1)
        return {"one": x, "two": (1 - x) * (trial.suggest_int("n", 1, 3) if x < 0.5 else 1)}

    metric = {"one": "min", "two": "min"}
    searcher = FromOptuna(samplers.NSGAIISampler(population_size=6))
    exp = la.Experiment("e", metric=metric, searcher=searcher, store="memory", seed=0)
    exp.run(objective, trials=40, progress=False)
    assert len(exp.pareto) > 5


def test_the_given_sampler_is_left_alone_and_travels() -> None:
    sampler = samplers.CmaEsSampler(popsize=4)
    before = pickle.dumps(sampler)
    searcher = FromOptuna(sampler)
    minimum(searcher, {"a": Float(0, 1), "b": Float(0, 1)}, lambda trial: trial["a"], 10)
    assert pickle.dumps(sampler) == before
    again = pickle.loads(pickle.dumps(searcher))
    story = Story(FEW["mixed"])
    assert story.ask(again) == story.ask(FromOptuna(sampler))


class Witness(samplers.RandomSampler):
    """Proposes how many trials it sees completed, and notes it."""

    log: ClassVar[list[int]] = []

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        seen = len(study.get_trials(deepcopy=False, states=(optuna.trial.TrialState.COMPLETE,)))
        study._storage.set_trial_system_attr(trial._trial_id, "seen", seen)
        self.log.append(seen)
        return seen


def test_a_replayed_sampler_sees_the_trials_that_had_ended_at_the_time() -> None:
    space = {"n": Int(0, 50)}
    exp = la.Experiment("e", space, metric="loss", searcher=FromOptuna(Witness()), store="memory", seed=0)
    luck, running = np.random.default_rng(0), []
    for _ in range(20):
        while len(running) < 4:
            running.append(exp.ask())
        exp.tell(running.pop(int(luck.integers(4))), 1.0)
    counts = [trial.params["n"] for trial in exp.trials]
    assert counts[:8] == [0, 0, 0, 0, 1, 2, 3, 4]
    Witness.log.clear()
    FromOptuna(Witness(), replay=True).ask(exp.history, 1, np.random.default_rng(0))
    assert Witness.log == [*counts, 20]


class Tally(samplers.RandomSampler):
    """Counts in itself how often it was asked, which Optuna's own samplers do not."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def sample_independent(self, study: Any, trial: Any, name: str, distribution: Any) -> Any:
        self.count += 1
        return self.count


@pytest.mark.parametrize(("replay", "seen"), [(None, [1, 1, 1]), (True, [1, 2, 3])])
def test_memory_in_a_sampler_is_kept_by_replay(replay: bool | None, seen: list[int]) -> None:
    exp = minimum(FromOptuna(Tally(), replay=replay), {"n": Int(1, 9)}, lambda trial: 1.0, 3)
    assert [t.params["n"] for t in exp.trials] == seen


class Uncopied(samplers.RandomSampler):
    def __deepcopy__(self, memo: Any) -> Any:
        raise TypeError("not this one")


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ("tpe", r"FromOptuna\('tpe'\): give an object made of a sampler's class"),
        (samplers.TPESampler, r"give an object made of a sampler's class"),
        (Uncopied(), r"FromOptuna\(Uncopied\(\)\): the sampler cannot be copied, TypeError: not this one"),
    ],
)
def test_what_is_no_sampler_is_refused(sampler: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        FromOptuna(sampler)
