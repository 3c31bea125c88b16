"""What all figures share: themes, friendly emptiness, names that are shown as they are, a missing plotly, size."""

import json
import sys
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista import plot
from lanista.errors import MissingExtraError, UsageError
from lanista.journal import Asked, Created, Ended, Event, History, Reported
from lanista.testing import Story
from tests.plot.conftest import SPACE, message, note


def draw(name: str, story: Story, **options: Any) -> Any:
    """Any figure of a story."""
    function = getattr(plot, name)
    if name == "timeline":
        return function(story.history, story.events, **options)
    return function({"story": story.history} if name == "compare" else story.history, **options)


@pytest.mark.parametrize("name", plot.FIGURES)
def test_a_new_experiment_has_a_figure_that_says_what_to_do(name: str) -> None:
    assert len(message(draw(name, Story(SPACE)))) > 20
    assert len(message(draw(name, Story(la.Space({}))))) > 20


@pytest.mark.parametrize("name", plot.FIGURES)
def test_every_figure_has_a_light_and_a_dark_look(name: str, busy: Story) -> None:
    light, dark = draw(name, busy), draw(name, busy, theme="dark")
    assert light.layout.template.layout.paper_bgcolor == "#ffffff"
    assert dark.layout.template.layout.paper_bgcolor == "#14181d"
    with pytest.raises(UsageError, match="theme='pink': the themes are 'light' and 'dark'"):
        draw(name, busy, theme="pink")


WITHOUT_METRIC = ("architecture", "timeline", "compare", "pareto", "hypervolume")


@pytest.mark.parametrize("name", [n for n in plot.FIGURES if n not in WITHOUT_METRIC])
def test_unknown_metrics_are_refused_everywhere(name: str, busy: Story) -> None:
    with pytest.raises(UsageError, match="there is no metric 'acuracy'; did you mean 'accuracy'"):
        draw(name, busy, metric="acuracy")


@pytest.mark.parametrize("name", plot.FIGURES)
def test_the_experiment_s_figures_are_those_of_its_history(name: str, experiment: la.Experiment) -> None:
    if name in ("timeline", "compare"):
        assert getattr(experiment.plot, name)().data
    else:
        assert getattr(experiment.plot, name)() == getattr(plot, name)(experiment.history)
    assert getattr(experiment.plot, name).__doc__
    assert name in repr(experiment.plot)


def test_the_experiment_s_figures_are_up_to_date(experiment: la.Experiment) -> None:
    before = len(experiment.trials)
    experiment.add(experiment.best.params, 0.5)
    line = experiment.plot.history().data[-1]
    assert np.asarray(line.x)[-1] == before


def test_names_and_values_of_a_user_are_shown_as_they_are() -> None:
    space = la.Space({"<i>p</i>": la.Float(0, 1), "c": la.Choice(["<a href='x'>", "b"])})
    story = Story(space, metrics={"<b>m</b>": "min"})
    for params in space.sample(np.random.default_rng(0), 8):
        story.end(story.start(params), "completed", 1.0)
    for name in ("history", "slice", "parallel", "contour", "importance", "edf"):
        text = draw(name, story).to_json().replace("\\u003c", "<").replace("<b>trial", "").replace("<br>", "")
        assert "<i>" not in text
        assert "<a" not in text
        assert "<b><b>" not in text


def test_metrics_to_be_maximised_keep_their_own_sign(busy: Story) -> None:
    assert np.asarray(plot.history(busy.history).data[-1].y).min() > 0


def test_without_plotly_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "plotly.graph_objects", None)
    with pytest.raises(MissingExtraError, match=r"plotly is not installed; pip install 'lanista\[plot\]' brings it"):
        plot.history(History())


@pytest.fixture(scope="module")
def large() -> tuple[History, list[Event]]:
    """A hundred thousand trials of twenty parameters and two objectives."""
    numbers = {f"x{i}": la.Float(1e-3, 1, log=True) for i in range(18)}
    space = la.Space({**numbers, "kind": la.Choice(["a", "b"]), "k": la.Int(1, 9)})
    history, n = History(space), 100_000
    events: list[Event] = [Created(0.0, "large", space.to_json(), {"loss": "min", "size": "max"}, 0)]
    Y = np.random.default_rng(0).normal(size=(n, 2)).tolist()
    few = space.sample(np.random.default_rng(0), 500)
    for i in range(n):
        metrics = dict(zip(("loss", "size"), Y[i], strict=True))
        state = ("completed", "stopped", "failed")[(i % 7 == 1) + 2 * (i % 7 == 3)]
        events.append(Asked(float(i), i, few[i % 500], owner="me"))
        events.append(Reported(i + 1.0, i, 1, 1 + 2 * (i % 2), metrics))
        events.append(Ended(i + 2.0, i, 1, state, metrics))
    history.extend(events)
    return history, events


@pytest.mark.parametrize("name", [n for n in plot.FIGURES if n not in ("timeline", "compare")])
def test_a_figure_of_a_hundred_thousand_trials_is_small(name: str, large: tuple[History, list[Event]]) -> None:
    figure = getattr(plot, name)(large[0])
    assert len(figure.to_json()) < 1_000_000
    marks = sum(len(trace.x) for trace in figure.data if trace.type == "scatter" and trace.mode == "markers")
    assert marks <= 6_000


def test_the_other_large_figures_are_small_too(large: tuple[History, list[Event]]) -> None:
    history, events = large
    assert len(plot.compare({"large": history}).to_json()) < 1_000_000
    assert len(plot.timeline(history, events[-60_000:]).to_json()) < 1_000_000


def test_a_large_figure_says_so_and_keeps_the_best_and_the_worst(large: tuple[History, list[Event]]) -> None:
    history, _ = large
    figure = plot.history(history)
    shown = np.concatenate([np.asarray(t.y) for t in figure.data if t.mode == "markers" and t.name != "failed"])
    known = history.Y[:, 0][~np.isnan(history.Y[:, 0])]
    assert (shown.min(), shown.max()) == (known.min(), known.max())
    assert "of 100,000 trials drawn" in note(figure)
    completed = history.Y[history.state == la.journal.COMPLETED, 0]
    assert np.asarray(figure.data[-1].y).min() == completed.min()


def test_figures_are_strict_json(busy: Story) -> None:
    def refuse(name: str) -> Any:
        raise AssertionError(f"{name} is no JSON")

    for name in plot.FIGURES:
        json.loads(draw(name, busy).to_json(), parse_constant=refuse)
