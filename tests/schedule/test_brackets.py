"""Successive halving and HyperBand, which are brackets one after the other."""

import math
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.errors import UsageError
from lanista.journal import Asked, Ended
from lanista.schedule import Fidelity, HyperBand, Resume, Slots, Start, Stop, SuccessiveHalving, Yielded
from lanista.testing import Drive

from .scene import Scene, play


def arrived(losses: list[float], **arguments: Any) -> Scene:
    """A scene in which trials have come to the first rung, at step 1 of 9, and are paused there."""
    scene = Scene(SuccessiveHalving(9, **arguments))
    scene.start(len(losses), budget=1)
    for trial, loss in enumerate(losses):
        assert scene.report(trial, 1, loss) == []
        scene.pause(trial)
        assert scene.scheduler.on(scene.history, Yielded(trial, 1, 1)) == []
    return scene


def lost(trial: int, keep: int = 3, step: int = 1) -> Stop:
    return Stop(trial, f"not among the best {keep} of its bracket at step {step}")


# --- the numbers of the papers ----------------------------------------------------------------------------------------


def test_the_brackets_are_those_of_algorithm_1() -> None:
    """Table 1 of the paper has 27, 9 and 6 trials where its formula gives 34, 15 and 8; the rest is the same."""
    assert HyperBand(81).brackets == [
        [(81, 1), (27, 3), (9, 9), (3, 27), (1, 81)],
        [(34, 3), (11, 9), (3, 27), (1, 81)],
        [(15, 9), (5, 27), (1, 81)],
        [(8, 27), (2, 81)],
        [(5, 81)],
    ]


def test_rungs_are_counted_down_from_the_last_step() -> None:
    """R η^-k, where R = 30 is no power of η = 3: s_max is 3, and the rungs are 30, 10, 3.3 and 1.1."""
    assert HyperBand(30).brackets == [
        [(27, 1), (9, 3), (3, 10), (1, 30)],
        [(12, 3), (4, 10), (1, 30)],
        [(6, 10), (2, 30)],
        [(4, 30)],
    ]
    assert [step for _, step in HyperBand(26, min_steps=3).brackets[0]] == [9, 26]
    assert SuccessiveHalving(30).on(arrived([]).history, Slots(1)) == [Start(1)]


@given(st.integers(1, 9), st.integers(2, 5), st.integers(1, 1000))
def test_rungs_rise_from_the_lowest_by_about_a_factor_of_eta(low: int, eta: int, more: int) -> None:
    steps = [step for _, step in HyperBand(low + more, min_steps=low, reduction=eta).brackets[0]]
    assert low <= steps[0] < low * eta + 1
    assert steps[-1] == low + more
    assert all(abs(b - a * eta) <= (eta + 1) / 2 for a, b in pairwise(steps))


