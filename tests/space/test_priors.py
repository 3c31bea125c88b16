"""Priors: what a user believes, as a density over the cube."""

import json
import math
import pickle
from dataclasses import FrozenInstanceError, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import integrate, stats

from lanista.errors import SpaceError, UnsatisfiableError
from lanista.space import Choice, Domain, Float, Int, Normal, Permutation, Space, Subset, domain_from_json, grow

RNG = np.random.default_rng
CONFIDENCES = st.sampled_from(["low", "medium", "high"])
DOMAINS: list[Domain] = [
    Float(-2, 3),
    Float(1e-5, 1e-1, log=True),
    Float(0, 1, step=0.1),
    Float(0.5, 64, step=0.5, log=True),
    Int(0, 1),
    Int(3, 3),
    Int(1, 1000, log=True),
    Int(0, 10**6),
    Normal(1, 2),
    Normal(0, 1, log=True),
    Normal(0, 1, step=0.5),
    Choice(["relu", "gelu", None, 3, True]),
    Choice([[1, 2], {"k": 1}]),
    Subset(["a", "b", "c"], min=1, max=2),
    Permutation([1, 2, 3, 4]),
]


@st.composite
def believed(draw: Any) -> Domain:
    """A domain with some value of its own as the prior."""
    domain = draw(st.sampled_from(DOMAINS))
    if isinstance(domain, Choice) and domain.options[0] == "relu" and draw(st.booleans()):
        return Choice(list(domain.options), prior={option: draw(st.floats(1e-3, 1e3)) for option in domain.options})
    seed = draw(st.integers(0, 2**32 - 1))
    (params,) = Space({"x": domain}).sample(RNG(seed), 1)
    if params["x"] is None:
        return domain
    return replace(domain, prior=params["x"], confidence=draw(CONFIDENCES))


@given(domain=believed())
def test_priors_travel_as_json_text_and_pickle(domain: Domain) -> None:
    again = domain_from_json(json.loads(json.dumps(domain.to_json())))
    assert again == domain
    assert hash(again) == hash(domain)
    assert json.dumps(again.prior) == json.dumps(domain.prior)
    assert again.confidence == domain.confidence
    assert eval(repr(domain)) == domain
    assert pickle.loads(pickle.dumps(domain)) == domain
    assert Space.from_json(Space({"x": domain}).to_json()) == Space({"x": domain})
    assert Space({"x": domain}).has_prior == (domain.prior is not None)


NARROW = [domain for domain in DOMAINS if domain.width == 1]
GRID = (np.arange(100_000)[:, None] + 0.5) / 100_000


def some(domain: Domain, confidence: Any, seed: int = 0) -> Space:
    (params,) = Space({"x": domain}).sample(RNG(seed), 1)
    return Space({"x": replace(domain, prior=params["x"] or domain.middle, confidence=confidence)})


@pytest.mark.parametrize("confidence", ["low", "medium", "high"])
@pytest.mark.parametrize("domain", NARROW, ids=repr)
def test_samples_follow_a_density_that_integrates_to_one(domain: Domain, confidence: Any) -> None:
    space = some(domain, confidence)
    density = np.exp(space.log_prior(GRID))
    # The sum is off where a cell ends between two points of the grid.
    assert density.mean() == pytest.approx(1, abs=1e-3 if space.columns.cardinality[0] else 1e-8)
    cumulative = np.concatenate(([0], np.cumsum(density))) / density.sum()
    drawn = space.sample_prior(RNG(1), 2000)[:, 0]
    assert stats.kstest(drawn, lambda x: np.interp(x, np.linspace(0, 1, 100_001), cumulative)).pvalue > 0.01


@pytest.mark.parametrize("domain", [Float(-2, 3), Float(1e-5, 1e-1, log=True), Normal(0, 1), Int(0, 10**6)], ids=repr)
@pytest.mark.parametrize(("confidence", "std"), [("low", 0.5), ("medium", 0.25), ("high", 0.125)])
def test_a_number_is_believed_to_lie_around_the_prior(domain: Domain, confidence: Any, std: float) -> None:
    space = some(domain, confidence)
    (centre,) = space.encode([{"x": space.parameters[0].domain.prior}])[0][0]
    normal = stats.truncnorm(-centre / std, (1 - centre) / std, centre, std)
    X = np.linspace(0, 1, 50)[:, None]
    np.testing.assert_allclose(space.log_prior(X), normal.logpdf(X[:, 0]), rtol=1e-8)
    total, _ = integrate.quad(lambda x: math.exp(space.log_prior([[x]])[0]), 0, 1)
    assert total == pytest.approx(1, abs=1e-6)
    assert stats.kstest(space.sample_prior(RNG(2), 2000)[:, 0], normal.cdf).pvalue > 0.01


