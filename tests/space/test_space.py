"""What a space does, by example."""

import json
import math
import pickle
from typing import Any

import cloudpickle
import numpy as np
import pytest

from lanista.space import Choice, Float, Int, Normal, Permutation, Space, Subset

RNG = np.random.default_rng


def net() -> Space:
    return Space(
        {
            "lr": Float(1e-5, 1e-1, log=True),
            "opt": Choice(
                {
                    "sgd": {"momentum": Float(0, 0.99), "decay": Float(0, 1)},
                    "rms": {"decay": Float(0, 1), "alpha": Float(0.5, 1)},
                    "adam": {"momentum": Int(1, 3)},
                }
            ),
            "layers": Int(1, 4),
            "tag": "v1",
        }
    )


def test_names_columns_and_parameters() -> None:
    space = net()
    assert space.names == ("lr", "opt", "momentum", "decay", "alpha", "layers")
    assert [p.path for p in space.parameters] == [
        *("lr", "opt", "opt=sgd/momentum", "opt=sgd|rms/decay", "opt=rms/alpha", "opt=adam/momentum", "layers"),
    ]
    assert [p.parent for p in space.parameters] == [None, None, 1, 1, 1, 1, None]
    assert space.parameters[3].options == frozenset({0, 1})
    assert space.width == 7
    assert space.columns.kind.tolist() == [0, 2, 0, 0, 0, 1, 1]
    assert space.columns.cardinality.tolist() == [0, 3, 0, 0, 0, 3, 4]
    assert space.columns.parameter.tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert [c.name for c in space.constants] == ["tag"]


def test_decode_by_hand() -> None:
    space = net()
    X = np.array([[0.5, 0.1, 0.5, 0.25, np.nan, np.nan, 0.99], [0.0, 0.9, np.nan, np.nan, np.nan, 0.5, 0.0]])
    sgd, adam = space.decode(X)
    assert list(sgd) == ["lr", "opt", "momentum", "decay", "layers", "tag"]
    assert sgd == {"lr": pytest.approx(1e-3), "opt": "sgd", "momentum": 0.495, "decay": 0.25, "layers": 4, "tag": "v1"}
    assert adam == {"lr": pytest.approx(1e-5), "opt": "adam", "momentum": 2, "layers": 1, "tag": "v1"}
    assert space.active(X).tolist()[1] == [True, True, False, False, False, True, True]


