import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from lanista.journal import Checkpointed, Noted, Reported, Suggested, Yielded
from lanista.trial import Command, Decision


def script(tmp_path: Path, code: str) -> list[str]:
    """A command that runs a Python script."""
    path = tmp_path / "script.py"
    path.write_text("import lanista as la\n" + code)
    return [sys.executable, str(path)]


def by_hand(tmp_path: Path, code: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Runs a script as a person would."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("LANISTA_TRIAL")}
    words = script(tmp_path, code)
    return subprocess.run(words, capture_output=True, text=True, env={**clean, **env}, cwd=tmp_path, check=False)


LOOP = """
params = la.get_params({"lr": 0.5, "epochs": 3}, width=8)
for epoch in range(params["epochs"]):
    la.report(accuracy=params["lr"] * (epoch + 1), loss=1)
la.finish(accuracy=params["lr"] * 10 + params["width"])
"""


def test_a_script_gets_parameters_over_defaults_and_reports(run, tmp_path: Path) -> None:
    recorder = run(Command(script(tmp_path, LOOP)), {"lr": 0.25})
    assert [(r.step, r.metrics) for r in recorder.of(Reported)] == [
        (1, {"accuracy": 0.25, "loss": 1.0}),
        (2, {"accuracy": 0.5, "loss": 1.0}),
        (3, {"accuracy": 0.75, "loss": 1.0}),
    ]
    assert recorder.end.state == "completed"
    assert recorder.end.metrics == {"accuracy": 10.5}


def test_the_same_script_runs_by_hand_with_its_defaults(tmp_path: Path) -> None:
    done = by_hand(tmp_path, LOOP)
    assert done.stdout.splitlines() == [
        "step 1: accuracy=0.5, loss=1.0",
        "step 2: accuracy=1.0, loss=1.0",
        "step 3: accuracy=1.5, loss=1.0",
        "result: accuracy=13.0",
    ]
    assert (done.returncode, done.stderr) == (0, "")
    assert not (tmp_path / "lanista-trial").exists()


def test_a_namespace_of_argparse_serves_as_defaults(tmp_path: Path) -> None:
    done = by_hand(tmp_path, "import argparse\nprint(la.get_params(argparse.Namespace(lr=1), lr=2))")
    assert done.stdout == "{'lr': 2}\n"


def test_values_without_a_name_are_the_first_metric(run, tmp_path: Path) -> None:
    recorder = run(Command(script(tmp_path, "la.report(0.5, step=4)\nla.finish(0.75, size=3)")))
    assert (recorder.of(Reported)[0].step, recorder.of(Reported)[0].metrics) == (4, {"accuracy": 0.5})
    assert recorder.end.metrics == {"accuracy": 0.75, "size": 3.0}


def test_a_stop_ends_the_script_quietly(run, stop_at, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = """
import atexit
atexit.register(lambda: open("exited", "w").close())
try:
    for epoch in range(100):
        la.report(accuracy=1)
finally:
    open("unwound", "w").close()
"""
    recorder = run(Command(script(tmp_path, code), cwd=tmp_path), decide=stop_at(3))
    assert len(recorder.of(Reported)) == 3
    assert (recorder.end.state, recorder.end.reason) == ("stopped", "enough")
    assert (tmp_path / "exited").exists()
    assert (tmp_path / "unwound").exists()
    assert capfd.readouterr() == ("", "")


def test_the_exit_code_of_a_stopped_script_is_0(run, stop_at, tmp_path: Path) -> None:
    words = script(tmp_path, "la.report(accuracy=1)")
    command = Command(f"{words[0]} {words[1]}; echo $? >code; exit 1", cwd=tmp_path)
    assert run(command, decide=stop_at(1)).end.state == "stopped"
    assert (tmp_path / "code").read_text() == "0\n"


def test_a_script_may_catch_its_stop(run, stop_at, tmp_path: Path) -> None:
    code = """
try:
    la.report(accuracy=1)
except la.StopTrial as stop:
    la.get_trial().note(why=str(stop))
"""
    recorder = run(Command(script(tmp_path, code)), decide=stop_at(1))
    assert recorder.of(Noted)[0].values == {"why": "enough"}
    assert recorder.end.state == "stopped"


def test_other_errors_keep_their_traceback(run, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    recorder = run(Command(script(tmp_path, "la.get_params()\nraise ValueError('boom')")))
    assert recorder.end.state == "failed"
    assert "exit code 1" in recorder.end.error
    assert "ValueError: boom" in recorder.end.error
    assert "ValueError: boom" in capfd.readouterr().err


def test_infeasible_passes_from_a_script(run, tmp_path: Path) -> None:
    recorder = run(Command(script(tmp_path, "la.get_params()\nraise la.Infeasible('too wide')")))
    assert (recorder.end.state, recorder.end.reason) == ("infeasible", "too wide")


def test_a_metric_that_is_no_number_fails_in_the_script(run, tmp_path: Path) -> None:
    recorder = run(Command(script(tmp_path, "la.report(accuracy='high')")))
    assert "MetricError: metric 'accuracy' is 'high', which is no number" in recorder.end.error


def test_nan_arrives(run, tmp_path: Path) -> None:
    recorder = run(Command(script(tmp_path, "la.report(accuracy=float('nan'))\nla.finish(float('inf'))")))
    assert str(recorder.of(Reported)[0].metrics["accuracy"]) == "nan"
    assert recorder.end.metrics == {"accuracy": float("inf")}


SAVING = """
trial = la.get_trial()
state = {"epochs": 0}
for epoch in range(trial.load(state), 4):
    state["epochs"] += 1
    trial.save(state)
    trial.report(accuracy=state["epochs"] / 10)
"""


def test_a_script_saves_pauses_and_goes_on(run, tmp_path: Path) -> None:
    words = script(tmp_path, SAVING)
    first = run(Command(words), budget=2)
    assert isinstance(first.events[-1], Yielded)
    kept = [r.checkpoint for r in first.of(Reported)]
    assert [Path(path).name for path in kept] == ["checkpoint-1-1", "checkpoint-2-1"]
    assert all(Path(path).exists() for path in kept)
    second = run(Command(words), attempt=2, step=2, checkpoint=kept[1])
    assert [(r.step, r.metrics["accuracy"]) for r in second.of(Reported)] == [(3, 0.3), (4, 0.4)]
    assert second.end.state == "completed"


def test_a_checkpoint_saved_last_is_kept(run, tmp_path: Path) -> None:
    code = "trial = la.get_trial()\ntrial.save([1])\ntrial.report(accuracy=1)\ntrial.save([2])\n"
    (kept,) = run(Command(script(tmp_path, code))).of(Checkpointed)
    assert kept.step == 2
    assert Path(kept.path).exists()


def test_by_hand_a_trial_keeps_its_latest_checkpoint_only(tmp_path: Path) -> None:
    done = by_hand(tmp_path, SAVING)
    assert done.stdout.count("step ") == 4
    assert [path.name for path in (tmp_path / "lanista-trial").iterdir()] == ["checkpoint-4-1"]


def test_the_trial_is_known_to_its_script(run, tmp_path: Path) -> None:
    code = """
trial = la.get_trial()
trial.note(number=trial.number, seed=trial.seed, attempt=trial.attempt, x=trial["x"], resources=trial.resources)
(trial.directory / "mine").write_text("here")
"""
    recorder = run(Command(script(tmp_path, code)), {"x": [1, 2]}, metrics=())
    assert recorder.of(Noted)[0].values == {
        "number": 7,
        "seed": 11,
        "attempt": 1,
        "x": [1, 2],
        "resources": {"cpus": 1},
    }
    assert (tmp_path / "exp" / "trials" / "7" / "mine").read_text() == "here"


def test_a_script_may_discover_its_parameters(run, tmp_path: Path) -> None:
    code = """
trial = la.get_trial()
lr = trial.suggest_float("lr", 0.001, 0.1, log=True)
layers = trial.suggest_int("layers", 1, 4)
trial.report(accuracy=lr * layers)
"""
    recorder = run(Command(script(tmp_path, code)), define=True, proposal={"layers": 3})
    lr, layers = recorder.of(Suggested)
    assert (lr.name, layers.name, layers.value) == ("lr", "layers", 3)
    assert 0.001 <= lr.value <= 0.1
    assert recorder.of(Reported)[0].metrics == {"accuracy": pytest.approx(lr.value * 3)}


def test_of_several_processes_the_one_of_rank_0_reports(run, tmp_path: Path) -> None:
    code = """
import os, subprocess, sys
if "RANK" not in os.environ:
    for rank in range(3):
        subprocess.run([sys.executable, __file__], env={**os.environ, "RANK": str(rank)}, check=True)
else:
    x = la.get_params()["x"]
    la.report(accuracy=x + int(os.environ["RANK"]))
    la.finish(accuracy=x + 10 * int(os.environ["RANK"]))
"""
    recorder = run(Command(script(tmp_path, code)), {"x": 5})
    assert [r.metrics for r in recorder.of(Reported)] == [{"accuracy": 5.0}]
    assert recorder.end.metrics == {"accuracy": 5.0}


def test_a_rank_from_around_the_experiment_does_not_silence_a_script(
    run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RANK", "2")
    assert run(Command(script(tmp_path, "la.report(accuracy=1)"))).end.state == "completed"


def test_a_script_ends_when_its_experiment_is_gone(run, tmp_path: Path) -> None:
    code = f"""
import os, subprocess, sys
if len(sys.argv) == 1:
    subprocess.Popen([sys.executable, __file__, "orphan"], start_new_session=True)
    la.get_trial().report(accuracy=1)
else:
    try:
        while True:
            la.report(accuracy=2)
    except la.StopTrial as stop:
        open({str(tmp_path / "reason")!r}, "w").write(str(stop))
    except la.LanistaError as error:
        open({str(tmp_path / "reason")!r}, "w").write(str(error))
"""
    run(Command(script(tmp_path, code)))
    reason = tmp_path / "reason"
    import threading

    for _ in range(1000):
        if reason.exists() and reason.read_text():
            break
        threading.Event().wait(0.01)
    assert "ended" in reason.read_text()


def test_parameters_that_cannot_be_read_are_an_error(tmp_path: Path) -> None:
    done = by_hand(tmp_path, "la.get_params()", LANISTA_TRIAL="{}", LANISTA_PARAMS_FILE="nowhere.json")
    assert done.returncode == 1
    assert "LANISTA_PARAMS_FILE='nowhere.json' cannot be read" in done.stderr


def test_a_line_that_nobody_holds_is_an_error(run, tmp_path: Path) -> None:
    run(Command("printf '%s' \"$LANISTA_TRIAL\" >told; cp {params_file} params", cwd=tmp_path), {"x": 1})
    env = {"LANISTA_TRIAL": (tmp_path / "told").read_text(), "LANISTA_PARAMS_FILE": str(tmp_path / "params")}
    done = by_hand(
        tmp_path, "print(la.get_params())\nla.report(accuracy=1)", **env, LANISTA_SOCKET=str(tmp_path / "gone")
    )
    assert done.stdout == "{'x': 1}\n"
    assert "the experiment cannot be reached at LANISTA_SOCKET" in done.stderr
    assert json.loads(env["LANISTA_TRIAL"])["number"] == 7


def test_a_yield_pauses_a_script(run, tmp_path: Path) -> None:
    def pause(event: Reported) -> Decision:
        return Decision("yield", "others first")

    assert isinstance(run(Command(script(tmp_path, "la.report(accuracy=1)")), decide=pause).events[-1], Yielded)
