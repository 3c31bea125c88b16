"""The fold: the same history live and replayed, and what it says."""

import math
from collections.abc import Iterator
from contextlib import closing

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.errors import UsageError
from lanista.journal import (
    Asked,
    Checkpointed,
    Commanded,
    Created,
    Decided,
    Ended,
    Event,
    History,
    Joined,
    Journal,
    Left,
    MemoryStore,
    Released,
    Reported,
    Started,
    Store,
    Suggested,
    Yielded,
    open_store,
)
from lanista.space import Float, Space

from . import legal


def history(*events: Event, metrics: dict[str, str] | None = None, trials: int = 1) -> History:
    """Of so many trials that run their first attempt, then of the events."""
    made = History(Space({"x": Float(0, 1)}))
    made.extend([Created(0.0, "test", made.space.to_json(), metrics or {"loss": "min"}, 0)])
    for number in range(trials):
        made.extend([Asked(1.0, number, {"x": 0.25}), Started(2.0, number, 1, "me")])
    made.extend(events)
    return made


@pytest.fixture(scope="module")
def stores(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Store, Store]]:
    """Two connections to one file."""
    path = tmp_path_factory.mktemp("history") / "store.db"
    with closing(open_store(path)) as one, closing(open_store(path)) as other:
        yield one, other


@settings(max_examples=40)
@given(data=st.data())
def test_a_history_is_the_same_live_and_replayed(stores: tuple[Store, Store], data: st.DataObject) -> None:
    first = data.draw(legal.created)
    if old := stores[0].find(first.name):
        stores[0].remove(old.id)
    info = stores[0].create(first)
    ends = [Journal(store, info) for store in stores]
    written: list[Event] = [first]
    for _ in range(data.draw(st.integers(0, 40))):
        end = ends[data.draw(st.integers(0, 1))]
        end.sync()
        events = [legal.following(data.draw, end.history)]
        if data.draw(st.booleans()):
            assert end.decide(events)
        else:
            end.append(events)
        written += events
    for end in ends:
        end.sync()
    replayed = Journal(stores[1], info).history
    at_once = History()
    at_once.extend(written)
    assert repr(stores[1].read(info.id)) == repr(written)
    assert ends[0].history == ends[1].history == replayed == at_once


def test_decisions_on_an_older_journal_are_refused_and_facts_are_not() -> None:
    store = MemoryStore()
    info = store.create(Created(0.0, "test", Space({}).to_json(), {"loss": "min"}, 0))
    one, other = Journal(store, info), Journal(store, info)
    heard: list[tuple[int, bool]] = []
    one.listener = lambda events, own: heard.append((len(events), own))
    other.append([Asked(1.0, 0, {}), Asked(1.0, 1, {})])
    assert not one.decide([Asked(1.0, 0, {})])
    assert len(one.history) == 2
    assert one.decide([Started(1.0, 0, 1, "one")])
    other.append([Started(1.0, 1, 1, "other")])
    one.append([Reported(1.0, 0, 1, 1, {"loss": 1.0})])
    assert heard == [(2, False), (1, True), (1, False), (1, True)]
    other.sync()
    assert one.history == other.history
    assert one.history.seq == store.last(info.id) == 6


@pytest.mark.parametrize(
    "stale",
    [
        Reported(9.0, 0, 1, 5, {"loss": -1.0}),
        Suggested(9.0, 0, 1, "y", {"type": "float", "low": 0, "high": 1}, 0.5),
        Checkpointed(9.0, 0, 1, 5, "file"),
        Yielded(9.0, 0, 1, 5),
        Released(9.0, 0, 1, "lost"),
        Ended(9.0, 0, 1, "completed", {"loss": -1.0}),
        Started(9.0, 0, 2, "late"),
    ],
    ids=lambda event: type(event).__name__,
)
def test_facts_of_an_earlier_attempt_are_ignored(stale: Event) -> None:
    events = [Released(3.0, 0, 1, "lost"), Started(4.0, 0, 2, "other")]
    before, after = history(*events), history(*events, stale)
    assert after.seq == before.seq + 1
    after.seq = before.seq
    assert after == before


def test_an_ended_trial_stays_as_it_ended() -> None:
    ended = history(Ended(3.0, 0, 1, "completed", {"loss": 1.0}), Ended(4.0, 0, 1, "failed"), Yielded(4.0, 0, 1, 2))
    assert ended.trial(0).state == "completed"
    assert ended.trial(0).value == 1.0
    assert ended.trial(0).ended == 3.0
    assert ended.counts == [0, 0, 0, 1, 0, 0, 0, 0]