@given(st.integers(1, 5), st.integers(2, 5), st.integers(1, 7))
def test_each_rung_has_one_in_eta_of_the_trials_of_the_one_below(rungs: int, eta: int, low: int) -> None:
    high = low * eta ** (rungs - 1)
    brackets = HyperBand(high, min_steps=low, reduction=eta).brackets
    assert [len(bracket) for bracket in brackets] == list(range(rungs, 0, -1))
    for s, bracket in zip(reversed(range(rungs)), brackets, strict=True):
        assert bracket[0][0] == math.ceil(rungs * eta**s / (s + 1) - 1e-9)
        assert all(b == (a[0] // eta, a[1] * eta) for a, b in pairwise(bracket))


@pytest.mark.parametrize(
    ("scheduler", "trials", "reached"),
    [
        (SuccessiveHalving(27), 27, {1: 27, 3: 9, 9: 3, 27: 1}),
        (SuccessiveHalving(27), 54, {1: 54, 3: 18, 9: 6, 27: 2}),
        (SuccessiveHalving(9, trials=11), 22, {1: 22, 3: 6, 9: 2}),
        (SuccessiveHalving(8, reduction=2, trials=5), 5, {1: 5, 2: 2, 4: 1, 8: 1}),
        (SuccessiveHalving(5, min_steps=5, trials=3), 6, {5: 6}),
        (HyperBand(9), 17, {1: 9 + 5 + 3, 3: 3 + 5 + 3, 9: 1 + 1 + 3}),
        (HyperBand(9), 34, {1: 34, 3: 22, 9: 10}),
    ],
)
def test_so_many_trials_come_to_each_step(scheduler: Any, trials: int, reached: dict[int, int]) -> None:
    h = play(scheduler, lambda trial, step: math.sin(trial) + 1 / step, trials).history
    rungs = Counter(step for trial in range(trials) for step in h.curve(trial)[0].tolist())
    assert {step: rungs[step] for step in reached} == reached
    assert not h.paused_trials


# --- rounds -----------------------------------------------------------------------------------------------------------


def test_a_full_rung_stops_some_and_resumes_others() -> None:
    scene = arrived([5.0, 1.0, 4.0, 2.0, 3.0, 6.0, 9.0, 8.0, 7.0])
    stops = [lost(trial) for trial in (2, 0, 5, 8, 7, 6)]
    assert scene.slots(2) == [*stops, Resume(1, 3), Resume(3, 3)]
    assert scene.slots(5) == [*stops, Resume(1, 3), Resume(3, 3), Resume(4, 3), Start(1), Start(1)]


def test_free_workers_begin_the_next_round_while_one_trial_is_awaited() -> None:
    scene = arrived([1.0] * 8)
    scene.start(1, budget=1)
    assert scene.slots(2) == [Start(1), Start(1)]
    scene.start(2, budget=1)
    scene.report(8, 1, 0.0)
    scene.pause(8)
    assert scene.resumed(9) == [8, 0, 1]


@pytest.mark.parametrize("state", ["failed", "infeasible", "cancelled", "stopped", "completed"])
def test_a_trial_that_never_arrives_holds_up_nobody(state: str) -> None:
    scene = arrived([float(loss) for loss in range(8)])
    scene.start(1, budget=1)
    scene.end(8, state)
    assert scene.slots(3) == [*map(lost, range(3, 8)), Resume(0, 3), Resume(1, 3), Resume(2, 3)]


def test_a_place_is_not_given_away_when_its_winner_ends() -> None:
    scene = arrived([float(loss) for loss in range(9)])
    scene.end(0, "cancelled")
    assert scene.resumed(9) == [1, 2]


def test_trials_without_a_value_never_go_on() -> None:
    scene = arrived([math.nan] * 7 + [4.0, math.inf])
    assert scene.resumed(9) == [7]
    scene = arrived([math.nan] * 9)
    assert scene.slots(1) == [*(Stop(n, "reported no finite 'loss' at step 1") for n in range(9)), Start(1)]


def test_a_trial_interrupted_before_its_rung_goes_on() -> None:
    scene = Scene(SuccessiveHalving(27, min_steps=3))
    scene.start(1, budget=3)
    scene.report(0, 2, 0.0)
    scene.pause(0)
    assert scene.slots(2) == [Resume(0, 3), Start(3)]


def test_reports_that_a_restarted_trial_repeats_count_once() -> None:
    scene = arrived([2.0] * 8 + [9.0])
    scene.resume(8, 1)
    scene.report(8, 1, 0.0)
    scene.pause(8)
    assert scene.resumed(9) == [0, 1, 2]


def test_a_trial_is_complete_at_the_last_step() -> None:
    scene = Scene(HyperBand(Fidelity("rows", 100, 900, log=True)))
    assert scene.slots(1) == [Start(100)]
    scene.start(1, budget=900)
    done = [Stop(0, "has had all 900 rows", "completed")]
    assert scene.report(0, 900, 1.0) == done
    scene.pause(0)
    assert scene.scheduler.on(scene.history, Yielded(0, 900, None)) == done
    assert scene.slots(1) == [*done, Start(100)]


def test_a_bracket_follows_from_the_number_of_a_trial() -> None:
    scene = Scene(HyperBand(9))
    assert [action.budget for action in scene.slots(20) if isinstance(action, Start)] == (
        [1] * 9 + [3] * 5 + [9] * 3 + [1] * 3
    )
    scene.start(8, budget=1)
    scene.history.extend([Asked(0.0, 8, {}, "enqueued")])
    assert scene.slots(2) == [Start(1), Start(3)]


def test_imported_trials_take_no_place_in_a_bracket() -> None:
    scene = Scene(HyperBand(9))
    scene.start(3, budget=1)
    for number in range(3, 13):
        scene.history.extend([Asked(0.0, number, {}, "imported"), Ended(0.0, number, 0, "completed", {"loss": 0.0})])
    assert [action.budget for action in scene.slots(8) if isinstance(action, Start)] == [1] * 6 + [3] * 2
    scene.start(6, budget=1)
    for trial in (0, 1, 2, *range(13, 19)):
        scene.report(trial, 1, float(trial))
        scene.pause(trial)
    assert scene.resumed(9) == [0, 1, 2]


# --- the limit on trials ----------------------------------------------------------------------------------------------


def test_where_starts_are_refused_the_best_of_those_that_came_go_on() -> None:
    scene = arrived([4.0, 3.0, 2.0, 1.0])
    assert scene.slots(1) == [Start(1), Resume(3, 3)]
    scene.resume(3, 3)
    assert scene.slots(1) == [Start(1)]
    scene.report(3, 3, 1.0)
    scene.pause(3)
    assert scene.slots(2) == [Start(1), Start(1), Resume(3, 9)]


def test_a_round_goes_on_when_there_may_be_more_trials_after_all() -> None:
    scene = arrived([4.0, 3.0, 2.0, 1.0])
    scene.resume(3, 3)
    scene.report(3, 3, 1.0)
    scene.pause(3)
    scene.start(5, budget=1)
    for trial in range(4, 9):
        scene.report(trial, 1, -float(trial))
        scene.pause(trial)
    stops = [lost(trial) for trial in (5, 4, 3, 2, 1, 0)]
    assert scene.slots(3) == [*stops, Resume(8, 3), Resume(7, 3), Resume(6, 3)]


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 50), st.integers(1, 9), st.integers(0, 99), st.sampled_from([(9, 5, 3), (9,)]))
def test_every_bracket_that_begins_completes_a_trial(
    trials: int, workers: int, seed: int, sizes: tuple[int, ...]
) -> None:
    make = SuccessiveHalving if len(sizes) == 1 else HyperBand
    h = Drive(lambda: make(9), seed, trials=trials, workers=workers).run()
    first = bracket = 0
    while first < trials:
        size = sizes[bracket % len(sizes)]
        assert 9 in h.steps[first : first + size]
        first, bracket = first + size, bracket + 1
    assert not any(h.steps[trial] >= 9 for trial in h.paused_trials)


# --- arguments --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: HyperBand(0), r"HyperBand\(max_steps=0\): it must be a whole number, at least 1"),
        (lambda: HyperBand(9, reduction=1), r"HyperBand\(reduction=1\): it must be a whole number, at least 2"),
        (lambda: SuccessiveHalving(9, min_steps=10), r"SuccessiveHalving\(max_steps=9, min_steps=10\)"),
        (lambda: SuccessiveHalving(9, trials=0), r"SuccessiveHalving\(trials=0\): it must be a whole number"),
        (lambda: HyperBand(Fidelity("rows", 1, 9), min_steps=1), "begins at its own low=1; leave min_steps out"),
    ],
)
def test_arguments_out_of_range_are_named(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
