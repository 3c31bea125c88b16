import math
from collections.abc import Callable

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.search._importance import importance
from lanista.space import Choice, Float, Int, Params, Permutation, Space, Subset
from lanista.testing import Story

CUBE = Space({name: Float(-math.pi, math.pi) for name in "abc"})
WORTH = {"p": 0.0, "q": 3.0, "r": 1.0, "s": 0.0, "t": 2.0, "u": 0.0}


def ishigami(params: Params) -> float:
    a, b, c = (params[name] for name in "abc")
    return float(math.sin(a) + 7 * math.sin(b) ** 2 + 0.1 * c**4 * math.sin(a))


def told(space: Space, function: Callable[[Params], float], trials: int = 400, seed: int = 0) -> Story:
    """A history of random trials."""
    story = Story(space)
    for params in space.sample(np.random.default_rng(seed), trials):
        story.end(story.start(params), "completed", function(params))
    return story


def test_the_main_effects_of_ishigamis_function() -> None:
    """Its Sobol indices are 0.314, 0.442 and 0: Saltelli et al., Sensitivity Analysis (2000)."""
    found = importance(told(CUBE, ishigami, 1000).history)
    assert list(found)[-1] == "c"
    assert found["a"] == pytest.approx(0.314 / 0.756, abs=0.1)
    assert found["b"] == pytest.approx(0.442 / 0.756, abs=0.1)
    assert found["c"] < 0.02
    assert sum(found.values()) == pytest.approx(1.0)


def test_permutation_counts_what_a_parameter_does_together_with_others() -> None:
    found = importance(told(CUBE, ishigami).history, method="permutation")
    assert found["c"] > 0.1
    assert sum(found.values()) == pytest.approx(1.0)


@pytest.mark.parametrize("method", ["fanova", "permutation"])
def test_additive_effects_of_mixed_parameters(method: str) -> None:
    space = Space(
        {
            "option": Choice(list(WORTH)),
            "steps": Int(1, 4),
            "log": Int(1, 8, log=True),
            "x": Float(0, 1),
            "idle": Choice(list(range(12))),
        }
    )

    def parts(params: Params) -> list[float]:
        return [WORTH[params["option"]], params["steps"], 2 * math.log(params["log"]), 3 * params["x"], 0.0]

    found = importance(told(space, lambda p: sum(parts(p))).history, method=method)
    variances = np.var([parts(p) for p in space.sample(np.random.default_rng(1), 20000)], axis=0)
    for name, share in zip(space.names, variances / variances.sum(), strict=True):
        assert found[name] == pytest.approx(share, abs=0.05)


def test_a_parameter_below_an_option_counts_where_it_applies() -> None:
    """Main effects over all configurations: of the option 2/3, of the width 4/27, of x 1/12, of the depth none."""
    space = Space(
        {"net": Choice({"wide": {"width": Float(0, 1)}, "deep": {"depth": Float(0, 1)}, "none": {}}), "x": Float(0, 1)}
    )
    story = told(space, lambda p: 4 * p.get("width", 0.0) + (p["net"] == "deep") + p["x"], 600)
    found = importance(story.history)
    total = 2 / 3 + 4 / 27 + 1 / 12
    assert found == pytest.approx(
        {"net": 2 / 3 / total, "width": 4 / 27 / total, "x": 1 / 12 / total, "depth": 0}, abs=0.04
    )


@pytest.mark.parametrize("method", ["fanova", "permutation"])
def test_noise_makes_no_parameter_important(method: str) -> None:
    space = Space({"x": Float(0, 1), "idle": Choice(list(range(20))), "idler": Float(0, 1)})
    rng = np.random.default_rng(5)
    found = importance(told(space, lambda p: p["x"] + 0.2 * rng.normal(), 60).history, method=method)
    assert found["x"] > 0.9


def test_subsets_and_permutations_are_one_parameter_each() -> None:
    space = Space({"s": Subset(["a", "b"]), "o": Permutation([1, 2, 3]), "x": Float(0, 1)})
    found = importance(told(space, lambda p: ("a" in p["s"]) + 0.3 * p["x"]).history)
    assert list(found)[:2] == ["s", "x"]
    assert found["s"] > 0.9


