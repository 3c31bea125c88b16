"""The Gaussian process and what it sees, against independent references, differences and brute force."""

import math
from collections.abc import Callable
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.optimize import check_grad, minimize

from lanista.search.gaussian._believe import _excess
from lanista.search.gaussian._data import checkpoint
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._process import LEAST_NOISE, Prior, Process, Scales, _Posterior, fit, matern_slope
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


@pytest.mark.parametrize("outputs", [(), (2,)])
def test_points_that_come_out_as_expected_lower_the_variance_alone(outputs: tuple[int, ...]) -> None:
    """As conditioning anew on the means there does, one point after the other or all at once."""
    features, scales = Features(PLANE), some_scales(Features(PLANE))
    F, P, C = (features.of(*points(PLANE, count, seed=count)) for count in (15, 6, 9))
    process = Process(features, scales, F, np.random.default_rng(2).normal(size=(15, *outputs)))
    known = np.concatenate([np.random.default_rng(2).normal(size=(15, *outputs)), process.mean(P)])
    anew = Process(features, scales, np.concatenate([F, P]), known)
    for told in (process.believing(P), process.believing(P[:2]).believing(P[2:])):
        for ours, theirs in zip(told.predict(C), anew.predict(C), strict=True):
            np.testing.assert_allclose(ours, theirs, atol=1e-8)
    np.testing.assert_allclose(process.believing(P).mean(C), process.mean(C), atol=1e-12)
    assert (process.believing(P).predict(C)[1] < process.predict(C)[1]).all()
    assert process.believing(P[:0]) is process


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
    loss = _Posterior(features, F, y, Prior.of(features), numbers)
    rng = np.random.default_rng(0)
    for _ in range(4):
        v = np.concatenate([rng.normal(1, 1, features.count), [0.4], [-4.0], rng.normal(0, 0.4, 2 * numbers)])
        error = check_grad(lambda v: loss(v)[0], lambda v: loss(v)[1], v)
        assert error < 1e-4 * (1 + np.linalg.norm(loss(v)[1]))


@pytest.mark.parametrize("warp", [False, True])
def test_the_posterior_is_the_density_of_the_data_times_the_prior(warp: bool) -> None:
    """Against scipy's normal densities; hyperparameters apart by a known difference of the logarithms."""
    from scipy.stats import multivariate_normal, norm

    features = Features(PLANE)
    prior = Prior.of(features)
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
    loss = _Posterior(features, F, y, Prior.of(features), numbers)
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
