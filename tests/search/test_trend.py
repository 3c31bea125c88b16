from collections.abc import Callable

import numpy as np
import pytest
from scipy.optimize import check_grad
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import ConstantKernel, DotProduct, Matern

from lanista.search import GP, TPE, Random
from lanista.search._ranking import outcomes
from lanista.search.gaussian._data import Data
from lanista.search.gaussian._near import Near
from lanista.search.gaussian._session import Setting
from lanista.search.gaussian._shape import MEAN, SD, Posterior, Shape
from lanista.search.gaussian._transform import gaussianised
from lanista.search.gaussian._trend import BOLDNESS, LEAST_NOISES, Sample, Trend
from lanista.space import Choice, Float, Int, Params, Space
from lanista.testing import Story
from tests.search.test_tpe import Case, run

D = 4
NAMES = [f"x{i}" for i in range(5)]


def valley(points: np.ndarray, seed: int = 0) -> np.ndarray:
    """A quadratic function (n,) of points (n, d), whose valley runs in no axis's direction; its minimum is 0."""
    rng = np.random.default_rng(seed)
    d = points.shape[1]
    turn = np.linalg.qr(rng.normal(size=(d, d)))[0]
    return np.square((points - rng.uniform(0.2, 0.8, d)) @ turn * np.geomspace(1, 100, d)).sum(axis=1)


def trend(count: int, **shape: float) -> tuple[Trend, np.ndarray, np.ndarray]:
    """Of random points (count, D) with values (count,)."""
    X = np.random.default_rng(1).random((count, D))
    sample = Sample.of(X, valley(X))
    given = Shape(**{"rest": 0.3, "length": 1.1, "linear": 0.7, "quadratic": 0.2, "noise": 1e-3, **shape})
    return Trend(np.full(D, 0.4), 0.5, sample.X, sample.y, given), sample.X, sample.y


def of_best(centre: np.ndarray, unit: float, X: np.ndarray, y: np.ndarray) -> Trend:
    """Of the best of trials (n, d) with values (n,)."""
    sample = Sample.of(X, y)
    return Trend(centre, unit, sample.X, sample.y)


def reference_of(shape: Shape, Z: np.ndarray, y: np.ndarray) -> GaussianProcessRegressor:
    """A process of the same kernel, by scikit-learn."""
    kernel = (
        ConstantKernel(1.0)
        + ConstantKernel(shape.linear) * DotProduct(1e-9)
        + ConstantKernel(shape.quadratic) * DotProduct(1e-9) ** 2
        + ConstantKernel(shape.rest) * Matern(shape.length, nu=2.5)
    )
    noise = shape.noise + LEAST_NOISES[0] * kernel.diag(Z)
    return GaussianProcessRegressor(kernel, alpha=noise, optimizer=None).fit(Z, y)


def test_it_predicts_as_a_process_of_the_same_kernel_does_elsewhere() -> None:
    model, X, y = trend(15)
    reference = reference_of(model.shape, (X - 0.4) / 0.5, y)
    P = np.random.default_rng(2).random((20, D))
    expected, deviation = reference.predict((P - 0.4) / 0.5, return_std=True)
    mean, variance = model.predict(P)
    np.testing.assert_allclose(mean, expected, atol=1e-7)
    np.testing.assert_allclose(variance / BOLDNESS**2, deviation**2, atol=1e-7)


@pytest.mark.parametrize("count", [1, 3, 15])
def test_the_posterior_is_the_likelihood_times_the_prior(count: int) -> None:
    rng = np.random.default_rng(3)
    Z, y = rng.normal(size=(count, D)), rng.normal(size=count)
    posterior = Posterior(Z, y)
    for v in MEAN + SD * rng.uniform(-0.5, 0.5, (4, 5)):
        likelihood = reference_of(Shape(*np.exp(v)), Z, y).log_marginal_likelihood_value_
        density = likelihood + count / 2 * np.log(2 * np.pi) - 0.5 * (((v - MEAN) / SD) ** 2).sum()
        assert posterior(v)[0] == pytest.approx(-density, rel=1e-6)
        assert check_grad(lambda v: posterior(v)[0], lambda v: posterior(v)[1], v) < 1e-4 * (1 + abs(density))


