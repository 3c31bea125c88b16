"""The mathematics of the Gaussian process: against independent references, differences and brute force."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy import integrate
from scipy.optimize import check_grad, minimize

from lanista.search._pareto import hypervolume, non_dominated
from lanista.search.gaussian._acquire import Acquisition, Believed, LogEHVI, LogEI, LogFeasible, Sum, log_h
from lanista.search.gaussian._believe import _excess
from lanista.search.gaussian._data import checkpoint
from lanista.search.gaussian._ensemble import Ensemble, weights
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._maximise import Effort, maximise
from lanista.search.gaussian._process import LEAST_NOISE, Prior, Process, Scales, _Posterior, fit, matern_slope
from lanista.search.gaussian._region import FIRST, LARGEST, SMALLEST, box, region
from lanista.search.gaussian._session import Seen
from lanista.search.gaussian._transform import gaussianised, scores
from lanista.space import Choice, Float, Int, Space, Subset

Floats = np.ndarray
SPACES = {
    "numbers": Space({"x": Float(0, 1), "y": Float(0, 1), "k": Int(0, 40)}),
    "mixed": Space({"c": Choice(["a", "b", "c"]), "x": Float(0, 1), "s": Subset(["p", "q"]), "n": Int(1, 5)}),
    "conditional": Space({"x": Float(0, 1), "o": Choice({"sgd": {"m": Float(0, 1)}, "adam": {"b": Float(0, 1)}})}),
}
PLANE = Space({"x": Float(0, 1), "y": Float(0, 1)})


def points(space: Space, count: int, seed: int = 0) -> tuple[Floats, Floats]:
    """Canonical random points away from the ends of the cube, and which columns apply."""
    X = space.canonical(space.sample_unit(np.random.default_rng(seed), count))
    X = np.where(space.columns.cardinality == 0, 0.02 + 0.96 * X, X)
    return X, ~np.isnan(X)


def some_scales(features: Features, *, warp: bool = False, seed: int = 1) -> Scales:
    rng = np.random.default_rng(seed)
    shape = (2, int(features.numeric.sum()))
    bent = rng.normal(0, 0.4, shape) if warp else np.zeros(shape)
    return Scales(rng.normal(1.5, 0.7, features.count), 0.3, -4.0, bent)


def example_process(space: Space, *, warp: bool = False, count: int = 20, seed: int = 0) -> tuple[Features, Process]:
    features = Features(space)
    y = np.random.default_rng(seed + 7).normal(size=count)
    F = features.of(*points(space, count, seed))
    return features, Process(features, some_scales(features, warp=warp), F, y)


def slope_by_differences(f: Callable[[Floats], Floats], X: Floats, columns: Floats, step: float = 1e-6) -> Floats:
    """(n, d) central differences of f, of points X (n, d), in some columns; 0 in the others."""
    found = np.zeros(X.shape)
    for j in columns:
        move = step * (np.arange(X.shape[1]) == j)
        found[:, j] = (f(X + move) - f(X - move)) / (2 * step)
    return found


# The process


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_predictions_are_those_of_scikit_learn(space: Space) -> None:
    """A column's features share a length scale, so there the reference gets it once a feature."""
    kernels = pytest.importorskip("sklearn.gaussian_process.kernels")
    from sklearn.gaussian_process import GaussianProcessRegressor

    features, scales = Features(space), some_scales(Features(space))
    F, C = features.of(*points(space, 20)), features.of(*points(space, 50, seed=5))
    y = np.random.default_rng(7).normal(size=20)
    ours = Process(features, scales, F, y)
    lengths = np.exp(-0.5 * scales.weight)[features.owner]
    kernel = kernels.ConstantKernel(math.exp(scales.signal)) * kernels.Matern(lengths, nu=2.5)
    noise = math.exp(scales.noise) + LEAST_NOISE
    theirs = GaussianProcessRegressor(kernel, optimizer=None, alpha=noise).fit(F, y)
    mean, sd = theirs.predict(C, return_std=True)
    np.testing.assert_allclose(ours.predict(C)[0], mean, atol=1e-8)
    np.testing.assert_allclose(ours.predict(C)[1], sd**2, atol=1e-8)
    np.testing.assert_allclose(ours.mean(C), mean, atol=1e-8)
    np.testing.assert_allclose(ours.slopes(C)[0], mean, atol=1e-8)
    np.testing.assert_allclose(ours.slopes(C)[1], sd**2, atol=1e-8)


