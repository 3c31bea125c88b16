"""TPE's kernels against a plain reference in scipy, and against what they draw."""

import numpy as np
import pytest
from scipy import stats

from lanista.search._axes import Axes
from lanista.search._parzen import Kernels
from lanista.space import Choice, Float, Int, Params, Space, Subset

FULL = {
    "x": Float(0, 1),
    "n": Int(1, 7),
    "long": Int(1, 50),
    "few": Choice(["a", "b", "c"]),
    "many": Choice(list(range(40))),
}
SPACE = Space(FULL | {"opt": Choice({"sgd": {"m": Float(0, 1), "k": Int(0, 4)}, "adam": {}})})
WIDTH, SPREAD = 0.13, 0.2


def kernels(space: Space, given: list[Params]) -> tuple[Axes, Kernels]:
    axes = Axes(space)
    X, active = space.encode(given)
    return axes, Kernels(
        axes, X, active if axes.conditional else None, np.full(space.width, WIDTH), np.full(space.width, SPREAD)
    )


def truncated(mean: float) -> stats.rv_continuous:
    return stats.truncnorm(-mean / WIDTH, (1 - mean) / WIDTH, mean, WIDTH)


def reference(kind: int, n: int, mean: float, x: float) -> float:
    """The density of one kernel in one column, relative to the uniform one."""
    if kind == 0 or (kind == 1 and n > 32):
        return float(truncated(mean).pdf(x))
    if kind == 1:
        return float(truncated(mean).cdf(x + 0.5 / n) - truncated(mean).cdf(x - 0.5 / n)) * n
    return n * ((1 - SPREAD) * (abs(x - mean) < 0.5 / n) + SPREAD / n)


def test_the_log_density_is_that_of_a_plain_loop() -> None:
    given = SPACE.sample(np.random.default_rng(0), 7)
    axes, ours = kernels(SPACE, given)
    points = SPACE.sample_unit(np.random.default_rng(1), 9)
    X, active = SPACE.encode(SPACE.decode(points))
    means, has = SPACE.encode(given)
    expected = np.zeros((9, 7))
    for c, k in np.ndindex(9, 7):
        for j in np.flatnonzero(active[c] & has[k]):
            value = reference(int(SPACE.columns.kind[j]), int(axes.cardinality[j]), means[k, j], X[c, j])
            expected[c, k] += np.log(value)
    full = np.where(active, X, points)
    np.testing.assert_allclose(ours.log_density(full, active), expected, atol=1e-9)


def test_kernels_added_later_are_like_those_given_at_first() -> None:
    given = SPACE.sample(np.random.default_rng(0), 5)
    _, at_once = kernels(SPACE, given)
    _, grown = kernels(SPACE, given[:4])
    X, active = SPACE.encode(given[4:])
    grown.add(np.where(active, X, 0.5), active)
    points = SPACE.sample_unit(np.random.default_rng(1), 20)
    np.testing.assert_allclose(
        grown.log_density(points, SPACE.active(points)), at_once.log_density(points, SPACE.active(points))
    )


def test_truncated_gaussians() -> None:
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    given = [{"x": 0.02, "y": 0.9}, {"x": 0.5, "y": 0.5}, {"x": 1.0, "y": 0.0}]
    points = np.random.default_rng(0).random((50, 2))
    expected = [truncated(p["x"]).pdf(points[:, 0]) * truncated(p["y"]).pdf(points[:, 1]) for p in given]
    found = kernels(space, given)[1].log_density(points)
    np.testing.assert_allclose(np.exp(found), np.transpose(expected))


@pytest.mark.parametrize("name", ["x", "n", "few", "many"])
def test_a_density_adds_up_to_one(name: str) -> None:
    space = Space({name: FULL[name]})
    _, ours = kernels(space, space.sample(np.random.default_rng(0), 3))
    n = int(space.columns.cardinality[0]) or 20_000
    points = ((np.arange(n) + 0.5) / n)[:, None]
    np.testing.assert_allclose(np.exp(ours.log_density(points)).mean(axis=0), 1.0, rtol=1e-6)


def test_columns_apply_as_the_space_says() -> None:
    below = {"b": Choice({"u": {"w": Float(0, 1)}, "v": {}}), "s": Subset([1, 2, 3])}
    space = Space({"a": Choice({"x": below, "y": {"m": Int(0, 3)}, "z": {}}), "c": Float(0, 1)})
    points = np.random.default_rng(0).random((200, space.width))
    found = Axes(space).active(points)
    assert found is not None
    assert found.tolist() == space.active(points).tolist()
    assert Axes(Space({"c": Float(0, 1)})).active(np.array([[0.5]])) is None


def test_draws_follow_the_density() -> None:
    space = Space({"x": Float(0, 1), "n": Int(1, 5), "few": Choice(["a", "b", "c"])})
    _, ours = kernels(space, [{"x": 0.05, "n": 5, "few": "b"}])
    draws = ours.sample(np.random.default_rng(0), np.zeros(20_000, dtype=np.intp))
    assert stats.kstest(draws[:, 0], truncated(0.05).cdf).pvalue > 0.001
    for column, n in ((1, 5), (2, 3)):
        centres = (np.arange(n) + 0.5) / n
        counts = np.bincount(np.rint(draws[:, column] * n - 0.5).astype(int), minlength=n)
        mean = (0.9, 0.5)[column - 1]
        expected = [reference(column, n, mean, x) / n * 20_000 for x in centres]
        assert stats.chisquare(counts, expected).pvalue > 0.001


def test_draws_of_the_uniform_kernel_are_uniform() -> None:
    _, ours = kernels(SPACE, [])
    draws = ours.sample(np.random.default_rng(0), np.full(20_000, -1))
    assert stats.kstest(draws[:, 0], "uniform").pvalue > 0.001
    many = np.bincount((draws[:, 4] * 40).astype(int), minlength=40)
    assert stats.chisquare(many).pvalue > 0.001


def test_kernels_on_the_edges_and_far_away_stay_finite() -> None:
    space = Space({"x": Float(0, 1), "n": Int(0, 31)})
    axes = Axes(space)
    X, active = space.encode([{"x": 0.0, "n": 0}, {"x": 1.0, "n": 31}])
    narrow = Kernels(axes, X, active, np.full(2, 1e-3), np.full(2, 0.1))
    points = np.array([[0.0, 0.5 / 32], [1.0, 31.5 / 32], [0.5, 0.5 / 32]])
    assert np.isfinite(np.exp(narrow.log_density(points))).all()
    draws = narrow.sample(np.random.default_rng(0), np.array([0, 1, 0, 1]))
    assert ((draws >= 0) & (draws <= 1)).all()
