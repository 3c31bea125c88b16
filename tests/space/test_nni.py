"""NNI's search-space files."""

import json
import math
from typing import Any

import numpy as np
import pytest

from lanista.errors import SpaceError
from lanista.space import Choice, Float, Int, Normal, Space, load_nni_space

RNG = np.random.default_rng


def one(kind: str, value: Any, version: int | None = None) -> Any:
    return load_nni_space({"x": {"_type": kind, "_value": value}}, version)


@pytest.mark.parametrize(
    ("kind", "value", "domain"),
    [
        ("choice", [1, "a", None, 2.5], Choice([1, "a", None, 2.5])),
        ("choice", [[16], [16, 16]], Choice([[16], [16, 16]])),
        ("choice", [{"x": 0}, {"x": 1}], Choice([{"x": 0}, {"x": 1}])),
        ("choice", [1, 2, 1, 1.0], Choice([1, 2])),
        ("randint", [2, 8], Int(2, 7)),
        ("randint", [5], Int(0, 4)),
        ("uniform", [0, 1], Float(0, 1)),
        ("quniform", [0, 10, 2.5], Float(0, 10, step=2.5)),
        ("loguniform", [0.001, 0.1], Float(0.001, 0.1, log=True)),
        ("qloguniform", [2, 64, 2], Float(2, 64, step=2, log=True)),
        ("normal", [1, 2], Normal(1, 2)),
        ("qnormal", [1, 2, 0.5], Normal(1, 2, step=0.5)),
        ("lognormal", [1, 2], Normal(1, 2, log=True)),
        ("qlognormal", [1, 2, 0.5], Normal(1, 2, log=True, step=0.5)),
        ("uniform", [0.5, 0.5], 0.5),
    ],
)
def test_types(kind: str, value: Any, domain: Any) -> None:
    nni = one(kind, value)
    assert nni.space == Space({"x": domain})
    params = nni.space.sample(RNG(0), 1)[0]
    assert nni.convert(params) == params
    json.dumps(nni.convert(params))


@pytest.mark.parametrize(
    ("kind", "value", "values"),
    [
        ("quniform", [2, 10, 5], {2.0, 5.0, 10.0}),
        ("quniform", [0, 1, 0.1], {round(k / 10, 1) for k in range(11)}),
        ("qloguniform", [0.1, 3, 1], {0.1, 1.0, 2.0, 3.0}),
        ("qloguniform", [16, 18, 0.725], {16.0, 16.675, 17.4, 18.0}),
        ("quniform", [4, 5, 10], {4.0}),
    ],
)
def test_quantised_values_are_those_of_nni(kind: str, value: Any, values: set[float]) -> None:
    nni = one(kind, value)
    low, high, q = value
    by_definition = {min(max(round(x / q) * q, low), high) for x in np.linspace(low, high, 2001).tolist()}
    assert sorted(values) == pytest.approx(sorted({round(x, 9) for x in by_definition}))
    drawn = {nni.convert(params)["x"] for params in nni.space.sample(RNG(0), 2000)}
    assert drawn == values
    assert {type(x) for x in drawn} == {float}


P = {"_type": "uniform", "_value": [1, 3]}
SIZE = {"_type": "choice", "_value": [1, 5]}
NESTED = {
    "layer0": {
        "_type": "choice",
        "_value": [
            {"_name": "Empty"},
            {"_name": "Conv", "kernel_size": {"_type": "choice", "_value": [1, 2, 3]}, "stride": 2},
            {
                "_name": "Pool",
                "kernel_size": {"_type": "randint", "_value": [2, 4]},
                "mode": {"_type": "choice", "_value": [{"_name": "max"}, {"_name": "lp", "p": P}]},
            },
        ],
    },
    "layer1": {"_type": "choice", "_value": [{"_name": "Conv", "kernel_size": SIZE}, "skip"]},
    "train": {"lr": {"_type": "loguniform", "_value": [0.001, 0.1]}},
}  # fmt: skip


