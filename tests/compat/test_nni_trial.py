import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from lanista.compat.nni.utils import merge_parameter
from lanista.errors import UsageError
from lanista.journal import Ended, Event, Noted, Reported
from lanista.trial import Command, Decision, Job, as_objective


class Recorder:
    def __init__(self, stop_at: int | None) -> None:
        self.events: list[Event] = []
        self._stop_at = stop_at

    def send(self, event: Event) -> None:
        self.events.append(event)

    def report(self, event: Reported) -> Decision:
        self.events.append(event)
        return Decision("stop", "bad") if event.step == self._stop_at else Decision()


@pytest.fixture
def run(tmp_path: Path):
    """Runs a script that uses NNI's functions as a trial and returns the facts."""

    def run_one(code: str, params: dict[str, Any], *, stop_at: int | None = None, **command: Any) -> list[Event]:
        path = tmp_path / "script.py"
        path.write_text("from lanista.compat import nni\n" + code)
        link = Recorder(stop_at)
        directory = str(tmp_path / "mnist" / "trials" / "4")
        job = Job(number=4, params=params, attempt=1, seed=0, directory=directory, metrics=("default",))
        as_objective(Command([sys.executable, str(path)], **command)).run([job], link)
        return link.events

    return run_one


def by_hand(tmp_path: Path, code: str) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "script.py"
    path.write_text("from lanista.compat import nni\n" + code)
    return subprocess.run([sys.executable, str(path)], capture_output=True, text=True, cwd=tmp_path, check=False)


TRIAL = """
params = {"lr": 0.5}
params.update(nni.get_next_parameter())
for epoch in range(3):
    nni.report_intermediate_result(params["lr"] * epoch)
nni.report_final_result(params["lr"])
"""


def test_a_trial_reports_as_to_nni(run) -> None:
    *reports, end = run(TRIAL, {"lr": 0.25})
    assert [(r.step, r.metrics) for r in reports] == [
        (1, {"default": 0.0}),
        (2, {"default": 0.25}),
        (3, {"default": 0.5}),
    ]
    assert isinstance(end, Ended)
    assert (end.state, end.metrics) == ("completed", {"default": 0.25})


def test_a_stopped_trial_ends_quietly(run, capfd: pytest.CaptureFixture[str]) -> None:
    *reports, end = run(TRIAL, {"lr": 0.25}, stop_at=2)
    assert len(reports) == 2
    assert (end.state, end.reason) == ("stopped", "bad")
    assert capfd.readouterr() == ("", "")


def test_by_hand_there_are_no_parameters_and_results_are_printed(tmp_path: Path) -> None:
    done = by_hand(tmp_path, TRIAL + "print(nni.get_experiment_id(), nni.get_trial_id(), nni.get_sequence_id())")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "Intermediate result: 0.0  (Index 0)",
        "Intermediate result: 0.5  (Index 1)",
        "Intermediate result: 1.0  (Index 2)",
        "Final result: 0.5",
        "STANDALONE STANDALONE 0",
    ]
    assert os.listdir(tmp_path) == ["script.py"]


def test_a_dict_gives_further_metrics_and_notes(run) -> None:
    code = """
import numpy as np
nni.report_intermediate_result({"default": np.float32(0.5), "loss": 2, "matrix": [1, 2], "step": 9, "name": "a"})
nni.report_final_result({"default": 0.75, "loss": 1, "odd": {1}})
"""
    note, report, last, end = run(code, {})
    assert isinstance(note, Noted)
    assert note.values == {"matrix": [1, 2], "step": 9, "name": "a"}
    assert (report.step, report.metrics) == (1, {"default": 0.5, "loss": 2.0})
    assert last.values == {"odd": "{1}"}
    assert end.metrics == {"default": 0.75, "loss": 1.0}


def test_a_dict_without_a_default_is_an_error(run) -> None:
    *_, end = run("nni.report_final_result({'acc': 1})", {})
    assert end.state == "failed"
    assert "must have a 'default', the number to optimise; this one has 'acc'" in end.error


def test_nested_choices_come_in_nni_s_own_form(run) -> None:
    nested = {"layer": {"_name": "conv", "size": 3}}
    code = """
assert nni.get_current_parameter() is None
params = nni.get_next_parameters()
assert params == {"layer": {"_name": "conv", "size": 3}}, params
assert nni.get_current_parameter("layer")["size"] == 3
assert nni.get_current_parameter() is params
nni.report_final_result(1)
"""
    assert run(code, {"layer": "conv", "layer/size": 3}, convert=lambda params: nested)[-1].state == "completed"


def test_a_trial_knows_its_names(run) -> None:
    code = "names = [nni.get_experiment_id(), nni.get_trial_id(), nni.get_sequence_id()]\n"
    code += "nni.report_final_result({'default': 1, 'names': names})"
    assert run(code, {})[0].values == {"names": ["mnist", "mnist-4", 4]}


def test_the_sequence_may_go_on_from_a_checkpoint(run) -> None:
    code = "nni.trial.overwrite_intermediate_seq(5)\nnni.report_intermediate_result(1)\nnni.report_final_result(2)"
    assert run(code, {})[0].step == 6


def test_parameters_are_merged_over_a_namespace() -> None:
    import argparse

    args = argparse.Namespace(lr=0.1, name=None, epochs=3)
    assert vars(merge_parameter(args, {"lr": 0.5, "name": "x"})) == {"lr": 0.5, "name": "x", "epochs": 3}
    assert merge_parameter({"a": 1}, None) == {"a": 1}
    with pytest.raises(UsageError, match="parameter 'b' has no default; the defaults are 'a'"):
        merge_parameter({"a": 1}, {"b": 2})
    with pytest.raises(UsageError, match=r"parameter 'a' is 1\.5, of type float, but its default 1 is of type int"):
        merge_parameter({"a": 1}, {"a": 1.5})