def test_outputs_together_are_predicted_as_each_alone() -> None:
    features, scales = Features(PLANE), some_scales(Features(PLANE))
    F, C = features.of(*points(PLANE, 15)), features.of(*points(PLANE, 9, seed=3))
    Y = np.random.default_rng(2).normal(size=(15, 3))
    means, variance = Process(features, scales, F, Y).predict(C)
    for y, mean in zip(Y.T, means.T, strict=True):
        alone = Process(features, scales, F, y).predict(C)
        np.testing.assert_allclose(mean, alone[0])
        np.testing.assert_allclose(variance, alone[1])


def test_points_that_come_twice_are_no_trouble() -> None:
    features = Features(PLANE)
    F = np.repeat(features.of(*points(PLANE, 10)), 4, axis=0)
    scales = Scales(np.full(2, -8.0), 5.0, -14.0, np.zeros((2, 2)))
    mean, variance = Process(features, scales, F, np.repeat(np.arange(10.0), 4)).predict(F)
    assert np.isfinite(mean).all()
    assert (variance > 0).all()


def test_the_slope_of_the_kernel_is_its_derivative() -> None:
    squares = np.array([1e-3, 0.1, 1.0, 30.0])
    up, down = (matern_slope(squares * (1 + sign * 1e-6))[0] for sign in (1, -1))
    np.testing.assert_allclose(matern_slope(squares)[1], (up - down) / (2e-6 * squares), rtol=1e-5)
    value, slope = matern_slope(np.zeros(1))
    assert value[0] == 1.0
    assert slope[0] == pytest.approx(-5 / 6)