def test_nested_choices() -> None:
    nni = load_nni_space(NESTED)
    assert set(nni.space.names) == {
        *("layer0", "layer0/kernel_size", "layer0/mode", "layer0/mode/p", "layer1", "layer1/kernel_size", "train/lr"),
    }
    params = {"layer0": "Pool", "layer0/kernel_size": 3, "layer0/mode": "lp", "layer0/mode/p": 2.0, "layer1": "skip"}
    assert nni.convert(nni.space.check({**params, "train/lr": 0.01})) == {
        "layer0": {"_name": "Pool", "kernel_size": 3, "mode": {"_name": "lp", "p": 2.0}},
        "layer1": "skip",
        "train": {"lr": 0.01},
    }
    params = {"layer0": "Conv", "layer0/kernel_size": 1, "layer1": "Conv", "layer1/kernel_size": 5, "train/lr": 0.1}
    assert nni.convert(nni.space.check(params)) == {
        "layer0": {"_name": "Conv", "kernel_size": 1, "stride": 2},
        "layer1": {"_name": "Conv", "kernel_size": 5},
        "train": {"lr": 0.1},
    }
    for drawn in nni.space.sample(RNG(0), 100):
        converted = nni.convert(drawn)
        assert converted["layer0"]["_name"] == drawn["layer0"]
        assert len(converted["layer0"]) == {"Empty": 1, "Conv": 3, "Pool": 3}[drawn["layer0"]]


def test_classic_architecture_search() -> None:
    nni = load_nni_space(
        {
            "conv": {"_type": "layer_choice", "_value": ["c3", "c5"]},
            "same": {"_type": "layer_choice", "_value": ["Conv2d()", "Conv2d()"]},
            "skip": {"_type": "input_choice", "_value": {"candidates": ["a", "b", "c"], "n_chosen": 2}},
            "any": {"_type": "input_choice", "_value": {"candidates": ["a", "b"], "n_chosen": None}},
        }
    )
    assert nni.convert({"conv": "c5", "same": 1, "skip": [0, 2], "any": []}) == {
        "conv": {"_value": "c5", "_idx": 1},
        "same": {"_value": "Conv2d()", "_idx": 1},
        "skip": {"_value": ["a", "c"], "_idx": [0, 2]},
        "any": {"_value": [], "_idx": []},
    }
    assert all(len(params["skip"]) == 2 for params in nni.space.sample(RNG(0), 30))


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ([1], "an NNI search space is an object of parameters, got"),
        ({"x": {"_type": "unifrom", "_value": [0, 1]}}, "'x' has the unknown _type 'unifrom'; did you mean 'uniform'?"),
        ({"x": {"_type": "uniform"}}, "'x' lacks '_value'"),
        ({"x": {"type": "uniform"}}, "'x' lacks '_type' and '_value'"),
        ({"x": {"_type": "uniform", "_value": [1, 0]}}, r"'x' \(uniform\): Float.*low is above high"),
        ({"x": {"_type": "uniform", "_value": [0]}}, r"'x' \(uniform\): _value must be \[low, high\], got \[0\]"),
        ({"x": {"_type": "qnormal", "_value": [0, 1]}}, r"_value must be \[mean, deviation, q\]"),
        ({"x": {"_type": "loguniform", "_value": [0, 1]}}, "log=True needs a positive low"),
        ({"x": {"_type": "quniform", "_value": [0, 1, -1]}}, "q must be positive, got -1.0"),
        ({"x": {"_type": "randint", "_value": [4, 4]}}, r"upper \(4\) is not taken and so must be above lower \(4\)"),
        ({"x": {"_type": "choice", "_value": []}}, r"'x' \(choice\): _value must be a list of at least one option"),
        ({"x": {"_type": "normal", "_value": [0, 0]}}, r"'x' \(normal\): std of Normal.* must be positive"),
        (
            {"x": {"_type": "choice", "_value": [{"_name": "a"}, {"y": 1}]}},
            "each nested option needs a '_name' of its own, got None",
        ),
        (
            {"x": {"_type": "choice", "_value": [{"_name": "a", "y": {"_type": "uniform", "_value": ["0", 1]}}]}},
            r"NNI parameter 'x/y' \(uniform\): low must be a number, got '0'",
        ),
        ({"x": {"_type": "layer_choice", "_value": [1]}}, "_value must be a list of names"),
        ({"x": {"_type": "input_choice", "_value": ["a"]}}, "_value must be {'candidates'"),
    ],
)
def test_mistakes(obj: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        load_nni_space(obj)


def test_one_number_randint_is_of_old_versions() -> None:
    assert one("randint", [5], version=1).space == Space({"x": Int(0, 4)})
    with pytest.raises(SpaceError, match=r"_value must be \[lower, upper\], got \[5\]"):
        one("randint", [5], version=2)


def test_normals_reach_five_deviations() -> None:
    nni = one("qlognormal", [0, 1, 1])
    drawn = {nni.convert(params)["x"] for params in nni.space.sample(RNG(0), 2000)}
    assert {0.0, 1.0, 2.0} <= drawn
    assert max(drawn) <= math.exp(5) + 0.5