@pytest.mark.parametrize("count", [1, 3, 15])
def test_its_gradients_are_those_of_its_predictions(count: int) -> None:
    model, *_ = trend(count)
    P = np.random.default_rng(2).random((6, D))
    mean, variance, by_mean, by_variance = model.slopes(P)
    np.testing.assert_allclose((mean, variance), model.predict(P))
    for j, step in enumerate(1e-5 * np.eye(D)):
        up, down = model.predict(P + step), model.predict(P - step)
        np.testing.assert_allclose(by_mean[:, j], (up[0] - down[0]) / 2e-5, rtol=1e-4, atol=1e-6)
        np.testing.assert_allclose(by_variance[:, j], (up[1] - down[1]) / 2e-5, rtol=1e-4, atol=1e-6)


def test_a_quadratic_function_is_known_from_as_many_points_as_it_has_coefficients() -> None:
    rng = np.random.default_rng(0)
    X = 0.4 + 0.2 * rng.uniform(-1, 1, ((D + 1) * (D + 2) // 2, D))
    P = 0.4 + 0.2 * rng.uniform(-1, 1, (50, D))
    model = Trend(np.full(D, 0.4), 0.2, X, valley(X) / 100)
    missed = np.abs(model.mean(P) - valley(P) / 100).max()
    assert missed < 0.02 * np.ptp(valley(P) / 100)


def test_pending_trials_are_believed_to_come_out_as_expected() -> None:
    model, *_ = trend(15)
    P = np.random.default_rng(2).random((3, D))
    told = model.believing(P)
    np.testing.assert_allclose(told.mean(P), model.mean(P), atol=1e-3)
    assert (told.predict(P)[1] < 0.1 * model.predict(P)[1]).all()


def test_hyperparameters_hold_in_other_units() -> None:
    """A process in other units predicts the same in its own ones, but for the constant, which has none."""
    rng = np.random.default_rng(4)
    X = rng.random((15, D))
    y = valley(X) - valley(X).mean()
    shape = Shape(rest=0.3, length=1.1, linear=0.7, quadratic=0.2, noise=1e-3)
    own = Trend(X[0], 0.5, X, y, shape)
    other = Trend(X[0], 0.1, X, y, shape.in_units(0.1 / 0.5, 1.0))
    P = rng.random((20, D))
    np.testing.assert_allclose(other.predict(P), own.predict(P), rtol=1e-6)
    tenth = shape.in_units(1.0, 10.0)
    assert np.array(tenth) == pytest.approx([0.003, 1.1, 0.007, 0.002, 1e-5])
    assert np.array(tenth.in_units(1.0, 0.1)) == pytest.approx(np.array(shape))


def steps(X: np.ndarray) -> np.ndarray:
    """A plateau around the valley's bottom, where all values of the first trials of a story are alike."""
    return np.where(np.arange(len(X)) < 61, 1e3, valley(X))


@pytest.mark.parametrize("function", [valley, steps])
@pytest.mark.parametrize("d", [8, 10])
def test_hyperparameters_of_a_checkpoint_fit_later_trials_too(function: Callable[..., np.ndarray], d: int) -> None:
    """Also where heights are cut elsewhere since, where the region has become another, and after a plateau."""
    space = Space({f"x{i}": Float(0, 1) for i in range(d)})
    setting, X = Setting(space, 0, 2), np.random.default_rng(5).random((80, d))
    X[70:] = 0.5 + 0.1 * (X[70:] - 0.5)
    y = function(X)
    for count in range(58, 81):
        story = Story(space)
        for row in range(count):
            story.end(story.start(space.decode(X[[row]])[0]), "completed", float(y[row]))
        data = Data.of(story.history, outcomes(story.history))
        scales = setting.memory.scales("own", setting.features, data.X, gaussianised(data.Y[:, 0]), warp=False)
        best = data.X[[np.argmin(data.Y[:, 0])]]
        near = Near(setting, data, best, scales, startup=2, first=0.2)
        unit = 0.5 * float(np.subtract(*near.part[::-1]).max())
        sample = Sample.of(data.X, data.Y[:, 0])
        posterior = Posterior((sample.X - best) / unit, sample.y)
        loss, least = (posterior(np.log(s))[0] for s in (near.trend.shape, Trend(best[0], unit, *sample[:2]).shape))
        assert loss < least + 30, count


def test_after_many_trials_a_new_searcher_goes_on_as_the_old_one_would() -> None:
    """Hyperparameters are then found for some trials only, which must not depend on who was there."""
    story, searcher = Story(Space({f"x{i}": Float(0, 1) for i in range(7)})), GP()
    while len(story.history) < 72:
        (params,) = story.ask(searcher)
        if len(story.history) > 60:
            assert story.ask(GP()) == [params]
        story.end(story.start(params), "completed", float(valley(np.array([list(params.values())]))[0]))


@pytest.mark.parametrize("values", [[0.0], [1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 5.0], [-1e300, 0.0, 1e300], [0.0, 1e-320]])
def test_values_of_any_size_can_be_modelled(values: list[float]) -> None:
    model = of_best(np.full(D, 0.5), 0.2, np.random.default_rng(0).random((len(values), D)), np.array(values))
    assert np.isfinite(model.predict(np.full((1, D), 0.3))).all()


def test_a_unit_of_values_has_an_inverse() -> None:
    assert np.isfinite(1.0 / Sample.of(np.zeros((2, D)), np.array([0.0, 1e-320])).unit)


def rotated(params: Params) -> float:
    return float(valley(np.array([[params[name] for name in NAMES]]))[0])


NUMBERS: Case = (Space({name: Float(0, 1) for name in NAMES}), rotated)
MIXED: Case = (
    Space({**{name: Float(0, 1) for name in NAMES[:4]}, "x4": Int(0, 60), "unused": Choice(["only"])}),
    rotated,
)


def test_the_bottom_of_a_valley_that_follows_no_axis_is_found() -> None:
    """In 60 trials, with a hundredth of the regret of searches that do not follow a slope."""
    ours = np.array([run(NUMBERS, GP(), seed, 60) for seed in range(3)])
    for other in (GP(local=False), TPE(), Random()):
        theirs = np.array([run(NUMBERS, other, seed, 60) for seed in range(3)])
        assert np.log10(ours / theirs).mean() < -2


def first_modelled(space: Space, metrics: dict[str, str] | None = None, most: int = 8) -> int:
    """After how many trials a proposal no longer follows from the seed alone."""
    for count in range(1, most):
        different = set()
        for way in (1.0, -1.0):
            story = Story(space, metrics=metrics)
            for k in range(count):
                params = story.ask(GP())[0]
                outcomes = [way * k for _ in story.history.Y.T]
                story.end(story.start(params), "completed", *outcomes)
            different.add(tuple(story.ask(GP())[0].items()))
        if len(different) > 1:
            return count
    return most


def test_a_slope_is_followed_from_the_second_trial_on_where_numbers_alone_decide() -> None:
    x = {"x": Float(0, 1), "y": Int(1, 90)}
    assert first_modelled(Space(x)) == 2
    assert first_modelled(Space({**x, "z": Choice(["a", "b"])})) == 6
    assert first_modelled(Space(x), {"a": "min", "b": "min"}) == 6


def test_trials_that_were_told_twice_with_other_values_do_not_stop_the_fit() -> None:
    rng = np.random.default_rng(0)
    X = rng.random((60, D))
    X[30:] = X[:30]
    y = valley(X)
    y += y.std() * rng.normal(size=60)
    assert of_best(X[0], 0.5, X, y).shape.noise > 0.1
    assert np.isfinite(of_best(X[0], 2.0**-10, X, y).predict(X)).all()


def test_constant_parameters_change_nothing() -> None:
    more = {**{name: Float(0, 1) for name in NAMES}, **{f"c{i}": Choice(["only"]) for i in range(30)}}
    plain, wide = (run((space, rotated), GP(), 0, 25) for space in (NUMBERS[0], Space(more)))
    assert wide < 10 * plain


@pytest.mark.parametrize("pending", [3, 9])
def test_many_pending_trials_wait_for_the_longer_start(pending: int) -> None:
    """With few of them a proposal heeds two outcomes; with more it comes from the first design."""
    story, first = Story(NUMBERS[0]), Story(NUMBERS[0])
    numbers = [story.start(params) for params in story.ask(GP(), pending + 2)]
    for number in numbers[:2]:
        story.end(number, "completed", 1.0 * number)
    expected = first.ask(GP(), pending + 3)[-1]
    assert (story.ask(GP())[0] == expected) == (pending > 6)


@pytest.mark.parametrize("seed", range(3))
def test_no_proposal_is_from_anywhere_before_a_slope_can_be_told(seed: int) -> None:
    """Of ten numbers a slope has eleven coefficients: so many trials stay near the best one, the defaults'."""
    story, searcher = Story(Space({f"x{i}": Float(0, 1) for i in range(10)}), seed=seed), GP()
    away = []
    for trial in range(12):
        (params,) = story.ask(searcher)
        steps = np.abs(np.array(list(params.values())) - 0.5)
        if trial >= 2:
            away.append(steps.max())
        story.end(story.start(params), "completed", float(steps.sum()))
    assert max(away) < 0.15