@pytest.mark.parametrize("warp", [False, True])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_slopes_of_predictions(space: Space, warp: bool) -> None:
    features, process = example_process(space, warp=warp)
    F = features.of(*points(space, 12, seed=4))
    _, _, by_mean, by_variance = process.slopes(F)
    numbers = np.flatnonzero(features.numeric)
    for found, of in ((by_mean, 0), (by_variance, 1)):
        expected = slope_by_differences(lambda Z, of=of: process.predict(Z)[of], F, numbers)
        np.testing.assert_allclose(found[:, numbers], expected[:, numbers], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("warp", [False, True])
@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_the_slope_of_the_posterior(space: Space, warp: bool) -> None:
    features = Features(space)
    numbers = int(features.numeric.sum()) if warp else 0
    F, y = features.of(*points(space, 20)), np.random.default_rng(3).normal(size=20)
    loss = _Posterior(features, F, y, Prior.of(features.count), numbers)
    rng = np.random.default_rng(0)
    for _ in range(4):
        v = np.concatenate([rng.normal(1, 1, features.count), [0.4], [-4.0], rng.normal(0, 0.4, 2 * numbers)])
        error = check_grad(lambda v: loss(v)[0], lambda v: loss(v)[1], v)
        assert error < 1e-4 * (1 + np.linalg.norm(loss(v)[1]))


@pytest.mark.parametrize("warp", [False, True])
def test_the_posterior_is_the_density_of_the_data_times_the_prior(warp: bool) -> None:
    """Against scipy's normal densities; hyperparameters apart by a known difference of the logarithms."""
    from scipy.stats import multivariate_normal, norm

    features, prior = Features(PLANE), Prior.of(2)
    X = points(PLANE, 12)[0]
    y = np.random.default_rng(3).normal(size=12)
    loss = _Posterior(features, features.of(X, ~np.isnan(X)), y, prior, 2 if warp else 0)

    def reference(v: Floats) -> float:
        a, b = np.exp(v[4:].reshape(2, 2)) if warp else np.ones((2, 2))
        W = (1 - (1 - X**a) ** b) * np.exp(0.5 * v[:2])
        r = math.sqrt(5) * np.linalg.norm(W[:, None] - W, axis=2)
        K = math.exp(v[2]) * (1 + r + r * r / 3) * np.exp(-r) + (math.exp(v[3]) + LEAST_NOISE) * np.eye(12)
        likelihood = multivariate_normal(np.zeros(12), K).logpdf(y)
        believed = norm(*prior.weight).logpdf(v[:2]).sum()
        believed += norm(*prior.signal).logpdf(v[2]) + norm(*prior.noise).logpdf(v[3])
        return float(likelihood + believed + norm(0, prior.warp).logpdf(v[4:]).sum())

    rng = np.random.default_rng(1)
    one, other = (np.concatenate([rng.normal(1, 1, 3), [-3.0], rng.normal(0, 0.3, 4 if warp else 0)]) for _ in "ab")
    assert loss(one)[0] - loss(other)[0] == pytest.approx(reference(other) - reference(one), rel=1e-7)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_left_out_observations_are_predicted_from_the_others(space: Space) -> None:
    features, scales = Features(space), some_scales(Features(space))
    F, y = features.of(*points(space, 14)), np.random.default_rng(2).normal(size=14)
    mean, variance = Process(features, scales, F, y).left_out(y)
    for i in range(14):
        others = np.arange(14) != i
        m, v = Process(features, scales, F[others], y[others]).predict(F[[i]])
        assert mean[i] == pytest.approx(m[0], abs=1e-8)
        assert variance[i] == pytest.approx(v[0] + math.exp(scales.noise) + LEAST_NOISE, rel=1e-6)


def surfaces() -> dict[str, tuple[Space, Callable[[Floats], Floats]]]:
    noise = np.random.default_rng(9).normal(size=200)
    return {
        "smooth": (PLANE, lambda X: np.sin(5 * X[:, 0]) + X[:, 1]),
        "one column matters": (SPACES["numbers"], lambda X: np.cos(9 * X[:, 1])),
        "noise": (PLANE, lambda X: noise[: len(X)]),
        "options": (SPACES["mixed"], lambda X: X[:, 0] + X[:, 1] ** 2),
    }


@pytest.mark.parametrize("warp", [False, True])
@pytest.mark.parametrize("name", surfaces())
def test_the_fit_is_the_mode_of_the_posterior(name: str, warp: bool) -> None:
    """Worse by at most a tenth of a nat a hyperparameter than the best of several starts that run to their end."""
    space, function = surfaces()[name]
    X, active = points(space, 30)
    y = function(X)
    y = (y - y.mean()) / y.std()
    features = Features(space)
    F, numbers = features.of(X, active), int(features.numeric.sum()) if warp else 0
    loss = _Posterior(features, F, y, Prior.of(features.count), numbers)
    found = fit(features, F, y, warp=warp)
    v = np.concatenate([found.weight, [found.signal, found.noise], found.warp.ravel() if warp else []])
    rng = np.random.default_rng(0)
    p, bent = features.count, 2 * numbers
    bounds = [(-12.0, 8.0)] * p + [(-4.0, 5.0), (-14.0, -1.0)] + [(-1.5, 1.5)] * bent
    starts = [np.concatenate([rng.normal(1, 2, p), rng.normal([0, -5], 1), rng.normal(0, 0.3, bent)]) for _ in range(5)]
    best = min(minimize(loss, start, jac=True, method="L-BFGS-B", bounds=bounds).fun for start in starts)
    assert loss(v)[0] < best + 0.1 * len(v)


def test_the_fit_tells_which_columns_matter() -> None:
    X, active = points(SPACES["numbers"], 40)
    features = Features(SPACES["numbers"])
    y = np.cos(9 * X[:, 1])
    scales = fit(features, features.of(X, active), (y - y.mean()) / y.std())
    assert scales.weight[1] > scales.weight[[0, 2]].max() + 2


def test_a_warp_helps_where_a_function_is_steep_at_one_end() -> None:
    space = Space({"x": Float(0, 1)})
    features = Features(space)
    X = points(space, 25)[0]
    y = np.sin(12 * X[:, 0] ** 4)
    y = (y - y.mean()) / y.std()
    F = features.of(X, ~np.isnan(X))
    errors = []
    for warp in (False, True):
        mean, _ = Process(features, fit(features, F, y, warp=warp), F, y).left_out(y)
        errors.append(float(np.mean((mean - y) ** 2)))
    assert errors[1] < errors[0]


# What it sees of a point


def squared(features: Features, X: Floats, a: int, b: int) -> float:
    F = features.of(X, ~np.isnan(X))
    return float(((F[a] - F[b]) ** 2).sum())


def test_any_two_options_are_as_far_apart() -> None:
    space = Space({"c": Choice(list("abcde")), "x": Float(0, 1)})
    X, _ = space.encode([{"c": c, "x": 0.3} for c in "abcde"])
    features = Features(space)
    assert features.count == 2
    for a, b in np.ndindex(5, 5):
        assert squared(features, X, a, b) == pytest.approx(float(a != b))


def test_numbers_are_as_far_apart_as_in_the_cube() -> None:
    X, _ = PLANE.encode([{"x": 0.1, "y": 0.5}, {"x": 0.4, "y": 0.9}])
    assert squared(Features(PLANE), X, 0, 1) == pytest.approx(0.25)


def test_what_does_not_apply_tells_nothing_apart() -> None:
    space = SPACES["conditional"]
    given = [
        {"x": 0.2, "o": "adam", "b": 0.1},
        {"x": 0.2, "o": "adam", "b": 0.9},
        {"x": 0.2, "o": "sgd", "m": 0.5},
    ]
    X, active = space.encode(given)
    features = Features(space)
    assert squared(features, X, 0, 1) == pytest.approx(0.64)
    assert squared(features, X, 0, 2) == pytest.approx(1 + 0.4**2)
    noisy = np.where(active, X, np.random.default_rng(0).random(X.shape))
    np.testing.assert_array_equal(features.of(noisy, active), features.of(X, active))


def test_constants_are_no_features() -> None:
    features = Features(Space({"x": Float(0, 1), "one": Int(3, 3), "only": Choice(["a"])}))
    assert features.count == 1
    assert features.of(np.array([[0.3, 0.5, 0.5]]), np.ones((1, 3), dtype=bool)).shape == (1, 1)


# Acquisitions


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


# Objectives and constraints, made fit


values = st.lists(st.integers(-1000, 1000).map(float), min_size=2, max_size=30)


@given(values)
def test_gaussianised_keeps_the_order(y: list[float]) -> None:
    z = gaussianised(np.array(y))
    assert np.isfinite(z).all()
    if len(set(y)) > 1:
        assert z.mean() == pytest.approx(0, abs=1e-9)
        assert z.std() == pytest.approx(1)
    order = np.argsort(y, kind="stable")
    assert (np.diff(z[order])[np.diff(np.array(y)[order]) > 0] > 0).all()
    assert (np.diff(z[order])[np.diff(np.array(y)[order]) == 0] == 0).all()


@given(values, st.integers(-20, 20), st.integers(-500, 500))
@example([0.0, 1.0, -1.0], 0, 1)
def test_gaussianised_does_not_depend_on_the_unit(y: list[float], scale: int, shift: int) -> None:
    z = gaussianised(np.array(y))
    np.testing.assert_allclose(gaussianised(np.array(y) * 2.0**scale), z, atol=1e-9)
    np.testing.assert_allclose(gaussianised(np.array(y) + shift), z, atol=1e-6)


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1, max_size=20))
@example([1e308, -1e308, 0.0])
@example([5e-324, 0.0])
@example([1.0, 1.0 + 1e-15])
@example([1e308, 1.0, 1.0, 1.0, 1.0, 2.0])
def test_extreme_objectives_stay_finite(y: list[float]) -> None:
    z = gaussianised(np.array(y))
    assert np.isfinite(z).all()
    order = np.argsort(y, kind="stable")
    assert (np.diff(z[order]) >= 0).all()


