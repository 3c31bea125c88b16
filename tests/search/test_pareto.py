import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.errors import MissingExtraError, UsageError
from lanista.search._pareto import crowding, fronts, hypervolume, non_dominated, ranks
from lanista.search._ranking import smallest


@st.composite
def tables(draw: st.DrawFn, least: int = 0, most: int = 4, rows: int = 40) -> np.ndarray:
    """Values (n, m): few different ones, so that many are equal, or any."""
    n, m = draw(st.integers(least, rows)), draw(st.integers(1, most))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    kind = draw(st.sampled_from(["few", "any", "front", "huge"]))
    if kind == "few":
        return rng.integers(0, draw(st.integers(1, 9)), size=(n, m)).astype(float)
    Y = rng.normal(size=(n, m))
    if kind == "front":
        Y[:, 0] = -Y[:, 1:].sum(axis=1)
    return Y * 1e307 if kind == "huge" else Y


def slow_ranks(Y: np.ndarray) -> np.ndarray:
    """By the definition."""
    rank = np.full(len(Y), -1)
    number = 0
    while (rank < 0).any():
        left = np.flatnonzero(rank < 0)
        beats = (Y[left][:, None] <= Y[left]).all(axis=2) & (Y[left][:, None] < Y[left]).any(axis=2)
        rank[left[~beats.any(axis=0)]] = number
        number += 1
    return rank


@settings(max_examples=200)
@given(tables())
def test_ranks_are_those_of_the_definition(Y: np.ndarray) -> None:
    expected = slow_ranks(Y)
    assert ranks(Y).tolist() == expected.tolist()
    assert non_dominated(Y).tolist() == np.flatnonzero(expected == 0).tolist()


@settings(max_examples=25)
@given(tables(least=500, rows=700), st.integers(1, 200))
def test_the_first_fronts_of_many_rows(Y: np.ndarray, count: int) -> None:
    expected = slow_ranks(Y)
    found = fronts(Y, count)
    assert [front.tolist() for front in found] == [
        np.flatnonzero(expected == number).tolist() for number in range(len(found))
    ]
    assert sum(map(len, found[:-1])) < count <= sum(map(len, found))


def test_rows_of_almost_equal_sums_are_told_apart() -> None:
    """The second dominates the first, though their sums are equal to the last digit."""
    Y = np.array([[1e16, 1.0, 0.0], [1e16, 0.0, 0.0], [-1e16, 5.0, 5.0]])
    assert ranks(Y).tolist() == [1, 0, 0]


def test_crowding_is_the_room_between_neighbours() -> None:
    Y = np.array([[0.0, 4.0], [1.0, 2.0], [2.0, 1.0], [4.0, 0.0]])
    assert crowding(Y).tolist() == [np.inf, 2 / 4 + 3 / 4, 3 / 4 + 2 / 4, np.inf]


def test_the_best_are_whole_fronts_then_those_with_room() -> None:
    front = np.array([[0.0, 4.0], [1.9, 2.0], [2.0, 1.9], [4.0, 0.0], [1.0, 3.0]])
    Y = np.concatenate([front + 10, front])
    assert set(smallest(Y, 5).tolist()) == {5, 6, 7, 8, 9}
    assert set(smallest(Y, 4).tolist()) & {6, 7} != {6, 7}


def slow_hypervolume(Y: np.ndarray, reference: np.ndarray) -> float:
    """The sum over the cells of the grid that the values make."""
    edges = [np.unique(np.append(np.minimum(column, end), end)) for column, end in zip(Y.T, reference, strict=True)]
    corners = np.stack(np.meshgrid(*[e[:-1] for e in edges], indexing="ij"), axis=-1).reshape(-1, len(reference))
    sizes = np.stack(np.meshgrid(*[np.diff(e) for e in edges], indexing="ij"), axis=-1).reshape(-1, len(reference))
    covered = (Y[:, None] <= corners).all(axis=2).any(axis=0)
    return float(sizes.prod(axis=1)[covered].sum())


@settings(max_examples=150)
@given(st.integers(0, 2**32), st.integers(1, 3), st.integers(1, 12), st.booleans())
def test_the_hypervolume_is_that_of_the_definition(seed: int, m: int, n: int, few: bool) -> None:
    rng = np.random.default_rng(seed)
    Y = rng.integers(0, 5, size=(n, m)).astype(float) if few else rng.random((n, m)) * 4
    reference = np.full(m, 3.0)
    assert hypervolume(Y, reference) == pytest.approx(slow_hypervolume(Y, reference))


def test_the_hypervolume_of_four_objectives() -> None:
    pytest.importorskip("moocore")
    Y = np.random.default_rng(0).random((8, 4))
    assert hypervolume(Y, np.ones(4)) == pytest.approx(slow_hypervolume(Y, np.ones(4)))


def test_what_is_worse_than_the_reference_or_unknown_counts_nothing() -> None:
    Y = np.array([[0.5, 0.5], [2.0, 0.0], [np.nan, 0.0], [-np.inf, 0.0]])
    assert hypervolume(Y, np.ones(2)) == 0.25
    assert hypervolume(Y[1:], np.ones(2)) == 0.0
    assert hypervolume(np.empty((0, 2)), np.ones(2)) == 0.0


@pytest.mark.parametrize("reference", [[1.0], [1.0, np.nan]])
def test_a_reference_that_does_not_fit(reference: list[float]) -> None:
    with pytest.raises(UsageError, match="one finite value for each of 2 objectives"):
        hypervolume(np.zeros((1, 2)), np.array(reference))


def test_without_moocore(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "moocore", None)
    with pytest.raises(MissingExtraError, match=r"lanista\[moo\]"):
        hypervolume(np.zeros((1, 4)), np.ones(4))
