"""Properties that hold for every space: round trips, activity, grids, constraints."""

import json
import math
import pickle
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanista.space import Choice, Domain, Float, Int, Normal, Permutation, Space, Subset

scalars = st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.sampled_from(["a", "b", "c", "d", "true", "1"]))
values = st.one_of(scalars, st.lists(scalars, max_size=2), st.dictionaries(st.sampled_from("xy"), scalars, max_size=2))
items = st.lists(values, min_size=1, max_size=5, unique_by=lambda value: json.dumps(value, sort_keys=True))


@st.composite
def floats(draw: Any) -> Float:
    log = draw(st.booleans())
    low = draw(st.floats(1e-8, 1e3) if log else st.floats(-1e6, 1e6))
    high = low + draw(st.floats(1e-3, 1e5)) * max(1.0, abs(low))
    return Float(low, high, log=log)


@st.composite
def stepped(draw: Any) -> Float:
    digits = draw(st.integers(0, 6))
    log = draw(st.booleans())
    low = draw(st.integers(1 if log else -1000, 1000))
    step, count = draw(st.integers(1, 99)), draw(st.integers(2, 40))
    high = low + step * count + draw(st.integers(0, step - 1))
    return Float(low / 10**digits, high / 10**digits, step=step / 10**digits, log=log)


@st.composite
def ints(draw: Any) -> Int:
    log = draw(st.booleans())
    low = draw(st.integers(1, 10**6) if log else st.integers(-(10**9), 10**9))
    return Int(low, low + draw(st.integers(0, 10**6)), log=log, step=draw(st.integers(1, 7)))


distances = st.sampled_from([None, 0.1, 0.5, 2.0])
normals = st.one_of(
    st.builds(Normal, st.floats(-10, 10), st.floats(0.01, 5), step=distances),
    st.builds(Normal, st.floats(-10, 10), st.floats(0.01, 1.5), log=st.just(True), step=distances),
)
subsets = items.flatmap(
    lambda these: st.tuples(st.integers(0, len(these)), st.integers(0, len(these))).map(
        lambda ends: Subset(these, min=min(ends), max=max(ends))
    )
)
leaves = st.one_of(
    floats(),
    stepped(),
    ints(),
    normals,
    subsets,
    items.map(Choice),
    items.map(Permutation),
)


def trees(depth: int, prefix: str = "p") -> st.SearchStrategy[dict[str, Any]]:
    node = st.one_of(leaves, scalars)
    if depth:
        simple, deep = node, conditional(depth, prefix)
        node = st.booleans().flatmap(lambda nested: deep if nested else simple)
    return st.lists(node, min_size=0 if prefix != "p" else 1, max_size=3).map(
        lambda nodes: {f"{prefix}{i}": n for i, n in enumerate(nodes)}
    )


def conditional(depth: int, prefix: str) -> st.SearchStrategy[Choice]:
    # Children of different options share their names, which is allowed, and differ in their domains.
    below = trees(depth - 1, prefix + "_")
    return st.dictionaries(st.sampled_from(["sgd", "adam", 3, None]), below, min_size=1, max_size=3).map(Choice)


@st.composite
def spaces(draw: Any) -> Space:
    tree = draw(trees(2))
    # Two choices of one level would have children of the same name: give each its own.
    return Space({name: _renamed(node, name) for name, node in tree.items()})


def _renamed(node: Any, prefix: str) -> Any:
    if isinstance(node, Choice) and node.children:
        return Choice(
            {
                option: {f"{prefix}.{name}": _renamed(child, f"{prefix}.{name}") for name, child in below}
                for option, below in zip(node.options, node.children, strict=True)
            }
        )
    return node


