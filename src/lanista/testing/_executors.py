"""What every executor must do, as tests to inherit, and the small controller that they run it by."""

import math
import shutil
import sys
import tempfile
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from lanista.errors import Infeasible
from lanista.journal import Checkpointed, Ended, Event, Noted, Params, Released, Reported, Yielded
from lanista.trial import Decision, Executor, Job, Trial, as_objective

PATIENCE_S = 60.0
LAST = (Ended, Yielded, Released)

Answer = Callable[[Reported], Decision | None]


class Desk:
    """A controller of a few lines: it submits what is given to it, answers reports, and keeps all facts.

    Args:
        executor: what is tried.
        objective: what it runs.
        answer: the decision on a report; by default all go on. None: the reply comes later, by `executor.reply`.
        cohort: whether the objective takes a list of trials.
        directory: where the trials' folders are to be.
    """

    def __init__(
        self,
        executor: Executor,
        objective: Any,
        *,
        answer: Answer | None = None,
        cohort: bool = False,
        directory: Path | None = None,
    ) -> None:
        self.executor = executor
        self.facts: list[Any] = []
        self.home = directory or Path(tempfile.mkdtemp(prefix="lanista-"))
        self._temporary = directory is None
        self._answer = answer or (lambda report: Decision())
        self._waiting: set[int] = set()
        executor.open(as_objective(objective, cohort=cohort), self.handle)

    def __enter__(self) -> "Desk":
        return self

    def __exit__(self, *error: object) -> None:
        self.executor.close()
        if self._temporary:
            shutil.rmtree(self.home, ignore_errors=True)

    def job(self, number: int, params: Params | None = None, *, attempt: int = 1, budget: int | None = None) -> Job:
        """A job as the real controller makes it."""
        directory = str(self.home / "trials" / str(number))
        return Job(number, params or {}, attempt, number, directory, ("loss",), budget=budget)

    def submit(self, *jobs: Job) -> None:
        """Submits a cohort."""
        assert self.executor.free() > 0, "a submission without a free slot"
        self._waiting.update(job.number for job in jobs)
        self.executor.submit(jobs)

    def handle(self, facts: list[Event]) -> None:
        """Takes facts, and answers those that are reports."""
        assert facts, "handle() was called without facts"
        for fact in facts:
            number = fact.number  # type: ignore[union-attr]
            assert number in self._waiting, f"a fact on trial {number}, which has had its last one: {fact}"
            self.facts.append(fact)
            if isinstance(fact, LAST):
                self._waiting.discard(number)
            elif isinstance(fact, Reported) and (decision := self._answer(fact)) is not None:
                self.executor.reply(number, decision)

    def until(self, condition: Callable[[], bool]) -> None:
        """Polls until something holds."""
        deadline = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < deadline, f"nothing more came; so far: {self.facts}"
            self.executor.poll(0.05)

    def run(self, *params: Params) -> list[Any]:
        """Runs trials 0, 1, … with these parameters, each by itself; their last facts."""
        todo: Iterator[Job] = iter([self.job(i, p) for i, p in enumerate(params)])
        job = next(todo, None)
        while job is not None:
            self.until(lambda: self.executor.free() > 0)
            self.submit(job)
            job = next(todo, None)
        self.finish()
        return [self.last(i) for i in range(len(params))]

    def finish(self) -> None:
        """Polls until each trial has had its last fact."""
        self.until(lambda: not self._waiting)

    def last(self, number: int) -> Any:
        """The last fact of a trial."""
        (fact,) = [f for f in self.facts if isinstance(f, LAST) and f.number == number]
        return fact

    def of(self, number: int, kind: type[Any]) -> list[Any]:
        """The facts of a kind on a trial."""
        return [fact for fact in self.facts if isinstance(fact, kind) and fact.number == number]


