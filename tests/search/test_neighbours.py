"""Neighbours, along which the model-based searchers climb."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.search._neighbours import neighbours
from lanista.space import Choice, Float, Int, Permutation, Space, Subset
from lanista.testing import SPACES
from tests.search.test_properties import trees


def own(params: dict[str, object]) -> dict[str, str]:
    return {name: f"{value:.6g}" if isinstance(value, float) else repr(value) for name, value in params.items()}


@settings(max_examples=30, deadline=None)
@given(tree=trees(), seed=st.integers(0, 2**32))
def test_a_neighbour_differs_in_one_parameter_and_what_hangs_below(tree: dict[str, object], seed: int) -> None:
    space, rng = Space(tree), np.random.default_rng(seed)
    params = space.sample(rng, 4)
    X, active = space.encode(params)
    found = neighbours(space, X, rng, 5)
    assert found.shape == (20, space.width)
    assert np.allclose(found, space.canonical(found), equal_nan=True)
    for i, near in enumerate(space.decode(found)):
        point, values = params[i // 5], own(params[i // 5])
        assert space.check(near) == near
        changed = [name for name in values if name in near and own(near)[name] != values[name]]
        gone = set(values) ^ set(near)
        tops = [p for p in space.parameters if p.name in changed]
        assert len(tops) <= 1 or any(isinstance(p.domain, Choice) and p.domain.children for p in tops)
        assert not gone or any(isinstance(p.domain, Choice) for p in tops)
        here = [p.domain for p in space.parameters if active[i // 5, p.start]]
        if any((len(d.options) if isinstance(d, Choice) else d.size) > 1 for d in here):
            assert near != point


@pytest.mark.parametrize("name", SPACES)
def test_every_value_can_be_reached(name: str) -> None:
    """A walk visits whatever a random draw would."""
    space, rng = SPACES[name], np.random.default_rng(0)
    X = space.sample_unit(rng, 1)
    seen: dict[str, set[str]] = {}
    for _ in range(30):
        X = neighbours(space, X[:50], rng, 20)
        X = X[rng.permutation(len(X))]
        for params in space.decode(X):
            for key, value in own(params).items():
                seen.setdefault(key, set()).add(value)
    for p in space.parameters:
        if p.domain.size <= 20:
            assert len(seen[p.name]) == (len(p.domain.options) if isinstance(p.domain, Choice) else p.domain.size)


def test_a_step_of_a_whole_number_reaches_the_next_value_at_least() -> None:
    space = Space({"n": Int(1, 200, log=True)})
    X, _ = space.encode([{"n": n} for n in (1, 2, 100, 200)])
    found = np.array([p["n"] for p in space.decode(neighbours(space, X, np.random.default_rng(0), 200, scales=[1e-3]))])
    found = found.reshape(4, 200)
    assert 2 in found[0]
    assert found[0].min() > 1
    assert found[0].max() <= 4
    assert set(found[1]) == {1, 3}
    assert found[2].min() >= 98
    assert found[2].max() <= 102
    assert 100 not in found[2]
    assert found[3].min() >= 196
    assert 200 not in found[3]


def test_the_steps_of_a_real_number_have_the_scale_given() -> None:
    space = Space({"x": Float(0, 1)})
    found = neighbours(space, np.full((1, 1), 0.5), np.random.default_rng(0), 4000, scales=[0.03])
    assert found.std() == pytest.approx(0.03, rel=0.05)
    edge = neighbours(space, np.zeros((1, 1)), np.random.default_rng(0), 4000)
    assert edge.min() >= 0
    assert np.sqrt((edge**2).mean()) == pytest.approx(0.2, rel=0.05)


def test_options_are_drawn_evenly_and_bring_their_parameters_in() -> None:
    space = Space({"c": Choice({"a": {}, "b": {"x": Float(0, 1)}, "d": {"x": Float(0, 2)}})})
    X, _ = space.encode([{"c": "a"}])
    found = space.decode(neighbours(space, X, np.random.default_rng(0), 1000))
    assert {p["c"] for p in found} == {"b", "d"}
    assert np.mean([p["c"] == "b" for p in found]) == pytest.approx(0.5, abs=0.05)
    assert np.mean([p["x"] for p in found if p["c"] == "d"]) == pytest.approx(1.0, abs=0.1)


def test_full_subsets_exchange_an_item() -> None:
    space = Space({"s": Subset(list("abcd"), min=2, max=2)})
    X, _ = space.encode([{"s": ["a", "b"]}])
    found = [p["s"] for p in space.decode(neighbours(space, X, np.random.default_rng(0), 200))]
    assert {tuple(s) for s in found} == {("a", "c"), ("a", "d"), ("b", "c"), ("b", "d")}


def test_two_items_of_a_permutation_change_places() -> None:
    space = Space({"o": Permutation([1, 2, 3])})
    X, _ = space.encode([{"o": [1, 2, 3]}])
    found = [tuple(p["o"]) for p in space.decode(neighbours(space, X, np.random.default_rng(0), 100))]
    assert set(found) == {(2, 1, 3), (3, 2, 1), (1, 3, 2)}