def test_differences_among_the_best_stay_visible_beside_bad_values() -> None:
    y = np.concatenate([np.linspace(0, 1, 30), [1e9]])
    z = gaussianised(y)
    assert z[29] - z[0] > 0.2
    assert z[30] < 6
    normal = np.random.default_rng(0).normal(size=200)
    np.testing.assert_allclose(gaussianised(normal), (normal - normal.mean()) / normal.std(), atol=0.8)


@given(values)
def test_scores_keep_the_order(y: list[float]) -> None:
    z = scores(np.array(y))
    assert np.isfinite(z).all()
    assert (np.sign(np.subtract.outer(z, z)) == np.sign(np.subtract.outer(y, y))).all()


finite = st.floats(allow_nan=False, allow_infinity=False)


@given(st.lists(st.one_of(finite, st.just(math.nan), st.just(math.inf)), min_size=1, max_size=20))
@example([1e308, -1e308, 1e308])
@example([0.0, 0.0, 0.0, 3.0, 5.0])
@example([math.inf, 0.0])
def test_the_excess_over_a_bound_keeps_its_side(c: list[float]) -> None:
    """What is broken lies above the bound, what holds does not; unknown counts as broken."""
    y, bound = _excess(np.array(c))
    assert np.isfinite(y).all()
    assert math.isfinite(bound)
    known = np.nan_to_num(np.array(c), nan=math.inf)
    clear = np.abs(known) > 1e-6 * np.abs(known[np.isfinite(known)]).max(initial=0.0)
    assert (y[clear & (known > 0)] > bound).all()
    assert (y[known <= 0] <= bound + 1e-9).all()