class ExecutorContract(ABC):
    """Inherit it in a class named Test…, define `executor`, and pytest runs the contract on yours.

    class TestMine(ExecutorContract):
        def executor(self):
            return Mine(workers=2)
    """

    @abstractmethod
    def executor(self) -> Executor:
        """A new executor, each time with the same arguments."""

    def desk(self, objective: Any, answer: Answer | None = None, *, cohort: bool = False) -> Desk:
        """The executor with a controller."""
        return Desk(self.executor(), objective, answer=answer, cohort=cohort)

    def test_results_come_back(self) -> None:
        with self.desk(square) as desk:
            ends = desk.run(*({"x": float(x)} for x in range(8)))
        assert [(e.state, e.metrics) for e in ends] == [("completed", {"loss": float(x * x)}) for x in range(8)]

    def test_slots_are_counted(self) -> None:
        with self.desk(square) as desk:
            slots = desk.executor.slots
            assert desk.executor.free() == slots >= 1
            for i in range(slots):
                desk.submit(desk.job(i, {"x": 1.0}))
                assert desk.executor.free() == slots - i - 1
            desk.finish()
            assert desk.executor.free() == slots

    def test_nothing_to_do_is_no_trouble(self) -> None:
        with self.desk(square) as desk:
            desk.executor.poll(0.01)
            assert desk.facts == []

    def test_reports_come_in_order_and_each_is_answered(self) -> None:
        with self.desk(three_steps) as desk:
            (end,) = desk.run({"x": 5.0})
            assert [(r.step, r.metrics["loss"]) for r in desk.of(0, Reported)] == [(1, 5.0), (2, 2.5), (3, 5 / 3)]
        assert end.state == "completed"
        assert {fact.attempt for fact in desk.facts} == {1}

    def test_a_stop_ends_the_trial(self) -> None:
        with self.desk(three_steps, lambda r: Decision("stop", "no hope") if r.step == 2 else Decision()) as desk:
            (end,) = desk.run({"x": 5.0})
            assert len(desk.of(0, Reported)) == 2
        assert (end.state, end.reason) == ("stopped", "no hope")

    def test_a_stop_may_mean_completed(self) -> None:
        with self.desk(three_steps, lambda r: Decision("stop", "all steps", state="completed")) as desk:
            (end,) = desk.run({"x": 5.0})
        assert end.state == "completed"

    def test_a_yield_pauses_the_trial(self) -> None:
        with self.desk(three_steps, lambda r: Decision("yield", "later")) as desk:
            (end,) = desk.run({"x": 5.0})
        assert isinstance(end, Yielded)
        assert end.step == 1

    def test_a_budget_pauses_the_trial_unless_it_is_extended(self) -> None:
        def answer(report: Reported) -> Decision:
            return Decision(budget=3) if report.number == 1 and report.step == 2 else Decision()

        with self.desk(three_steps, answer) as desk:
            for i in range(2):
                desk.until(lambda: desk.executor.free() > 0)
                desk.submit(desk.job(i, {"x": 5.0}, budget=2))
            desk.finish()
            assert [desk.last(0).step, desk.last(1).step] == [2, 3]

    def test_what_user_code_raises_fails_the_trial(self) -> None:
        with self.desk(trouble) as desk:
            failed, left, infeasible, fine = desk.run(*({"kind": k} for k in ("raise", "exit", "infeasible", "fine")))
        assert (failed.state, failed.reason) == ("failed", "ValueError: broken data")
        assert "in trouble" in (failed.error or "")
        assert left.state == "failed"
        assert "SystemExit" in left.reason
        assert (infeasible.state, infeasible.reason) == ("infeasible", "too large")
        assert fine.state == "completed"

    def test_what_is_no_number_fails_the_trial(self) -> None:
        with self.desk(trouble) as desk:
            text, nothing, nan = desk.run(*({"kind": k} for k in ("text", "nothing", "nan")))
        assert (text.state, nothing.state) == ("failed", "failed")
        assert nan.state == "completed"
        assert math.isnan(nan.metrics["loss"])

    def test_checkpoints_and_remarks_come_before_the_end(self) -> None:
        with self.desk(saving) as desk:
            (end,) = desk.run({"x": 1.0})
            (report,) = desk.of(0, Reported)
            (checkpoint,) = desk.of(0, Checkpointed)
            (note,) = desk.of(0, Noted)
            assert Path(report.checkpoint).exists()
            assert Path(checkpoint.path).exists()
            assert (checkpoint.step, note.values) == (2, {"seen": [1, 2]})
            assert desk.facts[-1] is end

    def test_remarks_that_json_does_not_have_fail_the_trial(self) -> None:
        with self.desk(odd_remark) as desk:
            (end,) = desk.run({})
        assert end.state == "failed"
        assert "JSON" in end.reason

    def test_parameters_of_a_megabyte_arrive(self) -> None:
        with self.desk(length) as desk:
            (end,) = desk.run({"text": "é" * 500_000, "list": list(range(50_000))})
        assert end.metrics == {"loss": 550_000.0}

    def test_a_cohort_runs_at_once(self) -> None:
        with self.desk(together, cohort=True) as desk:
            free = desk.executor.free()
            desk.submit(*(desk.job(i, {"x": float(i)}) for i in range(4)))
            assert desk.executor.free() == free - 1
            desk.finish()
            assert [desk.last(i).metrics for i in range(4)] == [{"loss": float(i)} for i in range(4)]
            assert desk.executor.free() == free

    def test_one_of_a_cohort_stops(self) -> None:
        def answer(report: Reported) -> Decision:
            return Decision("stop", "worst") if report.number == 3 else Decision()

        with self.desk(together, answer, cohort=True) as desk:
            desk.submit(*(desk.job(i, {"x": float(i)}) for i in range(4)))
            desk.finish()
            assert [desk.last(i).state for i in range(4)] == ["completed"] * 3 + ["stopped"]
            assert [len(desk.of(i, Reported)) for i in range(4)] == [3, 3, 3, 1]

    def test_one_of_a_cohort_is_cancelled(self) -> None:
        def answer(report: Reported) -> Decision:
            if report.step == 2 and report.number == 1:
                desk.executor.cancel(1, reason="killed", end=True)
            return Decision()

        with self.desk(together, answer, cohort=True) as desk:
            desk.submit(*(desk.job(i, {"x": float(i)}) for i in range(3)))
            desk.finish()
            assert [desk.last(i).state for i in range(3)] == ["completed", "cancelled", "completed"]

    @pytest.mark.parametrize("end", [True, False])
    def test_a_trial_that_reports_is_cancelled(self, end: bool) -> None:
        def answer(report: Reported) -> Decision:
            if report.step == 5:
                desk.executor.cancel(0, reason="enough", end=end)
            return Decision()

        with self.desk(endless, answer) as desk:
            desk.submit(desk.job(0, {}, attempt=3))
            desk.finish()
            last = desk.last(0)
            assert isinstance(last, Ended if end else Released)
            assert (last.reason, last.attempt) == ("enough", 3)
            assert getattr(last, "state", "cancelled") == "cancelled"
            assert desk.executor.free() == desk.executor.slots

    def test_a_trial_that_waits_is_cancelled(self) -> None:
        with self.desk(square) as desk:
            desk.submit(desk.job(0, {"x": 1.0}))
            desk.executor.cancel(0, reason="not needed", end=False)
            desk.finish()
            assert isinstance(desk.last(0), Released)
            assert desk.executor.free() == desk.executor.slots

    def test_cancelling_what_is_over_does_nothing(self) -> None:
        with self.desk(square) as desk:
            desk.run({"x": 1.0})
            desk.executor.cancel(0, reason="late", end=True)
            desk.executor.cancel(99, reason="never there", end=True)
            desk.executor.reply(0, Decision("stop"))
            desk.executor.poll(0.0)
            assert len(desk.facts) == 1

    def test_what_a_trial_leaves_behind_does_not_reach_the_next(self) -> None:
        with self.desk(late_report) as desk:
            first, second = desk.run({}, {})
        assert (first.state, second.state) == ("completed", "completed")

    def test_it_can_be_opened_again(self) -> None:
        executor = self.executor()
        for _ in range(2):
            with Desk(executor, square) as desk:
                (end,) = desk.run({"x": 3.0})
            assert end.metrics == {"loss": 9.0}

    def test_closing_what_was_never_opened_does_nothing(self) -> None:
        self.executor().close()

    def test_resources_are_told(self) -> None:
        with self.desk(resources) as desk:
            (end,) = desk.run({})
        assert end.metrics["loss"] >= 1


