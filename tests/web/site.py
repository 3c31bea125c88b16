"""A store with experiments of every kind, one of which runs, and the real server over it."""

import math
import os
import socket
import subprocess
import sys
import urllib.request
from pathlib import Path
from threading import Event

import lanista as la
from lanista.trial import Trial

SPACE = {
    "lr": la.Float(1e-5, 1e-1, log=True),
    "layers": la.Int(1, 4),
    "optimizer": la.Choice({"sgd": {"momentum": la.Float(0, 0.99)}, "adam": {}}),
}
TRIALS = 60
RUNNER = """
import sys, threading
import lanista as la
from tests.web.site import SPACE
def train(trial):
    for step in range(1, 100_000):
        trial.report(loss=1 / step)
        threading.Event().wait(0.3)
la.Experiment("running", SPACE, metric="loss", store=sys.argv[1], searcher="random", seed=0).run(
    train, trials=1000, workers=1, executor="inline", progress=False
)
"""


def train(trial: Trial) -> None:
    """A cheap objective with curves; a few of its trials fail."""
    if trial.number % 20 == 7:
        raise ValueError("the loss is <b>NaN</b>")
    goal = 1 - 0.05 * (math.log10(trial.params["lr"]) + 2.5) ** 2
    for step in range(1, 10):
        trial.report(accuracy=goal * (1 - math.exp(-step / 3)))


def two(trial: Trial) -> dict[str, float]:
    """Two objectives."""
    layers = trial.params["layers"]
    return {"accuracy": 1 - 1 / layers, "latency": layers * trial.params["lr"]}


class Site:
    """The store, and the server that can be ended and started again at the same port."""

    def __init__(self, folder: Path) -> None:
        self.store = str(folder / "lanista.db")
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}/"
        self._home = str(folder)
        self._server: subprocess.Popen[bytes] | None = None
        self._runner: subprocess.Popen[bytes] | None = None

    def fill(self) -> None:
        """Runs the experiments that have ended, and begins one that is told what to do by the test."""
        search = la.Experiment(
            "digits", SPACE, metric="accuracy", mode="max", scheduler=la.ASHA(max_steps=9), store=self.store, seed=0
        )
        search.run(train, trials=TRIALS, workers=1, executor="inline", progress=False)
        search.log_path(0).parent.mkdir(parents=True, exist_ok=True)
        search.log_path(0).write_text("epoch 1\nepoch 2\n")
        search.note(note="# Baseline\n**bold** <img src=x onerror=alert(1)>", tags=["baseline"])
        front = la.Experiment("front", SPACE, metric={"accuracy": "max", "latency": "min"}, store=self.store, seed=0)
        front.run(two, trials=20, workers=1, executor="inline", progress=False)
        self.told = la.Experiment("told", SPACE, metric="loss", store=self.store, searcher="random", seed=0)

    def experiment(self, name: str) -> la.Experiment:
        """An experiment of the store, as it stands."""
        return la.Experiment.load(name, self.store)

    def start(self) -> None:
        """Starts the server, and waits until it answers."""
        self._server = self._spawn(
            "-m", "lanista", "--store", self.store, "ui", "--port", str(self.port), "--no-browser"
        )
        for _ in range(150):
            try:
                with urllib.request.urlopen(self.url, timeout=5):
                    return
            except OSError:
                Event().wait(0.1)
        raise AssertionError("the server does not start")

    def stop(self) -> None:
        """Ends the server."""
        self._end(self._server)

    def run(self) -> None:
        """Starts the process that runs an experiment."""
        self._runner = self._spawn("-c", RUNNER, self.store)

    def close(self) -> None:
        """Ends all processes."""
        self._end(self._server)
        self._end(self._runner)

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        quiet = subprocess.DEVNULL
        env = {**os.environ, "LANISTA_HOME": self._home}
        return subprocess.Popen([sys.executable, *arguments], stdout=quiet, stderr=quiet, env=env)

    @staticmethod
    def _end(process: subprocess.Popen[bytes] | None) -> None:
        if process is not None:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
