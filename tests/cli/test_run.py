"""lanista run: what it prints, its exit codes, and going on."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

import lanista as la

WORK = """
def f(trial):
    trial.report(loss=trial["x"] ** 2)

def fail(trial):
    raise ValueError("boom")

def wrong(trial):
    trial.report(los=1.0)
"""
CONFIG = """name: exp
space: {x: {float: [-1, 1]}}
metric: loss
objective: work.py:f
searcher: random
seed: 1
trials: 3
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "work.py").write_text(WORK)
    path = tmp_path / "config.yml"
    path.write_text(CONFIG)
    return path


def test_a_run_prints_its_trials_the_best_and_how_to_go_on(lanista, config) -> None:
    result = lanista("run", config)
    assert (result.code, result.err) == (0, "")
    assert [line.split()[:3] for line in result.lines[:3]] == [["trial", str(n), "completed"] for n in range(3)]
    for text in (
        "exp: all 3 trials are done",
        "params = {",
        f"to go on: lanista run {config} --trials 6",
        "lanista show exp",
    ):
        assert text in result.out


def test_the_same_command_again_goes_on_and_repeats_nothing(lanista, config) -> None:
    lanista("run", config, "--trials", "2")
    before = [trial.as_dict() for trial in la.Experiment.load("exp").trials]
    result = lanista("run", config)
    assert [line.split()[1] for line in result.lines if line.startswith("trial ")] == ["2"]
    assert [trial.as_dict() for trial in la.Experiment.load("exp").trials][:2] == before


def test_options_take_the_place_of_fields(lanista, config, tmp_path) -> None:
    words = (
        "--name",
        "other",
        "--trials",
        5,
        "--time-limit",
        "1h",
        "--seed",
        2,
        "--store",
        tmp_path / "o.db",
        "--quiet",
    )
    assert lanista("run", config, *words) == (0, "", "")
    experiment = la.Experiment.load("other", tmp_path / "o.db")
    assert len(experiment.trials) == 5
    assert lanista("show", "other", "--store", tmp_path / "o.db", "--json").json["seed"] == 2
    result = lanista("run", config, "--time-limit", "soon")
    assert result.code == 2
    assert "'soon' is no length of time" in result.err


def test_the_executor_can_be_named(lanista, config) -> None:
    result = lanista("run", config, "--executor", "raay")
    assert result.code == 2
    assert "there is no executor 'raay'; did you mean 'ray'?" in result.err
    assert lanista("run", config, "--executor", "processes", "--workers", 1, "--quiet") == (0, "", "")


def test_nothing_but_failed_trials_ends_with_1(lanista, config) -> None:
    config.write_text(CONFIG.replace("work.py:f", "work.py:fail"))
    result = lanista("run", config)
    assert result.code == 1
    assert "ValueError: boom" in result.lines[0]
    assert "no trial ended with a value" in result.out
    assert "trial 2 failed: ValueError: boom" in result.lines
    assert "    ValueError: boom" in result.lines  # the end of its traceback


def test_a_misspelt_metric_is_an_error_with_a_hint(lanista, config) -> None:
    config.write_text(CONFIG.replace("work.py:f", "work.py:wrong"))
    result = lanista("run", config)
    assert result.code == 1
    assert result.err.startswith("error LA401: ")
    assert "it reported 'los'" in result.err


def test_a_wrong_config_is_one_line_with_its_place(lanista, config) -> None:
    config.write_text(CONFIG.replace("trials", "trails"))
    result = lanista("run", config)
    assert (result.code, result.out) == (2, "")
    assert result.err == f"error LA600: {config}:7:1: trails: there is no field 'trails'; did you mean 'trials'?\n"
    assert lanista("run", config.parent / "none.yml").err.startswith("error LA600: there is no file ")
    assert lanista("ls").out == "no experiments\n"


def test_another_space_under_the_same_name_is_an_error(lanista, config) -> None:
    lanista("run", config)
    config.write_text(CONFIG.replace("[-1, 1]", "[-1, 2]"))
    result = lanista("run", config)
    assert (result.code, result.err[:13]) == (1, "error LA301: ")
    assert len(la.Experiment.load("exp").trials) == 3


def test_a_command_is_run_for_each_trial(lanista, config) -> None:
    script = "import lanista; p = lanista.get_params(); lanista.finish(p['x'] ** 2)"
    (config.parent / "script.py").write_text(script)
    config.write_text(CONFIG.replace("objective: work.py:f", f"command: [{sys.executable}, script.py]"))
    assert lanista("run", config).code == 0
    trials = la.Experiment.load("exp").trials
    assert [trial.value for trial in trials] == [trial.params["x"] ** 2 for trial in trials]


def test_nni_s_config_is_run_as_it_is(lanista, tmp_path) -> None:
    (tmp_path / "script.py").write_text(
        "from lanista.compat import nni\np = nni.get_next_parameter()\nnni.report_final_result(p['x'])\n"
    )
    (tmp_path / "search_space.json").write_text('{"x": {"_type": "choice", "_value": [1, 2, 3]}}')
    path = tmp_path / "config.yml"
    path.write_text(
        "experimentName: walk\ntrialConcurrency: 1\nmaxTrialNumber: 3\nsearchSpaceFile: search_space.json\n"
        f"trialCommand: {sys.executable} script.py\ntrialCodeDirectory: .\ntrainingService: {{platform: local}}\n"
        "tuner: {name: Random}\n"
    )
    result = lanista("run", path, "--trials", 2)
    assert result.code == 0, result.err
    experiment = la.Experiment.load("walk")
    assert [trial.value for trial in experiment.trials] == [float(trial.params["x"]) for trial in experiment.trials]
    assert len(experiment.trials) == 2


def test_ctrl_c_finishes_the_running_trial_and_ends_with_130(lanista, gated) -> None:
    gated.step()
    gated.process.send_signal(signal.SIGINT)
    result = gated.finish()
    assert result.code == 130
    assert "running trials finish; press Ctrl-C again to stop now" in result.err
    (trial,) = lanista("trials", "gated", "--json").json
    assert (trial["state"], trial["steps"]) == ("completed", 3)


def test_ctrl_c_twice_stops_at_once_and_the_next_run_goes_on(lanista, gated) -> None:
    gated.step()
    assert gated.process.stderr is not None
    gated.process.send_signal(signal.SIGINT)
    while "press Ctrl-C again" not in gated.process.stderr.readline():
        assert gated.process.poll() is None
    gated.process.send_signal(signal.SIGINT)
    result = gated.wait()
    assert result.code == 130
    assert "Traceback" not in result.err
    assert lanista("show", "gated", "--json").json["counts"]["waiting"] == 1
    (gated.folder / "work.py").write_text("def f(trial):\n    trial.report(loss=trial['x'])\n")
    done = subprocess.run(
        [sys.executable, "-m", "lanista", "run", "config.yml"],
        cwd=gated.folder,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "all 3 trials are done" in done.stdout
    assert [trial["attempts"] for trial in lanista("trials", "gated", "--json").json] == [2, 1, 1]
