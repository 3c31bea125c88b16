"""Slices, contours, importance and parallel coordinates against the configurations."""

import numpy as np
import pytest

import lanista as la
from lanista import plot
from lanista.errors import UsageError
from lanista.testing import Story
from tests.plot.conftest import message, note


def test_a_panel_shows_each_value_of_its_parameter_against_the_metric(experiment: la.Experiment) -> None:
    figure = experiment.plot.slice(["lr"])
    records = [r for r in experiment.trials if r.state == "completed"]
    whole = figure.data[0]
    assert list(zip(whole.x, whole.y, strict=True)) == [(r.params["lr"], r.value) for r in records]
    assert figure.layout.xaxis.type == "log"
    assert list(np.power(10, figure.layout.xaxis.range)) == pytest.approx([1e-5, 1e-1], rel=0.5)


def test_failed_trials_stand_below_all_others(experiment: la.Experiment) -> None:
    figure = experiment.plot.slice(["lr"])
    failed = figure.data[-1]
    assert list(failed.x) == [experiment.trials[3].params["lr"]]
    assert failed.y[0] < min(r.value for r in experiment.trials if r.state == "completed")
    assert "× failed" in note(figure)


def test_stopped_trials_are_hollow(busy: Story) -> None:
    figure = plot.slice(busy.history, ["lr"])
    assert figure.data[0].marker.symbol == "triangle-down-open"
    assert "▽ not completed" in note(figure)


def test_a_panel_says_in_how_many_trials_its_parameter_is_absent(experiment: la.Experiment) -> None:
    figure = experiment.plot.slice(["momentum"])
    absent = sum("momentum" not in r.params for r in experiment.trials)
    assert figure.layout.xaxis.title.text == f"momentum (absent in {absent})"
    assert sum(len(trace.x) for trace in figure.data) == len(experiment.trials) - absent


def test_categories_stand_beside_each_other_by_their_names(experiment: la.Experiment) -> None:
    figure = experiment.plot.slice(["opt"])
    assert list(figure.layout.xaxis.ticktext) == ["sgd", "adam"]
    records = [r for r in experiment.trials if r.state == "completed"]
    assert np.rint(figure.data[0].x).tolist() == [["sgd", "adam"].index(r.params["opt"]) for r in records]


def test_all_parameters_have_a_panel_and_share_the_metric_s_axis(experiment: la.Experiment) -> None:
    layout = experiment.plot.slice().layout
    titles = [layout[f"xaxis{i}"].title.text.split(" (")[0] for i in ("", 2, 3, 4)]
    assert titles == ["lr", "layers", "opt", "momentum"]
    assert {layout[f"yaxis{i}"].matches for i in (2, 3, 4)} == {"y"}


def test_a_name_shared_by_options_is_one_axis() -> None:
    space = la.Space({"kind": la.Choice({"a": {"width": la.Int(1, 4)}, "b": {"width": la.Int(10, 40)}})})
    story = Story(space)
    for params in ({"kind": "a", "width": 2}, {"kind": "b", "width": 30}):
        story.end(story.start(params), "completed", 1.0)
    figure = plot.slice(story.history, ["width"])
    assert list(figure.data[0].x) == [2, 30]
    low, high = figure.layout.xaxis.range
    assert low < 1 < 40 < high


def test_a_contour_is_exact_where_the_trials_are() -> None:
    space = la.Space({"a": la.Float(0, 1), "b": la.Float(1, 100, log=True)})
    story = Story(space)
    for params in space.sample(np.random.default_rng(0), 60):
        story.end(story.start(params), "completed", params["a"])
    figure = plot.contour(story.history, ["a", "b"])
    surface, marks = figure.data
    z, x = np.asarray(surface.z), np.asarray(surface.x)
    assert np.corrcoef(z.mean(axis=0), x)[0, 1] > 0.95
    assert z.min() >= min(marks.marker.color)
    assert z.max() <= max(marks.marker.color)
    assert figure.layout.yaxis.type == "log"
    assert list(marks.x) == [r["a"] for r in story.history.params]


def test_a_contour_takes_what_matters_most() -> None:
    space = la.Space({"idle": la.Float(0, 1), "a": la.Float(0, 1), "b": la.Float(0, 1)})
    story = Story(space)
    for params in space.sample(np.random.default_rng(0), 60):
        story.end(story.start(params), "completed", params["a"] + 0.5 * params["b"])
    figure = plot.contour(story.history)
    assert {figure.layout.xaxis.title.text, figure.layout.yaxis.title.text} == {"a", "b"}


def test_a_contour_over_a_category_has_a_row_for_each(experiment: la.Experiment) -> None:
    surface, _ = experiment.plot.contour(["lr", "opt"]).data
    assert np.asarray(surface.z).shape == (2, 40)
    assert surface.type == "heatmap"


def test_a_contour_needs_two_parameters(experiment: la.Experiment) -> None:
    with pytest.raises(UsageError, match="a contour is over two different parameters"):
        experiment.plot.contour(["lr"])
    with pytest.raises(UsageError, match="a contour is over two different parameters"):
        experiment.plot.contour(["lr", "lr"])
    story = Story(la.Space({"x": la.Float(0, 1)}))
    assert message(plot.contour(story.history)).startswith("a contour needs two parameters")