def test_few_numbers_are_believed_cell_by_cell() -> None:
    space = Space({"x": Int(0, 1, prior=0)})
    normal = stats.truncnorm(-0.25 / 0.25, 0.75 / 0.25, 0.25, 0.25)
    zero, one = normal.cdf(0.5), normal.sf(0.5)
    found = np.exp(space.log_prior([[0.0], [0.49], [0.51], [1.0]]))
    assert found.tolist() == pytest.approx([2 * zero, 2 * zero, 2 * one, 2 * one])
    logs = Space({"x": Int(1, 8, log=True, prior=8, confidence="high")})
    values = [params["x"] for params in logs.decode(logs.sample_prior(RNG(0), 2000))]
    assert values.count(8) > values.count(7) > values.count(5) > values.count(2)


@pytest.mark.parametrize(
    ("domain", "shares"),
    [
        (Choice(["a", "b", "c"], prior="b", confidence="low"), [1 / 4, 2 / 4, 1 / 4]),
        (Choice(["a", "b", "c"], prior="b"), [1 / 6, 4 / 6, 1 / 6]),
        (Choice(["a", "b", "c"], prior="b", confidence="high"), [1 / 10, 8 / 10, 1 / 10]),
        (Choice(["a", "b", "c"], prior={"c": 1, "a": 2, "b": 5}), [2 / 8, 5 / 8, 1 / 8]),
        (Choice([{"a": 1}, {"a": 2}], prior={"a": 2}), [1 / 5, 4 / 5]),
        (Choice([True, 1, None], prior=True), [4 / 6, 1 / 6, 1 / 6]),
        (Choice(["a", "b"], prior={"a": 1e308, "b": 1e-300}), [1, 0]),
    ],
)
def test_options_are_weighed(domain: Choice, shares: list[float]) -> None:
    space = Space({"x": domain})
    k = len(shares)
    X = (np.arange(k)[:, None] + 0.5) / k
    assert (np.exp(space.log_prior(X)) / k).tolist() == pytest.approx(shares)
    assert list(domain.weights) == pytest.approx(shares)
    drawn = np.floor(space.sample_prior(RNG(0), 2000)[:, 0] * k)
    assert [float(np.mean(drawn == i)) for i in range(k)] == pytest.approx(shares, abs=0.04)


@pytest.mark.parametrize("confidence", ["low", "medium", "high"])
@pytest.mark.parametrize("domain", [Subset(list("abc"), prior=["b"]), Permutation([1, 2, 3, 4], prior=[3, 1, 4, 2])])
def test_several_columns_share_one_prior(domain: Domain, confidence: Any) -> None:
    space = Space({"x": replace(domain, confidence=confidence)})
    X = space.sample_prior(RNG(0), 4000)
    inverse = np.exp(-space.log_prior(X))
    # Over samples of a density, its inverse has the volume of the cube as its mean.
    assert inverse.mean() == pytest.approx(1, abs=5 * inverse.std() / math.sqrt(len(X)))
    values = [json.dumps(params["x"]) for params in space.decode(X)]
    assert max(set(values), key=values.count) == json.dumps(domain.prior)


def test_items_of_a_subset_are_believed_one_by_one() -> None:
    space = Space({"x": Subset(["a", "b"], prior=["b"], confidence="high")})
    drawn = space.decode(space.sample_prior(RNG(0), 3000))
    assert np.mean(["a" in params["x"] for params in drawn]) == pytest.approx(1 / 9, abs=0.02)
    assert np.mean(["b" in params["x"] for params in drawn]) == pytest.approx(8 / 9, abs=0.02)


def test_columns_that_do_not_apply_do_not_count() -> None:
    below = {"sgd": {"m": Float(0, 1, prior=0.9, confidence="high")}, "adam": {"eps": Choice([1, 2], prior=2)}}
    space = Space({"lr": Float(0, 1, prior=0.2), "opt": Choice(below, prior="sgd"), "free": Int(1, 5)})
    X = RNG(0).random((50, space.width))
    full = space.log_prior(X)
    assert full.shape == (50,)
    assert space.log_prior(np.where(space.active(X), X, np.nan)).tolist() == full.tolist()
    assert space.log_prior(np.where(space.active(X), X, 0.1)).tolist() == full.tolist()
    parts = [Space({"lr": space.tree["lr"]}).log_prior(X[:, :1])]
    on = X[:, 1] < 0.5
    parts.append(np.log(np.where(on, 8 / 5, 2 / 5)))
    sgd, adam = Space({"m": below["sgd"]["m"]}), Space({"eps": below["adam"]["eps"]})
    parts.append(np.where(on, sgd.log_prior(X[:, 2:3]), adam.log_prior(X[:, 3:4])))
    np.testing.assert_allclose(full, sum(parts))


def test_without_priors_all_is_uniform() -> None:
    space = Space({"a": Float(0, 1), "b": Choice(["x", "y"])})
    assert not space.has_prior
    assert space.log_prior(RNG(0).random((3, 2))).tolist() == [0, 0, 0]
    assert (space.sample_prior(RNG(0), 5) == space.sample_unit(RNG(0), 5)).all()
    assert space.log_prior(np.empty((0, 2))).shape == (0,)
    assert "prior" not in json.dumps(space.to_json())
    with pytest.raises(SpaceError, match=r"points must have the shape \(n, 2\)"):
        space.log_prior([[0.1]])


