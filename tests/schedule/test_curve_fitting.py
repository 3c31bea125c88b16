"""Stopping by extrapolated curves."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.journal import History
from lanista.schedule import CurveFitting, Resume, Stop

from .scene import Scene, stopped

Curve = Callable[[float], float]

KNOWN: dict[str, Curve] = {
    "power": lambda t: 0.9 - 0.7 * t**-0.6,
    "exponential": lambda t: 0.8 - 0.7 * math.exp(-0.15 * t),
    "hyperbola": lambda t: 0.95 * t / (t + 5),
    "inverse logarithm": lambda t: 0.9 - 0.5 / math.log(t + 1),
    "falling loss": lambda t: 0.3 + 2 * math.exp(-0.2 * t),
    "below zero": lambda t: -5 + 3 / t,
    "flat": lambda t: 0.7,
}


def follow(scene: Scene, curve: Curve, steps: int) -> int:
    """Starts a trial and lets it report, without a judgement, until a step; its number."""
    trial = len(scene.history)
    scene.start()
    for step in range(1, steps + 1):
        scene.report(trial, step, curve(step))
    return trial


def after_one(final: float, mode: str = "max", **arguments: Any) -> Scene:
    """A scene in which one trial has completed with a final value."""
    scene = Scene(CurveFitting(50, **({"interval": 1} | arguments)), mode)
    follow(scene, lambda t: final * t / 50, 50)
    scene.end(0)
    return scene


# --- predictions ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", KNOWN)
def test_curves_of_known_form_are_drawn_on(name: str) -> None:
    scene = Scene(CurveFitting(100))
    curve = KNOWN[name]
    follow(scene, curve, 12)
    spread = abs(curve(100) - curve(1)) or 1e-9
    assert scene.scheduler.predict(scene.history, 0) == pytest.approx(curve(100), abs=0.01 * spread)  # type: ignore[attr-defined]


@pytest.mark.parametrize("seed", range(4))
def test_noise_moves_a_prediction_little(seed: int) -> None:
    noise = np.random.default_rng(seed).normal(0, 0.005, 31)
    scene = Scene(CurveFitting(100))
    follow(scene, lambda t: 0.9 - 0.7 * math.exp(-0.15 * t) + noise[int(t)], 30)
    assert scene.scheduler.predict(scene.history, 0) == pytest.approx(0.9, abs=0.05)  # type: ignore[attr-defined]


@pytest.mark.parametrize(("scale", "shift"), [(1, 7), (1000, 0), (-1, 0), (-0.01, -3)])
def test_a_curve_shifted_scaled_and_turned_is_predicted_alike(scale: float, shift: float) -> None:
    predictions = []
    for a, b in ((1.0, 0.0), (scale, shift)):
        scene = Scene(CurveFitting(60))
        follow(scene, lambda t: a * (0.9 - 0.7 / t + 0.02 * math.sin(9 * t)) + b, 15)  # noqa: B023
        predictions.append(scene.scheduler.predict(scene.history, 0))  # type: ignore[attr-defined]
    assert predictions[1] == pytest.approx(scale * predictions[0] + shift, rel=1e-3)


def test_two_points_say_nothing_and_reports_without_a_value_are_left_out() -> None:
    scene = Scene(CurveFitting(50))
    predict = scene.scheduler.predict  # type: ignore[attr-defined]
    assert predict(scene.history, follow(scene, lambda t: 1 / t, 2)) is None
    trial = follow(scene, lambda t: math.nan if t % 2 else 1 / t, 16)
    assert predict(scene.history, trial) == pytest.approx(1 / 50, abs=0.01)
    assert predict(scene.history, follow(scene, lambda t: math.nan, 16)) is None


# --- decisions --------------------------------------------------------------------------------------------------------


def test_a_curve_that_will_end_low_is_stopped_and_one_that_will_end_high_is_not() -> None:
    scene = after_one(0.9)
    low = follow(scene, lambda t: 0.6 - 0.5 / t, 9)
    high = follow(scene, lambda t: 0.95 - 0.9 / t, 9)
    [stop] = scene.report(low, 10, 0.55)
    assert isinstance(stop, Stop)
    assert stop.reason.startswith("predicted to end at 0.5")
    assert stop.reason.endswith("worse than 0.855, which is 0.95 of the best")
    assert scene.report(high, 10, 0.86) == []


@pytest.mark.parametrize("sign", [1, -1])
@pytest.mark.parametrize("mode", ["min", "max"])
def test_the_margin_is_a_share_of_the_size_of_the_best_whatever_sign_and_direction(sign: int, mode: str) -> None:
    worse = 1 if mode == "min" else -1
    for beyond, expected in ((0.03, False), (0.07, True)):
        scene = after_one(2.0 * sign, mode)

        def curve(t: float) -> float:
            return 2.0 * sign + worse * (2.0 * beyond + 3 / t - 3 / 50)  # noqa: B023

        assert stopped(scene.report(follow(scene, curve, 20), 21, curve(21))) == expected


def test_threshold_1_stops_whatever_ends_worse() -> None:
    scene = after_one(0.9, threshold=1.0)
    trial = follow(scene, lambda t: 0.89 - 0.5 / t, 20)
    assert stopped(scene.report(trial, 21, 0.89 - 0.5 / 21))


def test_nobody_is_stopped_before_a_trial_completed() -> None:
    scene = Scene(CurveFitting(50), "max")
    follow(scene, lambda t: 0.9, 20)
    trial = follow(scene, lambda t: 0.1 + t / 1e4, 20)
    scene.end(0, "stopped")
    assert scene.report(trial, 21, 0.1) == []


def test_by_default_a_trial_is_judged_about_ten_times() -> None:
    judged: list[int] = []

    class Watched(CurveFitting):
        def predict(self, history: History, trial: int) -> float | None:
            judged.append(len(history.curve(trial)[0]))
            return None

    scene = Scene(Watched(50), "max")
    for _ in range(2):
        follow(scene, lambda t: t / 50, 50)
        scene.end(len(scene.history) - 1)
    assert judged == [*range(10, 50, 5)]
    assert CurveFitting(5).interval is None


def test_nobody_is_stopped_in_the_grace_period_or_within_an_interval() -> None:
    scene = after_one(0.9, grace_steps=12, interval=5)
    scene.start()
    assert [step for step in range(1, 31) if stopped(scene.report(1, step, 0.5 - 0.3 / step))] == [15, 20, 25, 30]


def test_a_trial_that_has_had_all_its_steps_is_completed() -> None:
    scene = Scene(CurveFitting(9))
    scene.start()
    assert scene.report(0, 8, 1.0) == []
    assert scene.report(0, 9, 1.0) == [Stop(0, "has had all 9 steps", "completed")]


def test_what_somebody_paused_goes_on_first() -> None:
    scene = Scene(CurveFitting(9))
    scene.start()
    scene.report(0, 1, 1.0)
    scene.pause(0)
    assert scene.slots(1) == [Resume(0)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_steps": 0}, r"CurveFitting\(max_steps=0\): it must be a whole number, at least 1"),
        ({"max_steps": 9, "grace_steps": -1}, r"CurveFitting\(grace_steps=-1\)"),
        ({"max_steps": 9, "interval": 0.5}, r"CurveFitting\(interval=0\.5\)"),
        ({"max_steps": 9, "threshold": 0}, r"CurveFitting\(threshold=0\): it must be a number above 0 to 1"),
        ({"max_steps": 9, "threshold": 1.1}, r"CurveFitting\(threshold=1\.1\)"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        CurveFitting(**arguments)
