"""Searchers over spaces that nobody thought of."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.search import CMAES, DE, NSGA2, NSGA3, TPE, Anneal, Grid, Random, RegularizedEvolution, Searcher, Sobol
from lanista.space import Choice, Domain, Float, Int, Normal, Permutation, Space, Subset
from lanista.testing import Story, live

LEAVES: list[Domain] = [
    Float(-1, 1),
    Float(1e-3, 10, log=True),
    Float(0, 1, step=0.25),
    Int(0, 3),
    Int(1, 1000, log=True),
    Int(5, 5),
    Normal(0, 1),
    Subset([1, 2, 3], min=1, max=2),
    Permutation(["a", "b", "c"]),
    Choice([True, None, "x"]),
    Choice(list(range(70))),
]
SEARCHERS: dict[str, Searcher] = {
    "random": Random(),
    "sobol": Sobol(),
    "grid": Grid(points=2),
    "tpe": TPE(startup=4),
    "anneal": Anneal(),
    "cmaes": CMAES(population=4),
    "de": DE(population=4),
    "nsga2": NSGA2(population=5),
    "nsga3": NSGA3(population=5),
    "evolution": RegularizedEvolution(population=5, sample=2),
}


@st.composite
def trees(draw: st.DrawFn, depth: int = 2, prefix: str = "p") -> dict[str, object]:
    """A tree of domains, choices with children among them."""
    tree: dict[str, object] = {}
    for i in range(draw(st.integers(0 if prefix != "p" else 1, 3))):
        name = f"{prefix}{i}"
        if depth and draw(st.booleans()):
            options = range(draw(st.integers(1, 3)))
            tree[name] = Choice({f"o{o}": draw(trees(depth=depth - 1, prefix=f"{name}o{o}_")) for o in options})
        else:
            tree[name] = draw(st.sampled_from([*LEAVES, 7]))
    return tree


@pytest.mark.parametrize("name", SEARCHERS)
@settings(max_examples=15)
@given(tree=trees(), seed=st.integers(0, 2**32))
def test_proposals_are_valid_and_repeatable(name: str, tree: dict[str, object], seed: int) -> None:
    story = Story(Space(tree), seed=seed)
    live(story, SEARCHERS[name], 16, workers=2)
    for params in story.history.params:
        assert story.space.check(params) == params
    again = Story(Space(tree), seed=seed)
    live(again, SEARCHERS[name], 16, workers=2)
    assert again.history == story.history


@pytest.mark.parametrize("name", ["random", "sobol", "tpe", "evolution", "anneal", "cmaes", "de", "nsga2", "nsga3"])
@settings(max_examples=15)
@given(limit=st.floats(0.05, 1.9), seed=st.integers(0, 2**32))
def test_constraints_hold(name: str, limit: float, seed: int) -> None:
    space = Space({"a": Float(0, 1), "b": Float(0, 1), "c": Choice({"x": {"d": Float(0, 1)}, "y": {}})})
    story = Story(space.where(f"a + b <= {limit}").where("d >= a"), seed=seed)
    live(story, SEARCHERS[name], 16)
    assert all(story.space.valid(params) for params in story.history.params)


@pytest.mark.parametrize("name", ["random", "tpe", "evolution"])
def test_choices_are_not_distorted_by_avoiding_repetition(name: str) -> None:
    """Of two options that are as good as each other, neither is starved: repeated configurations are proposed."""
    story = Story(Space({"c": Choice(["a", "b"]), "d": Choice(["a", "b"])}))
    for _ in range(60):
        (params,) = story.ask(SEARCHERS[name])
        story.end(story.start(params), "completed", 0.0 if params["c"] == "a" else 1.0)
    last = story.history.params[30:]
    assert 5 <= sum(params["d"] == "a" for params in last) <= 25
    if name == "tpe":
        assert sum(params["c"] == "a" for params in last) >= 16
