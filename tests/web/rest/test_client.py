"""The client: an experiment elsewhere, with the face of one here."""

import math
import re

import pytest

import lanista as la
from lanista.errors import (
    ExperimentError,
    MetricError,
    MismatchError,
    ParameterError,
    SpaceError,
    StoreError,
    UsageError,
)
from lanista.web import connect
from tests.web.rest.conftest import start

SPACE = {"x": la.Float(0, 1), "c": la.Choice(["a", "b"])}


def test_ask_and_tell_as_with_a_local_experiment(server, store) -> None:
    remote = connect(server.url).experiment("far", SPACE, "loss", searcher="random", seed=5)
    local = la.Experiment("far", SPACE, "loss", searcher="random", seed=5, store="memory")
    for exp in (remote, local):
        for _ in range(3):
            trial = exp.ask()
            while trial.step < 2 and not trial.stopped:
                trial.report(trial["x"] / (trial.step + 1))
            exp.tell(trial)
        exp.tell(exp.ask(), state="failed")
        exp.tell(exp.ask(), {"loss": 0.001, "acc": 3.0})
        exp.enqueue([{"x": 0.5, "c": "a"}])
    ours, theirs = list(remote.trials), list(local.trials)
    told = ("number", "state", "params", "metrics", "steps", "origin", "parent")
    for name in told:
        assert [getattr(record, name) for record in ours] == [getattr(record, name) for record in theirs]
    assert math.isnan(ours[3].value)
    assert remote.best.number == local.best.number == 4
    assert (remote.metrics, remote.space) == (local.metrics, local.space)
    assert la.Experiment.load("far", store).best.metrics == {"loss": 0.001, "acc": 3.0}


def test_an_experiment_that_is_there_is_opened_by_its_name(server, digits) -> None:
    connection = connect(server.url)
    assert connection.experiments() == ["digits"]
    remote = connection.experiment("digits")
    assert remote.best.value == 0.9
    assert remote.trial(2).state == "failed"
    with pytest.raises(ExperimentError, match=r"there is no experiment 'digit' .* did you mean 'digits'"):
        connection.experiment("digit")
    with pytest.raises(MismatchError, match="acc"):
        connection.experiment("digits", remote.space, "loss")


def test_steering_from_afar(server, digits) -> None:
    remote = connect(server.url).experiment("digits")
    remote.pause()
    with pytest.raises(ExperimentError, match="is paused"):
        remote.ask()
    remote.resume()
    remote.stop()
    remote.kill(4)
    assert digits.trials[4].state == "cancelled"
    with pytest.raises(ExperimentError, match="has ended already"):
        remote.kill(4)
    with pytest.raises(ExperimentError, match="nobody runs 'digits' now"):
        remote.set(trials=7)


def test_the_rest_of_the_face_is_that_of_a_local_experiment(server, store) -> None:
    metrics = {"loss": "min", "size": "min"}
    remote = connect(server.url).experiment("both", SPACE, metrics, seed=5)
    local = la.Experiment("both", SPACE, metrics, store="memory", seed=5)
    for exp in (remote, local):
        assert exp.pareto == []
        exp.add({"x": 0.1, "c": "a"}, (1.0, 3.0)).add({"x": 0.2, "c": "b"}, {"loss": 3.0, "size": 1.0, "acc": 0.5})
        exp.add({"x": 0.3, "c": "b"}, (2.0, 4.0)).add({"x": 0.4, "c": "b"}, (math.nan, 2.0), state="failed")
        exp.note(why="to compare", tags=["old"])
    assert [one.number for one in remote.pareto] == [one.number for one in local.pareto] == [0, 1]
    times = ["asked", "ended"]
    assert remote.frame().drop(columns=times).equals(local.frame().drop(columns=times))
    assert remote.plot.pareto(theme="dark").to_json() == local.plot.pareto(theme="dark").to_json()
    assert remote.plot.compare(metric="loss").data[0].name == "both"
    assert remote.history.notes == {None: {"why": "to compare", "tags": ["old"]}}
    with pytest.raises(SpaceError, match="x"):
        remote.add({"x": 7, "c": "a"}, (1.0, 1.0))
    with pytest.raises(MetricError, match="size"):
        remote.add({"x": 0.5, "c": "a"}, {"loss": 1.0})


def test_a_copy_follows_the_journal_and_an_experiment_that_is_made_anew(server, store, monkeypatch) -> None:
    monkeypatch.setattr("lanista.web._client.PAGE", 2)
    here = la.Experiment("far", SPACE, "loss", store=store)
    here.add({"x": 0.5, "c": "a"}, 1.0).add({"x": 0.5, "c": "b"}, 2.0)
    remote = connect(server.url).experiment("far")
    assert remote.history == here.history
    first = remote.history
    here.enqueue({"x": 0.25, "c": "a"})
    assert remote.history == here.history
    assert remote.history is first, "only what is new was copied"
    la.remove("far", store)
    la.Experiment("far", {"y": la.Float(0, 1)}, "loss", store=store)
    assert (len(remote.history), remote.history.space.names) == (0, ("y",))


def test_errors_are_those_of_a_local_experiment(server) -> None:
    remote = connect(server.url).experiment("wrong", SPACE, "loss")
    with pytest.raises(SpaceError, match="x"):
        remote.enqueue({"x": 7, "c": "a"})
    trial = remote.ask()
    with pytest.raises(MetricError, match="loss"):
        remote.tell(trial)
    with pytest.raises(ParameterError, match=re.escape("trial['y']: there are x, c")):
        trial["y"]
    remote.tell(trial, 1.0)
    with pytest.raises(ExperimentError, match="has ended already"):
        remote.tell(trial, 1.0)
    with pytest.raises(UsageError, match="there is no trial 9"):
        remote.trial(9)
    with pytest.raises(UsageError, match="cannot be sent"):
        remote.enqueue({"x": math.nan, "c": "a"})


def test_a_name_with_any_character_travels(server) -> None:
    connection = connect(server.url)
    remote = connection.experiment("50% ü?#&..", SPACE, "loss")
    remote.tell(remote.ask(), 0.5)
    assert connection.experiments() == ["50% ü?#&.."]


def test_a_server_with_a_token(store) -> None:
    server = start(store, token="a-good-secret")
    try:
        with pytest.raises(UsageError, match="wants a token"):
            connect(server.url).experiments()
        assert connect(server.url, token="a-good-secret").experiments() == []
        assert connect(f"{server.url}/?token=a-good-secret").experiments() == []
    finally:
        server.stop()


def test_a_server_that_is_not_there(server) -> None:
    server.stop()
    with pytest.raises(StoreError, match=r"cannot be reached: .*; is `lanista ui` running there\?"):
        connect(server.url).experiments()


@pytest.mark.parametrize("url", ["localhost:8321", "ftp://here", "http://", 7])
def test_what_is_no_url(url) -> None:
    with pytest.raises(UsageError, match="give what `lanista ui` printed"):
        connect(url)
