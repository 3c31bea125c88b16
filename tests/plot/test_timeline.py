"""Runs, lanes, pauses and failures, read from the journal's events."""

import pytest

import lanista as la
from lanista import plot
from lanista.errors import UsageError
from lanista.journal import Asked, Commanded, Ended, Event, Joined, Released, Reported, Started, Yielded
from lanista.plot._frame import NOTHING
from lanista.testing import Story
from tests.plot.conftest import message, named, note

EVENTS: list[Event] = [
    Joined(10.0, "me", "host/boot/ns", 7, workers=2),
    Asked(10.0, 0, {}, owner="me"),
    Asked(10.0, 1, {}),
    Started(10.0, 1, 1, "me"),
    Reported(12.0, 0, 1, 1, {"loss": 3.0}),
    Yielded(12.0, 0, 1, 1),
    Asked(12.0, 2, {}, owner="me"),
    Released(14.0, 1, 1, "worker lost"),
    Started(15.0, 1, 2, "me"),
    Ended(16.0, 2, 1, "failed", reason="boom"),
    Commanded(16.5, "pause"),
    Commanded(17.5, "resume"),
    Started(18.0, 0, 2, "me"),
    Ended(20.0, 0, 2, "completed", {"loss": 1.0}),
    Reported(21.0, 1, 2, 1, {"loss": 2.0}),
]


@pytest.fixture
def story() -> Story:
    told = Story(la.Space({}))
    told.tell(*EVENTS)
    return told


def runs(story: Story, events: list[Event]) -> list[tuple[int, int, int, float, float, str]]:
    found = plot.read_runs(story.history, events).runs
    return [(r.number, r.attempt, r.lane, r.start, r.end, r.outcome) for r in found]


ALL = [
    (0, 1, 0, 10.0, 12.0, "paused"),
    (1, 1, 1, 10.0, 14.0, "interrupted"),
    (2, 1, 0, 12.0, 16.0, "failed"),
    (1, 2, 1, 15.0, 21.0, "running"),
    (0, 2, 0, 18.0, 20.0, "completed"),
]


def test_each_attempt_is_a_run_on_the_lowest_free_lane(story: Story) -> None:
    assert runs(story, story.events) == ALL


def test_the_latest_events_suffice_for_the_latest_runs(story: Story) -> None:
    late = story.events[story.events.index(Ended(20.0, 0, 2, "completed", {"loss": 1.0})) :]
    assert runs(story, late) == [(0, 2, 0, 18.0, 20.0, "completed")]
    later = story.events[story.events.index(Started(18.0, 0, 2, "me")) :]
    assert runs(story, later) == [(0, 2, 0, 18.0, 20.0, "completed")]


def test_a_late_word_of_an_earlier_attempt_ends_nothing(story: Story) -> None:
    stale = Ended(22.0, 1, 1, "completed", {"loss": 0.0})
    story.tell(stale)
    assert [run[:2] + run[3:] for run in runs(story, story.events)][3] == (1, 2, 15.0, 22.0, "running")


def test_bars_begin_and_last_as_the_runs_did(story: Story) -> None:
    figure = plot.timeline(story.history, story.events)
    assert [trace.name for trace in figure.data] == ["completed", "paused", "running", "failed", "interrupted"]
    bar = named(figure, "failed")
    assert (list(bar.base), list(bar.x), list(bar.y)) == ([2.0], [4.0], ["worker 1"])
    assert bar.hovertext[0].startswith("<b>trial 2</b><br>failed after 4 s")
    assert bar.hovertext[0].endswith("<i>boom</i>")
    assert "attempt 2" in named(figure, "completed").hovertext[0]
    assert [(shape.x0, shape.x1) for shape in figure.layout.shapes] == [(6.5, 7.5)]


def test_processes_are_named_where_there_are_several(story: Story) -> None:
    story.tell(Joined(22.0, "you", "other", 8), Asked(22.0, 3, {}, owner="you"), Ended(23.0, 3, 1, "completed"))
    rows = {row for trace in plot.timeline(story.history, story.events).data for row in trace.y}
    assert rows == {"host pid 7 · 1", "host pid 7 · 2", "other pid 8 · 1"}


def test_the_latest_runs_are_shown_and_the_title_says_so(story: Story) -> None:
    figure = plot.timeline(story.history, story.events, last=2)
    assert sum(len(trace.x) for trace in figure.data) == 2
    assert note(figure) == "the latest 2 of 5 runs drawn"
    with pytest.raises(UsageError, match="last=0 must be a whole number from 1"):
        plot.timeline(story.history, story.events, last=0)


def test_an_experiment_reads_its_own_journal(experiment: la.Experiment) -> None:
    figure = experiment.plot.timeline()
    assert len(named(figure, "completed").x) == 11
    assert len(named(figure, "failed").x) == 1
    empty = la.Experiment("none", {"x": la.Float(0, 1)}, store="memory")
    assert message(empty.plot.timeline()).startswith("no trials yet")


def test_a_trial_that_was_run_elsewhere_is_on_no_worker() -> None:
    experiment = la.Experiment("added", {"x": la.Float(0, 1)}, metric="loss", store="memory", seed=0)
    experiment.add({"x": 0.5}, 0.25)
    assert experiment.plot.timeline().layout.annotations[0].text == NOTHING
    experiment.run(lambda trial: trial["x"], trials=3, progress=False)
    (bars,) = experiment.plot.timeline().data
    assert len(bars.y) == 3
