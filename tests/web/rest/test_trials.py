"""The trial table, one trial, its log and files, and exports."""

import csv
import json
import os
from pathlib import Path

import pytest

import lanista as la
from lanista.cli import main
from lanista.journal import Asked, Commanded, Decided, Ended, Released, Started


def numbers(found) -> list[int]:
    return [row["number"] for row in found["trials"]]


def test_the_table_is_filtered_sorted_and_paged(api, digits) -> None:
    found = api.get("/experiments/digits/trials?filter=lr < 0.5 and state != 'failed'&sort=-value")
    assert (found["total"], found["matched"], numbers(found)) == (5, 3, [1, 3, 0])
    assert numbers(api.get("/experiments/digits/trials?sort=-value&offset=1&limit=2")) == [3, 0]
    row = api.get("/experiments/digits/trials?filter=opt == 'sgd'")["trials"][0]
    assert row["params"] == {"lr": 0.01, "opt": "sgd", "momentum": 0.9}
    assert (row["values"], row["metrics"]) == ({"acc": 0.9}, {"acc": 0.9, "size": 12.0})
    assert (row["origin"], row["tags"], row["note"]) == ("imported", [], "")


def test_only_the_columns_that_are_shown_are_sent(api, digits) -> None:
    row = api.get("/experiments/digits/trials?columns=lr,params.momentum,acc&filter=number == 1")["trials"][0]
    assert row["params"] == {"lr": 0.01, "momentum": 0.9}
    assert row["metrics"] == {"acc": 0.9}


@pytest.mark.parametrize(
    ("query", "status", "message"),
    [
        ("filter=lr <", 400, "is no expression"),
        ("filter=lrr < 1", 400, "did you mean 'lr'"),
        ("filter=__import__('os')", 400, "is not allowed"),
        ("sort=nope", 400, "there is no column 'nope'"),
        ("limit=501", 422, "query.limit"),
        ("offset=-1", 422, "query.offset"),
    ],
)
def test_what_is_wrong_with_a_request_is_said(api, digits, query: str, status: int, message: str) -> None:
    assert message in api.error(f"/experiments/digits/trials?{query}", status)


def test_one_trial_has_its_curve_checkpoints_error_and_lineage(api, store) -> None:
    experiment = la.Experiment("curves", {"x": la.Float(0, 1)}, "loss", store=store, seed=0)

    def objective(trial: la.Trial) -> None:
        (trial.directory / "sub").mkdir(exist_ok=True)
        (trial.directory / "sub" / "notes.txt").write_text("hello")
        for step in range(2):
            trial.save({"step": step})
            trial.report(loss=1.0 / (step + 1), acc=0.5)
        raise ValueError("the disk <b>is</b> full")

    experiment.run(objective, trials=1, limits=la.Limits(checkpoints=5), progress=False)
    found = api.get("/experiments/curves/trials/0")
    assert found["curve"] == {
        "loss": {"steps": [1, 2], "values": [1.0, 0.5]},
        "acc": {"steps": [1, 2], "values": [0.5, 0.5]},
    }
    assert found["error"]["type"] == "ValueError"
    assert found["error"]["message"] == "the disk <b>is</b> full"
    assert found["error"]["traceback"].startswith("Traceback")
    assert found["artifacts"] == [{"name": "sub/notes.txt", "size": 5}]
    assert [event["kind"] for event in found["events"]] == ["asked", "started", "ended"]
    assert (found["lineage"], found["children"]) == ([0], [])
    answer = api.client.get("/api/v1/experiments/curves/trials/0/artifacts/sub/notes.txt")
    assert (answer.text, answer.headers["content-type"]) == ("hello", "application/octet-stream")
    assert answer.headers["content-disposition"].startswith("attachment")
    assert "there is no trial 1" in api.error("/experiments/curves/trials/1", 404)


def test_the_events_of_a_trial_tell_when_it_was_paused_and_went_on(api, store) -> None:
    scheduler = la.SuccessiveHalving(4, trials=2, reduction=2, min_steps=2)
    experiment = la.Experiment(
        "thawed", {"x": la.Choice([1.0, 2.0])}, "loss", searcher="grid", store=store, scheduler=scheduler
    )

    def objective(trial: la.Trial) -> None:
        for step in range(trial.load({}), 4):
            trial.save({})
            trial.report(loss=trial["x"] / (step + 1))

    experiment.run(objective, trials=2, progress=False)
    best, other = (api.get(f"/experiments/thawed/trials/{number}")["events"] for number in (0, 1))
    assert [event["text"] for event in best] == [
        "asked for: searcher",
        "started, to pause at step 2",
        "paused at step 2",
        "started, attempt 2, to pause at step 4",
        "completed: has had all 4 steps",
    ]
    assert other[-1]["text"] == "stopped: not among the best 1 of its bracket at step 2"


