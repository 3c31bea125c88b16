import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.search import Random, RegularizedEvolution
from lanista.space import Choice, Float, Int, Params, Permutation, Space, Subset
from lanista.testing import Story
from tests.search.cell import run

SETS = {"s": Subset([1, 2, 3]), "p": Permutation([1, 2, 3])}


def test_it_beats_random_search_on_a_table() -> None:
    evolved = np.array([run(RegularizedEvolution(population=20, sample=5), seed, 150) for seed in range(10)])
    random = np.array([run(Random(), seed, 150) for seed in range(10)])
    assert (evolved < random).sum() >= 8
    assert evolved.mean() < random.mean() - 0.5


def evolve(space: Space, parent: Params, seed: int) -> Params:
    """The child of the only parent there is."""
    story = Story(space, seed=seed)
    story.end(story.start(parent), "completed", 1.0)
    return story.ask(RegularizedEvolution(population=1, sample=1))[0]


def test_one_parameter_is_mutated_and_no_other() -> None:
    space = Space({"x": Float(0, 1), "n": Int(0, 9), "c": Choice(["a", "b", "c"])} | SETS)
    parent = {"x": 0.3, "n": 4, "c": "b", "s": [2], "p": [3, 1, 2]}
    changed = []
    for seed in range(60):
        child = evolve(space, parent, seed)
        changed.append([name for name in parent if child[name] != parent[name]])
        assert len(changed[-1]) == 1
    assert {names[0] for names in changed} == set(parent)


def test_a_new_option_brings_its_own_parameters_and_leaves_the_others() -> None:
    space = Space({"x": Float(0, 1), "c": Choice({"a": {"n": Int(1, 9)}, "b": {"m": Float(0, 1), "k": Int(0, 3)}})})
    parent = {"x": 0.25, "c": "a", "n": 7}
    children = [evolve(space, parent, seed) for seed in range(40)]
    switched = [child for child in children if child["c"] == "b"]
    assert switched
    assert all(child["x"] == 0.25 and child.keys() == {"x", "c", "m", "k"} for child in switched)
    assert len({child["m"] for child in switched}) == len(switched)


def test_only_the_young_are_parents() -> None:
    story = Story(Space({"x": Float(0, 1)}))
    story.end(story.start({"x": 0.0}), "completed", -1.0)
    for _ in range(5):
        story.end(story.start({"x": 1.0}), "completed", 0.0)
    children = [
        RegularizedEvolution(population=5, sample=5).ask(story.history, 1, np.random.default_rng(i)) for i in range(50)
    ]
    assert np.mean([child[0]["x"] for child in children]) > 0.75


def test_the_first_population_counts_trials_that_run() -> None:
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    story = Story(space)
    story.end(story.start({"x": 0.5, "y": 0.5}), "completed", 0.0)
    for _ in range(3):
        story.start({"x": 0.1, "y": 0.1})
    proposals = RegularizedEvolution(population=6, sample=2).ask(story.history, 5, np.random.default_rng(0))
    inherited = [0.5 in params.values() for params in proposals]
    assert inherited == [False, False, True, True, True]


@pytest.mark.parametrize(("arguments", "name"), [({"population": 0}, "population"), ({"sample": 1.5}, "sample")])
def test_arguments_out_of_range(arguments: dict[str, int], name: str) -> None:
    with pytest.raises(UsageError, match=f"{name}=.*must be a whole number from 1"):
        RegularizedEvolution(**arguments)


def test_a_sample_larger_than_the_population() -> None:
    with pytest.raises(UsageError, match="population=5, sample=9"):
        RegularizedEvolution(population=5, sample=9)