def test_importance_shows_the_shares_of_each_objective() -> None:
    space = la.Space({"a": la.Float(0, 1), "b": la.Float(0, 1)})
    story = Story(space, metrics={"loss": "min", "score": "max"})
    for params in space.sample(np.random.default_rng(0), 40):
        story.end(story.start(params), "completed", params["a"], params["b"])
    figure = plot.importance(story.history)
    for trace, metric in zip(figure.data, ("loss", "score"), strict=True):
        shares = la.search.importance(story.history, metric=metric)
        assert dict(zip(trace.y, trace.x, strict=True)) == pytest.approx(shares)
    (alone,) = plot.importance(story.history, "score", method="permutation").data
    assert alone.y[-1] == "b"


def test_a_line_crosses_each_axis_at_the_trial_s_value() -> None:
    space = la.Space({"x": la.Float(1e-4, 1, log=True), "c": la.Choice(["p", "q", "r"]), "w": la.Float(2, 6)})
    story = Story(space)
    story.end(story.start({"x": 1e-2, "c": "r", "w": 3.0}), "completed", 5.0)
    story.end(story.start({"x": 1e-4, "c": "p", "w": 6.0}), "completed", 1.0)
    worst, best = plot.parallel(story.history).data
    assert np.asarray(worst.y)[:4].tolist() == pytest.approx([0.5, 1.0, 0.25, 1.0])
    assert np.asarray(best.y)[:4].tolist() == pytest.approx([0.0, 0.0, 1.0, 0.0])
    assert np.isnan(np.asarray(worst.y)[4])
    assert worst.hovertext[0] == "trial 0 5"


def test_lines_dip_where_a_parameter_is_absent_and_failed_ones_are_dotted(experiment: la.Experiment) -> None:
    figure = experiment.plot.parallel()
    assert figure.data[0].name == "failed"
    assert figure.data[0].line.dash == "dot"
    dips = sum(int((np.asarray(trace.y) < 0).sum()) for trace in figure.data)
    assert dips == sum("momentum" not in r.params for r in experiment.trials) + 1  # the failed one has no value
    assert note(figure) == "a line dips where its trial lacks the parameter"


def test_the_best_lines_come_last_whatever_the_direction(busy: Story) -> None:
    best = busy.history.best
    assert any(text.startswith(f"trial {best} ") for text in plot.parallel(busy.history).data[-1].hovertext)


def test_whole_numbers_have_whole_labels(experiment: la.Experiment) -> None:
    texts = [a.text for a in experiment.plot.parallel(["layers"]).layout.annotations if a.x == 0]
    assert texts == ["1", "2", "3", "4"]


def test_unknown_parameters_and_metrics_are_named_with_those_that_come_near(experiment: la.Experiment) -> None:
    for draw in (experiment.plot.slice, experiment.plot.parallel):
        with pytest.raises(UsageError, match="there is no parameter 'layer'; did you mean 'layers'"):
            draw(["layer"])
        with pytest.raises(UsageError, match="there is no metric 'acuracy'; did you mean 'accuracy'"):
            draw(metric="acuracy")
    with pytest.raises(UsageError, match="there is no parameter 'zzz'; there are lr, layers, opt, momentum"):
        experiment.plot.contour(["zzz", "lr"])


def test_a_space_that_is_found_by_running_is_drawn() -> None:
    exp = la.Experiment("found", metric="loss", store="memory", seed=0)

    def train(trial: la.Trial) -> float:
        kind = trial.suggest_categorical("kind", ["a", "b"])
        return trial.suggest_float("x", 0, 1) if kind == "a" else trial.suggest_int("k", 1, 9) / 10

    exp.run(train, trials=12, progress=False)
    assert len(exp.plot.slice().data) >= 3
    assert exp.plot.parallel().data


def test_other_domains_are_categories_or_numbers() -> None:
    space = la.Space(
        {
            "n": la.Normal(0, 1),
            "s": la.Subset(["p", "q"]),
            "o": la.Permutation(["u", "v"]),
            "b": la.Choice([True, None]),
        }
    )
    story = Story(space)
    for params in space.sample(np.random.default_rng(0), 20):
        story.end(story.start(params), "completed", params["n"])
    layout = plot.slice(story.history).layout
    assert layout.xaxis.type == "linear"
    assert set(layout.xaxis2.ticktext) <= {"(none)", "p", "q", "p, q"}
    assert list(layout.xaxis4.ticktext) == ["True", "None"]
    assert plot.parallel(story.history).data


def test_of_very_many_parameters_the_first_are_shown() -> None:
    space = la.Space({f"p{i}": la.Float(0, 1) for i in range(30)})
    story = Story(space)
    story.end(story.start(space.defaults()), "completed", 1.0)
    for figure in (plot.slice(story.history), plot.parallel(story.history)):
        assert note(figure) == "the first 24 of 30 parameters; params= shows others"
    assert len(plot.slice(story.history).data) == 24
    assert plot.slice(story.history, ["p29"]).layout.xaxis.title.text == "p29"


def test_the_importance_of_many_trials_is_that_of_some_and_says_so() -> None:
    space = la.Space({"a": la.Float(0, 1), "b": la.Float(0, 1)})
    story = Story(space)
    for params in space.sample(np.random.default_rng(0), 600):
        story.end(story.start(params), "completed", params["a"])
    figure = plot.importance(story.history)
    assert note(figure) == "500 of 600 trials used"
    assert figure.data[0].y[-1] == "a"
    assert figure.data[0].x[-1] == pytest.approx(la.search.importance(story.history)["a"], abs=0.05)
