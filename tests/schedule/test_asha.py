"""Asynchronous successive halving, in both forms."""

import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import lanista as la
from lanista.errors import MetricError, UsageError
from lanista.journal import Asked
from lanista.schedule import ASHA, Ended, Fidelity, Report, Resume, Start, Stop, Yielded
from lanista.testing import Drive

from .scene import Scene, play, stopped

# --- stopping ---------------------------------------------------------------------------------------------------------


def test_a_trial_not_among_the_best_at_a_rung_is_stopped() -> None:
    scene = Scene(ASHA(9))
    scene.start(7)
    assert [stopped(scene.report(t, 1, float(loss))) for t, loss in enumerate([5, 6, 4, 3, 7, 3.5])] == [
        0,
        1,
        0,
        0,
        1,
        0,
    ]
    assert scene.report(6, 1, 9.0) == [Stop(6, "not among the best 1/3 of 7 at step 1")]


@given(st.lists(st.integers(-5, 5), min_size=1, max_size=40), st.integers(2, 5))
def test_decisions_are_those_of_the_definition(losses: list[int], reduction: int) -> None:
    scene = Scene(ASHA(100, min_steps=1, reduction=reduction))
    scene.start(len(losses))
    for trial, loss in enumerate(losses):
        seen = sorted(losses[: trial + 1])
        assert stopped(scene.report(trial, 1, loss)) == (loss > seen[max(1, len(seen) // reduction) - 1])


def test_nobody_is_judged_between_rungs() -> None:
    scene = Scene(ASHA(81, min_steps=3))
    scene.start(2)
    for step in range(1, 9):
        scene.report(0, step, 0.0)
        assert stopped(scene.report(1, step, 9.0)) == (step == 3)


def test_rungs_that_a_report_skips_are_reached_with_it() -> None:
    scene = Scene(ASHA(81, min_steps=1))
    scene.start(2)
    assert scene.report(0, 5, 0.0) == scene.report(0, 10, 0.0) == []
    assert scene.report(1, 10, 9.0) == [Stop(1, "not among the best 1/3 of 2 at step 1")]


@pytest.mark.parametrize(
    ("arguments", "rungs"),
    [
        ({"max_steps": 30}, [1, 3, 10, 30]),
        ({"max_steps": 100}, [4, 11, 33, 100]),
        ({"max_steps": 100, "reduction": 4}, [2, 6, 25, 100]),
        ({"max_steps": 2}, [1, 2]),
        ({"max_steps": 30, "min_steps": 1}, [1, 3, 9, 27, 30]),
        ({"max_steps": 30, "min_steps": 5}, [5, 15, 30]),
    ],
)
def test_rungs_stand_at_shares_of_the_last_step_or_at_multiples_of_the_first(
    arguments: dict[str, int], rungs: list[int]
) -> None:
    history = play(ASHA(**arguments, form="promotion"), lambda trial, step: -float(trial), trials=150).history
    assert sorted(set(history.steps.tolist())) == rungs


def test_a_trial_that_has_had_all_its_steps_is_completed() -> None:
    scene = Scene(ASHA(9))
    scene.start()
    assert scene.report(0, 8, 1.0) == []
    done = [Stop(0, "has had all 9 steps", "completed")]
    assert scene.report(0, 9, 1.0) == scene.report(0, 12, 1.0) == done
    assert scene.scheduler.on(scene.history, Yielded(0, 9, None)) == done
    assert scene.slots(1) == [Start(9)]


def test_a_paused_trial_without_steps_left_is_completed_at_once() -> None:
    for form in ("stopping", "promotion"):
        scene = Scene(ASHA(9, form=form))
        scene.start()
        scene.report(0, 9, 1.0)
        scene.pause(0)
        done, *others = scene.slots(1)
        assert done == Stop(0, "has had all 9 steps", "completed")
        assert Resume(0, 9) not in others


@pytest.mark.parametrize("loss", [math.nan, math.inf, -math.inf])
def test_a_value_that_is_not_finite_is_stopped_even_alone(loss: float) -> None:
    scene = Scene(ASHA(9))
    scene.start(2)
    assert scene.report(0, 1, loss) == [Stop(0, "reported no finite 'loss' at step 1")]
    assert not stopped(scene.report(1, 1, 1e300))


def test_a_trial_that_reports_another_metric_is_told_so() -> None:
    def objective(trial: la.Trial) -> None:
        trial.report(accuracy=0.9)

    exp = la.Experiment("misnamed", {}, metric="loss", scheduler=ASHA(9), store="memory")
    with pytest.raises(MetricError, match="'loss'; it reported 'accuracy'"):
        exp.run(objective, trials=1, progress=False)
    trial = exp.trials[0]
    assert (trial.state, trial.reason) == ("stopped", "reported no finite 'loss' at step 1")


def test_the_better_sense_is_the_users() -> None:
    scene = Scene(ASHA(9), mode="max")
    scene.start(3)
    assert [stopped(scene.report(trial, 1, value)) for trial, value in enumerate([0.5, 0.4, 0.6])] == [
        False,
        True,
        False,
    ]


def test_reports_that_a_restarted_trial_repeats_count_once() -> None:
    scene = Scene(ASHA(9))
    scene.start(2)
    for _ in range(10):
        assert not stopped(scene.report(0, 1, 1.0))
        scene.lose(0)
    assert scene.report(1, 1, 2.0) == [Stop(1, "not among the best 1/3 of 2 at step 1")]


def test_a_trial_that_fails_later_bars_nobody() -> None:
    scene = Scene(ASHA(9))
    scene.start(3)
    scene.report(0, 1, 0.0)
    assert stopped(scene.report(1, 1, 1.0))
    scene.end(0, "failed")
    assert not stopped(scene.report(2, 1, 0.5))


# --- promotion --------------------------------------------------------------------------------------------------------


def promoted(losses: list[float], **arguments: Any) -> Scene:
    """A scene in which trials have reached their first rung and are paused there."""
    scene = Scene(ASHA(27, form="promotion", **arguments))
    scene.start(len(losses), budget=1)
    for trial, loss in enumerate(losses):
        assert scene.report(trial, 1, loss) == []
        scene.pause(trial)
        assert scene.scheduler.on(scene.history, Yielded(trial, 1, 1)) == []
    return scene


def test_the_best_third_is_promoted_and_then_trials_are_started() -> None:
    scene = promoted([5.0, 1.0, 4.0, 2.0, 3.0, 6.0])
    assert scene.slots(1) == [Resume(1, 3)]
    assert scene.slots(4) == [Resume(1, 3), Resume(3, 3), Start(1), Start(1)]
    assert scene.slots(0) == []


def test_a_trial_is_promoted_once() -> None:
    scene = promoted([1.0, 2.0, 3.0])
    assert scene.slots(2) == [Resume(0, 3), Start(1)]
    scene.resume(0, 3)
    assert scene.slots(2) == [Start(1), Start(1)]
    scene.report(0, 3, 1.0)
    scene.pause(0)
    assert scene.slots(2) == [Start(1), Start(1)]


def test_the_highest_rung_goes_first() -> None:
    scene = promoted([float(loss) for loss in range(12)])
    for trial in range(3):
        scene.resume(trial, 3)
        scene.report(trial, 3, 9.0 - trial)
        scene.pause(trial)
    assert scene.slots(3) == [Resume(2, 9), Resume(3, 3), Start(1)]


def test_the_last_rung_leads_to_the_end() -> None:
    scene = promoted([1.0, 2.0, 3.0])
    for trial in range(3):
        scene.resume(trial)
        for step in (3, 9):
            scene.report(trial, step, float(trial))
        scene.pause(trial)
    assert scene.slots(1) == [Resume(0, 27)]


def test_a_trial_interrupted_between_rungs_goes_on_although_others_passed_it() -> None:
    scene = promoted([1.0, 2.0, 3.0])
    scene.resume(0, 3)
    scene.report(0, 2, 1.0)
    scene.pause(0)
    scene.start(3, budget=1)
    for trial in (3, 4, 5):
        scene.report(trial, 1, -float(trial))
    assert scene.slots(2) == [Resume(0, 3), Start(1)]


def test_a_step_repeated_after_a_loss_is_no_promotion() -> None:
    scene = promoted([3.0, 2.0, 1.0])
    scene.resume(0, 1)
    scene.report(0, 1, 0.0)
    scene.pause(0)
    assert scene.resumed(3) == [2]


def test_trials_without_a_value_are_not_promoted() -> None:
    assert promoted([math.nan, math.inf, math.nan]).resumed(3) == []
    assert promoted([math.nan, 7.0, math.nan]).resumed(3) == [1]


@pytest.mark.parametrize(("state", "next_best"), [("failed", True), ("infeasible", True), ("cancelled", False)])
def test_the_place_of_a_failed_trial_goes_to_the_next(state: str, next_best: bool) -> None:
    scene = promoted([1.0, 2.0, 3.0])
    scene.end(0, state)
    assert scene.resumed(3) == ([1] if next_best else [])


def test_events_of_other_trials_ask_for_nothing() -> None:
    scene = promoted([1.0, 2.0, 3.0])
    assert scene.scheduler.on(scene.history, Ended(1, "failed")) == []
    assert scene.scheduler.on(scene.history, Report(1, 1, {"loss": 2.0})) == []


def test_about_a_third_reaches_each_next_rung() -> None:
    """The paper expects up to the root of n promotions too many, of trials that come early."""
    history = Drive(lambda: ASHA(27, form="promotion"), 0, trials=300, workers=7, length=27).run()
    steps = Counter(history.steps.tolist())
    assert sum(steps.values()) == 300
    assert steps.keys() == {1, 3, 9, 27}
    assert 100 <= 300 - steps[1] <= 100 + 17


# --- fidelities -------------------------------------------------------------------------------------------------------


def test_a_fidelity_is_bought_level_by_level() -> None:
    scene = Scene(ASHA(Fidelity("rows", 500, 50_000, log=True)))
    assert scene.slots(1) == [Start(500)]
    scene.start(3, budget=500)
    for trial in range(3):
        assert scene.report(trial, 500, float(trial)) == []
        scene.pause(trial)
    assert scene.slots(2) == [Resume(0, 1581), Start(500)]
    scene.resume(0, 50_000)
    assert scene.report(0, 50_000, 0.0) == [Stop(0, "has had all 50000 rows", "completed")]


def test_a_fidelity_can_only_be_promoted() -> None:
    assert ASHA(9).rule
    assert ASHA(9).fidelity is None
    rows = Fidelity("rows", 100, 900)
    assert not ASHA(rows).rule
    assert ASHA(rows).fidelity == rows
    with pytest.raises(UsageError, match="runs once for each level of the fidelity 'rows' and cannot be stopped"):
        ASHA(rows, form="stopping")


def test_what_waits_for_its_first_start_is_the_next_to_start() -> None:
    scene = Scene(ASHA(9, form="promotion", brackets=3))
    scene.history.extend([Asked(0.0, trial, {}, "enqueued") for trial in range(5)])
    fresh = Scene(ASHA(9, form="promotion", brackets=3))
    assert scene.slots(9) == fresh.slots(9)


# --- brackets and arguments -------------------------------------------------------------------------------------------


def test_brackets_leave_out_the_lowest_rungs_in_the_shares_of_hyperband() -> None:
    scene = Scene(ASHA(9, form="promotion", brackets=3))
    budgets = Counter(action.budget for action in scene.slots(1700) if isinstance(action, Start))
    shares = {1: 3 / 5.5, 3: 1.5 / 5.5, 9: 1 / 5.5}
    assert budgets == {budget: pytest.approx(1700 * share, abs=9) for budget, share in shares.items()}


def test_brackets_compare_their_own_trials_only() -> None:
    scene = Scene(ASHA(9, brackets=3))
    scene.start(30)
    judged = [stopped(scene.report(trial, 1, float(trial))) for trial in range(30)]
    budgets = [a.budget for a in Scene(ASHA(9, form="promotion", brackets=3)).slots(30) if isinstance(a, Start)]
    first = budgets.index(1)
    assert judged == [budget == 1 and trial > first for trial, budget in enumerate(budgets)]


def test_without_room_for_a_rung_trials_run_to_their_end() -> None:
    for form in ("stopping", "promotion"):
        scene = Scene(ASHA(5, min_steps=5, form=form))
        assert scene.slots(1) == [Start(5)]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_steps": 0}, r"ASHA\(max_steps=0\): it must be a whole number, at least 1"),
        ({"max_steps": 9, "min_steps": 10}, r"ASHA\(max_steps=9, min_steps=10\)"),
        ({"max_steps": 9, "reduction": 1}, r"ASHA\(reduction=1\): it must be a whole number, at least 2"),
        ({"max_steps": 9, "reduction": 2.5}, r"ASHA\(reduction=2\.5\)"),
        ({"max_steps": 9, "form": "halving"}, r"ASHA\(form='halving'\): it must be 'stopping' or 'promotion'"),
        ({"max_steps": 9, "brackets": 4}, r"ASHA\(brackets=4\): it must be 1 to 3, one more than the rungs \[1, 3\]"),
        ({"max_steps": 9, "brackets": 0}, r"ASHA\(brackets=0\)"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        ASHA(**arguments)
