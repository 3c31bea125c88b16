"""What `warm_start` takes, and what it says of what it does not."""

from pathlib import Path
from typing import Any

import pytest

import lanista as la

SPACE = {"x": la.Float(0, 1), "k": la.Int(0, 9)}


def made(name: str, space: dict[str, Any], **settings: Any) -> la.Experiment:
    return la.Experiment(name, space, **{"metric": "loss", "store": "memory", "seed": 0, **settings})


@pytest.fixture
def old() -> la.Experiment:
    return made("old", SPACE, searcher="random").run(lambda t: t["x"], trials=12, progress=False)


@pytest.mark.parametrize("count", [0, -1, 2.5, "3", True])
def test_a_count_is_a_whole_number_from_1(old: la.Experiment, count: Any) -> None:
    with pytest.raises(la.errors.UsageError, match=r"warm_start\(count=.*\): it must be a whole number from 1"):
        made("new", SPACE).warm_start(old, count)


def test_an_experiment_does_not_begin_with_itself(old: la.Experiment, tmp_path: Path) -> None:
    with pytest.raises(la.errors.UsageError, match=r"'old' would begin with itself.*; give an earlier experiment"):
        old.warm_start(old)
    kept = made("kept", SPACE, store=tmp_path / "a.db")
    with pytest.raises(la.errors.UsageError, match="'kept' would begin with itself"):
        kept.warm_start(la.Experiment.load("kept", store=tmp_path / "a.db"))


def test_new_parameters_without_a_default_have_the_middle(old: la.Experiment) -> None:
    below = {"a": {"width": la.Int(1, 9)}, "b": {}}
    new = made("new", {"x": la.Float(0, 1), "added": la.Float(0, 4), "m": la.Choice(below)}).warm_start(old, 2)
    best = sorted(t.value for t in old.trials)[:2]
    assert [t.params for t in new.trials] == [{"x": x, "added": 2.0, "m": "a", "width": 5} for x in best]


def test_what_does_not_apply_here_is_left_out(old: la.Experiment) -> None:
    new = made("new", {"x": la.Float(0, 1), "m": la.Choice({"a": {}, "b": {"k": la.Int(0, 9)}})}).warm_start(old, 1)
    assert new.trials[0].params == {"x": old.best.params["x"], "m": "a"}


def test_spaces_without_a_parameter_in_common(old: la.Experiment) -> None:
    new = made("new", {"z": la.Float(0, 1)})
    with pytest.raises(la.errors.UsageError, match="of z, shares no parameter with the earlier one, of x, k; give"):
        new.warm_start(old)
    assert not new.history.sources


@pytest.mark.parametrize("space", [{"x": la.Float(5, 6)}, la.Space(SPACE).where("x > 0.5 and x < 0.4")])
def test_trials_none_of_which_fits(old: la.Experiment, space: Any) -> None:
    new = made("new", space)
    with pytest.raises(la.errors.UsageError, match=r"none of 12 completed trials fits this space; .*; widen the space"):
        new.warm_start(old)
    assert not new.history.sources
    assert not new.trials


def test_the_same_metric_in_the_other_direction(old: la.Experiment) -> None:
    with pytest.raises(la.errors.UsageError, match=r"'loss' is 'max' here and 'min' in 'old'; make .* mode='min'"):
        made("new", SPACE, mode="max").warm_start(old)


@pytest.mark.parametrize("values", [[], [float("nan"), float("nan")]])
def test_an_experiment_without_a_value_cannot_help(values: list[float]) -> None:
    new, old = made("new", SPACE), made("no use", SPACE)
    for value in values:
        old.add({"x": 0.5, "k": 1}, value)
    with pytest.raises(la.errors.UsageError, match=r"'no use' has no completed trial with a value.*; run it first, or"):
        new.warm_start(old)
    assert not new.trials
    assert not new.history.sources
