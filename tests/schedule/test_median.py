"""The median stopping rule."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from lanista.errors import UsageError
from lanista.schedule import MedianStopping, Stop

from .scene import Scene, stopped


def test_a_trial_worse_than_the_median_is_stopped() -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=3))
    scene.start(5)
    for trial, loss in enumerate([1.0, 2.0, 3.0]):
        assert scene.report(trial, 1, loss) == []
    assert scene.report(3, 1, 2.0) == []
    assert scene.report(4, 1, 2.5) == [Stop(4, "the best so far is worse than the median of 4 others at step 1")]


def test_the_better_sense_is_the_users() -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=1), mode="max")
    scene.start(3)
    assert scene.report(0, 1, 0.5) == []
    assert not stopped(scene.report(1, 1, 0.6))
    assert stopped(scene.report(2, 1, 0.4))


def test_nobody_is_stopped_in_the_grace_period_or_against_too_few() -> None:
    scene = Scene(MedianStopping(grace_steps=2, min_trials=2))
    scene.start(3)
    for step in (1, 2, 3):
        assert scene.report(0, step, 0.0) == []
    for step in (1, 2, 3):
        assert scene.report(1, step, 9.0) == []
    assert scene.report(2, 1, 9.5) == scene.report(2, 2, 9.5) == []
    assert stopped(scene.report(2, 3, 9.5))


def test_the_best_so_far_is_what_counts_for_a_trial() -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=1))
    scene.start(2)
    for step in (1, 2):
        assert scene.report(0, step, 1.0) == []
    assert scene.report(1, 1, 0.5) == []
    assert scene.report(1, 2, 100.0) == []


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_the_worst(loss: float) -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=1))
    scene.start(3)
    assert scene.report(0, 1, 1e300) == []
    assert stopped(scene.report(1, 1, loss))
    assert not stopped(scene.report(2, 1, 1e299))


def test_reports_that_a_restarted_trial_repeats_count_once() -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=1))
    scene.start(2)
    for _ in range(3):
        for step, loss in enumerate([9.0, 0.0], start=1):
            scene.report(0, step, loss)
        scene.lose(0)
    scene.report(0, 3, 0.0)
    assert stopped(scene.report(1, 3, 3.1))


def test_others_are_counted_once() -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=2))
    scene.start(2)
    for _ in range(3):
        scene.report(0, 1, 0.0)
        scene.lose(0)
    assert not stopped(scene.report(1, 1, 9.0))


def test_an_interval_holds_reports_at_different_steps() -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=2, interval=100))
    scene.start(3)
    assert scene.report(0, 101, 1.0) == scene.report(1, 150, 2.0) == []
    assert stopped(scene.report(2, 199, 3.0))
    apart = Scene(MedianStopping(grace_steps=0, min_trials=2, interval=10))
    apart.start(3)
    assert apart.report(0, 101, 1.0) == apart.report(1, 150, 2.0) == apart.report(2, 199, 3.0) == []


@given(st.lists(st.lists(st.floats(-10, 10), min_size=3, max_size=3), min_size=2, max_size=8))
def test_decisions_are_those_of_the_paper(curves: list[list[float]]) -> None:
    scene = Scene(MedianStopping(grace_steps=0, min_trials=1))
    scene.start(len(curves))
    for step in (1, 2, 3):
        averages = []
        for trial, curve in enumerate(curves):
            said = stopped(scene.report(trial, step, curve[step - 1]))
            so_far = float(np.cumsum(curve[:step])[-1] / step)
            if averages:
                assert said == (min(curve[:step]) > np.median(averages))
            averages.append(so_far)


@pytest.mark.parametrize("argument", [{"grace_steps": -1}, {"min_trials": 0}, {"interval": 0}])
def test_arguments_out_of_range_are_named(argument: dict[str, int]) -> None:
    ((name, value),) = argument.items()
    words = rf"MedianStopping\({name}={value}\): it must be a whole number, at least {value + 1}"
    with pytest.raises(UsageError, match=words):
        MedianStopping(**argument)
