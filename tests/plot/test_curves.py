"""Learning curves and the rung table against the reports."""

import math

import numpy as np
import pytest

import lanista as la
from lanista import plot
from lanista.errors import UsageError
from lanista.testing import Story
from tests.plot.conftest import message, note


def test_each_curve_is_the_reports_of_its_trial(busy: Story) -> None:
    figure = plot.curves(busy.history)
    drawn = {trace.name: trace for trace in figure.data if trace.x[0] is not None}
    best = busy.history.best
    for record in map(busy.history.trial, range(len(busy.history))):
        if not record.steps:
            continue
        name = f"trial {record.number}, the best" if record.number == best else f"trial {record.number} {record.state}"
        steps, values = zip(*[(s, m["accuracy"]) for s, m in busy.history.reports(record.number)], strict=True)
        assert tuple(drawn[name].x) == steps
        assert tuple(drawn[name].y) == pytest.approx(values)


def test_the_legend_has_one_entry_a_state_and_the_best(busy: Story) -> None:
    figure = plot.curves(busy.history)
    entries = [trace.name for trace in figure.data if trace.showlegend is not False]
    assert sorted(entries) == ["completed", "running", "stopped", f"trial {busy.history.best}, the best"]


def test_rungs_are_the_steps_where_trials_ended(busy: Story) -> None:
    assert plot.rung_steps(busy.history) == [1, 3, 9]
    figure = plot.curves(busy.history)
    assert [shape.x0 for shape in figure.layout.shapes] == [1, 3, 9]
    assert note(figure) == "rungs at 1, 3, 9"


def test_trials_that_end_anywhere_were_not_judged_at_rungs() -> None:
    story = Story(la.Space({}))
    for last in range(1, 20):
        number = story.start({})
        story.report(number, last, 1.0)
        story.end(number, "stopped")
    assert plot.rung_steps(story.history) == []
    assert message(plot.rungs(story.history)).startswith("no rungs")


def test_the_table_counts_who_reached_a_rung_and_what_became_of_them(busy: Story) -> None:
    records = [busy.history.trial(n) for n in range(len(busy.history))]
    for rung in plot.rung_table(busy.history):
        reached = [r for r in records if r.steps >= rung.step]
        at = [dict(busy.history.reports(r.number))[rung.step]["accuracy"] for r in reached]
        ended = [r for r in reached if r.steps < {1: 3, 3: 9, 9: math.inf}[rung.step]]
        assert rung.reached == len(reached)
        assert rung.went_on == len(reached) - len(ended)
        assert rung.stopped == sum(r.state == "stopped" for r in ended)
        assert rung.completed == sum(r.state == "completed" for r in ended)
        assert rung.other == sum(r.state not in ("stopped", "completed", "paused") for r in ended)
        assert (rung.best, rung.median) == pytest.approx((max(at), np.median(at)))


def test_the_table_is_drawn(busy: Story) -> None:
    (table,) = plot.rungs(busy.history).data
    assert list(table.cells.values[0]) == [1, 3, 9]
    assert table.header["values"][-2] == "<b>best accuracy</b>"


def test_long_curves_keep_their_peaks() -> None:
    story = Story(la.Space({}))
    number = story.start({})
    for step in range(1, 2_001):
        story.report(number, step, 100.0 if step == 777 else math.sin(step))
    trace = plot.curves(story.history).data[-1]
    assert len(trace.x) <= 200
    assert 777 in np.asarray(trace.x)


def test_many_curves_are_thinned_and_the_best_stays() -> None:
    story = Story(la.Space({}))
    for number in range(400):
        story.start({})
        story.report(number, 1, 0.0 if number == 125 else 1.0)
        story.end(number, "completed")
    figure = plot.curves(story.history)
    assert note(figure) == "150 of 400 curves drawn"
    assert figure.data[-1].name == "trial 125, the best"


def test_chosen_trials_alone_are_drawn(busy: Story) -> None:
    names = [trace.name for trace in plot.curves(busy.history, [3]).data]
    assert "trial 3 completed" in names or "trial 3, the best" in names
    with pytest.raises(UsageError, match="there is no trial 99"):
        plot.curves(busy.history, [99])
    with pytest.raises(UsageError, match=r"trials=\[\] names no trial"):
        plot.curves(busy.history, [])


def test_any_reported_metric_has_curves() -> None:
    exp = la.Experiment("both", {"x": la.Float(0, 1)}, metric="loss", store="memory", seed=0)

    def train(trial: la.Trial) -> None:
        for step in (1, 2):
            trial.report(loss=1 / step, size=10.0 * step)

    exp.run(train, trials=1, progress=False)
    assert list(exp.plot.curves(metric="size").data[-1].y) == [10.0, 20.0]
    with pytest.raises(UsageError, match="no metric 'sise'; did you mean 'size'"):
        exp.plot.curves(metric="sise")
