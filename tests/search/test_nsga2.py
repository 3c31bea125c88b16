import math
from collections.abc import Callable

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.journal import at_most
from lanista.search import NSGA2, Random, Searcher
from lanista.search._pareto import hypervolume
from lanista.space import Choice, Float, Int, Params, Permutation, Space, Subset
from lanista.testing import Story
from tests.search.test_tpe import NETWORK, network

CUBE = Space({f"x{i}": Float(0, 1) for i in range(6)})
TRADE = Space({"x": Float(-2, 4), "y": Float(-2, 4), "c": Choice(["a", "b", "c"])})


def zdt1(p: Params) -> tuple[float, ...]:
    x = list(p.values())
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g))


def trade(p: Params) -> tuple[float, ...]:
    worse = {"a": 0.0, "b": 0.5, "c": 1.0}[p["c"]]
    return p["x"] ** 2 + p["y"] ** 2 + worse, (p["x"] - 2) ** 2 + (p["y"] - 2) ** 2 + worse


def small(p: Params) -> tuple[float, ...]:
    return network(p), p["layers"] + 3.0 * (p["optimizer"] == "adam")


PROBLEMS: dict[str, tuple[Space, Callable[[Params], tuple[float, ...]], list[float]]] = {
    "zdt1": (CUBE, zdt1, [1.1, 6.0]),
    "trade": (TRADE, trade, [10.0, 10.0]),
    "network": (NETWORK, small, [10.0, 12.0]),
}


def volume(problem: str, searcher: Searcher, seed: int, trials: int = 150, workers: int = 1) -> float:
    """The hypervolume found, with so many trials running at a time."""
    space, function, reference = PROBLEMS[problem]
    story, running = Story(space, metrics={"one": "min", "other": "min"}, seed=seed), []
    for _ in range(trials):
        running += [story.start(params) for params in story.ask(searcher)]
        if len(running) == workers:
            number = running.pop(0)
            story.end(number, "completed", *function(story.history.params[number]))
    return hypervolume(story.history.Y, np.array(reference))


@pytest.mark.parametrize("problem", PROBLEMS)
@pytest.mark.parametrize("workers", [1, 8])
def test_it_beats_random_search(problem: str, workers: int) -> None:
    """In at least 7 of 8 seeds, and with a tenth less missing volume in the mean."""
    ours = np.array([volume(problem, NSGA2(), seed, workers=workers) for seed in range(8)])
    random = np.array([volume(problem, Random(), seed) for seed in range(8)])
    whole = np.prod(PROBLEMS[problem][2])
    assert (ours > random).sum() >= 7
    assert (whole - ours).mean() < 0.9 * (whole - random).mean()


def test_what_keeps_the_constraints_goes_first() -> None:
    story = Story(Space({"x": Float(0, 1)}), constraints={"size": at_most(0.5)})
    for i in range(60):
        x = i / 60
        story.end(story.start({"x": x}), "completed", -x, size=x)
    found = [NSGA2(population=6).ask(story.history, 1, np.random.default_rng(i))[0]["x"] for i in range(40)]
    assert np.median(found) == pytest.approx(0.45, abs=0.06)


def test_children_are_between_their_parents_or_mutants_in_one_of_the_columns() -> None:
    space = Space({"x": Float(0, 1), "n": Int(0, 9), "c": Choice(["a", "b", "c"]), "s": Subset([1, 2])})
    space = Space({**space.tree, "p": Permutation([1, 2, 3])})
    story = Story(space)
    parent = {"x": 0.3, "n": 4, "c": "b", "s": [2], "p": [3, 1, 2]}
    for _ in range(4):
        story.end(story.start(parent), "completed", 1.0)
    children = [NSGA2(population=4).ask(story.history, 1, np.random.default_rng(i))[0] for i in range(120)]
    changed = [tuple(name for name in parent if child[name] != parent[name]) for child in children]
    assert all(changed)
    assert {name for names in changed for name in names} == set(parent)
    assert np.mean([len(names) for names in changed]) < 2.5


def test_a_parameter_that_one_parent_has_is_inherited() -> None:
    space = Space({"c": Choice({"a": {"x": Float(0, 1)}, "b": {}}), "y": Float(0, 1)})
    story = Story(space)
    for i in range(8):
        story.end(story.start({"c": "a", "x": 0.3, "y": i / 8} if i % 2 else {"c": "b", "y": i / 8}), "completed", 1.0)
    children = NSGA2(population=8).ask(story.history, 100, np.random.default_rng(0))
    drawn = [abs(child["x"] - 0.3) < 0.15 for child in children if child["c"] == "a"]
    assert len(drawn) > 20
    assert np.mean(drawn) > 0.6


@pytest.mark.parametrize("population", [3, 2.5, True])
def test_a_population_out_of_range(population: int) -> None:
    with pytest.raises(UsageError, match=f"NSGA2.population={population}.: it must be a whole number from 4"):
        NSGA2(population)
