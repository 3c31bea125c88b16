"""Runs the scripts in examples/ from start to end, each as a person would."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).resolve().parent.parent / "examples"


def run(words: list[str], folder: Path, home: Path) -> str:
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])
    environment = {**os.environ, "PATH": path, "LANISTA_HOME": str(home), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(words, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout + done.stderr


@pytest.mark.long
@pytest.mark.parametrize(
    "script", sorted([*EXAMPLES.glob("*.py"), *EXAMPLES.glob("nas/*.py")]), ids=lambda script: script.stem
)
def test_an_example_runs_and_resumes(script: Path, tmp_path: Path, lanista_home: Path) -> None:
    for _ in range(2):
        run([sys.executable, str(script)], tmp_path, lanista_home)


@pytest.mark.long
def test_the_script_trial_runs_by_hand_and_as_trials(lanista_home: Path) -> None:
    folder = EXAMPLES / "script_trial"
    assert "step 9: accuracy=" in run([sys.executable, "train.py"], folder, lanista_home)
    command = "import sys; from lanista.cli import main; sys.exit(main())"
    assert "all 8 trials" in run([sys.executable, "-c", command, "run", "config.yml"], folder, lanista_home)
