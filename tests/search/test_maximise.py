"""Where an acquisition is the greatest, in the cube and in a trust region."""

import math
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.search.gaussian._features import Features
from lanista.search.gaussian._maximise import Effort, maximise
from lanista.search.gaussian._process import Scales
from lanista.search.gaussian._region import FIRST, LARGEST, SMALLEST, box, region
from lanista.search.gaussian._session import Seen
from lanista.space import Choice, Float, Int, Space
from tests.search.test_gaussian import PLANE, SPACES, Floats, points, slope_by_differences, some_scales

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
