"""Steering: with the same effect, and words, as the command line."""

import os
from typing import Any

import pytest

import lanista as la
from lanista.cli import main
from lanista.journal import Commanded, Joined


def commands(experiment: la.Experiment) -> list[tuple[str, dict[str, object]]]:
    events = experiment.store.read(1)
    return [(event.command, event.values) for event in events if isinstance(event, Commanded)]


@pytest.fixture
def running(digits) -> la.Experiment:
    """An experiment that this very process runs, as far as others can tell."""
    digits._beat()
    owner = digits._owner
    digits._journal.append([Joined(0.0, owner.owner, owner.host, owner.pid, limits={"trials": 9})])
    yield digits
    digits._heart.stop()


def test_pause_and_resume(api, digits) -> None:
    told = api.post("/experiments/digits/command", {"command": "pause"})
    assert told["message"].startswith("'digits' starts no further trials")
    assert api.get("/experiments/digits")["state"] == "paused"
    assert digits.history.paused
    assert api.post("/experiments/digits/command", {"command": "resume"})["message"] == "'digits' starts trials again"
    assert api.post("/experiments/digits/command", {"command": "resume"})["message"] == "'digits' was not paused"


def test_stop_is_told_to_whoever_runs_it(api, digits) -> None:
    told = api.post("/experiments/digits/command", {"command": "stop"})
    assert told["message"] == "nobody runs 'digits'; there is nothing to stop"
    assert commands(digits) == []


def test_stop_and_limits_reach_a_run(api, running, capsys) -> None:
    assert api.get("/experiments/digits")["state"] == "running"
    assert api.get("/experiments/digits")["owners"][0]["pid"] == os.getpid()
    api.post("/experiments/digits/command", {"command": "stop"})
    api.post("/experiments/digits/command", {"command": "stop_now"})
    api.post("/experiments/digits/limits", {"trials": 20, "time_limit": "1h", "cost": None})
    main(["set", "digits", "trials=20", "time_limit=1h", "cost=none", "--store", running.store.url])
    *stops, ours, theirs = commands(running)
    assert stops == [("stop", {}), ("stop", {"now": True})]
    assert ours == theirs == ("set", {"trials": 20, "time": 3600.0, "cost": None})
    found = api.get("/experiments/digits")
    assert found["limits"]["trials"] == 20
    assert {one["limit"] for one in found["progress"]} == {"trials", "time"}


def test_limits_of_nobody_s_run_are_refused(api, digits) -> None:
    error = api.post("/experiments/digits/limits", {"trials": 20}, 409)["error"]
    assert error["code"] == "LA300"
    assert "nobody runs 'digits' now" in error["message"]
    assert api.post("/experiments/digits/limits", {"trails": 20}, 422)["error"]["code"] == "LA700"


def test_a_wrong_limit_is_refused(api, running) -> None:
    message = api.post("/experiments/digits/limits", {"trials": -1}, 400)["error"]["message"]
    assert "limit trials=-1 must be a number above 0" in message


def test_enqueue_by_the_form(api, digits) -> None:
    told = api.post("/experiments/digits/enqueue", {"params": {"lr": 0.25, "opt": "adam"}})
    assert told == {"message": "enqueued as trial 5", "number": 5}
    assert digits.trials[5].origin == "enqueued"
    same = api.post("/experiments/digits/enqueue", {"params": {"lr": 0.25, "opt": "adam"}, "again": False})
    assert same == {"message": "it was enqueued before", "number": None}
    error = api.post("/experiments/digits/enqueue", {"params": {"lr": 7, "opt": "adam"}}, 400)["error"]
    assert error["code"] == "LA100"


def test_a_trial_is_stopped_and_run_again(api, digits) -> None:
    told = api.post("/experiments/digits/trials/4/command", {"command": "stop"})
    assert told["message"] == "trial 4 of 'digits' is told to end"
    assert digits.trials[4].state == "cancelled"
    assert (
        "has ended already"
        in api.post("/experiments/digits/trials/4/command", {"command": "stop"}, 409)["error"]["message"]
    )
    told = api.post("/experiments/digits/trials/2/command", {"command": "retry"})
    assert told == {"message": "trial 2 runs again as trial 5", "number": 5}
    assert digits.trials[5].params == digits.trials[2].params
    message = api.post("/experiments/digits/trials/5/command", {"command": "retry"}, 409)["error"]["message"]
    assert message == "trial 5 is waiting; a trial is run again once it has ended"
    api.post("/experiments/digits/trials/50/command", {"command": "retry"}, 404)


def test_notes_and_tags(api, digits) -> None:
    api.put("/experiments/digits/note", {"note": "<script>x</script> **bold**", "tags": ["a", "b"]})
    api.put("/experiments/digits/note", {"tags": ["c"]})
    found = api.get("/experiments/digits")
    assert (found["note"], found["tags"]) == ("<script>x</script> **bold**", ["c"])
    api.put("/experiments/digits/trials/1/note", {"note": "good", "tags": ["keep"]})
    row = api.get("/experiments/digits/trials?filter='keep' in tags")["trials"]
    assert [(one["number"], one["note"]) for one in row] == [(1, "good")]
    assert "nothing to write" in api.put("/experiments/digits/note", {}, 400)["error"]["message"]
    api.put("/experiments/digits/trials/99/note", {"note": "x"}, 404)


def test_create_and_delete(api, store) -> None:
    space = la.Space({"x": la.Float(0, 1)}).to_json()
    given = {"name": "made", "space": space, "metric": {"loss": "min", "acc": "max"}, "searcher": "random", "seed": 4}
    assert api.post("/experiments", given)["metrics"][1] == {"name": "acc", "direction": "max"}
    assert api.post("/experiments", given)["trials"] == 0
    assert la.Experiment.load("made", store)._created.seed == 4
    assert api.post("/experiments", {**given, "seed": 5}, 409)["error"]["code"] == "LA301"
    assert api.post("/experiments", {**given, "name": "a/b"}, 400)["error"]["code"] == "LA700"
    assert api.post("/experiments", {**given, "name": "x", "searcher": "nope"}, 400)["error"]["code"] == "LA700"
    assert api.post("/experiments", {**given, "name": "x", "space": {"x": 1}}, 400)["error"]["code"] == "LA100"
    assert api.delete("/experiments/made")["message"] == "deleted 'made'"
    assert api.delete("/experiments/made", 404)["error"]["code"] == "LA300"


def test_an_experiment_that_runs_is_not_deleted(api, running) -> None:
    assert "is being run by another process" in api.delete("/experiments/digits", 409)["error"]["message"]
    assert api.get("/experiments/digits")["trials"] == 5


def test_what_is_enqueued_at_once_by_others_is_not_taken_for_ours(api, digits, monkeypatch) -> None:
    experiment = api.client.app.state.hall.shelf.get("digits").experiment
    decide = type(experiment)._decide

    def late(self: la.Experiment, events: Any) -> Any:
        if self is experiment:
            digits.enqueue({"lr": 0.25, "opt": "adam"})
        return decide(self, events)

    monkeypatch.setattr(type(experiment), "_decide", late)
    told = api.post("/experiments/digits/enqueue", {"params": {"lr": 0.125, "opt": "adam"}})
    assert digits.trials[told["number"]].params["lr"] == 0.125


def test_limits_that_change_nothing_are_refused(api, running) -> None:
    assert "no limit is given" in api.post("/experiments/digits/limits", {}, 400)["error"]["message"]
    assert commands(running) == []