# --- objectives, importable by whatever process runs them -------------------------------------------------------------


def square(trial: Trial) -> float:
    """Returns x squared."""
    return float(trial["x"] ** 2)


def three_steps(trial: Trial) -> None:
    """Reports x / step at steps 1 to 3."""
    for step in range(1, 4):
        trial.report(loss=trial["x"] / step)


def endless(trial: Trial) -> None:
    """Reports for ever."""
    while True:
        trial.report(loss=1.0)


def trouble(trial: Trial) -> Any:
    """Does what user code may do."""
    match trial["kind"]:
        case "raise":
            raise ValueError("broken data")
        case "exit":
            sys.exit(3)
        case "infeasible":
            raise Infeasible("too large")
        case "text":
            return "good"
        case "nan":
            return float("nan")
        case "fine":
            return 1.0
    return None


def saving(trial: Trial) -> float:
    """Saves before a report, and once more after it; leaves a remark."""
    state = [1]
    trial.save(state)
    trial.report(loss=1.0)
    trial.save(state)
    trial.note(seen=(1, 2))
    return 1.0


def odd_remark(trial: Trial) -> float:
    """Leaves a remark that cannot be kept."""
    trial.note(thing=object())
    return 1.0


def length(trial: Trial) -> int:
    """Returns how much it was given."""
    return len(trial["text"]) + len(trial["list"])


def together(trials: Sequence[Trial]) -> list[float]:
    """Reports three steps of a cohort, without those that were stopped."""
    for _ in range(3):
        for trial in trials:
            if not trial.stopped:
                trial.report(loss=trial["x"])
    return [trial["x"] for trial in trials]


_left: list[Trial] = []


def late_report(trial: Trial) -> float:
    """Reports on the trial that ran before in the same process."""
    for old in _left:
        old.note(late=True)
    _left[:] = [trial]
    return 1.0


def resources(trial: Trial) -> float:
    """Returns its cores."""
    assert isinstance(trial.resources["gpus"], list)
    return float(trial.resources["cpus"])