def test_the_hyperparameters_are_those_of_a_checkpoint() -> None:
    found = [checkpoint(n) for n in range(2000)]
    assert all(a <= b for a, b in pairwise(found))
    assert all(n / 1.11 - 2 < c <= n for n, c in enumerate(found))
    assert all(checkpoint(c) == c for c in found)
    assert len(set(found[24:])) < 60


# The trust region


def test_a_region_doubles_after_three_improvements_in_a_row() -> None:
    startup = [9.0] * 4
    assert region(np.array(startup), 5, 4) == (0, FIRST)
    falling = [*startup, 8.0, 7.0]
    assert region(np.array(falling), 5, 4).length == FIRST
    assert region(np.array([*falling, 7.5, 6.0, 5.0]), 5, 4).length == FIRST  # not in a row
    assert region(np.array([*falling, 6.0]), 5, 4).length == min(2 * FIRST, LARGEST)
    assert region(np.array([*startup, *np.arange(8.0, -20.0, -1.0)]), 5, 4).length == LARGEST


def test_a_region_halves_after_as_many_failures_as_it_has_patience_for() -> None:
    for patience in (4, 7):
        y = [5.0] + [9.0] * 3
        assert region(np.array(y + [6.0] * (patience - 1)), patience, 4).length == FIRST
        assert region(np.array(y + [6.0] * patience), patience, 4).length == FIRST / 2
        assert region(np.array(y + [6.0] * 2 * patience), patience, 4).length == FIRST / 4
        broken = [6.0] * (patience - 1) + [4.0] + [6.0] * (patience - 1)
        assert region(np.array(y + broken), patience, 4).length == FIRST


def test_an_improvement_must_be_one() -> None:
    y = [5.0] * 4 + [5.0 - 1e-4 * i for i in range(1, 5)]
    assert region(np.array(y), 4, 4).length == FIRST / 2


