import math

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.search import TPE, Random, Searcher, TuRBO
from lanista.search._ranking import outcomes
from lanista.search.gaussian._data import Data
from lanista.search.gaussian._region import FIRST, region
from lanista.space import Choice, Float, Int, Params, Space
from lanista.testing import Story

LINE = Space({"x": Float(0, 1)})


def rosenbrock(params: Params) -> float:
    x = np.array(list(params.values()))
    return float((100 * (x[1:] - x[:-1] ** 2) ** 2 + (1 - x[:-1]) ** 2).sum())


def ackley(params: Params) -> float:
    """Many valleys around one at 1."""
    x = np.array(list(params.values())) - 1
    spread, waves = math.sqrt(float((x**2).mean())), float(np.cos(2 * math.pi * x).mean())
    return 20 - 20 * math.exp(-0.2 * spread) + math.e - math.exp(waves)


CASES = {
    "rosenbrock": (Space({f"x{i}": Float(-2, 2) for i in range(20)}), rosenbrock, 0.3),
    "ackley": (Space({f"x{i}": Float(-5, 10) for i in range(40)}), ackley, 0.7),
}


def run(case: str, searcher: Searcher, seed: int, trials: int, workers: int = 1) -> float:
    """The best value found, so many proposals at a time."""
    space, function, _ = CASES[case]
    story = Story(space, seed=seed)
    for _ in range(0, trials, workers):
        for number in [story.start(params) for params in story.ask(searcher, workers)]:
            story.end(number, "completed", function(story.history.params[number]))
    return float(story.history.Y.min())


@pytest.mark.parametrize("case", ["rosenbrock", pytest.param("ackley", marks=pytest.mark.long)])
def test_it_beats_tpe_and_random_search_in_many_dimensions(case: str) -> None:
    """In each of 2 seeds, of 120 trials, proposed 4 at a time."""
    share = CASES[case][2]
    for seed in range(2):
        ours = run(case, TuRBO(), seed, 120, workers=4)
        assert ours < share * run(case, Random(), seed, 120)
        assert ours < run(case, TPE(), seed, 120)


def test_choices_and_whole_numbers_are_searched_as_well() -> None:
    numbers = {f"x{i}": Float(0, 1) for i in range(4)}
    space = Space({**numbers, "k": Int(1, 9), "c": Choice({"a": {"m": Float(0, 1)}, "b": {}})})
    best = []
    for seed in range(2):
        story, searcher = Story(space, seed=seed), TuRBO()
        for _ in range(40):
            (p,) = story.ask(searcher)
            loss = sum((p[f"x{i}"] - 0.3) ** 2 for i in range(4)) + (p["k"] - 7) ** 2 / 20
            loss += 0.3 if p["c"] == "b" else (p["m"] - 0.8) ** 2
            story.end(story.start(p), "completed", loss)
        best.append(story.history.Y.min())
    assert np.mean(best) < 0.05


def failing(story: Story, searcher: Searcher, trials: int, value: float = 5.0) -> None:
    """Trials that never improve on the first."""
    for _ in range(trials):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", value if len(story.history) > 1 else 1.0)


def test_failures_narrow_the_search_around_the_best_trial() -> None:
    """The first trial, in the middle, stays the best one; proposals keep as close to it as the region is small."""
    story, searcher = Story(LINE), TuRBO(startup=4)
    failing(story, searcher, 20)
    length = region(story.history.Y[:, 0], 4, 4).length
    assert length == FIRST / 16
    together = np.array([params["x"] for params in story.ask(searcher, 12)])
    assert np.abs(together - 0.5).max() <= length / 2 + 1e-9


def test_a_region_that_is_too_small_is_left_and_forgotten() -> None:
    story, searcher = Story(LINE), TuRBO(startup=4)
    failing(story, searcher, 4)
    while not (begun := region(story.history.Y[:, 0], 4, 4).begun):
        failing(story, searcher, 1)
    assert begun == len(story.history)
    first = {searcher.ask(story.history, 1, np.random.default_rng(i))[0]["x"] for i in range(3)}
    assert len(first) == 1  # of a Latin hypercube, whatever the random numbers
    for _ in range(4):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", 9 + (params["x"] - 0.9) ** 2)
    found = [searcher.ask(story.history, 1, np.random.default_rng(i))[0]["x"] for i in range(5)]
    nearest = max(story.history.params[begun:], key=lambda p: -abs(p["x"] - 0.9))["x"]
    assert max(abs(x - nearest) for x in found) < 0.41
    data = Data.of(story.history, outcomes(story.history)).since(begun)
    assert len(data.X) == 4
    assert data.settled == 4


def test_the_start_is_the_defaults_then_latin_hypercubes() -> None:
    first = [params["x"] for params in Story(LINE).ask(TuRBO(startup=6), 6)]
    assert first[0] == 0.5
    assert sorted(int(x * 5) for x in first[1:]) == list(range(5))


@pytest.mark.parametrize(("width", "startup"), [(1, 4), (12, 12), (30, 20)])
def test_the_start_is_as_long_as_there_are_columns(width: int, startup: int) -> None:
    story = Story(Space({f"x{i}": Float(0, 1) for i in range(width)}))
    for number in range(startup + 1):
        one, other = (TuRBO().ask(story.history, 1, np.random.default_rng(i)) for i in (0, 1))
        assert (one == other) == (number < startup)
        story.end(story.start(one[0]), "completed", float(one[0]["x0"]))


def test_proposals_of_one_ask_differ() -> None:
    space = CASES["rosenbrock"][0]
    story, searcher = Story(space), TuRBO()
    for params in story.ask(searcher, 25):
        story.end(story.start(params), "completed", rosenbrock(params))
    X, _ = space.encode(story.ask(searcher, 6))
    gaps = np.abs(X[:, None] - X).max(axis=2) + 9 * np.eye(6)
    assert gaps.min() > 0.01


@pytest.mark.parametrize("startup", [1, 0, 2.5, True, "5"])
def test_arguments_out_of_range(startup: object) -> None:
    with pytest.raises(UsageError, match=r"TuRBO\(startup=.*must be a whole number from 2, or None"):
        TuRBO(startup=startup)  # type: ignore[arg-type]
