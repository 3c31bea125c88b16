"""The arithmetic of the search benchmark."""

import itertools
import math

import numpy as np
import pytest

from benchmarks.search import stats


def test_best_so_far_skips_failures_and_goes_on_after_the_last_value():
    curve = stats.best_so_far([None, 3.0, 5.0, 2.0], 6, otherwise=9.0)
    assert curve.tolist() == [9.0, 3.0, 3.0, 2.0, 2.0, 2.0]


def test_an_empty_trace_stays_where_it_began():
    assert stats.best_so_far([], 2, otherwise=1.0).tolist() == [1.0, 1.0]


def test_ranks_with_one_seed_are_plain_ranks():
    values = [np.array([0.3]), np.array([0.1]), np.array([0.2])]
    assert stats.expected_ranks(values).tolist() == [3.0, 1.0, 2.0]


def test_ties_share_their_ranks():
    values = [np.array([0.1]), np.array([0.1]), np.array([0.0])]
    assert stats.expected_ranks(values).tolist() == [2.5, 2.5, 1.0]


def test_ranks_are_the_mean_over_all_draws_of_seeds():
    rng = np.random.default_rng(0)
    values = [rng.integers(0, 4, size=size).astype(float) for size in (3, 2, 4)]
    drawn = [
        [1 + sum((b < a) + 0.5 * (b == a) for j, b in enumerate(draw) if j != i) for i, a in enumerate(draw)]
        for draw in itertools.product(*values)
    ]
    assert stats.expected_ranks(values) == pytest.approx(np.mean(drawn, axis=0))


def test_the_interval_of_a_constant_is_a_point():
    low, high = stats.bootstrap(np.full((5, 2), 3.0))
    assert low.tolist() == high.tolist() == [3.0, 3.0]


def test_the_interval_is_as_wide_as_that_of_a_normal_mean():
    table = np.random.default_rng(0).normal(size=(400, 1))
    low, high = stats.bootstrap(table, draws=4000)
    assert high[0] - low[0] == pytest.approx(2 * 1.96 / math.sqrt(400), rel=0.1)
    assert low[0] < table.mean() < high[0]


def test_critical_differences_are_those_of_the_published_table():
    # Demšar (2006), table 5 a: q at 0.05 is 2.343 for 3, 2.728 for 5 and 3.164 for 10 classifiers.
    for k, q in ((3, 2.343), (5, 2.728), (10, 3.164)):
        assert stats.critical_difference(k, 14) == pytest.approx(q * math.sqrt(k * (k + 1) / (6 * 14)), rel=1e-3)


def test_cliques_are_the_maximal_stretches_within_the_difference():
    assert stats.cliques([1.0, 1.5, 3.0, 3.4, 4.0], 0.8) == [(1.0, 1.5), (3.0, 3.4), (3.4, 4.0)]
    assert stats.cliques([1.0, 3.0], 0.5) == []
    assert stats.cliques([2.0, 1.0, 1.5], 5.0) == [(1.0, 2.0)]


def test_evaluations_to_reach_counts_from_one():
    curve = np.array([0.9, 0.5, 0.5, 0.2])
    assert stats.evaluations_to_reach(curve, 0.9) == 1
    assert stats.evaluations_to_reach(curve, 0.3) == 4
    assert stats.evaluations_to_reach(curve, 0.1) == math.inf


def test_the_hypervolume_of_known_points():
    assert stats.hypervolume(np.array([[0.0, 0.0]])) == 1
    assert stats.hypervolume(np.array([[0.5, 0.5], [0.6, 0.6]])) == pytest.approx(0.25)
    assert stats.hypervolume(np.array([[0.2, 0.6], [0.6, 0.2]])) == pytest.approx(0.8 * 0.4 + 0.4 * 0.4)
    assert stats.hypervolume(np.array([[1.5, 0.1], [0.1, 1.0]])) == 0


def test_points_beyond_the_ideal_count_at_the_edge():
    assert stats.hypervolume(np.array([[-1.0, 0.5]])) == pytest.approx(0.5)


def test_hypervolumes_agree_with_moocore():
    moocore = pytest.importorskip("moocore")
    rng = np.random.default_rng(0)
    for n in (1, 2, 10, 50):
        points = rng.random((n, 2)) * 1.2
        inside = points[(points < 1).all(axis=1)]
        expected = moocore.hypervolume(inside, ref=[1.0, 1.0]) if len(inside) else 0.0
        assert stats.hypervolume(points) == pytest.approx(expected)


def test_the_hypervolume_is_of_two_objectives():
    with pytest.raises(ValueError, match="of two objectives, got the shape"):
        stats.hypervolume(np.zeros((2, 3)))


def test_what_is_missing_of_the_hypervolume_only_falls():
    rng = np.random.default_rng(1)
    values = [None if i == 3 else (rng.random(2) * [2, 20]).tolist() for i in range(30)]
    best, worst = np.zeros(2), np.array([2.0, 20.0])
    curve = stats.hypervolumes(values, 40, best, worst)
    assert (np.diff(curve) <= 0).all()
    scaled = np.array([value for value in values if value is not None]) / [2, 20]
    assert curve[-1] == pytest.approx(1 - stats.hypervolume(scaled))
    assert (curve[30:] == curve[29]).all()
