"""What every executor must do, as tests to inherit."""

import math
import sys
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from lanista.errors import Infeasible
from lanista.journal import Checkpointed, Ended, Noted, Released, Reported, Yielded
from lanista.testing._desk import Answer, Desk
from lanista.trial import Cohort, Decision, Executor, Trial


class ExecutorContract(ABC):
    """Inherit it in a class named Test…, define `executor`, and pytest runs the contract on yours.

    class TestMine(ExecutorContract):
        def executor(self):
            return Mine(workers=2)
    """

    @abstractmethod
    def executor(self) -> Executor:
        """A new executor, each time with the same arguments."""

    def desk(self, objective: Any, answer: Answer | None = None, *, cohort: int = 0) -> Desk:
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

    def test_one_of_a_cohort_leaves_while_the_others_run_on(self) -> None:
        with self.desk(relay, cohort=3) as desk:
            desk.submit(*(desk.job(i, {"steps": 2 + i}) for i in range(3)))
            desk.finish()
            assert [desk.last(i).metrics for i in range(3)] == [{"loss": 2.0}, {"loss": 3.0}, {"loss": 4.0}]
            last, still = desk.last(0), desk.of(2, Reported)[-1]
            assert desk.facts.index(last) < desk.facts.index(still)

    def test_others_enter_a_cohort(self) -> None:
        with self._swapping(relay) as desk:
            free = desk.executor.free()
            desk.further.extend(desk.job(i, {"steps": i}) for i in range(3, 8))
            desk.submit(*(desk.job(i, {"steps": 2 + i}) for i in range(3)))
            desk.finish()
            steps = [2, 3, 4, 3, 4, 5, 6, 7]
            assert [len(desk.of(i, Reported)) for i in range(8)] == steps
            assert [desk.last(i).metrics["loss"] for i in range(8)] == steps
            assert desk.executor.free() == free

    def test_the_slot_stays_taken_when_all_leave_and_others_enter(self) -> None:
        with self._swapping(relay) as desk:
            free = desk.executor.free()
            desk.further.extend(desk.job(i, {"steps": 1}) for i in range(2, 8))
            desk.submit(*(desk.job(i, {"steps": 1}) for i in range(2)))
            desk.finish()
            assert {desk.last(i).state for i in range(8)} == {"completed"}
            assert desk.executor.free() == free

    def test_a_cohort_that_all_have_left_gets_no_more(self) -> None:
        with self._swapping(knocks) as desk:
            desk.submit(desk.job(0, {}))
            desk.finish()
            desk.further.append(desk.job(1, {}))
            desk.submit(desk.job(2, {}))
            desk.finish()
            assert [desk.last(i).metrics for i in range(3)] == [{"loss": 1.0}, {"loss": 2.0}, {"loss": 1.0}]

    def test_a_trial_may_leave_and_enter_again(self) -> None:
        def answer(report: Reported) -> Decision:
            return Decision("yield", "later") if report.attempt == 1 else Decision()

        with self._swapping(relay, answer) as desk:
            again = desk.job(0, {"steps": 2}, attempt=2)
            desk.further.append(again)
            desk.submit(desk.job(0, {"steps": 2}), desk.job(1, {"steps": 3}, attempt=3))
            desk.finish()
            (paused,), (ended,) = desk.of(0, Yielded), desk.of(0, Ended)
            assert (paused.attempt, paused.step) == (1, 1)
            assert (ended.attempt, ended.metrics) == (2, {"loss": 2.0})

    def test_an_error_fails_those_that_are_in_the_cohort(self) -> None:
        with self._swapping(stumble) as desk:
            desk.further.append(desk.job(2, {}))
            desk.submit(desk.job(0, {}), desk.job(1, {}))
            desk.finish()
            assert [desk.last(i).state for i in range(3)] == ["completed", "failed", "failed"]
            assert "ValueError: stumbled" in desk.last(2).reason

    def test_one_that_entered_is_released_and_enters_again(self) -> None:
        def answer(report: Reported) -> Decision:
            if (report.number, report.attempt) == (2, 1):
                desk.executor.cancel(2, reason="later", end=False)
            return Decision()

        with self._swapping(relay, answer) as desk:
            desk.further.extend(desk.job(2, {"steps": 3}, attempt=attempt) for attempt in (1, 2))
            desk.submit(desk.job(0, {"steps": 1}), desk.job(1, {"steps": 9}))
            desk.finish()
            assert [(fact.attempt, fact.reason) for fact in desk.of(2, Released)] == [(1, "later")]
            assert [(fact.attempt, fact.state) for fact in desk.of(2, Ended)] == [(2, "completed")]

    def _swapping(self, objective: Any, answer: Answer | None = None) -> Desk:
        """An executor that can give further trials to a cohort that runs; those that cannot skip the test."""
        desk = self.desk(objective, answer, cohort=True)
        if not hasattr(desk.executor, "offer"):
            desk.executor.close()
            pytest.skip("it gives no further trials to cohorts that run")
        return desk

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


def relay(trials: Cohort) -> None:
    """Reports for each trial as many steps as it is to have, and takes in others when some are done."""
    while trials:
        for trial in trials:
            trial.report(loss=trial["steps"])
        if done := [trial for trial in trials if trial.stopped or trial.step == trial["steps"]]:
            trials.swap({trial: float(trial["steps"]) for trial in done})


def knocks(trials: Cohort) -> None:
    """Asks twice after the last has gone."""
    result = 1.0
    while trials:
        trials.swap(dict.fromkeys(trials, result))
        result += 1
    assert [trials.swap(), trials.swap([])] == [[], []]


def stumble(trials: Cohort) -> None:
    """Lets the first go and falls over the others."""
    assert [trial.number for trial in trials.swap({trials[0]: 1.0})] == [2]
    raise ValueError("stumbled")


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
