"""Workers that die, or are killed: what becomes of their trials, and of the processes that they started."""

import contextlib
import ctypes
import itertools
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import psutil
import pytest

from lanista.execute import Processes, _watch
from lanista.journal import Checkpointed, Ended, Event, Released, Reported
from lanista.testing import Desk
from lanista.trial import Cohort, Decision, Job, Trial

PATIENCE_S = 60.0
CLEAN_SLATE = {"kind": "fine"}


def until(condition: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, f"not so: {what}"


def over(pid: int) -> bool:
    """Whether a process is no more; one that nobody reaps counts as such."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def deadly(trial: Trial) -> float:
    """Dies as it is told."""
    match trial["kind"]:
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        case "close":
            os.closerange(3, 1000)
            signal.pause()
        case "hog":
            kept = []
            for _ in itertools.count():
                kept.append(b"x" * 10_000_000)
        case "loop":
            for _ in itertools.count():
                pass
    return float(os.getpid())


@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("segfault", "worker died: signal SIGSEGV"),
        ("exit", "worker died: exit code 3"),
        ("kill", "worker died: signal SIGKILL (by a person, or by the system for want of memory)"),
    ],
)
def test_a_death_fails_that_trial_alone(kind: str, reason: str) -> None:
    with Desk(Processes(2), deadly) as desk:
        dead, *fine = desk.run({"kind": kind}, *[CLEAN_SLATE] * 5)
        assert desk.executor.free() == 2
    assert (dead.state, dead.reason, dead.attempt) == ("failed", reason, 1)
    assert [end.state for end in fine] == ["completed"] * 5


def test_the_end_of_the_log_is_in_the_error() -> None:
    with Desk(Processes(1), deadly) as desk:
        (end,) = desk.run({"kind": "segfault"})
    assert "Its log ends:\nFatal Python error: Segmentation fault" in end.error
    assert "in deadly" in end.error


def test_what_was_sent_before_death_arrives() -> None:
    def train(trial: Trial) -> None:
        trial.report(loss=1.0)
        trial.save([1], step=1)
        os._exit(1)

    with Desk(Processes(1), train) as desk:
        desk.run({})
        assert [type(fact) for fact in desk.facts] == [Reported, Checkpointed, Ended]


def test_a_death_fails_the_cohort_but_for_those_that_had_ended() -> None:
    def train(trials: list[Trial]) -> None:
        for trial in trials:
            trial.report(loss=1.0)
        os._exit(9)

    with Desk(Processes(1), train, cohort=True) as desk:
        desk.submit(*(desk.job(i) for i in range(3)))
        desk.finish()
        assert [desk.last(i).reason for i in range(3)] == ["worker died: exit code 9"] * 3


class Grim(Desk):
    """Lets a signal befall a worker while its cohort waits for more trials."""

    signal: signal.Signals

    def more(self, room: int, cohort: Sequence[Job]) -> list[Job]:
        os.kill(self.pid, self.signal)
        if self.signal == signal.SIGKILL:
            until(lambda: over(self.pid), "the worker is dead")
        return super().more(room, cohort)

    @property
    def pid(self) -> int:
        """The worker that reported last."""
        return int([fact for fact in self.facts if isinstance(fact, Reported)][-1].metrics["loss"])


def pids(trials: Cohort) -> None:
    """Tells where it runs; the first makes room for others."""
    for trial in trials:
        trial.report(loss=os.getpid())
    if trials[0].number == 0:
        for trial in trials.swap([trials[0]]):
            trial.report(loss=os.getpid())


@pytest.mark.parametrize("fate", [signal.SIGKILL, signal.SIGSTOP])
def test_trials_that_a_worker_died_before_it_had_taken_them_up_go_to_another(fate: signal.Signals) -> None:
    with Grim(Processes(1), pids, cohort=3) as desk:
        desk.signal = fate
        desk.further.extend([desk.job(3), desk.job(4)])
        desk.submit(*(desk.job(i) for i in range(2)))
        desk.until(lambda: not desk.further)
        first = desk.pid
        os.kill(first, signal.SIGKILL)
        desk.finish()
        assert [desk.last(i).state for i in (0, 1, 3, 4)] == ["completed", "failed", "completed", "completed"]
        assert desk.of(3, Reported)[0].metrics["loss"] != first
        assert desk.executor.free() == 1


def test_a_worker_that_dies_while_its_empty_cohort_waits_gives_up_its_slot() -> None:
    def train(trials: Cohort) -> None:
        trials[0].report(loss=os.getpid())
        trials.swap([trials[0]])

    with Grim(Processes(1), train, cohort=2) as desk:
        desk.signal = signal.SIGKILL
        desk.submit(desk.job(0))
        desk.until(lambda: desk.executor.free() == 1)
        assert desk.last(0).state == "completed"
        desk.signal = signal.SIGCONT
        desk.submit(desk.job(1))
        desk.finish()
        assert desk.last(1).state == "completed"


def test_a_cohort_that_is_cancelled_while_it_waits_gives_up_its_slot() -> None:
    class Stern(Desk):
        def handle(self, facts: list[Event]) -> None:
            super().handle(facts)
            if any(isinstance(fact, Ended) and fact.number == 0 for fact in facts):
                self.executor.cancel(1, reason="killed", end=True)

    with Stern(Processes(1), lambda trials: trials.swap({trials[0]: 1.0}), cohort=2) as desk:
        desk.further.append(desk.job(2))
        desk.submit(desk.job(0), desk.job(1))
        desk.finish()
        assert (desk.last(1).state, desk.last(1).reason) == ("cancelled", "killed")
        assert desk.executor.free() == 1
        assert len(desk.further) == 1


def test_a_death_fails_those_that_entered_the_cohort(tmp_path: Path) -> None:
    def train(trials: Cohort) -> None:
        trials.swap({trials[0]: 1.0})
        trials[-1].report(loss=1.0)
        print("last words", flush=True)
        os._exit(9)

    with Desk(Processes(1), train, cohort=2, directory=tmp_path) as desk:
        desk.further.append(desk.job(7))
        desk.submit(desk.job(0), desk.job(1))
        desk.finish()
        assert desk.last(0).state == "completed"
        assert [desk.last(i).reason for i in (1, 7)] == ["worker died: exit code 9"] * 2
        assert "last words" in desk.last(7).error
    assert (tmp_path / "logs" / "7.log").read_text() == "lanista: ran in one cohort with trial 0; see 0.log\n"


def test_fewer_workers_let_the_newest_cohort_run_out() -> None:
    asked: list[int] = []
    numbers = itertools.count(2)

    class Asked(Desk):
        def more(self, room: int, cohort: Sequence[Job]) -> list[Job]:
            if self.executor.slots == 1:
                asked.append(cohort[0].number)
            elif {fact.number for fact in self.facts} >= {0, 1}:
                self.executor.resize(1)  # type: ignore[attr-defined]
            if len(asked) < 50:
                self.further.append(self.job(next(numbers)))
            return super().more(room, cohort)

    def train(trials: Cohort) -> None:
        while trials:
            trials.swap(dict.fromkeys(trials, 1.0))

    with Asked(Processes(2), train, cohort=1) as desk:
        desk.submit(desk.job(0))
        desk.submit(desk.job(1))
        desk.finish()
        assert {desk.last(i).state for i in range(next(numbers))} == {"completed"}
        assert asked == [asked[0]] * 50


def test_code_that_closes_the_line_fails_its_trial_alone() -> None:
    with Desk(Processes(1), deadly) as desk:
        dead, fine = desk.run({"kind": "close"}, CLEAN_SLATE)
    assert (dead.state, fine.state) == ("failed", "completed")


def test_a_worker_that_dies_idle_harms_no_trial() -> None:
    with Desk(Processes(1), deadly) as desk:
        for i in range(3):
            desk.submit(desk.job(i, CLEAN_SLATE))
            desk.finish()
            pid = int(desk.last(i).metrics["loss"])
            os.kill(pid, signal.SIGKILL)
            until(lambda pid=pid: over(pid), "the worker is dead")  # type: ignore[misc]
        assert [desk.last(i).state for i in range(3)] == ["completed"] * 3


# --- limits -----------------------------------------------------------------------------------------------------------


def test_a_trial_that_takes_too_much_memory_is_killed() -> None:
    with Desk(Processes(2, memory="400MB"), deadly) as desk:
        hog, fine = desk.run({"kind": "hog"}, CLEAN_SLATE)
    assert (hog.state, fine.state) == ("failed", "completed")
    assert hog.reason.startswith("memory limit: used ")
    assert hog.reason.endswith(" GB of 0.4 GB")


def test_a_trial_that_takes_too_long_is_killed() -> None:
    with Desk(Processes(2, trial_time=0.5), deadly) as desk:
        long, fine = desk.run({"kind": "loop"}, CLEAN_SLATE)
    assert (long.state, long.reason) == ("failed", "time limit: ran longer than 0.5 s")
    assert fine.state == "completed"


def test_memory_that_forks_share_is_counted_once() -> None:
    code = (
        "import os, sys\n"
        "data = b'x' * 200_000_000\n"
        "for _ in range(3):\n"
        "    if not os.fork(): break\n"
        "os.write(1, b'.')\n"
        "sys.stdin.read()\n"
    )
    call, pipe = [sys.executable, "-c", code], subprocess.PIPE
    with subprocess.Popen(call, stdin=pipe, stdout=pipe, start_new_session=True) as process:
        assert process.stdout is not None
        assert len(process.stdout.read(4)) == 4
        assert sum(p.memory for p in _watch.members(process.pid, _watch.table())) > 600_000_000
        assert _watch.over(process.pid, 400_000_000, _watch.table()) is None
        assert _watch.over(process.pid, 150_000_000, _watch.table()) is not None
        _watch.kill(process.pid)


# --- cancelling -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("end", [True, False])
def test_cancelling_kills_a_trial_that_never_reports_and_others_go_on(tmp_path: Path, end: bool) -> None:
    def train(trial: Trial) -> float:
        (tmp_path / str(trial.number)).touch()
        while trial.number == 0 or not (tmp_path / "go").exists():
            pass
        return 5.0

    with Desk(Processes(2), train) as desk:
        desk.submit(desk.job(0, attempt=2))
        desk.submit(desk.job(1))
        desk.until(lambda: len(list(tmp_path.iterdir())) == 2)
        desk.executor.cancel(0, reason="killed by command", end=end)
        desk.until(lambda: bool(desk.facts))
        last = desk.last(0)
        assert isinstance(last, Ended if end else Released)
        assert (last.attempt, last.reason) == (2, "killed by command")
        assert desk.executor.free() == 1
        (tmp_path / "go").touch()
        desk.finish()
        assert desk.last(1).metrics == {"loss": 5.0}


def test_a_cohort_dies_when_all_of_it_is_cancelled(tmp_path: Path) -> None:
    def train(trials: list[Trial]) -> None:
        (tmp_path / "here").touch()
        for _ in itertools.count():
            pass

    with Desk(Processes(1), train, cohort=True) as desk:
        desk.submit(*(desk.job(i) for i in range(3)))
        desk.until((tmp_path / "here").exists)
        for i in range(3):
            desk.executor.cancel(i, reason="stop now", end=False)
        desk.finish()
        assert all(isinstance(desk.last(i), Released) for i in range(3))


def test_a_reply_to_a_trial_that_was_killed_is_lost_without_harm() -> None:
    with Desk(Processes(1), lambda trial: trial.report(loss=1.0), answer=lambda report: None) as desk:
        desk.submit(desk.job(0))
        desk.until(lambda: bool(desk.of(0, Reported)))
        desk.executor.cancel(0, reason="enough", end=True)
        desk.executor.reply(0, Decision())
        desk.finish()
        desk.executor.reply(0, Decision())
        assert desk.last(0).state == "cancelled"


# --- what is left behind ----------------------------------------------------------------------------------------------


def breeding(trial: Trial) -> float:
    """Starts a process in this session, one in a group of its own and one in a session of its own; dies, or waits."""
    children = [
        subprocess.Popen(["sleep", "1000"]),
        subprocess.Popen(["sleep", "1000"], process_group=0),
        subprocess.Popen(["sh", "-c", "sleep 1000 & wait"], start_new_session=True),
    ]
    trial.note(pids=[os.getpid(), *(child.pid for child in children)])
    if trial["dies"]:
        os._exit(1)
    signal.pause()
    return 0.0


def test_what_a_dead_worker_leaves_in_its_session_is_killed() -> None:
    with Desk(Processes(1), breeding) as desk:
        desk.run({"dies": True})
        pids = desk.facts[0].values["pids"]
        assert all(over(pid) for pid in pids[:1])
        for pid in pids[1:3]:
            until(lambda pid=pid: over(pid), f"{pid} is dead")  # type: ignore[misc]
    os.killpg(pids[3], signal.SIGKILL)  # it left the session and its parent: a daemon by its own will


def test_cancelling_kills_all_that_descends_from_the_worker() -> None:
    with Desk(Processes(1), breeding) as desk:
        desk.submit(desk.job(0, {"dies": False}))
        desk.until(lambda: bool(desk.facts))
        pids = desk.facts[0].values["pids"]
        desk.executor.cancel(0, reason="enough", end=True)
        desk.finish()
        for pid in pids:
            until(lambda pid=pid: over(pid), f"{pid} is dead")  # type: ignore[misc]


def test_closing_kills_what_runs() -> None:
    with Desk(Processes(1), breeding) as desk:
        desk.submit(desk.job(0, {"dies": False}))
        desk.until(lambda: bool(desk.facts))
        pids = desk.facts[0].values["pids"]
    for pid in pids:
        until(lambda pid=pid: over(pid), f"{pid} is dead")  # type: ignore[misc]
    assert len(desk.facts) == 1


CONTROLLER = """
import os, signal, subprocess, sys
from lanista.execute import Processes
from lanista.testing import Desk

def train(trial):
    child = subprocess.Popen(["sleep", "1000"], process_group=0)
    trial.note(pids=[os.getpid(), child.pid])
    while trial.number == 0:
        pass
    signal.pause()

desk = Desk(Processes(3), train)
desk.submit(desk.job(0))
desk.submit(desk.job(1))
desk.until(lambda: len(desk.facts) == 2)
pids = [pid for fact in desk.facts for pid in fact.values["pids"]]
if sys.argv[1] == "fork":
    pids.append(os.fork())
if pids[-1]:
    os.write(1, (" ".join(map(str, pids)) + "\\n").encode())
signal.pause()
"""


@pytest.mark.parametrize("way", ["alone", "fork"])
def test_a_controller_that_is_killed_leaves_no_process(tmp_path: Path, way: str) -> None:
    script = tmp_path / "controller.py"
    script.write_text(CONTROLLER)
    with subprocess.Popen([sys.executable, script, way], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        pids = [int(pid) for pid in process.stdout.readline().split()]
        assert len(pids) == 4 + (way == "fork")
        assert not any(over(pid) for pid in pids)
        process.kill()
        fork = pids.pop() if way == "fork" else None
        for pid in pids:
            until(lambda pid=pid: over(pid), f"{pid} is dead")  # type: ignore[misc]
        if fork is not None:
            os.kill(fork, signal.SIGKILL)


def test_workers_have_sessions_of_their_own() -> None:
    with Desk(Processes(1), lambda trial: float(os.getsid(0) == os.getpid())) as desk:
        (end,) = desk.run({})
    assert end.metrics == {"loss": 1.0}


def test_a_fork_of_user_code_is_no_second_worker() -> None:
    def train(trial: Trial) -> float:
        reader, writer = os.pipe()
        if os.fork():
            os.close(writer)
            with open(reader, "rb") as file:
                said = file.read().decode()
            trial.note(said=said)
            return 1.0
        with contextlib.suppress(BaseException):
            try:
                trial.report(loss=0.0)
            except Exception as error:
                os.write(writer, str(error).encode())
        return 2.0

    with Desk(Processes(1), train) as desk:
        one, two = desk.run({}, {})
        notes = [fact.values["said"] for fact in desk.facts if hasattr(fact, "values")]
    assert (one.metrics, two.metrics) == ({"loss": 1.0}, {"loss": 1.0})
    assert all("not in a child that it forked" in note for note in notes)
    assert len(notes) == 2
