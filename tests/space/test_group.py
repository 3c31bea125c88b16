"""Groups: several parameters that make one value."""

import pickle
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista.errors import ParameterError, SpaceError
from lanista.space import Choice, Float, Group, Int, Space


class Line(Group):
    def __init__(self, high: int = 4) -> None:
        self.tree = {"kind": Choice({"flat": {}, "steep": {"slope": Int(1, high)}})}

    def build(self, params: Mapping[str, Any]) -> Any:
        return ("line", dict(params))


class Pair(Group):
    def __init__(self) -> None:
        self.tree = {"a": Line(), "b": Choice({"none": {}, "some": {"line": Line(2)}})}

    def build(self, params: Mapping[str, Any]) -> Any:
        return ("pair", Space(self.tree).build("a", params), dict(params))


def test_parameters_of_a_group_stand_below_its_name() -> None:
    space = Space({"net": Line(), "lr": Float(0, 1)})
    assert space.names == ("net.kind", "net.slope", "lr")
    assert space.check({"net.kind": "steep", "net.slope": 2, "lr": 0.5}) == {
        "net.kind": "steep",
        "net.slope": 2,
        "lr": 0.5,
    }
    with pytest.raises(SpaceError, match=r"only with net\.kind='steep'"):
        space.check({"net.kind": "flat", "net.slope": 2, "lr": 0.5})


def test_build_gives_the_group_its_own_names() -> None:
    space = Space({"net": Line(), "lr": Float(0, 1)})
    assert space.build("net", {"net.kind": "steep", "net.slope": 3, "lr": 0}) == ("line", {"kind": "steep", "slope": 3})
    with pytest.raises(SpaceError, match=r"'lr' is no group .* the groups are: net"):
        space.build("lr", {})


def test_groups_nest_and_hang_below_choices() -> None:
    space = Space({"model": Choice({"one": {"net": Line()}, "two": {"net": Pair()}})})
    for params in space.sample(np.random.default_rng(0), 100):
        kind, *_, own = space.build("net", params)
        assert kind == {"one": "line", "two": "pair"}[params["model"]]
        assert {f"net.{name}" for name in own} == params.keys() - {"model"}
        if params.get("net.b") == "some":
            line = space.build("net.line", params)
            assert line[1].keys() == {name.removeprefix("net.line.") for name in params if "net.line." in name}


def test_a_group_outlives_where_fix_and_pickle() -> None:
    space = Space({"net": Line(), "lr": Float(0, 1)}).where("net.slope < 3 or lr > 0.5")
    again = pickle.loads(pickle.dumps(space.fix(**{"net.kind": "steep"})))
    assert again.names == ("net.slope", "lr")
    assert all(p["net.slope"] < 3 or p["lr"] > 0.5 for p in again.sample(np.random.default_rng(0), 50))
    assert again.build("net", {"net.kind": "steep", "net.slope": 1}) == ("line", {"kind": "steep", "slope": 1})


def test_json_keeps_the_parameters_and_not_the_group() -> None:
    space = Space({"net": Line()})
    again = Space.from_json(space.to_json())
    assert again == space
    with pytest.raises(SpaceError, match="give space= to the Experiment again"):
        again.build("net", {"net.kind": "flat"})


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_trial_builds_its_group_once(executor: str) -> None:
    exp = la.Experiment("group", {"net": Line(), "lr": Float(0, 1)}, metric="loss", store="memory", seed=0)
    exp.run(_objective, trials=4, workers=1, executor=executor, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed"] * 4


def _objective(trial: la.Trial) -> float:
    assert trial["net"] is trial["net"]
    assert trial["net"] == ("line", {k[4:]: v for k, v in trial.params.items() if k.startswith("net.")})
    return 0.0


def test_an_experiment_opened_without_its_space_says_what_is_missing(tmp_path: Any) -> None:
    store = tmp_path / "store.db"
    la.Experiment("group", {"net": Line()}, metric="loss", store=store)
    trial = la.Experiment.load("group", store).ask()
    with pytest.raises(ParameterError, match=r"trial\['net'\].*give space= to the Experiment again"):
        trial["net"]
    assert la.Experiment("group", {"net": Line()}, metric="loss", store=store).ask()["net"][0] == "line"


@pytest.mark.parametrize("name", ["net.w", "net.lr"])
def test_names_that_begin_as_those_of_a_group_are_refused(name: str) -> None:
    with pytest.raises(SpaceError, match=rf"'{name}' begins as the parameters of the group 'net' do"):
        Space({"net": Pair(), name: Float(0, 1)})
    with pytest.raises(SpaceError, match=rf"'{name}' begins as the parameters of the group 'net' do"):
        Space({"kind": Choice({"a": {name: Float(0, 1), "net": Pair()}, "b": {}})})
