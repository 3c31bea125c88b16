"""The walk-through that NNI's users know, end to end: three files, of which the import line alone is ours."""

import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

import lanista as la
from lanista.cli import main
from lanista.compat import read_nni_config

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "nni_digits"


@pytest.fixture(autouse=True)
def our_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """`python3` of the config file is the interpreter of the tests."""
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=":")


@pytest.mark.long
@pytest.mark.timeout(600)
def test_the_walk_through_runs_from_the_command_line(capfd: pytest.CaptureFixture[str]) -> None:
    experiment = walk(EXAMPLE, 10)
    assert experiment.best.value > 0.9


@pytest.mark.timeout(300)
def test_two_trials_of_the_walk_through_run_from_the_command_line(
    capfd: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = shutil.copytree(EXAMPLE, tmp_path / "nni_digits")
    config = folder / "config.yml"
    config.write_text(config.read_text().replace("maxTrialNum: 10", "maxTrialNum: 2"))
    walk(folder, 2)


def walk(folder: Path, trials: int) -> la.Experiment:
    """Runs the walk-through to its end, and once more: it is over."""
    assert main(["run", str(folder / "config.yml")]) == 0
    experiment = la.Experiment.load("nni_digits")
    assert [trial.number for trial in experiment.trials] == list(range(trials))
    assert {trial.state for trial in experiment.trials} <= {"completed", "failed"}
    assert experiment.metrics == {"default": "max"}
    assert experiment.best.steps == 10
    assert set(experiment.best.params) == {"batch_size", "hidden_size", "lr", "momentum"}
    assert "parameters: {'batch_size'" in experiment.log_path(0).read_text()
    ends = [trial.ended for trial in experiment.trials]
    assert main(["run", str(folder / "config.yml")]) == 0
    assert [trial.ended for trial in la.Experiment.load("nni_digits").trials] == ends
    return experiment


@pytest.mark.timeout(300)
def test_the_walk_through_runs_from_python(tmp_path: Path) -> None:
    found = replace(read_nni_config(EXAMPLE / "config.yml"), trials=1, name="two {of} 'them'", seed=0)
    experiment = found.run(store=tmp_path / "lanista.db", progress=False)
    assert [trial.state for trial in experiment.trials] == ["completed"]


@pytest.mark.timeout(300)
def test_the_script_runs_by_hand(tmp_path: Path) -> None:
    words = [sys.executable, str(EXAMPLE / "digits.py")]
    done = subprocess.run(words, capture_output=True, text=True, cwd=tmp_path, check=True)
    assert done.stdout.splitlines()[1].startswith("Intermediate result: 0.")
    assert done.stdout.splitlines()[-1].startswith("Final result: 0.9")
