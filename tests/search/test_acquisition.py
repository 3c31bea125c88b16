"""What is to be expected of a point: against integrals, samples and differences."""

import math

import numpy as np
import pytest
from scipy import integrate

from lanista.search._pareto import hypervolume, non_dominated
from lanista.search.gaussian._acquire import Acquisition, Believed, LogEHVI, LogEI, LogFeasible, Sum, log_h
from lanista.search.gaussian._ensemble import Ensemble, weights
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._process import Process, fit
from lanista.space import Choice, Float, Int, Space
from tests.search.test_gaussian import PLANE, SPACES, Floats, example_process, points, slope_by_differences


@pytest.mark.parametrize("z", [*np.linspace(-12, 10, 12), -1.0, np.nextafter(-1.0, 0), -25.0, -40.0])
def test_log_h_is_an_integral(z: float) -> None:
    """h(z) is the integral of Phi below z; of it exp(-z^2/2) is taken out, so that it does not underflow."""
    scale = max(1.0, -z)
    least = min(z, 0.0)

    def integrand(t: float) -> float:  # t >= 0 is how far an observation lies beyond
        return t * math.exp(-0.5 * (t - z) ** 2 + 0.5 * least**2) / math.sqrt(2 * math.pi)

    whole, _ = integrate.quad(integrand, 0, max(z, 0.0) + 40 / scale, epsabs=0, epsrel=1e-12, limit=400)
    value, slope = log_h(np.array([z]))
    expected = math.log(whole) - 0.5 * least**2
    assert value[0] == pytest.approx(expected, rel=1e-9, abs=1e-9)
    up, down = (float(log_h(np.array([z + sign * 1e-5 * scale]))[0][0]) for sign in (1, -1))
    assert slope[0] == pytest.approx((up - down) / (2e-5 * scale), rel=1e-5)


@pytest.mark.parametrize("z", [-1e3, -0.999e4, -1.001e4, -1e6])
def test_log_h_far_to_the_left(z: float) -> None:
    """phi(z) / z^2 (1 - 3 / z^2 + ...)."""
    value, slope = log_h(np.array([z]))
    expected = -0.5 * z * z - 0.5 * math.log(2 * math.pi) - 2 * math.log(-z) + math.log1p(-3 / z**2)
    assert value[0] == pytest.approx(expected, rel=1e-9)
    assert value[0] + 0.5 * z * z == pytest.approx(expected + 0.5 * z * z, rel=1e-5)
    assert slope[0] == pytest.approx(-z - 2 / z, rel=1e-6)


def test_log_h_has_no_jumps() -> None:
    value, slope = log_h(np.array([-1.0 - 1e-9, -1.0 + 1e-9, -1e4 - 1e-3, -1e4 + 1e-3]))
    assert value[0] == pytest.approx(value[1], abs=1e-8)
    assert slope[0] == pytest.approx(slope[1], abs=1e-8)
    assert slope[2] == pytest.approx(slope[3], rel=1e-6)


def two_processes(space: Space, *, warp: bool = False) -> tuple[Features, Process, Process]:
    features, one = example_process(space, warp=warp)
    return features, one, example_process(space, warp=warp, seed=1)[1]


def acquisitions(space: Space, *, warp: bool) -> dict[str, Acquisition]:
    features, one, other = two_processes(space, warp=warp)
    front = np.array([[-0.5, 0.6], [0.0, 0.1], [0.7, -0.4]])
    ei = LogEI(features, one, -0.3)
    feasible = LogFeasible(features, other, 0.2)
    return {
        "improvement": ei,
        "far improvement": LogEI(features, one, -40.0),
        "feasible": feasible,
        "far from feasible": LogFeasible(features, other, -30.0),
        "hypervolume": LogEHVI(features, (one, other), front, np.array([1.5, 1.2])),
        "sum": Sum(ei, feasible),
        "ensemble": LogEI(features, Ensemble([one, other], np.array([0.3, 0.7])), -0.3),
    }


@pytest.mark.parametrize("warp", [False, True])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_slopes_of_acquisitions(space: Space, warp: bool) -> None:
    X, active = points(space, 12, seed=11)
    start = np.where(active, X, 0.5)
    numbers = np.flatnonzero(space.columns.kind != 2)
    for name, acquisition in acquisitions(space, warp=warp).items():
        value, slope = acquisition.slopes(start, active)
        np.testing.assert_allclose(value, acquisition.value(start, active), rtol=1e-7, err_msg=name)
        expected = slope_by_differences(lambda Z, a=acquisition: a.value(Z, active), start, numbers)
        scale = 1 + np.abs(expected).max()
        np.testing.assert_allclose(slope / scale, np.where(active, expected, 0.0) / scale, atol=2e-5, err_msg=name)