def same(one: Any, other: Any, domain: Domain) -> bool:
    """Equal, or within rounding for continuous numbers; of exactly the same Python type."""
    if type(one) is not type(other):
        return False
    if isinstance(domain, Normal) and domain.step is None:
        scale = 1e-5 * domain.std * (max(abs(one), 1e-300) if domain.log else 1.0)
        return math.isclose(one, other, rel_tol=1e-9, abs_tol=scale)
    if isinstance(domain, Float) and domain.step is None:
        # A column resolves 2**-53 of the range, or of the logarithm's range.
        span = abs(other) * math.log(domain.high / domain.low) if domain.log else domain.high - domain.low
        return math.isclose(one, other, rel_tol=1e-12, abs_tol=1e-14 * span)
    return bool(one == other)


def chosen(space: Space, params: dict[str, Any]) -> dict[str, Domain]:
    """The parameters that apply in a configuration, worked out from the tree alone."""

    def walk(pairs: Any) -> dict[str, Any]:
        found: dict[str, Any] = {}
        for name, node in pairs:
            found[name] = node
            if isinstance(node, Choice) and node.children:
                found |= walk(node.below(node.index(params[name])))
        return found

    return walk(space.tree.items())


@given(domain=leaves, seed=st.integers(0, 2**32 - 1))
def test_a_value_comes_back_from_the_cube(domain: Domain, seed: int) -> None:
    space = Space({"x": domain})
    X = np.random.default_rng(seed).random((20, space.width))
    X[0], X[1] = 0.0, 1.0
    for params in space.decode(X):
        points, active = space.encode([params])
        assert active.all()
        assert (points >= 0).all()
        assert (points <= 1).all()
        assert same(space.decode(points)[0]["x"], params["x"], domain)
        assert domain.contains(params["x"])
        assert same(domain.normalise(params["x"]), params["x"], domain)


@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_only_active_parameters_appear(space: Space, seed: int) -> None:
    X = np.random.default_rng(seed).random((30, space.width))
    for params in space.decode(X):
        nodes = chosen(space, params)
        assert params.keys() == nodes.keys()
        for name, node in nodes.items():
            if isinstance(node, Domain):
                assert node.contains(params[name])
            else:
                assert params[name] == node


@given(space=spaces(), seed=st.integers(0, 2**32 - 1), n=st.sampled_from([1, 5, 30]))
def test_configurations_come_back_from_the_cube(space: Space, seed: int, n: int) -> None:
    many = space.sample(np.random.default_rng(seed), n)
    X, active = space.encode(many)
    assert X.shape == active.shape == (n, space.width)
    assert (np.isnan(X) == ~active).all()
    assert (active == space.active(X)).all()
    for params, again in zip(many, space.decode(X), strict=True):
        nodes = chosen(space, params)
        assert params.keys() == again.keys()
        for name, node in nodes.items():
            if isinstance(node, Domain):
                assert same(again[name], params[name], node)
        assert space.check(params).keys() == params.keys()
    # Full points and points with gaps mean the same.
    assert space.decode(np.where(active, X, 0.123)) == space.decode(X)


@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_few_and_many_go_the_same_way(space: Space, seed: int) -> None:
    X = np.random.default_rng(seed).random((12, space.width))
    together = space.decode(X)
    alone = [space.decode(X[i : i + 1])[0] for i in range(12)]
    assert together == alone
    one_by_one = [space.encode([params])[0] for params in together]
    np.testing.assert_array_equal(space.encode(together)[0], np.concatenate(one_by_one))


@given(space=spaces())
def test_json_and_pickle_round_trip(space: Space) -> None:
    text = json.dumps(space.to_json())
    again = Space.from_json(json.loads(text))
    assert again == space
    assert hash(again) == hash(space)
    assert json.dumps(again.to_json()) == text
    assert again.parameters == space.parameters
    assert pickle.loads(pickle.dumps(space)) == space


@given(space=spaces())
def test_the_grid_has_the_size_of_the_space(space: Space) -> None:
    if space.size > 3000:
        return
    grid = list(space.grid(points=2))
    texts = {json.dumps(params) for params in grid}
    assert len(texts) == len(grid) == space.size
    assert all(space.check(params) == params for params in grid)