def test_objectives_are_minimised_within_and_shown_in_their_own_sign() -> None:
    seen = history(Reported(3.0, 0, 1, 1, {"accuracy": 0.75}), metrics={"accuracy": "max"})
    assert seen.Y.tolist() == [[-0.75]]
    assert seen.log[2].tolist() == [[-0.75]]
    assert seen.trial(0).value == 0.75


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
def test_values_that_are_not_finite_are_recorded_and_never_chosen(value: float) -> None:
    events = [Ended(3.0, 0, 1, "completed", {"loss": value}), Ended(3.0, 1, 1, "completed", {"loss": 5.0})]
    seen = history(*events, trials=2)
    assert seen.best == 1
    assert np.isnan(seen.Y[0, 0])
    assert repr(seen.trial(0).metrics) == repr({"loss": value})


def test_a_completed_trial_is_the_best_before_any_stopped_one() -> None:
    stopped, completed = Ended(3.0, 0, 1, "stopped", {"loss": 1.0}), Ended(4.0, 1, 1, "completed", {"loss": 2.0})
    assert history(stopped, trials=2).best == 0
    assert history(stopped, completed, trials=2).best == 1
    assert history(Ended(3.0, 0, 1, "failed", {"loss": 1.0}), trials=2).best is None


def test_a_repeated_step_counts_once_in_the_curve() -> None:
    reports = [Reported(3.0, 0, 1, step, {"loss": loss}) for step, loss in ((1, 9.0), (2, 8.0), (3, 7.0))]
    again = [Released(4.0, 0, 1, "lost"), Started(5.0, 0, 2, "me"), Reported(6.0, 0, 2, 2, {"loss": 6.0})]
    seen = history(*reports, *again)
    steps, values = seen.curve(0)
    assert steps.tolist() == [1, 2, 3]
    assert values.ravel().tolist() == [9.0, 6.0, 7.0]
    assert seen.reports(0)[1] == (2, {"loss": 6.0})
    assert len(seen.log[0]) == 4


def test_failed_attempts_are_retries_and_lost_ones_are_not() -> None:
    lost = [Released(3.0, 0, 1, "lost"), Started(4.0, 0, 2, "me")]
    failed = [Released(5.0, 0, 2, "failed", "ValueError"), Started(6.0, 0, 3, "me")]
    seen = history(*lost, *failed)
    assert (seen.attempt(0), seen.retries(0), seen.running) == (3, 1, [0])


def test_a_trial_that_runs_again_no_longer_tells_why_it_was_lost() -> None:
    lost, again = Released(3.0, 0, 1, "its controller died"), Started(4.0, 0, 2, "me")
    assert history(lost).trial(0).reason == "its controller died"
    assert history(lost, again).trial(0).reason == ""
    assert history(lost, again, Yielded(5.0, 0, 2, 1)).trial(0).reason == ""


def test_seconds_are_those_that_the_trial_ran() -> None:
    events = [Yielded(5.0, 0, 1, 1), Started(100.0, 0, 2, "me"), Ended(101.0, 0, 2, "completed", {"loss": 1.0})]
    seen = history(*events)
    assert seen.trial(0).seconds == seen.total_cost == 4.0


def test_the_total_cost_is_of_all_trials_whatever_their_state() -> None:
    seen = history(
        Reported(3.0, 0, 1, 1, {"cost": 5.0}),
        Yielded(4.0, 0, 1, 1),
        Reported(4.0, 1, 1, 1, {"cost": 2.0}),
        Reported(5.0, 1, 1, 2, {"cost": 4.0}),
        Ended(6.0, 2, 1, "failed", reason="ValueError"),
        trials=3,
    )
    assert seen.total_cost == 5.0 + 4.0 + 4.0
    seen.extend([Started(100.0, 0, 2, "me"), Ended(101.0, 0, 2, "completed", {"cost": math.nan})])
    assert seen.total_cost == 5.0 + 4.0 + 4.0


def test_what_is_spent_stays_spent_where_an_attempt_is_lost() -> None:
    seen = history(Reported(3.0, 0, 1, 1, {"cost": 5.0}), Released(4.0, 0, 1, "lost"), Started(5.0, 0, 2, "me"))
    seen.extend([Reported(6.0, 0, 2, 1, {"cost": 1.0})])
    assert seen.total_cost == 5.0


