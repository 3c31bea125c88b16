"""Thinning keeps the extremes, the order and the ends, whatever the data."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanista.plot import outline, spread

FLOATS = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=400)


@pytest.mark.parametrize("thin", [outline, spread])
@given(values=FLOATS, most=st.integers(16, 60))
def test_extremes_order_and_ends_are_kept(thin, values: list[float], most: int) -> None:
    y = np.array(values)
    rows = thin(y, most)
    assert len(rows) <= most
    assert (np.diff(rows) > 0).all()
    assert y[rows].max() == y.max()
    assert y[rows].min() == y.min()
    assert {rows[0], rows[-1]} == {0, len(y) - 1}


@pytest.mark.parametrize("thin", [outline, spread])
@given(values=FLOATS, most=st.integers(400, 500))
def test_few_points_are_all_kept(thin, values: list[float], most: int) -> None:
    assert thin(np.array(values), most).tolist() == list(range(len(values)))


@given(st.data())
def test_a_line_keeps_the_peak_of_each_stretch(data: st.DataObject) -> None:
    y = np.zeros(10_000)
    at = data.draw(st.integers(1, 9_998))
    y[at] = data.draw(st.sampled_from([-1.0, 1.0]))
    assert at in outline(y, 50)
    assert at in spread(y, 50)


def test_gaps_count_for_nothing() -> None:
    y = np.full(1_000, np.nan)
    y[400], y[401] = 3.0, -3.0
    rows = outline(y, 20)
    assert {400, 401} <= set(rows.tolist())


def test_a_cloud_stays_even() -> None:
    rows = spread(np.random.default_rng(0).normal(size=100_000), 2_000)
    shares = np.histogram(rows, bins=10, range=(0, 100_000))[0] / len(rows)
    assert (np.abs(shares - 0.1) < 0.01).all()