@given(space=spaces())
def test_defaults_belong_to_the_space(space: Space) -> None:
    defaults = space.defaults()
    assert space.check(defaults) == defaults


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 40))
def test_constraints_hold_in_every_sample(seed: int, n: int) -> None:
    space = Space({"a": Int(0, 9), "b": Int(0, 9), "opt": Choice({"sgd": {"m": Float(0, 1)}, "adam": {}})})
    space = space.where("a < b").where("m < 0.5").where(lambda params: params["b"] % 2 == 0, name="even b")
    rng = np.random.default_rng(seed)
    drawn = [*space.sample(rng, n), *space.decode(space.sample_unit(rng, n))]
    assert len(drawn) == 2 * n
    for params in drawn:
        assert params["a"] < params["b"]
        assert params["b"] % 2 == 0
        assert params.get("m", 0) < 0.5
    assert space.feasible(drawn).all()


@pytest.mark.parametrize("log", [False, True])
def test_steps_are_neat_decimals(log: bool) -> None:
    space = Space({"x": Float(0.1, 1.0, step=0.1, log=log)})
    seen = {params["x"] for params in space.sample(np.random.default_rng(0), 1000)}
    assert sorted(seen) == [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0]


@given(space=spaces(), seed=st.integers(0, 2**32 - 1))
def test_canonical_is_what_a_configuration_is_encoded_as(space: Space, seed: int) -> None:
    X = np.random.default_rng(seed).random((30, space.width))
    X[0], X[1] = 0.0, 1.0
    canonical = space.canonical(X)
    np.testing.assert_array_equal(canonical, space.encode(space.decode(X))[0])
    again = np.where(space.active(X), canonical, 0.9)
    np.testing.assert_allclose(space.canonical(again), canonical, rtol=0, atol=1e-6)


CONDITIONS = st.sampled_from(
    [
        *("a < b", "a * x + b > 2", "a + b ** 2 <= 20 or x < 0.3", "abs(a - b) // 2 != 1", "1 < a < 7", "a % 3 > 0"),
        *("opt in ['sgd', 'adam']", "opt == 'sgd' and m > 0.5", "m < x", "round(x, 1) * a >= 1 if a else x > 0.5"),
        *("len(s) <= b", "'p' in s or a > 2", "o != [1, 2, 3]", "max(a, b, 3 * x) > 4", "sum([a, b, x]) > 5"),
        *("depth != 3", "depth > 2 and a", "k == 'one'", "not (a or b)"),
    ]
)


@given(conditions=st.lists(CONDITIONS, max_size=3), own=st.booleans(), seed=st.integers(0, 2**32 - 1))
def test_points_are_judged_like_their_configurations(conditions: list[str], own: bool, seed: int) -> None:
    space = Space(
        {
            "a": Int(0, 9),
            "b": Int(0, 9),
            "x": Float(0, 1),
            "opt": Choice(
                {
                    "sgd": {"m": Float(0, 1), "depth": Int(1, 4)},
                    "adam": {"depth": Float(1, 5, step=0.5)},
                    "lbfgs": {"line": Choice({"wolfe": {"m": Int(0, 1)}, "none": {"depth": 3}})},
                }
            ),
            "s": Subset(["p", "q", "r"], min=1, max=2),
            "o": Permutation([1, 2, 3]),
            "k": "one",
        }
    )
    for condition in conditions:
        space = space.where(condition)
    if own:
        space = space.where(lambda params: params["m"] + params["a"] < 6, name="own")
    X = np.random.default_rng(seed).random((40, space.width))
    params = space.decode(X)
    judged = space.feasible_unit(X)
    assert judged.tolist() == space.feasible(params).tolist() == [space.valid(p) for p in params]
    assert space.feasible_unit(space.encode(params)[0]).tolist() == judged.tolist()