def test_a_region_that_is_too_small_begins_anew() -> None:
    halvings = math.floor(math.log2(FIRST / SMALLEST)) + 1
    last = 4 + 5 * halvings
    y = np.ones(last + 30)
    assert region(y[: last - 1], 5, 4).begun == 0
    assert region(y[:last], 5, 4) == (last, FIRST)
    assert region(y[: last + 4 + 4], 5, 4) == (last, FIRST)  # its own first design does not count
    assert region(y[: last + 4 + 5], 5, 4) == (last, FIRST / 2)
    y[last:] = 100.0 - np.arange(30)  # worse than before, and yet an improvement on its own beginning
    assert region(y[: last + 4 + 3], 5, 4).length == min(2 * FIRST, LARGEST)


@given(st.lists(st.floats(-1e308, 1e308), max_size=300), st.integers(1, 6), st.integers(1, 6))
def test_a_region_is_of_a_length_that_is_allowed(y: list[float], patience: int, startup: int) -> None:
    found = region(np.array(y), patience, startup)
    assert SMALLEST <= found.length <= LARGEST
    assert 0 <= found.begun <= len(y)


@pytest.mark.parametrize("space", SPACES.values(), ids=SPACES.keys())
def test_a_box_lies_in_the_cube_and_holds_its_centre(space: Space) -> None:
    features = Features(space)
    X, _ = points(space, 40)
    choices = space.columns.kind == 2
    for i, length in enumerate(np.geomspace(SMALLEST, LARGEST, 40)):
        centre = X[i]
        low, high = box(features, some_scales(features, seed=i), centre, length)
        assert ((low >= 0) & (low <= high) & (high <= 1)).all()
        free = choices | np.isnan(centre)
        assert ((low <= centre) & (centre <= high))[~free].all()
        assert (low[free] == 0).all()
        assert (high[free] == 1).all()


def test_a_box_is_longer_where_length_scales_are() -> None:
    features = Features(PLANE)
    scales = Scales(np.array([2.0, 0.0]), 0.0, -5.0, np.zeros((2, 2)))
    low, high = box(features, scales, np.array([0.5, 0.5]), 0.2)
    sides = high - low
    assert sides[1] / sides[0] == pytest.approx(math.e)
    assert sides.prod() == pytest.approx(0.04)


# The maximum


class Hill:
    """The height (c,) of points by a known formula over the columns; slopes by differences, as the numbers have."""

    def __init__(self, space: Space, height: Callable[[Floats], Floats]) -> None:
        self._numbers, self._height = np.flatnonzero(space.columns.kind != 2), height

    def value(self, X: Floats, active: Floats) -> Floats:
        return self._height(np.where(active, X, 0.0))

    def slopes(self, X: Floats, active: Floats) -> tuple[Floats, Floats]:
        slope = slope_by_differences(lambda Z: self.value(Z, active), X, self._numbers)
        return self.value(X, active), np.where(active, slope, 0.0)


NOTHING = np.empty((0, 0))


def maximum(
    space: Space,
    height: Callable[[Floats], Floats],
    seen: Floats = NOTHING,
    centres: Floats = NOTHING,
    within: tuple[Floats, Floats] | None = None,
    seed: int = 0,
) -> Floats:
    found = maximise(
        space,
        Hill(space, height),
        np.random.default_rng(seed),
        centres=centres.reshape(-1, space.width),
        taken=Seen(seen.reshape(-1, space.width)),
        effort=Effort(),
        within=within,
    )
    assert found.shape == (1, space.width)
    np.testing.assert_array_equal(space.canonical(np.nan_to_num(found, nan=0.5)), found)
    return found


MIXED = Space(
    {
        "x": Float(0, 1),
        "y": Float(0, 1),
        "c": Choice(list("abcdef")),
        "n": Int(1, 6),
        "o": Choice({"u": {"m": Float(0, 1)}, "v": {}}),
    }
)


