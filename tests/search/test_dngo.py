import math
from collections.abc import Mapping

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.journal import at_most
from lanista.search import Random, Searcher
from lanista.search._dngo import DNGO
from lanista.search._network import Inputs, Linear, train
from lanista.space import Choice, Float, Space
from lanista.testing import SPACES, DiscoveringContract, SearcherContract, Story
from tests.search.test_tpe import run

LINE = Space({"x": Float(0, 1)})


class TestDNGO(SearcherContract, DiscoveringContract):
    """With networks that learn little and points that are looked for in few places: the contract is about sense."""

    @pytest.fixture(autouse=True)
    def little_effort(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lanista.search._dngo.STEPS", 10)
        for name in ("RANDOM", "AROUND"):
            monkeypatch.setattr(f"lanista.search._climb.{name}", 60)

    def searcher(self) -> Searcher:
        return DNGO(startup=8)

    def spaces(self) -> Mapping[str, Space]:
        return {name: space for name, space in SPACES.items() if name not in ("numeric", "discrete")}


@pytest.mark.long
class TestDNGOWithAllEffort(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return DNGO(startup=8)


@pytest.mark.parametrize("case", ["branin", pytest.param("network", marks=pytest.mark.long)])
def test_it_beats_random_search(case: str) -> None:
    """In at least 3 of 4 seeds, with a fifth of its regret in the geometric mean."""
    ours = np.array([run(case, DNGO(), seed, 60) for seed in range(4)])
    random = np.array([run(case, Random(), seed, 60) for seed in range(4)])
    assert (ours < random).sum() >= 3
    assert np.log10(ours / random).mean() < -0.7


def told(trials: int, *, limit: float | None = None) -> Story:
    """A history of evenly spread trials whose loss is least at 0.3."""
    story = Story(LINE, constraints=None if limit is None else {"size": at_most(limit)})
    for i in range(trials):
        x = (i * 0.618034) % 1.0
        story.end(story.start({"x": x}), "completed", abs(x - 0.3), **({} if limit is None else {"size": x}))
    return story


def test_good_values_attract() -> None:
    found = [DNGO().ask(told(40).history, 1, np.random.default_rng(i))[0]["x"] for i in range(5)]
    assert np.median(found) == pytest.approx(0.3, abs=0.05)


def test_metrics_keep_their_constraints() -> None:
    found = [DNGO().ask(told(60, limit=0.2).history, 1, np.random.default_rng(i))[0]["x"] for i in range(5)]
    assert np.median(found) == pytest.approx(0.2, abs=0.05)


def test_proposals_of_one_ask_keep_apart() -> None:
    found = np.sort([p["x"] for p in DNGO().ask(told(40).history, 6, np.random.default_rng(0))])
    assert np.diff(found).min() > 0
    assert np.ptp(found) > 0.02


def test_the_network_is_the_same_until_the_trials_grew_by_a_tenth(monkeypatch: pytest.MonkeyPatch) -> None:
    import lanista.search._dngo as module

    sizes = []

    def counted(Z: np.ndarray, *rest: object) -> object:
        sizes.append(len(Z))
        return train(Z, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(module, "train", counted)
    monkeypatch.setattr(module, "STEPS", 20)
    searcher = DNGO()
    for trials in range(100, 130):
        searcher.ask(told(trials).history, 1, np.random.default_rng(0))
    assert 3 <= len(sizes) <= 4
    assert np.diff(sizes).min() >= 9
    fresh = DNGO().ask(told(129).history, 1, np.random.default_rng(0))
    assert fresh == searcher.ask(told(129).history, 1, np.random.default_rng(0))


def test_an_argument_out_of_range() -> None:
    with pytest.raises(UsageError, match=r"startup=0.: it must be a whole number from 1"):
        DNGO(startup=0)


def test_the_network_learns() -> None:
    rng = np.random.default_rng(0)
    Z, Q = rng.uniform(-1, 1, (400, 3)), rng.uniform(-1, 1, (400, 3))

    def f(Z: np.ndarray) -> np.ndarray:
        return np.sin(3 * Z[:, 0]) + Z[:, 1] * Z[:, 2]

    T = np.stack([f(Z), np.where(rng.random(400) < 0.5, -f(Z), np.nan)], axis=1)
    network = train(Z, T, rng, 600)
    model = Linear(network.features(Z), f(Z))
    mean, variance = model.predict(network.features(Q))
    assert ((mean - f(Q)) ** 2).mean() < 0.02 * f(Q).var()
    assert np.isfinite(variance).all()


def test_the_regression_finds_the_noise_and_the_weights() -> None:
    rng = np.random.default_rng(0)
    F = rng.normal(size=(500, 10))
    w = rng.normal(size=10)
    model = Linear(F, F @ w + 3.0 + rng.normal(0, 0.5, 500))
    mean, variance = model.predict(np.eye(10))
    assert math.sqrt(model.noise) == pytest.approx(0.5, rel=0.1)
    assert mean == pytest.approx(w + 3.0, abs=0.15)
    assert variance == pytest.approx(np.full(10, 0.25 / 500), rel=0.3)


def test_the_regression_agrees_with_scikit_learns() -> None:
    linear = pytest.importorskip("sklearn.linear_model")
    rng = np.random.default_rng(1)
    F = rng.normal(size=(40, 6))
    y = F[:, 0] + 0.3 * rng.normal(size=40)
    theirs = linear.BayesianRidge(fit_intercept=False, tol=1e-8, max_iter=1000).fit(F, y - y.mean())
    mean, variance = Linear(F, y).predict(F)
    assert mean == pytest.approx(theirs.predict(F) + y.mean(), abs=0.03)
    deviation = theirs.predict(F, return_std=True)[1]
    assert variance == pytest.approx(deviation**2 - 1 / theirs.alpha_, rel=0.2)


def test_what_is_added_is_learnt() -> None:
    """As if it had been there from the start, at the same precisions."""
    rng = np.random.default_rng(0)
    F = rng.normal(size=(20, 5))
    y = F[:, 0] + rng.normal(size=20)
    model, Q, values = Linear(F, y), rng.normal(size=(3, 5)), np.array([5.0, -2.0, 1.0])
    before = model.predict(Q)
    model.add(Q, values)
    after = model.predict(Q)
    assert (np.abs(after[0] - values) < np.abs(before[0] - values)).all()
    assert (after[1] < before[1]).all()
    model.add(np.repeat(Q[:1], 1000, axis=0), np.full(1000, 5.0))
    assert model.predict(Q[:1])[0] == pytest.approx([5.0], abs=0.05)


def test_the_inputs_tell_options_and_what_applies() -> None:
    space = Space({"c": Choice({"a": {"x": Float(0, 1)}, "b": {}, "d": {}})})
    X, _ = space.encode([{"c": "a", "x": 1.0}, {"c": "d"}])
    assert Inputs(space).of(X).tolist() == [[1.0, 1.0, 0.0, 0.0, 1.0], [0.0, 0.0, 0.0, 1.0, 0.0]]