def test_another_metric_and_its_sign() -> None:
    story = Story(CUBE, metrics={"accuracy": "max"})
    for params in CUBE.sample(np.random.default_rng(0), 60):
        story.end(story.start(params), "completed", params["a"], seconds=params["b"])
    assert importance(story.history)["a"] > 0.95
    assert importance(story.history, metric="accuracy")["a"] > 0.95
    assert importance(story.history, metric="seconds")["b"] > 0.95


def test_only_completed_trials_with_finite_values_count() -> None:
    story = told(CUBE, lambda p: p["a"], 60)
    before = importance(story.history)
    for state, value in (("failed", 0.0), ("stopped", 9.0), ("completed", math.nan), ("completed", math.inf)):
        story.end(story.start(CUBE.defaults()), state, value)
    story.start(CUBE.defaults())
    assert importance(story.history) == before


def test_the_seed_decides() -> None:
    history = told(CUBE, ishigami, 50).history
    for method in ("fanova", "permutation"):
        assert importance(history, method=method, seed=3) == importance(history, method=method, seed=3)
        assert importance(history, method=method, seed=3) != importance(history, method=method, seed=4)


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("method", ["fanova", "permutation"])
@pytest.mark.parametrize("below", [Int(1, 9), Choice(["p", "q"]), Choice(["p", "q", "r"]), Int(1, 90, log=True)])
def test_below_a_choice_there_may_be_whole_numbers_and_options(method: str, below: Int | Choice) -> None:
    space = Space({"m": Choice({"a": {"C": Float(0, 1)}, "b": {"n": below}})})
    for seed in range(5):
        found = importance(told(space, lambda p: p.get("C", 4.0), 30, seed).history, method=method)
        assert sum(found.values()) == pytest.approx(1.0)
        assert next(iter(found)) == "m"


@pytest.mark.filterwarnings("error")
def test_values_that_can_hardly_be_told_apart() -> None:
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    story = Story(space)
    for i in range(30):
        params = {"x": 1.0 if i % 2 else math.nextafter(1.0, 0.0), "y": i / 30}
        story.end(story.start(params), "completed", float(i % 2))
    assert all(math.isfinite(share) for share in importance(story.history).values())


def test_huge_values() -> None:
    story = told(CUBE, lambda p: math.copysign(1e308, p["a"]), 40)
    assert importance(story.history)["a"] > 0.9


@pytest.mark.parametrize("method", ["fanova", "permutation"])
def test_where_nothing_differs_all_are_nothing(method: str) -> None:
    assert importance(told(CUBE, lambda p: 1.0, 10).history, method=method) == dict.fromkeys("abc", 0.0)
    assert importance(told(Space({}), lambda p: 1.0, 10).history, method=method) == {}


def test_what_cannot_be_explained() -> None:
    history = told(CUBE, ishigami, 10).history
    with pytest.raises(UsageError, match=r"method='sobol'.: the methods are 'fanova' and 'permutation'"):
        importance(history, method="sobol")
    with pytest.raises(UsageError, match=r"metric='time'.: no completed trial reported it; there are loss"):
        importance(history, metric="time")
    with pytest.raises(UsageError, match="needs 4 completed trials with a finite 'loss', there are 2; run more trials"):
        importance(told(CUBE, ishigami, 2).history)


def test_it_agrees_with_optunas() -> None:
    optuna = pytest.importorskip("optuna")
    pytest.importorskip("sklearn")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    space = Space({"x": Float(0, 1), "y": Float(0, 1), "n": Int(0, 5), "c": Choice(["a", "b", "d"])})

    def function(p: Params) -> float:
        return float(2 * p["x"] + p["y"] ** 2 + 0.1 * p["n"] + (p["c"] == "b") * 0.5)

    story, study = told(space, function, 300), optuna.create_study()
    made = optuna.distributions
    domains = {
        "x": made.FloatDistribution(0, 1),
        "y": made.FloatDistribution(0, 1),
        "n": made.IntDistribution(0, 5),
        "c": made.CategoricalDistribution(["a", "b", "d"]),
    }
    for params in story.history.params:
        study.add_trial(optuna.trial.create_trial(params=params, distributions=domains, value=function(params)))
    theirs = optuna.importance.get_param_importances(
        study, evaluator=optuna.importance.FanovaImportanceEvaluator(seed=0)
    )
    ours = importance(story.history)
    assert list(ours) == list(theirs)
    assert ours == pytest.approx(theirs, abs=0.05)