@pytest.mark.parametrize("n", [1, 40])
def test_three_levels_of_choices(n: int) -> None:
    inner = Choice({"p": {"z": Int(0, 1)}, "q": {}})
    space = Space({"a": Choice({"x": {"b": Choice({"u": {"c": inner}, "v": {}})}, "y": {"b": Choice({"w": {}})}})})
    shapes = {
        ("x", "u", "p"): {"a", "b", "c", "z"},
        ("x", "u", "q"): {"a", "b", "c"},
        ("x", "v", None): {"a", "b"},
        ("y", "w", None): {"a", "b"},
    }
    rng, seen = RNG(0), set()
    for _ in range(200 // n):
        X = rng.random((n, space.width))
        active = space.active(X)
        for params, on in zip(space.decode(X), active, strict=True):
            shape = (params["a"], params["b"], params.get("c"))
            assert params.keys() == shapes[shape]
            assert on.sum() == len(params)
            seen.add(shape)
    assert seen == shapes.keys()


def test_encode_by_hand() -> None:
    space = Space(
        {
            "i": Int(1, 4),
            "s": Float(0, 1, step=0.25),
            "c": Choice(["a", "b"]),
            "n": Normal(0, 1),
            "sub": Subset(["x", "y"]),
            "per": Permutation([1, 2, 3]),
            "u": Float(-1, 3),
        }
    )
    params = {"i": 2, "s": 0.5, "c": "b", "n": 0.0, "sub": ["y"], "per": [3, 1, 2], "u": 0.0}
    X, active = space.encode([params])
    assert X[0].tolist() == pytest.approx([0.375, 0.5, 0.75, 0.5, 0.25, 0.75, 0.5, 5 / 6, 1 / 6, 0.25])
    assert active.all()
    assert space.decode(X) == [params]


def test_values_are_plain_python() -> None:
    space = Space(
        {
            "f": Float(np.float64(0), np.int64(1)),
            "i": Int(np.int32(0), 3.0),
            "c": Choice(np.array([1, 2])),
            "s": Subset([1.5]),
            "n": Normal(0, 1, step=0.5),
        }
    )
    for params in [*space.sample(RNG(0), 3), *space.sample(RNG(0), 50), space.defaults(), next(space.grid())]:
        assert [type(params[name]) for name in "ficsn"] == [float, int, int, list, float]
        json.dumps(params)
    checked = space.check({"f": np.float32(0.5), "i": np.int64(2), "c": np.int64(1), "s": [np.float64(1.5)], "n": 1})
    assert [type(checked[name]) for name in "ficsn"] == [float, int, int, list, float]
    assert space.encode([checked])[0].shape == (1, 5)


def test_the_edges_of_the_cube_stay_in_the_domain() -> None:
    space = Space(
        {
            "a": Float(1e-5, 0.1, log=True),
            "b": Float(0.1, 0.7),
            "c": Int(1, 1000, log=True),
            "d": Normal(0, 1),
            "e": Normal(0, 1, log=True),
            "f": Choice(["x", "y"]),
            "g": Float(0.1, 0.7, step=0.2),
        }
    )
    low, high = space.decode(np.array([[0.0] * 7, [1.0] * 7]))
    assert low == {"a": 1e-5, "b": 0.1, "c": 1, "d": -5.0, "e": math.exp(-5), "f": "x", "g": 0.1}
    assert high == {"a": 0.1, "b": 0.7, "c": 1000, "d": 5.0, "e": math.exp(5), "f": "y", "g": 0.7}
    assert space.encode([{**high, "a": 5.0, "c": -3}])[0][0, [0, 2]].tolist() == pytest.approx([1.0, 0.0], abs=0.1)


def test_log_integers_are_uniform_in_the_logarithm() -> None:
    drawn = Space({"i": Int(1, 1000, log=True)}).sample(RNG(0), 20_000)
    share = np.mean([params["i"] <= 31 for params in drawn])
    assert share == pytest.approx(math.log(31.5 / 0.5) / math.log(1000.5 / 0.5), abs=0.02)


def test_subset_sizes_are_kept() -> None:
    space = Space({"s": Subset(list("abcdef"), min=2, max=3)})
    sizes = {len(params["s"]) for params in space.sample(RNG(0), 500)}
    assert sizes == {2, 3}
    assert space.decode(np.array([[0.1, 0.4, 0.2, 0.0, 0.3, 0.1]])) == [{"s": ["b", "e"]}]
    assert space.decode(np.array([[0.9, 0.6, 0.7, 0.8, 0.5, 0.1]])) == [{"s": ["a", "c", "d"]}]


def test_handing_out_values_does_not_give_the_space_away() -> None:
    space = Space({"c": Choice([[1, 2], {"k": [3]}]), "s": Subset([[1]], min=1), "k": [1]})
    for make in (lambda: space.sample(RNG(0), 1), lambda: space.sample(RNG(0), 20), lambda: [space.defaults()]):
        before = json.dumps(make())
        for params in make():
            params["c"].clear()
            params["s"][0].append(9)
            params["k"].append(9)
        assert json.dumps(make()) == before


def test_true_is_not_one() -> None:
    domain = Choice([True, 1, "1", None, [1], 0])
    assert domain.size == 6
    space = Space({"c": domain})
    for i, value in enumerate([True, 1, "1", None, [1], 0]):
        assert space.encode([{"c": value}])[0][0, 0] == pytest.approx((i + 0.5) / 6)
    assert domain.contains(1.0)
    assert not domain.contains(False)
    assert Choice([1]) != Choice([True])
    assert Choice([1]) != Choice([1.0])


def test_sizes() -> None:
    assert Space({}).size == 1
    assert Space({"i": Int(1, 3), "k": 4}).size == 3
    assert Space({"s": Float(0, 1, step=0.3)}).size == 4
    assert Space({"s": Subset(["abcd"]), "p": Permutation([1, 2, 3])}).size == 12
    tree = {"o": Choice({"a": {"x": Int(1, 3), "y": Choice([1, 2])}, "b": {}, "c": {"x": Int(1, 2)}})}
    assert Space(tree).size == 9
    assert Space(tree | {"f": Float(0, 1), "p": Permutation(list(range(300)))}).size == math.inf
    assert Space(tree).where("x > 1").size == 2 * 2 + 1 + 1


def test_grid_values() -> None:
    space = Space({"a": Float(0, 1), "b": Float(0.01, 1, log=True), "n": Normal(0, 1)})
    axes = {name: sorted({params[name] for params in space.grid(points=3)}) for name in space.names}
    assert axes == {"a": [0.0, 0.5, 1.0], "b": [0.01, 0.1, 1.0], "n": pytest.approx([-0.9674, 0, 0.9674], abs=1e-4)}
    assert len(list(space.grid(points={"a": 1, "b": 2, "n": 4}))) == 8
    assert [params["x"] for params in Space({"x": Float(0, 1)}).grid(11)][3] == 0.3
    assert [params["x"] for params in Space({"x": Normal(0, 1, step=10)}).grid(7)] == [0.0]
    assert list(Space({}).grid()) == [{}]


@pytest.mark.parametrize(
    "conditions",
    [
        ["n > 1"],
        ["k < n", "m + n < 5"],
        ["x < 0.5 or k > 1"],
        ["n != 0", "4 / n > k"],
        [lambda p: p["n"] > 1, "k == 2"],
    ],
)
def test_a_grid_leaves_out_what_breaks_a_constraint_and_nothing_else(conditions: list[Any]) -> None:
    """Also where one mentions parameters that do not apply, or cannot be evaluated where another one fails."""
    free = Space(
        {"n": Int(0, 2), "c": Choice({"a": {"m": Int(0, 3)}, "b": {"x": Float(0, 1)}}), "k": Int(0, 2), "s": 1}
    )
    space = free
    for condition in conditions:
        space = space.where(condition)
    assert list(space.grid(3)) == [params for params in free.grid(3) if space.valid(params)]


def test_constraints_on_inactive_parameters_do_not_apply() -> None:
    for condition in ("momentum > 0.5", lambda params: params["momentum"] > 0.5):
        space = net().where(condition, name="m")
        assert space.valid({"opt": "rms"})
        assert not space.valid({"opt": "sgd", "momentum": 0.1})
        assert {params["opt"] for params in space.sample(RNG(0), 200)} == {"sgd", "rms", "adam"}


def test_constraints_on_parameters_that_fixing_took_away_do_not_apply() -> None:
    space = net().where("momentum < 0.5 and lr > 0").where("layers > 1").fix(opt="rms")
    X = RNG(0).random((20, space.width))
    assert space.feasible_unit(X).tolist() == [params["layers"] > 1 for params in space.decode(X)]
    assert len(space.sample(RNG(0), 5)) == 5


def test_rare_configurations_are_found_in_the_end() -> None:
    space = Space({"a": Float(0, 1), "b": Float(0, 1)}).where("a + b < 0.04")
    drawn = space.sample(RNG(0), 200)  # about 1 of 1,250 will do
    assert len(drawn) == 200
    assert np.mean([params["a"] + params["b"] for params in drawn]) == pytest.approx(0.04 * 2 / 3, rel=0.1)


def test_constraint_expressions() -> None:
    space = Space({"a": Int(0, 9), "b": Int(0, 9), "c": Choice(["x", "y"]), "s": Subset([1, 2, 3])})
    params = {"a": 3, "b": 5, "c": "x", "s": [1, 3]}
    for true in ("a < b <= 5", "a + 2 * b == 13", "c in ['x', 'z']", "not c == 'y'", "len(s) == 2 and 3 in s"):
        assert space.where(true).valid(params)
    for false in ("a > b if c == 'x' else True", "max(a, b) % 5 == 1", "abs(a - b) ** 2 < 4", "sum(s) // 2 != 2"):
        assert not space.where(false).valid(params)
    assert space.where("a < b").where("a == b", name="a < b").constraints == ("a < b",)


def test_callable_constraints_travel() -> None:
    limit = 5
    space = Space({"a": Int(0, 9)}).where(lambda params: params["a"] < limit, name="small")
    there = pickle.loads(cloudpickle.dumps(space))
    assert max(params["a"] for params in there.sample(RNG(0), 100)) < 5
    stored = Space.from_json(json.loads(json.dumps(space.to_json())))
    assert stored == space
    assert stored.unenforced == ("small",)
    assert stored.valid({"a": 9})
    again = stored.where(lambda params: params["a"] < limit, name="small")
    assert again.unenforced == ()
    assert not again.valid({"a": 9})


def test_fix() -> None:
    space = net().where("momentum < 0.5").fix(opt="sgd", layers=2)
    assert space.names == ("lr", "momentum", "decay")
    assert all(p["opt"] == "sgd" and p["layers"] == 2 and p["momentum"] < 0.5 for p in space.sample(RNG(0), 20))
    below = Space({"o": Choice({"a": {"x": Int(0, 3)}, "b": {}})}).fix(x=2)
    assert list(below.grid()) == [{"o": "a", "x": 2}, {"o": "b"}]


def test_check_fills_in_defaults_and_normalises() -> None:
    space = Space(
        {"a": Float(0, 1, step=0.1, default=0.3), "o": Choice({"x": {"k": Int(0, 3, default=1)}, "y": {}}, default="x")}
    )
    assert space.check({}) == {"a": 0.3, "o": "x", "k": 1}
    assert space.check({"o": "y", "a": 0.1 + 0.2}) == {"a": 0.3, "o": "y"}
    assert space.defaults() == {"a": 0.3, "o": "x", "k": 1}
    assert Space({"s": Subset(["a", "b", "c"])}).check({"s": ("c", "a")}) == {"s": ["a", "c"]}


def test_middles() -> None:
    space = Space(
        {
            "a": Float(1e-4, 1e-2, log=True),
            "b": Int(1, 100, log=True),
            "c": Int(0, 9, step=3),
            "n": Normal(1, 2, log=True),
        }
    )
    assert space.defaults() == {"a": 0.001, "b": 10, "c": 6, "n": pytest.approx(math.e)}


def test_equality_and_order() -> None:
    assert net() == net()
    assert hash(net()) == hash(net())
    assert net() != net().where("lr < 0.01")
    assert Space({"a": Int(0, 1), "b": Int(0, 1)}) != Space({"b": Int(0, 1), "a": Int(0, 1)})
    assert Space({}) != 3
    assert len({Float(0, 1), Float(0.0, 1.0), Float(0, 2)}) == 2


def test_repr_can_be_read_back() -> None:
    space = net().where("momentum < 0.5")
    names: dict[str, Any] = {"Space": Space, "Float": Float, "Int": Int, "Choice": Choice}
    assert eval(repr(space), names) == space


def test_the_same_seed_gives_the_same_configurations() -> None:
    assert net().sample(RNG(3), 5) == net().sample(RNG(3), 5)
    space = net().where("layers > 1")
    assert space.sample(RNG(3), 5) == space.decode(space.sample_unit(RNG(3), 5))
    assert Space({}).sample(RNG(0), 3) == [{}, {}, {}]
    assert Space({}).encode([{}, {}])[0].shape == (2, 0)


def test_nothing_and_many() -> None:
    for space in (net(), Space({"x": Float(0, 1)}), Space({})):
        assert space.sample(RNG(0), 0) == []
        X, active = space.encode([])
        assert X.shape == active.shape == (0, space.width)
        assert space.decode(X) == []
        assert len(space.sample(RNG(0), 20)) == 20
