"""Best so far, all trials over time, distributions and comparisons against the records of the trials."""

import numpy as np
import pytest

import lanista as la
from lanista import plot
from lanista.errors import UsageError
from lanista.testing import Story
from tests.plot.conftest import message, named, note


def best_so_far(story: Story) -> dict[int, float]:
    """The best completed value up to each trial, worked out one by one."""
    best, out = -np.inf, {}
    for number in range(len(story.history)):
        record = story.history.trial(number)
        if record.state == "completed":
            best = max(best, record.value)
        if np.isfinite(best):
            out[number] = best
    return out


def test_the_line_is_the_best_up_to_each_trial(busy: Story) -> None:
    line = named(plot.history(busy.history), "best so far")
    told = best_so_far(busy)
    at = dict(zip(np.asarray(line.x).astype(int).tolist(), np.asarray(line.y).tolist(), strict=True))
    assert at.items() <= told.items()
    steps = [n for n in told if n - 1 not in told or told[n] != told[n - 1]]
    assert sorted(at) == sorted({*steps, max(told)})


def test_each_state_has_its_marks_at_the_values_of_its_trials(busy: Story) -> None:
    figure = plot.history(busy.history)
    records = [busy.history.trial(n) for n in range(len(busy.history))]
    for state in ("completed", "stopped", "running"):
        trace = named(figure, state)
        wanted = {r.number: r.value for r in records if r.state == state}
        assert dict(zip(np.asarray(trace.x).tolist(), np.asarray(trace.y).tolist(), strict=True)) == wanted
    for state in ("failed", "infeasible"):
        trace = named(figure, state)
        assert np.asarray(trace.x).tolist() == [r.number for r in records if r.state == state]
        assert (np.asarray(trace.y) < min(r.value for r in records if not np.isnan(r.value))).all()
    symbols = [trace.marker.symbol for trace in figure.data if trace.mode == "markers"]
    assert len(set(symbols)) == len(symbols)


def test_the_hover_text_has_number_state_value_and_parameters(experiment: la.Experiment) -> None:
    figure = experiment.plot.history()
    best = experiment.best
    (text,) = [t for t in named(figure, "completed").hovertext if t.startswith(f"<b>trial {best.number}</b> completed")]
    assert f"accuracy {best.value:.6g}" in text
    assert f"lr {best.params['lr']:.6g}" in text
    assert "layers" in text
    (failed,) = named(figure, "failed").hovertext
    assert "it &lt;b&gt;broke&lt;/b&gt;" in failed
    assert f"best {best.value:.6g} at trial {best.number}" in note(figure)


def test_a_trial_that_breaks_a_constraint_is_shown_and_is_never_the_best() -> None:
    story = Story(la.Space({}), metrics={"loss": "min"}, constraints={"size": la.at_most(1)})
    for loss, size in ((3.0, 0.5), (1.0, 2.0), (2.0, 1.0)):
        story.end(story.start({}), "completed", loss, size=size)
    figure = plot.history(story.history)
    assert np.asarray(named(figure, "breaks a constraint").y).tolist() == [1.0]
    assert np.asarray(named(figure, "best so far").y).tolist() == [3.0, 2.0, 2.0]


def test_over_time_trials_stand_where_they_ended() -> None:
    from lanista.journal import Asked, Ended

    story = Story(la.Space({}))
    for number, (start, end, loss) in enumerate([(100.0, 160.0, 2.0), (110.0, 130.0, 1.0), (120.0, 220.0, 0.5)]):
        story.tell(Asked(start, number, {}, owner="me"))
        story.tell(Ended(end, number, 1, "completed", {"loss": loss}))
    figure = plot.trials(story.history)
    assert np.asarray(named(figure, "completed").x).tolist() == [60.0, 30.0, 120.0]
    assert figure.layout.xaxis.title.text == "time since the first trial (s)"


def test_stopped_trials_make_the_line_only_while_none_completed() -> None:
    story = Story(la.Space({}))
    first = story.start({})
    story.report(first, 1, 5.0)
    story.end(first, "stopped")
    assert np.asarray(named(plot.history(story.history), "best so far").y).tolist() == [5.0, 5.0]
    story.end(story.start({}), "completed", 7.0)
    assert np.asarray(named(plot.history(story.history), "best so far").y).tolist() == [7.0, 7.0]