def test_the_slope_of_a_belief() -> None:
    space = Space(
        {
            "x": Float(0, 1, prior=0.3, confidence="high"),
            "o": Choice({"a": {"m": Float(0, 1, prior=0.9)}, "b": {}}),
            "n": Int(1, 9, prior=3),
        }
    )
    X, active = points(space, 20)
    start = np.where(active, X, 0.5)
    believed = Believed(space, 2.5)
    value, slope = believed.slopes(start, active)
    np.testing.assert_allclose(value, 2.5 * space.log_prior(start))
    np.testing.assert_allclose(believed.value(X, active), value)
    expected = slope_by_differences(lambda Z: 2.5 * space.log_prior(Z), start, np.arange(2), step=1e-5)
    expected += slope_by_differences(lambda Z: 2.5 * space.log_prior(Z), start, np.arange(2, 4), step=1e-5)
    np.testing.assert_allclose(slope, expected, atol=1e-5)
    assert (slope[~active] == 0).all()
    ends, _ = space.encode([{"x": 0.0, "o": "b", "n": 1}, {"x": 1.0, "o": "a", "m": 1.0, "n": 9}])
    edge = believed.slopes(np.where(np.isnan(ends), 0.5, ends), ~np.isnan(ends))[1]
    assert edge[0, 0] > 0 > edge[1, 0]


def test_the_improvement_to_be_expected_is_that_of_samples() -> None:
    features, process = example_process(PLANE)
    X, active = points(PLANE, 6, seed=5)
    mean, variance = process.predict(features.of(X, active))
    draws = mean + np.sqrt(variance) * np.random.default_rng(0).standard_normal((200_000, 6))
    expected = np.maximum(-draws + 0.2, 0.0).mean(axis=0)
    found = np.exp(LogEI(features, process, 0.2).value(X, active))
    np.testing.assert_allclose(found, expected, rtol=0.03, atol=1e-3)
    np.testing.assert_allclose(
        np.exp(LogFeasible(features, process, 0.2).value(X, active)), (draws <= 0.2).mean(axis=0), atol=0.005
    )


FRONTS = {
    "three": [[-0.5, 0.6], [0.0, 0.1], [0.7, -0.4]],
    "one": [[0.2, 0.1]],
    "twice": [[0.2, 0.1], [0.2, 0.1], [-0.3, 0.5]],
    "an end beyond the reference": [[-0.5, 1.9], [0.0, 0.1], [2.5, -0.4]],
    "all beyond the reference": [[2.0, 2.0]],
}


@pytest.mark.parametrize("name", FRONTS)
def test_the_gain_in_hypervolume_is_that_of_samples(name: str) -> None:
    features, one, other = two_processes(PLANE)
    front, reference = np.array(FRONTS[name]), np.array([1.5, 1.2])
    X, active = points(PLANE, 3, seed=5)
    F = features.of(X, active)
    (m1, v1), (m2, v2) = one.predict(F), other.predict(F)
    rng, before = np.random.default_rng(0), hypervolume(front, reference)
    found = np.exp(LogEHVI(features, (one, other), front[non_dominated(front)], reference).value(X, active))
    for i in range(3):
        draws = np.array([m1[i], m2[i]]) + np.sqrt([v1[i], v2[i]]) * rng.standard_normal((1000, 2))
        gains = [hypervolume(np.vstack([front, y]), reference) - before for y in draws]
        assert found[i] == pytest.approx(np.mean(gains), abs=4 * np.std(gains) / math.sqrt(1000) + 1e-6)


def test_the_gain_in_hypervolume_is_finite_where_there_is_none() -> None:
    features, one, other = two_processes(PLANE)
    X, active = points(PLANE, 50, seed=5)
    for low in (-5.0, -20.0, -60.0):
        steps = np.linspace(0, 1e-12, 9)
        front = np.stack([low + steps, low - steps], axis=1)
        value, slope = LogEHVI(features, (one, other), front, np.array([9.0, 9.0])).slopes(X, active)
        assert np.isfinite(value).all()
        assert np.isfinite(slope).all()


def test_an_ensemble_is_a_mean_of_its_members() -> None:
    features, one, other = two_processes(PLANE)
    F = features.of(*points(PLANE, 8, seed=6))
    both = Ensemble([one, other], np.array([0.25, 0.75]))
    (m1, v1), (m2, v2) = one.predict(F), other.predict(F)
    np.testing.assert_allclose(both.predict(F)[0], 0.25 * m1 + 0.75 * m2)
    np.testing.assert_allclose(both.predict(F)[1], 0.0625 * v1 + 0.5625 * v2)
    np.testing.assert_allclose(both.mean(F), both.predict(F)[0])
    np.testing.assert_allclose(Ensemble([one, other], np.array([0.0, 1.0])).predict(F), other.predict(F))


def test_weights_follow_how_well_members_rank() -> None:
    features = Features(PLANE)
    X, active = points(PLANE, 40)
    F = features.of(X, active)

    def process(y: Floats, rows: slice) -> Process:
        y = (y[rows] - y[rows].mean()) / y[rows].std()
        return Process(features, fit(features, F[rows], y), F[rows], y)

    y = np.sin(3 * X[:, 0]) + X[:, 1]
    noise = np.random.default_rng(0).normal(size=40)
    rng, own = np.random.default_rng(1), slice(28, None)
    standard = (y[own] - y[own].mean()) / y[own].std()
    members = [process(part, slice(0, 28)) for part in (y, noise, -y)]
    found = weights(members, process(y, own), F[own], standard, rng)
    assert found.sum() == pytest.approx(1)
    assert found[0] > 0.5
    assert found[1] < 0.1
    assert found[2] == 0
    early = weights(members, process(y, own), F[own][:2], standard[:2], rng)
    assert early.tolist() == pytest.approx([1 / 3, 1 / 3, 1 / 3, 0])
