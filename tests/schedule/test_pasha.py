"""PASHA: rungs that open one after the other."""

import math

import pytest

from lanista.errors import UsageError
from lanista.schedule import ASHA, PASHA, Fidelity, Start, Stop, Yielded
from lanista.testing import Drive

from .scene import Scene, play


def highest(curve: object, *, trials: int = 60, **arguments: int) -> int:
    """The highest step that any trial came to."""
    return int(play(PASHA(81, **arguments), curve, trials).history.steps.max())  # type: ignore[arg-type]


def test_while_the_order_is_settled_no_trial_goes_beyond_the_second_rung() -> None:
    def settled(trial: int, step: int) -> float:
        return math.sin(trial) + 1 / step

    scene = play(PASHA(81), settled, 60)
    assert set(scene.history.steps.tolist()) == {1, 3}
    assert play(ASHA(81, form="promotion"), settled, 60).history.steps.max() == 81


def test_the_next_rung_opens_when_the_order_changes() -> None:
    """Without a crossing back ε is 0: it takes one pair of trials, at steps 1 and 3 of which the order differs."""
    scene = Scene(PASHA(81))
    scene.start(12, budget=1)
    for trial in range(12):
        scene.report(trial, 1, float(trial))
        scene.pause(trial)
    for trial, loss in ((0, 5.0), (1, 4.0)):
        scene.resume(trial, 3)
        scene.report(trial, 3, loss)
        scene.pause(trial)
    scene.resume(2, 3)
    assert scene.resumed(9) == [3]
    scene.report(2, 3, 6.0)
    scene.pause(2)
    assert scene.resumed(9) == [1, 3]


def test_rungs_open_one_by_one_to_the_last_while_each_turns_the_order() -> None:
    def turning(trial: int, step: int) -> float:
        return math.sin(trial) * (-1.0) ** math.floor(math.log(step, 3) + 1e-9)

    assert highest(turning, trials=300) == 81


def test_curves_that_change_their_order_once_open_rungs() -> None:
    def turned(trial: int, step: int) -> float:
        return trial / 1000 if step < 12 else -trial / 100

    assert highest(turned, min_steps=4) == 36


def test_within_the_noise_of_curves_that_cross_and_cross_back_the_order_is_settled() -> None:
    """The same values on the rungs as above, but between them the curves cross at each step."""

    def noisy(trial: int, step: int) -> float:
        return {4: trial / 1000, 12: -trial / 100}.get(step, trial / 10 * (-1.0) ** step)

    assert highest(noisy, min_steps=4) == 12


def test_noise_smaller_than_the_change_settles_nothing() -> None:
    def noisy(trial: int, step: int) -> float:
        return {4: trial / 10, 12: -trial / 100}.get(step, trial * (-1.0) ** step)

    assert highest(noisy, min_steps=4) == 36


def test_equal_values_are_in_any_order() -> None:
    def stuck(trial: int, step: int) -> float:
        return math.sin(trial) if step < 3 else 0.0

    assert highest(stuck) == 3


def test_trials_that_lose_their_value_are_last() -> None:
    assert highest(lambda trial, step: float(trial) if step < 3 else math.nan) == 3


def test_it_spends_less_than_asha_and_comes_to_its_end() -> None:
    spent = {
        make: int(Drive(make, 0, trials=200, length=81, workers=5).run().steps.sum())
        for make in (lambda: PASHA(81), lambda: ASHA(81, form="promotion"))
    }
    pasha, asha = spent.values()
    assert pasha <= asha


def test_a_trial_that_comes_to_the_last_step_is_completed() -> None:
    scene = Scene(PASHA(Fidelity("rows", 100, 900, log=True)))
    assert scene.slots(1) == [Start(100)]
    scene.start(1, budget=900)
    done = [Stop(0, "has had all 900 rows", "completed")]
    assert scene.report(0, 900, 1.0) == done
    assert scene.scheduler.on(scene.history, Yielded(0, 900, None)) == done


def test_a_single_rung_needs_no_order() -> None:
    assert Scene(PASHA(5, min_steps=5)).slots(2) == [Start(5), Start(5)]


def test_arguments_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"PASHA\(max_steps=0\): it must be a whole number, at least 1"):
        PASHA(0)