def test_the_maximum_over_a_mixed_space_is_found() -> None:
    goal, _ = MIXED.encode([{"x": 0.123, "y": 0.877, "c": "e", "n": 5, "o": "u", "m": 0.31}])

    def height(X: Floats) -> Floats:
        gap = (X - np.nan_to_num(goal[0], nan=0.0)) ** 2
        return -(gap[:, 0] + gap[:, 1] + gap[:, 5] + gap[:, 3]) - (gap[:, 2] > 1e-9) - (gap[:, 4] > 1e-9)

    for seed in range(3):
        np.testing.assert_allclose(maximum(MIXED, height, seed=seed), goal, atol=1e-3)
    (found,) = MIXED.decode(maximum(MIXED.where("n < 4 and x > 0.5"), height))
    assert found["n"] == 3
    assert found["c"] == "e"
    assert found["x"] == pytest.approx(0.5, abs=0.2)
    low, high = np.zeros(6), np.ones(6)
    low[0], high[1] = 0.4, 0.6
    (near,) = MIXED.decode(maximum(MIXED, height, within=(low, high)))
    assert near["x"] == pytest.approx(0.4, abs=1e-3)
    assert near["y"] == pytest.approx(0.6, abs=1e-3)


def test_a_narrow_maximum_near_a_good_trial_is_found() -> None:
    centre = np.array([[0.4, 0.6]])

    def height(X: Floats) -> Floats:
        return -np.log(1e-4 + np.linalg.norm(X - [0.41, 0.59], axis=1))

    found = maximum(PLANE, height, centres=centre)
    np.testing.assert_allclose(found, [[0.41, 0.59]], atol=1e-3)


SMALL = Space({"a": Choice(list("pqr")), "k": Int(0, 4), "o": Choice({"u": {"b": Choice([1, 2])}, "v": {}})})
BOUNDED = SMALL.where("k < 4")
ALL = {space: space.canonical(space.encode(list(space.grid()))[0]) for space in (SMALL, BOUNDED)}


@settings(max_examples=25, deadline=None)
@given(st.sampled_from([SMALL, BOUNDED]), st.data(), st.integers(0, 99), st.sampled_from([0.05, 0.5, None]))
def test_taken_points_are_the_last_resort(space: Space, data: st.DataObject, seed: int, side: float | None) -> None:
    """Within a part of the cube as well: no feasible configuration is tried twice while another is left."""
    everything = ALL[space]
    free = data.draw(st.sets(st.integers(0, len(everything) - 1), max_size=len(everything)))
    seen = everything[[i for i in range(len(everything)) if i not in free]]
    weight = np.random.default_rng(seed).normal(size=space.width)
    within = None
    if side is not None:
        k = everything[seed % len(everything), 1]
        low, high = np.zeros(space.width), np.ones(space.width)
        low[1], high[1] = max(0.0, k - side / 2), min(1.0, k + side / 2)
        within = low, high
    found = maximum(space, lambda X: X @ weight, seen, everything[:1], within, seed)
    assert space.feasible_unit(found).all()
    assert bool(Seen(seen)(found)[0]) == (not free)


def test_the_last_of_many_is_found() -> None:
    """Of 4,096 configurations one was not tried: random points alone would hardly come upon it."""
    space = Space({name: Choice(list(range(8))) for name in "abcd"})
    everything = space.canonical(space.encode(list(space.grid()))[0])
    for left in (17, 4000):
        found = maximum(space, lambda X: X.sum(axis=1), np.delete(everything, left, axis=0), everything[:1])
        np.testing.assert_array_equal(found, everything[[left]])


@pytest.mark.parametrize("more", [{}, {"o": Choice({"u": {"m": Float(0, 1)}, "v": {}})}], ids=["all", "a branch"])
def test_the_next_best_one_is_found_where_the_best_are_taken(more: dict[str, Choice]) -> None:
    """Where all, or a branch, of the space has whole numbers only."""
    space, rest = Space({"k": Int(0, 40), **more}), dict.fromkeys(more, "v")
    seen, _ = space.encode([{"k": k, **rest} for k in range(20, 41)])
    found = maximum(space, lambda X: X[:, 0] + 9 * (X[:, 1:2] > 0.7).sum(axis=1), seen, seen[-1:])
    assert space.decode(found) == [{"k": 19, **rest}]


# Earlier experiments


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
