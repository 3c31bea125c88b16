"""Fronts and their hypervolume against the experiment's own."""

import numpy as np
import pytest

import lanista as la
from lanista import plot
from lanista.errors import UsageError
from lanista.testing import Story
from tests.plot.conftest import message, named, note

WAYS = {"accuracy": "max", "latency": "min", "size": "min"}


def told(count: int, **ways: str) -> la.Experiment:
    exp = la.Experiment(
        "front", {"x": la.Float(0, 1)}, ways, constraints={"x": la.at_most(0.9)}, store="memory", seed=0
    )
    rng = np.random.default_rng(4)
    for _ in range(count):
        x = float(rng.random())
        exp.add({"x": x}, dict(zip((*ways, "x"), [*rng.random(len(ways)).tolist(), x], strict=True)))
    return exp


@pytest.mark.parametrize("names", [("accuracy", "latency"), ("latency", "accuracy"), ("latency", "size")])
def test_the_front_is_the_experiment_s_in_its_own_signs(names: tuple[str, str]) -> None:
    exp = told(60, **{name: WAYS[name] for name in names})
    figure = exp.plot.pareto()
    front = named(figure, "front")
    assert sorted(zip(front.x, front.y, strict=True)) == sorted(r.values for r in exp.pareto)
    assert list(front.x) == sorted(front.x)
    assert front.line.shape == ("hv" if WAYS[names[0]] == "min" else "vh")
    assert figure.layout.xaxis.title.text == f"{names[0]} ({WAYS[names[0]]})"
    marks = sum(len(trace.x) for trace in figure.data)
    assert marks == 60
    broken = named(figure, "breaks a constraint")
    assert len(broken.x) == sum(not r.feasible for r in exp.trials)


def test_three_objectives_are_a_room() -> None:
    exp = told(60, **WAYS)
    front = named(exp.plot.pareto(), "front")
    assert front.type == "scatter3d"
    assert sorted(zip(front.x, front.y, front.z, strict=True)) == sorted(r.values for r in exp.pareto)
    figure = exp.plot.pareto(["size", "accuracy"])
    assert figure.layout.xaxis.title.text == "size (min)"


def test_the_hypervolume_grows_to_the_experiment_s() -> None:
    exp = told(40, accuracy="max", latency="min")
    (line,) = exp.plot.hypervolume({"accuracy": 0.0, "latency": 1.0}).data
    volumes = np.asarray(line.y)
    assert (np.diff(volumes) >= 0).all()
    assert volumes[-1] == pytest.approx(exp.hypervolume((0.0, 1.0)))
    at = {n: told(n, accuracy="max", latency="min").hypervolume((0.0, 1.0)) for n in (1, 7, 23)}
    assert {n: volumes[n - 1] for n in at} == pytest.approx(at)
    assert np.asarray(exp.plot.hypervolume().data[0].y)[-1] == pytest.approx(exp.hypervolume())


def test_of_many_trials_the_hypervolume_is_computed_at_some_moments() -> None:
    story = Story(la.Space({}), metrics={"a": "min", "b": "min"})
    for a, b in np.random.default_rng(0).random((600, 2)):
        story.end(story.start({}), "completed", float(a), float(b))
    figure = plot.hypervolume(story.history, (1.0, 1.0))
    assert "computed at 250 moments" in note(figure)
    assert np.asarray(figure.data[0].x)[-1] == 600


def test_what_cannot_be_a_front_is_said() -> None:
    exp = told(3, **WAYS)
    with pytest.raises(UsageError, match="no objective 'latenci'; did you mean 'latency'"):
        exp.plot.pareto(["latenci", "size"])
    with pytest.raises(UsageError, match="of two or three different objectives"):
        exp.plot.pareto(["size"])
    with pytest.raises(UsageError, match="must have one finite number for each of accuracy, latency, size"):
        exp.plot.hypervolume((1.0, 2.0))
    single = la.Experiment("one", {"x": la.Float(0, 1)}, store="memory")
    assert message(single.plot.pareto()).startswith("a front needs several objectives")
    assert message(single.plot.hypervolume()).startswith("a front needs several objectives")
    empty = la.Experiment("two", {"x": la.Float(0, 1)}, {"a": "min", "b": "min"}, store="memory")
    assert message(empty.plot.pareto()) == "no trial has a value of each objective yet"
    assert message(empty.plot.hypervolume()) == "no trial has completed with all objectives yet"


def test_of_more_objectives_the_first_three_are_shown() -> None:
    story = Story(la.Space({}), metrics=dict.fromkeys("abcd", "min"))
    for values in np.random.default_rng(0).random((10, 4)).tolist():
        story.end(story.start({}), "completed", *values)
    figure = plot.pareto(story.history)
    assert note(figure).endswith("the first 3 of 4 objectives")
    assert figure.layout.scene.zaxis.title.text == "c (min)"