def test_the_distribution_is_that_of_the_completed_values(busy: Story) -> None:
    (trace,) = plot.edf(busy.history).data
    values = [r.value for r in map(busy.history.trial, range(len(busy.history))) if r.state == "completed"]
    assert np.asarray(trace.x).tolist() == sorted(values)
    for x, y in zip(np.asarray(trace.x), np.asarray(trace.y), strict=True):
        assert y == pytest.approx(np.mean(np.array(values) <= x))


def test_experiments_are_compared_by_their_names(experiment: la.Experiment) -> None:
    other = la.Experiment("other", experiment.space, metric="accuracy", mode="max", store="memory")
    other.add(experiment.best.params, 0.125)
    figure = experiment.plot.compare(other, over="trials")
    line = named(figure, "digits")
    assert np.asarray(line.y)[-1] == experiment.best.value
    assert np.asarray(line.x)[-1] == len(experiment.trials)
    assert np.asarray(named(figure, "other").y).tolist() == [0.125, 0.125]
    timed = experiment.plot.compare(over="time")
    assert timed.layout.xaxis.title.text.startswith("time since")


def test_an_experiment_without_a_value_is_named_in_the_note(experiment: la.Experiment) -> None:
    other = la.Experiment("other", metric="accuracy", mode="max", store="memory")
    assert note(experiment.plot.compare(other)) == "no value yet: other"


def test_experiments_of_other_objectives_cannot_be_compared(experiment: la.Experiment) -> None:
    with pytest.raises(UsageError, match="experiment 'b' has no objective 'accuracy'; it has loss"):
        experiment.plot.compare(la.Experiment("b", metric="loss", store="memory"))
    turned = la.Experiment("c", metric="accuracy", mode="min", store="memory")
    with pytest.raises(UsageError, match="'accuracy' has several directions: 'digits' max, 'c' min"):
        experiment.plot.compare(turned)
    with pytest.raises(UsageError, match="over='steps': it is 'trials' or 'time'"):
        experiment.plot.compare(over="steps")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="give at least one experiment"):
        plot.compare({})


def test_a_metric_that_is_no_objective_has_no_best(experiment: la.Experiment) -> None:
    story = Story(la.Space({}))
    story.end(story.start({}), "completed", 1.0, size=3.0)
    with pytest.raises(UsageError, match="'size' is no objective, so no value of it is the best"):
        plot.history(story.history, "size")
    assert np.asarray(plot.edf(story.history, "size").data[0].x).tolist() == [3.0]


def test_only_failed_trials_are_seen_as_failed() -> None:
    story = Story(la.Space({}))
    story.end(story.start({}), "failed")
    assert [trace.name for trace in plot.history(story.history).data] == ["failed"]
    story.start({})
    assert message(plot.edf(story.history)) == "no trial has a value yet: it appears with the first report or result"


@pytest.mark.parametrize(("mode", "bad"), [("min", 1e9), ("max", -1e9)])
def test_values_that_are_bad_beyond_measure_do_not_flatten_the_rest(mode: str, bad: float) -> None:
    story = Story(la.Space({"x": la.Float(0, 1)}), metrics={"loss": mode})
    for value in [*np.linspace(1, 2, 30).tolist(), bad]:
        story.end(story.start({"x": 0.5}), "completed", value)
    story.end(story.start({"x": 0.5}), "failed")
    for figure in (plot.history(story.history), plot.trials(story.history), plot.slice(story.history)):
        low, high = figure.layout.yaxis.range
        assert low < 1 < 2 < high
        assert high - low < 3
        assert "a bad value is beyond the axis" in note(figure)
        assert any(bad in np.asarray(trace.y) for trace in figure.data)
        assert low < min(min(y for y in trace.y if y != bad) for trace in figure.data)


def test_good_values_are_never_beyond_the_axis() -> None:
    story = Story(la.Space({}), metrics={"loss": "min"})
    for value in [*np.linspace(1, 2, 30).tolist(), -1e9]:
        story.end(story.start({}), "completed", value)
    assert plot.history(story.history).layout.yaxis.range is None