def test_samples_of_the_prior_meet_the_constraints() -> None:
    space = Space({"a": Float(0, 1, prior=0.1, confidence="high"), "b": Float(0, 1, prior=0.1)}).where("a > 0.5")
    X = space.sample_prior(RNG(0), 30)
    assert X.shape == (30, 2)
    assert space.feasible_unit(X).all()
    with pytest.raises(UnsatisfiableError, match=r"0 of 1 .* 'a > 0.5' .*, 'a \+ b > 2' \(holds in 0 %\)"):
        space.where("a + b > 2").sample_prior(RNG(0), 1)


def test_a_search_starts_from_the_prior_where_there_is_no_default() -> None:
    space = Space(
        {
            "a": Float(0, 1, prior=0.2),
            "b": Float(0, 1, prior=0.2, default=0.7),
            "c": Choice(["x", "y"], prior={"x": 1, "y": 2}),
            "d": Choice({"u": {}, "v": {"e": Int(1, 9, prior=2)}}, prior="v"),
            "s": Subset(["p", "q"], prior=["q"]),
        }
    )
    assert space.defaults() == {"a": 0.2, "b": 0.7, "c": "y", "d": "v", "e": 2, "s": ["q"]}
    with pytest.raises(SpaceError, match="'a' is missing"):  # a belief is not a default
        space.check({"c": "x", "d": "u", "s": []})


def test_priors_outlive_what_is_done_to_a_space() -> None:
    weights = {"a": 1.0, "b": 3.0}
    tree = {"o": Choice({"a": {"x": Int(1, 9, prior=2)}, "b": {}}, prior=weights), "f": Float(0, 1)}
    fixed = Space(tree).fix(x=3)
    assert fixed.tree["o"].prior == weights
    assert Space(tree).fix(o="a").tree["x"].prior == 2
    wider = grow(Space({"x": Int(1, 9, prior=2, confidence="low")}), "x", Int(5, 20))
    assert wider == Space({"x": Int(1, 20, prior=2, confidence="low")})
    assert grow(wider, "x", Int(1, 20)) is wider
    assert grow(wider, "x", Int(1, 20, prior=7)) == Space({"x": Int(1, 20, prior=7)})
    assert Space({"x": Float(0, 1, prior=0.5)}) != Space({"x": Float(0, 1)})
    with pytest.raises(FrozenInstanceError, match="cannot assign to field 'prior'"):
        tree["f"].prior = 0.5


WRONG: dict[str, tuple[Any, str]] = {
    "outside": (lambda: Float(0, 1, prior=2), "prior=2: 2 is outside .* give a prior inside the domain"),
    "off step": (lambda: Int(0, 4, step=2, prior=3), "prior=3: 3 is not on a step"),
    "no number": (lambda: Normal(0, 1, prior="big"), "prior='big': a value of .* must be a number"),
    "no option": (lambda: Choice(["a"], prior="b"), "prior='b': 'b' is not an option; choose one of 'a'"),
    "confidence": (lambda: Float(0, 1, prior=0.5, confidence="sure"), "confidence='sure' is none; .*'low', 'medium'"),
    "alone": (lambda: Int(0, 1, confidence="low"), "confidence='low' has no prior to go with; give prior="),
    "too few": (lambda: Choice([1, 2], prior={1: 1}), "option 2 has no weight; weigh each option"),
    "stranger": (lambda: Choice([1, 2], prior={1: 1, 2: 1, 3: 1}), "3 is not an option; choose one of 1, 2"),
    "negative": (lambda: Choice([1, 2], prior={1: 1, 2: -1}), "the weight of 2 is -1; make it positive, or drop"),
    "weight": (lambda: Choice([1, 2], prior={1: 1, 2: "x"}), "the weight of 2 must be a number, got 'x'"),
    "both": (lambda: Choice([1, 2], prior={1: 1, 2: 2}, confidence="low"), "leave confidence='low' out"),
    "items": (lambda: Subset(["a"], prior=["b"]), r"prior=\['b'\]: 'b' is not an item of Subset"),
    "order": (lambda: Permutation([1, 2], prior=[1]), r"prior=\[1\]: \[1\] has 1 of 2 items"),
}


@pytest.mark.parametrize("case", WRONG)
def test_wrong_priors(case: str) -> None:
    make, message = WRONG[case]
    with pytest.raises(SpaceError, match=message):
        make()


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"weights": [1]}, "'x': weights must be a list with one entry for each option"),
        ({"weights": [1, -1]}, "'x': prior=.*the weight of 'b' is -1"),
        ({"options": ["a", [1]], "weights": [1, 1]}, r"'x': weights cannot stand beside option \[1\]"),
        ({"prior": "c"}, "'x': prior='c': 'c' is not an option"),
        ({"options": "ab"}, "'x': options must be a list, got 'ab'"),
    ],
)
def test_wrong_priors_in_json(fields: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        Space.from_json({"parameters": {"x": {"type": "choice", "options": ["a", "b"]} | fields}})