def test_the_events_of_a_trial_tell_slices_retries_and_what_people_and_schedulers_said(api, store) -> None:
    la.Experiment("told", {"x": la.Float(0, 1)}, "loss", store=store, seed=0)
    events = [
        Asked(2.0, 0, {"x": 0.5}, "enqueued"),
        Started(3.0, 0, 1, "me", seconds=90.0),
        Released(4.0, 0, 1, "its worker was lost"),
        Started(5.0, 0, 2, "me", budget=4, seconds=60.0),
        Decided(6.0, 0, "yield", "others do better"),
        Commanded(7.0, "kill", 0),
        Ended(8.0, 0, 2, "cancelled", reason="killed by command"),
    ]
    store.append(store.find("told").id, events)
    told = api.get("/experiments/told/trials/0")["events"]
    assert [(line["time"], line["text"]) for line in told] == [
        (2.0, "asked for: enqueued"),
        (3.0, "started, to pause after 1:30"),
        (4.0, "waits again: its worker was lost"),
        (5.0, "started, attempt 2, to pause at step 4 or after 1:00"),
        (6.0, "yield: others do better"),
        (7.0, "command kill"),
        (8.0, "cancelled: killed by command"),
    ]


def test_the_lineage_of_a_clone_leads_to_its_first_parent(api, store) -> None:
    experiment = la.Experiment(
        "bred", {"x": la.Float(0, 1)}, "loss", store=store, seed=0, scheduler=la.PBT(4, population=3, interval=1)
    )

    def objective(trial: la.Trial) -> None:
        for _ in range(trial.load({}), 4):
            trial.save({})
            trial.report(loss=trial["x"])

    experiment.run(objective, trials=12, progress=False)
    child = next(record for record in experiment.trials if record.parent is not None)
    assert child.parent is not None
    found = api.get(f"/experiments/bred/trials/{child.number}")
    assert found["lineage"][-2:] == [child.parent[0], child.number]
    assert child.number in api.get(f"/experiments/bred/trials/{child.parent[0]}")["children"]


def log_of(experiment: la.Experiment, data: bytes) -> Path:
    path = experiment.log_path(0)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def test_a_log_is_read_part_by_part_as_it_grows(api, digits) -> None:
    path = "/experiments/digits/trials/0/log"
    assert api.get(path) == {"text": "", "start": 0, "next": 0, "size": 0}
    file = log_of(digits, "epoch 1 ✓ done\n".encode())
    text, offset = "", 0
    for _ in range(2):
        part = api.get(f"{path}?offset={offset}&limit=16")
        text, offset = text + part["text"], part["next"]
    assert (text, offset) == ("epoch 1 ✓ done\n", 17)
    with file.open("ab") as more:
        more.write("✓".encode()[:2])
    part = api.get(f"{path}?offset=15")
    assert (part["text"], part["next"]) == ("e\n", 17)
    with file.open("ab") as more:
        more.write("✓".encode()[2:])
    assert api.get(f"{path}?offset=17")["text"] == "✓"
    file.write_bytes(b"anew")
    assert api.get(f"{path}?offset=20") == {"text": "anew", "start": 0, "next": 4, "size": 4}


def test_a_log_is_read_from_its_end_and_back(api, digits) -> None:
    path = "/experiments/digits/trials/0/log"
    log_of(digits, "one ✓ two ✓".encode())
    assert api.get(f"{path}?offset=-100")["text"] == "one ✓ two ✓"
    last = api.get(f"{path}?offset=-9")
    assert (last["text"], last["start"], last["next"]) == (" two ✓", 7, 15)
    before = api.get(f"{path}?offset=5&limit={last['start'] - 5}")
    assert (before["text"], before["start"]) == ("", 7)
    assert api.get(f"{path}?offset=4&limit=3") == {"text": "✓", "start": 4, "next": 7, "size": 15}


def test_bytes_that_are_no_text_do_not_hold_up_a_log(api, digits) -> None:
    log_of(digits, b"\xff\xfe\xe2")
    part = api.get("/experiments/digits/trials/0/log")
    assert part["next"] >= 2
    assert api.get(f"/experiments/digits/trials/0/log?offset={part['next']}")["next"] == 3


def test_exports_are_those_of_the_command_line(api, digits, store, capsys) -> None:
    api.put("/experiments/digits/trials/1/note", {"note": "good", "tags": ["keep"]})
    answer = api.client.get("/api/v1/experiments/digits/trials.csv")
    assert answer.headers["content-type"].startswith("text/csv")
    capsys.readouterr()
    assert main(["export", "digits", "--store", store.url]) == 0
    told = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert list(csv.DictReader(answer.text.splitlines())) == told
    assert told[1]["notes.note"] == "good"
    assert main(["export", "digits", "--format", "json", "--store", store.url]) == 0
    assert api.get("/experiments/digits/trials.json") == json.loads(capsys.readouterr().out)


def test_an_export_has_the_trials_that_were_chosen(api, digits) -> None:
    found = api.get("/experiments/digits/trials.json?numbers=3,1&sort=-value")
    assert [one["number"] for one in found] == [1, 3]
    answer = api.client.get("/api/v1/experiments/digits/trials.csv?filter=opt == 'sgd'")
    assert len(answer.text.splitlines()) == 2
    assert "must be numbers of trials" in api.error("/experiments/digits/trials.json?numbers=1,x", 400)


def test_what_is_no_plain_file_is_no_artifact(api, digits) -> None:
    folder = digits.directory / "trials" / "1"
    folder.mkdir(parents=True)
    os.mkfifo(folder / "pipe")
    (folder / "model.txt").write_text("weights")
    assert [one["name"] for one in api.get("/experiments/digits/trials/1")["artifacts"]] == ["model.txt"]
    api.get("/experiments/digits/trials/1/artifacts/pipe", 404)
