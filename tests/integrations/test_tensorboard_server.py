"""A TensorBoard that runs and looks on."""

import json
import re
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

import lanista as la

PATIENCE = 60.0
"""Seconds after which what has not come is taken for lost."""


class Server:
    """The HTTP face of a TensorBoard."""

    def __init__(self, url: str) -> None:
        self._url = url

    def get(self, path: str, body: Any = None) -> Any:
        """An answer of it."""
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(f"{self._url}data/plugin/{path}", data, {"Content-Type": "application/json"})
        with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
            return json.load(answer)

    def sessions(self, statuses: list[str]) -> dict[str, Any]:
        """The rows of the HParams page by name, once each of them has one of the statuses."""
        want = {f"digits/trial-{n:05d}": status for n, status in enumerate(statuses)}
        every = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
        body = {"experimentName": "", "allowedStatuses": every, "startIndex": 0, "sliceSize": 1000}
        found: dict[str, Any] = {}
        until = time.monotonic() + PATIENCE
        while time.monotonic() < until:
            found = {row["name"]: row for row in self.get("hparams/session_groups", body).get("sessionGroups", [])}
            if {name: row["sessions"][0]["status"] for name, row in found.items()} == want:
                return found
            threading.Event().wait(0.2)
        raise AssertionError(f"TensorBoard shows {found}, to be {want}")


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    """A TensorBoard of `runs` that was started before anything is there."""
    (tmp_path / "runs").mkdir()
    words = ["-m", "tensorboard.main", "--logdir", str(tmp_path / "runs"), "--port", "0", "--reload_interval", "1"]
    process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert process.stdout is not None
        said = []
        for line in process.stdout:
            said.append(line)
            if url := re.search(r"http://\S+:\d+/", line):
                break
        assert url, "".join(said)
        threading.Thread(target=process.stdout.read, daemon=True).start()
        yield Server(url[0])
    finally:
        process.terminate()
        process.wait(PATIENCE)
        process.stdout.close() if process.stdout else None


def test_a_tensorboard_that_looks_on_shows_trials_as_they_go(server: Server, tmp_path: Path) -> None:
    writer = la.TensorBoard(tmp_path / "runs", every=0)

    def train(trial: la.Trial) -> None:
        for step in range(1, 4):
            trial.report(loss=trial["x"] / step)
        if trial.number == 1:  # two that are over, and this one runs
            server.sessions(["STATUS_SUCCESS", "STATUS_UNKNOWN"])
            raise la.Infeasible("too wide")

    space = {"x": la.Float(0, 1), "opt": la.Choice({"sgd": {"momentum": la.Float(0, 0.99)}, "adam": {}})}
    exp = la.Experiment("digits", space, metric="loss", store="memory", searcher="random", seed=0)
    exp.run(train, trials=3, progress=False, callbacks=[writer])

    rows = server.sessions(["STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_SUCCESS"])
    for trial in exp.trials:
        row = rows[f"digits/trial-{trial.number:05d}"]
        assert row["hparams"] == trial.params
        (metric,) = row["metricValues"]
        assert (metric["name"]["tag"], metric["value"]) == ("loss", pytest.approx(trial.value))
    head = server.get("hparams/experiment", {"experimentName": ""})
    assert {info["name"]: info["type"] for info in head["hparamInfos"]} == {
        "x": "DATA_TYPE_FLOAT64",
        "opt": "DATA_TYPE_STRING",
        "momentum": "DATA_TYPE_FLOAT64",
    }
    curve = server.get("scalars/scalars?run=digits/trial-00000&tag=loss")
    assert [step for _, step, _ in curve] == [1, 2, 3]
    assert server.get("text/text?run=digits/trial-00001&tag=outcome")[0]["text"].startswith("<p><strong>infeasible")