def test_the_seconds_of_open_trials_cost_once_it_is_known_that_trials_tell_no_cost() -> None:
    seen = history(*(Reported(12.0, number, 1, 1, {"loss": 1.0}) for number in (0, 1, 2)), trials=4)
    seen.extend([Yielded(17.0, 1, 1, 1), Released(14.0, 2, 1, "lost")])
    assert seen.total_cost == 0.0
    seen.extend([Ended(15.0, 3, 1, "failed", reason="ValueError")])
    assert seen.total_cost == 13.0
    seen.extend([Ended(20.0, 0, 1, "completed", {"loss": 1.0})])
    assert seen.total_cost == 13.0 + 18.0 + 15.0 + 12.0
    seen.extend([Started(30.0, 1, 2, "me"), Reported(32.0, 1, 2, 2, {"loss": 1.0})])
    assert seen.total_cost == 13.0 + 18.0 + 17.0 + 12.0


def test_a_cost_told_at_the_end_is_not_mixed_with_seconds() -> None:
    seen = history(Yielded(600.0, 0, 1, 1), Reported(700.0, 1, 1, 1, {"loss": 1.0}), trials=3)
    seen.extend([Ended(701.0, 2, 1, "completed", {"loss": 1.0, "cost": 0.5})])
    assert seen.total_cost == 0.5


def test_an_objective_of_the_name_cost_is_no_cost() -> None:
    seen = history(Ended(5.0, 0, 1, "completed", {"cost": 50.0}), metrics={"cost": "min"})
    assert seen.total_cost == 3.0


def test_imported_trials_that_tell_no_cost_say_nothing_of_others() -> None:
    seen = history(
        Asked(2.0, 1, {"x": 0.5}, "imported"),
        Ended(2.0, 1, 0, "completed", {"loss": 1.0}),
        Reported(12.0, 0, 1, 1, {"loss": 1.0}),
    )
    assert seen.total_cost == 0.0


def test_a_running_trial_was_last_heard_of_at_its_start_or_report() -> None:
    assert history().heard(0) == history().since(0)
    seen = history(Reported(7.5, 0, 1, 1, {"loss": 9.0}), Asked(8.0, 1, {"x": 0.5}))
    assert (seen.heard(0), seen.heard(1)) == (7.5, 8.0)


def test_the_run_that_others_help_is_the_last_that_began_by_itself() -> None:
    first, helper = Joined(3.0, "me", "host", 7, 1, {"trials": 9}), Joined(4.0, "you", "host", 8, 1, {}, helps=True)
    seen = history(first, helper, Left(5.0, "me", "done"), Commanded(6.0, "set", values={"trials": 12}))
    assert seen.begun == Joined(3.0, "me", "host", 7, 1, {"trials": 12})
    assert history(helper).begun is None


def test_extending_a_trial_changes_its_budget() -> None:
    assert history(Decided(3.0, 0, "extend", budget=9)).budget(0) == 9


def test_arrays_are_views_that_cannot_be_written() -> None:
    seen = history(Reported(3.0, 0, 1, 1, {"loss": 1.0}))
    for array in (seen.X, seen.active, seen.Y, seen.state, seen.steps, *seen.log):
        with pytest.raises(ValueError, match="read-only"):
            array[...] = 0
    assert seen.X.base is seen.X.base
    assert seen.X.tolist() == [[0.25]]


def test_a_trial_that_is_not_there_is_named() -> None:
    with pytest.raises(UsageError, match="no trial 3; the experiment has 1 trial,"):
        history().trial(3)


@settings(max_examples=40)
@given(data=st.data())
def test_a_history_that_stands_still_hears_of_nothing_more(data: st.DataObject) -> None:
    events: list[Event] = [data.draw(legal.created)]
    moving = History()
    moving.extend(events)
    for _ in range(data.draw(st.integers(0, 20))):
        events.append(legal.following(data.draw, moving))
        moving.extend(events[-1:])
    stood = moving.still()
    for _ in range(data.draw(st.integers(1, 20))):
        moving.extend([legal.following(data.draw, moving)])
    replayed = History()
    replayed.extend(events)
    assert stood == replayed


def test_the_points_of_some_trials_are_those_among_all() -> None:
    made = history(trials=4)
    rows = np.array([3, 1])
    alone = made.points(rows)
    assert np.array_equal(alone, made.X[rows])
    assert np.array_equal(made.points(rows), alone)
