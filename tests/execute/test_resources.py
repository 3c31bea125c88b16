"""Sizes, cores and GPUs: what is asked for against what is there."""

import os
import stat
from dataclasses import replace
from pathlib import Path

import pytest

from lanista.errors import ExecutorError, UsageError
from lanista.execute import Processes
from lanista.journal import Ended
from lanista.testing import Desk
from lanista.trial import Decision, Trial


def told(trial: Trial) -> float:
    trial.note(resources=trial.resources, environment={k: v for k, v in os.environ.items() if k in trial["names"]})
    return 0.0


def told_together(trial: Trial) -> float:
    trial.report(loss=0.0)
    return told(trial)


def hear(executor: Processes, trials: int, *names: str) -> list[tuple[object, object]]:
    """What so many trials at once see of resources and environment."""
    with Desk(executor, told_together, answer=lambda report: None) as desk:
        for i in range(trials):
            desk.submit(desk.job(i, {"names": list(names)}))
        desk.until(lambda: len(desk.facts) == trials)
        for i in range(trials):
            executor.reply(i, Decision())
        desk.finish()
        notes = [fact.values for fact in desk.facts if hasattr(fact, "values")]
        return sorted([(n["resources"], n["environment"]) for n in notes], key=str)


@pytest.mark.parametrize("size", ["2 gigs", "", 0, -5, "0GB", "1.2.3GB", True])
def test_a_size_that_is_none_is_refused(size: object) -> None:
    with pytest.raises(UsageError, match=r"memory=.* is no size; write bytes, or for instance '2GB'"):
        Desk(Processes(1, memory=size), told)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"workers": 0}, "workers=0 must be a whole number from 1"),
        ({"workers": 1.5}, "workers=1.5 must be"),
        ({"cpus": 0}, "cpus=0 must be a whole number from 1"),
        ({"gpus": 1.5}, "gpus=1.5 must be a whole number of devices, or a share below 1"),
        ({"gpus": -1}, "gpus=-1 must be"),
        ({"trial_time": 0}, "trial_time=0 must be seconds above 0"),
    ],
)
def test_arguments_that_make_no_sense_are_named(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        Desk(Processes(**arguments), told)  # type: ignore[arg-type]


def test_more_cores_than_there_are() -> None:
    with pytest.raises(ExecutorError, match=r"cpus=100000 for one worker: this machine has \d+"):
        Desk(Processes(1, cpus=100_000), told)


def test_a_worker_gets_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES"):
        monkeypatch.delenv(name, raising=False)
    names = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "CUDA_VISIBLE_DEVICES")
    expected = {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}
    assert hear(Processes(1, cpus=1), 1, *names) == [({"cpus": 1, "gpus": []}, expected)]
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    (told,) = hear(Processes(100_000), 1, *names)
    assert told == ({"cpus": 1, "gpus": []}, {"OMP_NUM_THREADS": "7", "MKL_NUM_THREADS": "1"})


def test_gpus_are_handed_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "4,5")
    whole = hear(Processes(2, gpus=1), 2, "CUDA_VISIBLE_DEVICES")
    assert [(r["gpus"], e["CUDA_VISIBLE_DEVICES"]) for r, e in whole] == [([4], "4"), ([5], "5")]  # type: ignore[index]
    shared = hear(Processes(3, gpus=0.5), 3, "CUDA_VISIBLE_DEVICES")
    assert [e["CUDA_VISIBLE_DEVICES"] for _, e in shared] == ["4", "4", "5"]  # type: ignore[index]
    both = hear(Processes(gpus=2), 1, "CUDA_VISIBLE_DEVICES")
    assert [r["gpus"] for r, _ in both] == [[4, 5]]  # type: ignore[index]


def test_gpus_that_do_not_suffice_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,GPU-8a2f,-1,3")
    words = r"3 workers with gpus=1 each .*: 0, GPU-8a2f \(CUDA_VISIBLE_DEVICES=.*\); at most workers=2 fits"
    with pytest.raises(ExecutorError, match=words):
        Desk(Processes(3, gpus=1), told)
    with Desk(Processes(1, gpus=1), told) as desk, pytest.raises(ExecutorError, match="at most workers=2 fits"):
        desk.executor.resize(3)  # type: ignore[attr-defined]
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ExecutorError, match=r"none \(CUDA_VISIBLE_DEVICES=\); leave gpus out"):
        Desk(Processes(gpus=1), told)


def test_gpus_are_found_by_nvidia_smi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path), prepend=os.pathsep)
    program = tmp_path / "nvidia-smi"
    program.write_text('#!/bin/sh\ntest "$1" = --query-gpu=index && printf "0\\n1\\n"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    with pytest.raises(ExecutorError, match=r"0, 1 \(by nvidia-smi\); at most workers=4 fits"):
        Desk(Processes(5, gpus=0.5), told)
    program.write_text("#!/bin/sh\necho no driver >&2; exit 9\n")
    with pytest.raises(ExecutorError, match=r"none \(nvidia-smi failed: .*exit status 9"):
        Desk(Processes(1, gpus=1), told)


def test_a_trial_gets_the_shares_of_several_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,1,2")
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    wide: dict[str, float] = {"cpus": 2, "gpus": 2}
    with Desk(Processes(3, cpus=1, gpus=1), told) as desk:
        for i, resources in enumerate([None, wide, None, {"gpus": 9}]):
            desk.until(lambda: desk.executor.free() > 0)
            desk.submit(replace(desk.job(i, {"names": ["OMP_NUM_THREADS"]}), resources=resources))
        desk.finish()
        told_by = {fact.number: fact.values for fact in desk.facts if hasattr(fact, "values")}
    assert [told_by[i]["resources"]["cpus"] for i in range(4)] == [1, 2, 1, 3]
    assert [len(told_by[i]["resources"]["gpus"]) for i in range(4)] == [1, 2, 1, 3]
    assert [told_by[i]["environment"]["OMP_NUM_THREADS"] for i in range(4)] == ["1", "2", "1", "3"]


def test_a_trial_that_waits_for_room_can_be_taken_back() -> None:
    with Desk(Processes(2, cpus=1), told) as desk:
        desk.submit(desk.job(0, {"names": []}))
        desk.submit(replace(desk.job(1, {"names": []}), resources={"cpus": 2}))
        assert desk.executor.free() == 0
        desk.executor.cancel(1, reason="no longer wanted", end=True)
        assert desk.executor.free() == 1
        desk.finish()
        assert {fact.number: fact.state for fact in desk.facts if isinstance(fact, Ended)} == {
            0: "completed",
            1: "cancelled",
        }


def test_a_resource_that_is_not_there_is_named() -> None:
    with (
        Desk(Processes(1), told) as desk,
        pytest.raises(UsageError, match=r"is to get gpus, of which these workers have none \(they have cpus\)"),
    ):
        desk.submit(replace(desk.job(0, {"names": []}), resources={"gpus": 1}))
