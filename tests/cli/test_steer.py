"""Commands on an experiment that runs in another process, through the journal."""

import json

import pytest

import lanista as la


def test_all_commands_work_while_the_experiment_runs_elsewhere(lanista, gated) -> None:
    gated.step()
    gated.step()  # the trial waits to take its second step, the first one is journalled
    row = lanista("ls", "--json").json[0]
    assert (row["name"], row["state"], row["trials"], row["ended"], row["running"]) == ("gated", "running", 1, 0, 1)
    assert (row["metric"], row["best"]) == ("loss", None)
    record = lanista("show", "gated", "--json").json
    assert (record["owners"][0]["pid"], record["owners"][0]["alive"]) == (gated.process.pid, True)
    assert record["limits"]["trials"] == 3
    view = lanista("top", "gated", "--json").json
    assert (view["running_count"], view["limit"]) == (1, "0 of 3 trials")
    assert view["running"][0]["step"] >= 1
    assert any("joined with 1 worker" in line for line in view["events"])
    assert lanista("trials", "gated", "--filter", "state == 'running'", "--json").json[0]["number"] == 0

    result = lanista("set", "gated", "trials=2", "time_limit=1h")
    assert result.out.startswith(f"told pid {gated.process.pid} on ")
    assert result.out.endswith(": trials=2 time_limit=3600.0\n")
    assert lanista("enqueue", "gated", "x=0.25") == (0, "enqueued 1 configuration\n", "")
    result = gated.finish()
    assert result.code == 0, result.err
    assert [trial["params"]["x"] for trial in lanista("trials", "gated", "--json").json][1:] == [0.25]
    assert "all 2 trials are done" in result.out


def test_stop_ends_the_run_once_its_trial_has_ended(lanista, gated) -> None:
    gated.step()
    result = lanista("stop", "gated")
    assert result.out == f"told pid {gated.process.pid} on {_host()} to stop once running trials have ended\n"
    assert gated.finish().code == 0
    assert [trial["state"] for trial in lanista("trials", "gated", "--json").json] == ["completed"]
    assert lanista("stop", "gated").out == "nobody runs 'gated'; there is nothing to stop\n"


def test_stop_now_releases_the_trial_which_goes_on_at_the_next_run(lanista, gated) -> None:
    gated.step()
    assert lanista("stop", "gated", "--now").out.endswith("to stop now\n")
    gated.step("free")
    gated.wait()
    (trial,) = lanista("trials", "gated", "--json").json
    assert trial["state"] == "waiting"


def test_kill_ends_one_trial(lanista, gated) -> None:
    gated.step()
    assert lanista("kill", "gated", "0").out == "trial 0 of 'gated' is told to end\n"
    assert gated.finish().code == 0
    states = [trial["state"] for trial in lanista("trials", "gated", "--json").json]
    assert states == ["cancelled", "completed", "completed"]
    assert lanista("kill", "gated", "0").err == "error LA300: trial 0 has ended already, as cancelled\n"
    assert lanista("kill", "gated", "9").err.startswith("error LA700: there is no trial 9")


def test_pause_starts_no_further_trial_until_resume(lanista, gated) -> None:
    gated.step()
    assert "lanista resume gated" in lanista("pause", "gated").out
    assert lanista("show", "gated", "--json").json["state"] == "paused"
    gated.step("free")
    experiment = la.Experiment.load("gated")
    while experiment.history.running:
        assert gated.process.poll() is None
    assert len(experiment.trials) == 1
    assert lanista("resume", "gated").out == "'gated' starts trials again\n"
    assert gated.wait().code == 0
    assert len(experiment.trials) == 3
    assert lanista("resume", "gated").out == "'gated' was not paused\n"


def test_a_running_experiment_is_not_deleted(lanista, gated) -> None:
    gated.step()
    result = lanista("rm", "gated", "--yes")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error LA300: experiment 'gated' is being run by another process; stop it first")
    assert gated.finish().code == 0
    assert lanista("rm", "gated", "--yes").out == "deleted 'gated'\n"


def test_enqueue_takes_words_and_json(lanista, digits) -> None:
    assert lanista("enqueue", "digits", "lr=1e-3", "opt=sgd", "momentum=0.5").code == 0
    many = [{"lr": 0.25, "opt": "adam"}, {"lr": 0.125, "opt": "adam"}]
    assert lanista("enqueue", "digits", "--json", json.dumps(many)).out == "enqueued 2 configurations\n"
    waiting = lanista("trials", "digits", "--filter", "state == 'waiting'", "--json").json
    assert [trial["params"]["lr"] for trial in waiting] == [0.5, 0.001, 0.25, 0.125]


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["enqueue", "digits", "lr"], 2, "error LA700: 'lr' gives no value"),
        (["enqueue", "digits", "lr=1", "lr=2"], 2, "error LA700: 'lr' is given twice"),
        (["enqueue", "digits"], 2, "error LA700: give the configuration either as NAME=VALUE words or as --json"),
        (["enqueue", "digits", "--json", "{lr: 1}"], 2, "error LA700: --json is no JSON"),
        (["enqueue", "digits", "--json", "[3]"], 2, "error LA700: --json: 3 is no configuration"),
        (["enqueue", "digits", "rl=1", "opt=adam"], 1, "error LA100: "),
        (["enqueue", "digits", "lr=5", "opt=adam"], 1, "error LA100: "),
        (["set", "digits", "trials=3"], 1, "error LA300: nobody runs 'digits' now"),
        (["set", "digits", "trials"], 2, "error LA700: 'trials' gives no value"),
        (["set", "digits", "time_limit=soon"], 2, "error LA700: 'soon' is no length of time"),
        (["logs", "digits", "0"], 1, "error LA300: trial 0 of 'digits' (completed) has no log at "),
        (["logs", "digits", "77"], 2, "error LA700: there is no trial 77"),
    ],
)
def test_what_is_wrong_is_one_line(lanista, digits, words, code, message) -> None:
    result = lanista(*words)
    assert (result.code, result.out) == (code, "")
    assert result.err.startswith(message)
    assert result.err.count("\n") == 1


def test_a_limit_that_is_none_is_named(lanista, gated) -> None:
    gated.step()
    assert lanista("set", "gated", "trails=3").err.startswith(
        "error LA700: there is no limit 'trails'; did you mean 'trials'?"
    )
    assert lanista("set", "gated", "trials=-3").code == 2
    assert lanista("set", "gated", "workers=0").code == 2
    result = lanista("set", "gated", "workers=2", "trials=2")
    assert (result.code, result.out) == (1, "")
    assert result.err.startswith("error LA300: workers=2: what runs 'gated' now keeps to 1 at a time; stop it, and run")
    assert lanista("set", "gated", "trials=none").code == 0
    assert lanista("set", "gated", "trials=1").code == 0
    assert gated.finish().code == 0


def _host() -> str:
    import socket

    return socket.gethostname()
