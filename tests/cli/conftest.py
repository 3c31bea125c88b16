"""The command line in this process, and in others."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

import lanista as la
from lanista.cli import main

SPACE = {
    "lr": la.Float(1e-5, 1.0, log=True),
    "opt": la.Choice({"sgd": {"momentum": la.Float(0, 0.99)}, "adam": {}}),
}


class Result(NamedTuple):
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """The output as strict JSON."""

        def refuse(name: str) -> Any:
            raise AssertionError(f"{name} is no JSON")

        return json.loads(self.out, parse_constant=refuse)

    @property
    def lines(self) -> list[str]:
        return self.out.splitlines()


Lanista = Callable[..., Result]


@pytest.fixture
def lanista(capsys: pytest.CaptureFixture[str]) -> Lanista:
    """Calls the command line in this process."""

    def call(*words: object) -> Result:
        capsys.readouterr()
        code = main([str(word) for word in words])
        captured = capsys.readouterr()
        return Result(code, captured.out, captured.err)

    return call


@pytest.fixture
def digits() -> la.Experiment:
    """An experiment with trials of several kinds, in the default store."""
    experiment = la.Experiment("digits", SPACE, "acc", mode="max", seed=1)
    experiment.add({"lr": 0.1, "opt": "adam"}, 0.5)
    experiment.add({"lr": 0.01, "opt": "sgd", "momentum": 0.9}, {"acc": 0.9, "size": 12})
    experiment.add({"lr": 0.001, "opt": "adam"}, float("nan"), state="failed")
    experiment.add({"lr": 0.0001, "opt": "adam"}, 0.7, state="stopped")
    experiment.enqueue({"lr": 0.5, "opt": "adam"})
    return experiment


class Gated:
    """`lanista run` in a process of its own, whose only trial at a time takes a step when the test lets it.

    The steps meet the test at a FIFO: opening it waits for the other side.
    """

    def __init__(self, folder: Path, *, executor: str = "inline", trials: int = 3) -> None:
        self.folder = folder
        self.gate = folder / "gate"
        os.mkfifo(self.gate)
        (folder / "work.py").write_text(
            "import os\n"
            "free = False\n"
            "def f(trial):\n"
            "    global free\n"
            "    print('hello from', trial.number, flush=True)\n"
            "    for step in range(3):\n"
            "        if not free:\n"
            f"            with open({str(self.gate)!r}) as gate:\n"
            "                free = gate.read() == 'free'\n"
            "        trial.report(loss=trial['x'] + step)\n"
        )
        (folder / "config.yml").write_text(
            "name: gated\nspace: {x: {float: [0, 1]}}\nmetric: loss\nsearcher: random\nobjective: work.py:f\n"
            f"trials: {trials}\nexecutor: {executor}\nworkers: 1\nseed: 1\n"
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "lanista", "run", "config.yml"],
            cwd=folder,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def step(self, word: str = "") -> None:
        """Lets the running trial take one step; when this returns, it has reached the gate before."""
        with open(self.gate, "w") as gate:
            gate.write(word)

    def finish(self) -> Result:
        """Lets all go and waits for the end."""
        self.step("free")
        out, err = self.process.communicate(timeout=60)
        return Result(self.process.returncode, out, err)

    def wait(self) -> Result:
        """Waits for the end."""
        out, err = self.process.communicate(timeout=60)
        return Result(self.process.returncode, out, err)


@pytest.fixture
def gated(tmp_path: Path) -> Iterator[Gated]:
    """A run that waits at each step."""
    yield from _gated(tmp_path, "inline")


@pytest.fixture
def gated_processes(tmp_path: Path) -> Iterator[Gated]:
    """The same with its trials in a worker."""
    yield from _gated(tmp_path, "processes")


def _gated(folder: Path, executor: str) -> Iterator[Gated]:
    run = Gated(folder, executor=executor)
    try:
        yield run
    finally:
        if run.process.poll() is None:
            run.process.kill()
        run.process.communicate()
