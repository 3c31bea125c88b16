"""Warm workers: what reaches them, what stays in them, where their output goes."""

import os
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from lanista.errors import ExecutorError, UsageError
from lanista.execute import Processes
from lanista.journal import Reported
from lanista.testing import Desk
from lanista.trial import Decision, Trial

CALLS: list[int] = []


def counting(trial: Trial) -> float:
    """How many trials this process has run, by a global of the module."""
    CALLS.append(trial.number)
    return float(len(CALLS))


def test_a_global_of_a_module_outlives_the_trial() -> None:
    with Desk(Processes(1), counting) as desk:
        ends = desk.run(*[{}] * 5)
    assert [end.metrics["loss"] for end in ends] == [1, 2, 3, 4, 5]
    assert CALLS == []


def test_closures_and_lambdas_are_taken() -> None:
    bonus = 10.0

    def train(trial: Trial) -> float:
        return float(trial["x"] + bonus)

    with Desk(Processes(1), lambda trial: train(trial)) as desk:
        (end,) = desk.run({"x": 1.0})
    assert end.metrics == {"loss": 11.0}


SCRIPT = """
import sys
import lanista as la
from lanista.execute import Processes
from lanista.testing import Desk
import beside

DATA = [beside.THREE] * 3

class Model:
    pass

def train(trial):
    model = Model()
    model.loss = trial["x"] * sum(DATA)
    trial.save(model)
    trial.report(loss=model.loss)
    return helper(model)

def helper(model):
    return model.loss + len(sys.argv)

with Desk(Processes(2), train) as desk:
    ends = desk.run({"x": 1.0}, {"x": 2.0})
print([end.metrics["loss"] for end in ends])
"""


def test_a_script_needs_no_main_guard(tmp_path: Path) -> None:
    (tmp_path / "script.py").write_text(SCRIPT)
    (tmp_path / "beside.py").write_text("THREE = 3")
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    done = subprocess.run(
        [sys.executable, tmp_path / "script.py", "an argument"],
        cwd=elsewhere,
        capture_output=True,
        text=True,
        check=False,
        timeout=100,
    )
    assert done.stderr == ""
    assert done.stdout == "[11.0, 20.0]\n"


def test_200_trials_that_do_nothing(tmp_path: Path) -> None:
    with Desk(Processes(2), lambda trial: trial["x"], directory=tmp_path) as desk:
        ends = desk.run(*({"x": float(i)} for i in range(200)))
    assert [end.metrics["loss"] for end in ends] == list(map(float, range(200)))
    assert list(tmp_path.glob("logs/*.log")) == []


def test_any_thread_of_a_cohort_may_report() -> None:
    def train(trials: list[Trial]) -> None:
        def steps(trial: Trial) -> None:
            for _ in range(20):
                trial.report(loss=float(trial.number))

        threads = [threading.Thread(target=steps, args=(trial,)) for trial in trials]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    with Desk(Processes(1), train, cohort=True) as desk:
        desk.submit(*(desk.job(i) for i in range(4)))
        desk.finish()
        assert [[r.step for r in desk.of(i, Reported)] for i in range(4)] == [list(range(1, 21))] * 4
        assert [desk.last(i).metrics for i in range(4)] == [{}] * 4


def test_the_folder_is_the_same_for_each_trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def wander(trial: Trial) -> float:
        trial.note(cwd=os.getcwd())
        os.chdir("/")
        return 0.0

    with Desk(Processes(1), wander) as desk:
        desk.run({}, {})
        assert [fact.values["cwd"] for fact in desk.facts if hasattr(fact, "values")] == [str(tmp_path)] * 2


# --- output -----------------------------------------------------------------------------------------------------------


def noisy(trial: Trial) -> float:
    print("printed by", trial.number, "\udcff")
    print("no newline", end="", file=sys.stderr)
    sys.stderr.flush()
    os.write(1, b" and by C\n")
    os.system("echo and by a child")
    return 0.0


def test_each_trial_has_its_log(tmp_path: Path) -> None:
    with Desk(Processes(2), noisy, directory=tmp_path) as desk:
        desk.run({}, {}, {})
    for i in range(3):
        text = (tmp_path / "logs" / f"{i}.log").read_text()
        assert text == f"printed by {i} \\udcff\nno newline and by C\nand by a child\n"


def test_what_the_c_library_holds_back_is_in_the_log_when_the_trial_has_ended(tmp_path: Path) -> None:
    def train(trial: Trial) -> float:
        import ctypes

        ctypes.CDLL(None).printf(b"from C %d\n", trial.number)
        return 0.0

    with Desk(Processes(1), train, directory=tmp_path) as desk:
        desk.run({})
        assert (tmp_path / "logs" / "0.log").read_text() == "from C 0\n"
        desk.submit(desk.job(1))
        desk.finish()
        assert (tmp_path / "logs" / "1.log").read_text() == "from C 1\n"


def test_silent_trials_leave_no_log(tmp_path: Path) -> None:
    def train(trial: Trial) -> float:
        if trial["say"]:
            print("something")
        return 0.0

    with Desk(Processes(1), train, directory=tmp_path) as desk:
        desk.run(*({"say": i == 2} for i in range(5)))
    assert [path.name for path in (tmp_path / "logs").iterdir()] == ["2.log"]


