"""Ask and tell over HTTP."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

import lanista as la
from lanista.errors import ExperimentError, StoreError
from lanista.web import create_app
from lanista.web._hall import Hall

SPACE = la.Space({"x": la.Float(0, 1)})


@pytest.fixture
def made(api) -> str:
    """An experiment that is driven by requests alone."""
    given = {"name": "driven", "space": SPACE.to_json(), "metric": "loss", "searcher": "random", "seed": 7}
    api.post("/experiments", given)
    return "/experiments/driven"


def suggested(api, made: str, **body: Any) -> Any:
    return api.post(f"{made}/suggest", body)["trials"]


def state(api, made: str, number: int) -> str:
    return str(api.get(f"{made}/trials/{number}")["state"])


def test_suggest_report_complete(api, made, store) -> None:
    (trial,) = suggested(api, made)
    assert (trial["number"], trial["attempt"], trial["step"]) == (0, 1, 0)
    path = f"{made}/trials/0"
    assert api.post(f"{path}/report", {"metrics": {"loss": 0.5}}) == {"stop": False, "reason": "", "attempt": 1}
    api.post(f"{path}/report", {"metrics": {"loss": 0.25, "acc": 0.9}, "step": 5, "attempt": 1})
    api.post(f"{path}/complete", {})
    found = api.get(path)
    assert (found["state"], found["value"], found["steps"]) == ("completed", 0.25, 5)
    assert found["curve"]["loss"] == {"steps": [1, 5], "values": [0.5, 0.25]}
    assert la.Experiment.load("driven", store).best.metrics == {"loss": 0.25, "acc": 0.9}


def test_proposals_are_those_of_a_local_experiment(api, made) -> None:
    local = la.Experiment("driven", SPACE, "loss", searcher="random", seed=7, store="memory")
    ours = [trial["params"] for trial in suggested(api, made, count=3)]
    assert ours == [local.ask().params for _ in range(3)]


def test_the_scheduler_stops_a_trial_by_the_reply(api) -> None:
    given = {"name": "asha", "space": SPACE.to_json(), "metric": "loss", "searcher": "random", "scheduler": "median"}
    api.post("/experiments", given)
    made = "/experiments/asha"
    for value in [0.0] * 6 + [1.0]:
        (trial,) = suggested(api, made)
        told: dict[str, Any] = {}
        for _ in range(4):
            told = api.post(f"{made}/trials/{trial['number']}/report", {"metrics": {"loss": value}})
            if told["stop"]:
                break
        api.post(f"{made}/trials/{trial['number']}/complete", {})
    assert told["stop"]
    assert told["reason"]
    assert state(api, made, 6) == "stopped"


def test_a_failure_keeps_its_message(api, made) -> None:
    suggested(api, made)
    api.post(f"{made}/trials/0/fail", {"message": "out of memory"})
    found = api.get(f"{made}/trials/0")
    assert (found["state"], found["reason"]) == ("failed", "out of memory")


@pytest.mark.parametrize(
    ("action", "body", "status", "message"),
    [
        ("complete", {}, 400, "loss"),
        ("complete", {"metrics": {"acc": 1.0}}, 400, "loss"),
        ("report", {"metrics": {}}, 422, "metrics"),
        ("report", {"metrics": {"loss": "x"}}, 422, "metrics.loss"),
        ("report", {"metrics": {"loss": 1.0, "step": 2.0}}, 400, "metric named 'step'"),
        ("report", {"metrics": {"loss": 1.0}, "more": 1}, 422, "more"),
        ("complete", {"state": "cancelled"}, 422, "state"),
    ],
)
def test_a_wrong_result_is_refused_and_the_trial_runs_on(api, made, action, body, status, message) -> None:
    suggested(api, made)
    assert message in api.post(f"{made}/trials/0/{action}", body, status)["error"]["message"]
    assert state(api, made, 0) == "running"


def test_what_has_ended_cannot_be_told_again(api, made) -> None:
    suggested(api, made)
    api.post(f"{made}/trials/0/complete", {"metrics": {"loss": 1.0}})
    error = api.post(f"{made}/trials/0/complete", {"metrics": {"loss": 2.0}}, 409)["error"]
    assert error == {"code": "LA300", "message": "trial 0 has ended already, as completed"}
    api.post(f"{made}/trials/9/complete", {"metrics": {"loss": 2.0}}, 404)


def test_a_trial_that_a_person_stops_hears_of_it_at_its_next_report(api, made) -> None:
    suggested(api, made)
    api.post(f"{made}/trials/0/command", {"command": "stop"})
    told = api.post(f"{made}/trials/0/report", {"metrics": {"loss": 1.0}})
    assert (told["stop"], told["reason"]) == (True, "trial 0 has ended already, as cancelled")


def test_an_experiment_that_is_paused_hands_out_nothing(api, made) -> None:
    api.post(f"{made}/command", {"command": "pause"})
    assert "is paused" in api.post(f"{made}/suggest", {}, 409)["error"]["message"]
    api.post(f"{made}/command", {"command": "resume"})
    assert len(suggested(api, made)) == 1


def test_a_searcher_that_is_exhausted_says_so(api) -> None:
    space = la.Space({"x": la.Choice([1, 2])}).to_json()
    api.post("/experiments", {"name": "grid", "space": space, "metric": "loss", "searcher": "grid"})
    assert len(suggested(api, "/experiments/grid", count=5)) == 2
    assert "no further configuration" in api.post("/experiments/grid/suggest", {}, 409)["error"]["message"]


def test_a_trial_of_a_client_that_is_gone_is_given_to_the_next(api, made) -> None:
    sessions = api.client.app.state.hall.sessions
    suggested(api, made, lease=10)
    suggested(api, made, lease=1000)
    now = sessions.clock()
    sessions.clock = lambda: now + 100
    sessions.sweep()
    assert (state(api, made, 0), state(api, made, 1)) == ("waiting", "running")
    assert api.post(f"{made}/trials/0/report", {"metrics": {"loss": 1.0}, "attempt": 1})["stop"]
    (again,) = suggested(api, made)
    assert (again["number"], again["attempt"]) == (0, 2)
    told = api.post(f"{made}/trials/0/report", {"metrics": {"loss": 1.0}, "attempt": 1})
    assert told["stop"]
    assert "given back" in told["reason"]
    api.post(f"{made}/trials/0/complete", {"metrics": {"loss": 1.0}, "attempt": 1}, 409)
    api.post(f"{made}/trials/0/complete", {"metrics": {"loss": 1.0}, "attempt": 2})


def test_a_report_renews_the_lease(api, made) -> None:
    sessions = api.client.app.state.hall.sessions
    suggested(api, made, lease=10)
    now = sessions.clock()
    for later in (8, 16, 24):
        sessions.clock = lambda later=later: now + later
        api.post(f"{made}/trials/0/report", {"metrics": {"loss": 1.0}})
        sessions.sweep()
    assert state(api, made, 0) == "running"


def test_clients_outlive_a_restart_of_the_server(api, made, browse) -> None:
    suggested(api, made)
    api.post(f"{made}/trials/0/report", {"metrics": {"loss": 1.0}, "attempt": 1})
    api.client.app.state.hall.sessions.close()
    other = type(api)(browse())
    told = other.post(f"{made}/trials/0/report", {"metrics": {"loss": 0.5}, "attempt": 1})
    assert told == {"stop": False, "reason": "", "attempt": 2}
    other.post(f"{made}/trials/0/complete", {"attempt": 2})
    assert other.get(f"{made}/trials/0")["curve"]["loss"] == {"steps": [1, 2], "values": [1.0, 0.5]}
    (following,) = suggested(other, made)
    local = la.Experiment("driven", SPACE, "loss", searcher="random", seed=7, store="memory")
    assert following["params"] == [local.ask().params for _ in range(2)][1]


def test_a_trial_that_another_process_runs_is_not_for_clients(api, made, store) -> None:
    mine = la.Experiment("driven", store=store, searcher="random")
    trial = mine.ask()
    message = api.post(f"{made}/trials/{trial.number}/report", {"metrics": {"loss": 1.0}}, 409)["error"]["message"]
    assert "not by a client" in message
    mine.tell(trial, 1.0)


def test_what_code_alone_can_run_is_refused(api, store) -> None:
    la.Experiment("found", metric="loss", store=store)
    assert "discovers its space" in api.post("/experiments/found/suggest", {}, 409)["error"]["message"]


def test_an_experiment_of_another_process_can_be_driven_too(api, digits) -> None:
    (trial,) = suggested(api, "/experiments/digits")
    assert (trial["number"], trial["params"]) == (4, {"lr": 0.5, "opt": "adam"})


def test_a_removed_experiment_takes_its_session_along(api, made) -> None:
    suggested(api, made)
    api.delete(made)
    api.post(f"{made}/suggest", {}, 404)
    api.post(f"{made}/trials/0/report", {"metrics": {"loss": 1.0}}, 404)


def test_an_experiment_without_trials_that_are_out_can_be_removed_elsewhere(api, made, store) -> None:
    suggested(api, made)
    with pytest.raises(ExperimentError, match="is being run by another process"):
        la.remove("driven", store)
    api.post(f"{made}/trials/0/complete", {"metrics": {"loss": 1.0}})
    api.client.app.state.hall.sessions.sweep()
    la.remove("driven", store)
    api.get(made, 404)


def test_the_openapi_document_is_complete() -> None:
    document = create_app("memory").openapi()
    assert {"/api/v1/experiments/{name}/suggest", "/api/v1/events"} <= set(document["paths"])
    for path in document["paths"].values():
        for operation in path.values():
            assert operation["responses"]["4XX"]["content"]["application/json"]["schema"]["$ref"].endswith("/Failure")


def test_a_store_that_is_away_for_a_moment_does_not_end_the_giving_back(api, made, store, monkeypatch) -> None:
    hall = api.client.app.state.hall
    suggested(api, made, lease=10)
    now = hall.sessions.clock()

    def away(*_: Any, **__: Any) -> Any:
        raise StoreError("the database is locked")

    with monkeypatch.context() as broken:
        broken.setattr(hall.sessions, "clock", lambda: now + 100)
        broken.setattr(type(store), "append", away)
        with pytest.raises(StoreError, match="locked"):
            hall.sessions.sweep()
    assert state(api, made, 0) == "running"
    hall.sessions.clock = lambda: now + 100
    hall.sessions.sweep()
    assert state(api, made, 0) == "waiting"


def test_the_sweeping_goes_on_after_a_store_that_was_away(store, monkeypatch) -> None:
    monkeypatch.setattr("lanista.web._hall.SWEEP_S", 0.001)
    hall, swept = Hall(store), threading.Event()
    failures = [StoreError("the database is locked")]

    def sweep() -> None:
        if failures:
            raise failures.pop()
        swept.set()

    monkeypatch.setattr(hall.sessions, "sweep", sweep)

    async def until_swept() -> None:
        task = asyncio.create_task(hall.sweep())
        await hall.run(swept.wait, 10)
        assert not task.done()
        task.cancel()

    asyncio.run(until_swept())
    assert swept.is_set()
    hall.close()


def test_nobody_waits_for_an_experiment_that_takes_long_to_open(api, made, store, monkeypatch) -> None:
    la.Experiment("long", SPACE, "loss", store=store)
    begun, go_on = threading.Event(), threading.Event()

    def slow(name: str, **given: Any) -> la.Experiment:
        if name == "long":
            begun.set()
            assert go_on.wait(30)
        return la.Experiment(name, **given)

    la.Experiment("other", SPACE, "loss", store=store)
    monkeypatch.setattr("lanista.web._asking.Experiment", slow)
    with ThreadPoolExecutor(2) as clients:
        late = clients.submit(suggested, api, "/experiments/long")
        assert begun.wait(30)
        try:
            assert len(clients.submit(suggested, api, "/experiments/other").result(10)) == 1
        finally:
            go_on.set()
        assert len(late.result(30)) == 1