def test_a_further_attempt_appends_to_the_log(tmp_path: Path) -> None:
    with Desk(Processes(1), lambda trial: print("attempt of", trial.number), directory=tmp_path) as desk:
        for attempt in (1, 2):
            desk.submit(desk.job(0, attempt=attempt))
            desk.finish()
            desk.facts.clear()
            desk.submit(desk.job(1, attempt=attempt))
            desk.finish()
            desk.facts.clear()
    assert (tmp_path / "logs" / "0.log").read_text() == "attempt of 0\nlanista: attempt 2\nattempt of 0\n"


def test_the_logs_of_a_cohort_say_where_its_output_is(tmp_path: Path) -> None:
    with Desk(Processes(1), lambda trials: print("together"), cohort=True, directory=tmp_path) as desk:
        desk.submit(desk.job(4), desk.job(5))
        desk.finish()
    assert (tmp_path / "logs" / "4.log").read_text() == "together\n"
    assert (tmp_path / "logs" / "5.log").read_text() == "lanista: ran in one cohort with trial 4; see 4.log\n"


# --- objectives that cannot be sent -----------------------------------------------------------------------------------


def test_an_objective_that_cannot_be_pickled_names_what_stands_in_the_way() -> None:
    settings = {"lock": threading.Lock()}

    def train(trial: Trial) -> float:
        with settings["lock"]:
            return 0.0

    words = r"\['lock'\] of the variable 'settings' of .*train\(\), a lock, cannot be pickled .*executor='inline'"
    with pytest.raises(ExecutorError, match=words):
        Desk(Processes(1), train)


def test_a_module_that_workers_cannot_import_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "fickle.py").write_text("def train(trial): return 0.0")
    monkeypatch.syspath_prepend(tmp_path)
    import fickle  # type: ignore[import-not-found]

    with Desk(Processes(2), fickle.train) as desk:
        (tmp_path / "fickle.py").unlink()
        desk.submit(desk.job(0))
        with pytest.raises(ExecutorError, match=r"cannot import what the objective needs: No module named 'fickle'.*"):
            desk.finish()
        assert desk.facts == []


def test_workers_that_die_while_they_start_are_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "deadly.py").write_text(
        textwrap.dedent("""
            import os, sys
            if "pytest" not in sys.modules:
                print("licence server unreachable", flush=True)
                os._exit(7)
            def train(trial): return 0.0
        """)
    )
    monkeypatch.syspath_prepend(tmp_path)
    import deadly  # type: ignore[import-not-found]

    with Desk(Processes(2), deadly.train) as desk:
        desk.submit(desk.job(0))
        with pytest.raises(ExecutorError, match=r"3 workers in a row .*\(exit code 7\): licence server unreachable"):
            desk.finish()
        assert desk.facts == []


# --- the number of workers --------------------------------------------------------------------------------------------


def meeting(trial: Trial) -> float:
    """Waits until so many trials run at once."""
    folder = Path(trial["folder"])
    (folder / str(trial.number)).touch()
    while len(list(folder.iterdir())) < trial["count"]:
        trial.report(loss=0.0)
    return float(os.getpid())


def test_workers_come_and_go_while_trials_run(tmp_path: Path) -> None:
    executor = Processes(1)
    with Desk(executor, meeting) as desk:
        params = {"folder": str(tmp_path), "count": 3}
        desk.submit(desk.job(0, params))
        assert (executor.slots, executor.free()) == (1, 0)
        executor.resize(3)
        assert (executor.slots, executor.free()) == (3, 2)
        desk.submit(desk.job(1, params))
        desk.submit(desk.job(2, params))
        executor.resize(1)
        assert (executor.slots, executor.free()) == (1, 0)
        desk.finish()
        assert executor.free() == 1
        first = {desk.last(i).metrics["loss"] for i in range(3)}
        assert len(first) == 3
        desk.submit(desk.job(3, params))
        desk.finish()
        assert desk.last(3).metrics["loss"] in first
        with pytest.raises(UsageError, match="workers=0 must be a whole number from 1"):
            executor.resize(0)


def test_misuse_is_named() -> None:
    executor = Processes(1)
    with pytest.raises(UsageError, match=r"open\(\) the executor first"):
        executor.poll(0.0)
    with Desk(executor, counting) as desk:
        desk.submit(desk.job(0))
        with pytest.raises(UsageError, match="all 1 workers are busy"):
            executor.submit([desk.job(1)])
        with pytest.raises(ExecutorError, match="already runs an experiment"):
            Desk(executor, counting)


def test_a_decision_of_a_megabyte_does_not_hang() -> None:
    reason = "because " * 130_000

    def train(trial: Trial) -> None:
        trial.report(loss=0.0)

    with Desk(Processes(1), train, answer=lambda report: Decision("stop", reason)) as desk:
        (end,) = desk.run({})
    assert end.reason == reason


def test_the_arguments_are_shown() -> None:
    assert repr(Processes(2, gpus=0.5)) == "Processes(workers=2, cpus=None, gpus=0.5, memory=None, trial_time=None)"
