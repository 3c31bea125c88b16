"""What is particular to the executor that runs in this thread."""

import threading

import pytest

from lanista.errors import ExecutorError, StoreError, UsageError
from lanista.execute import Inline
from lanista.journal import Ended, Event, Released, Reported
from lanista.testing import Desk
from lanista.trial import Decision, Trial, as_objective


def test_it_runs_in_this_thread() -> None:
    seen = []

    def objective(trial: Trial) -> float:
        seen.append(threading.get_ident())
        return 0.0

    with Desk(Inline(), objective) as desk:
        desk.run({}, {})
    assert seen == [threading.get_ident()] * 2


def test_an_interrupt_releases_the_cohort_and_passes() -> None:
    def objective(trials: list[Trial]) -> None:
        trials[0].report(loss=1.0)
        raise KeyboardInterrupt("ctrl-c")

    with Desk(Inline(), objective, cohort=True) as desk:
        desk.submit(desk.job(0), desk.job(1))
        with pytest.raises(KeyboardInterrupt, match="ctrl-c"):
            desk.executor.poll(0.0)
        assert [(desk.last(i).reason, type(desk.last(i))) for i in range(2)] == [("interrupted", Released)] * 2
        desk.submit(desk.job(2))
        assert desk.executor.free() == 0


@pytest.mark.parametrize("error", [StoreError("disk full"), KeyboardInterrupt("ctrl-c")])
def test_an_error_of_the_controller_passes_through_user_code_unseen(error: BaseException) -> None:
    seen: list[Exception] = []

    def objective(trial: Trial) -> float:
        try:
            trial.report(loss=1.0)
        except Exception as caught:
            seen.append(caught)
        return 1.0

    def answer(report: Reported) -> Decision:
        raise error

    with Desk(Inline(), objective, answer=answer) as desk:
        desk.submit(desk.job(0))
        with pytest.raises(type(error), match=str(error)):
            desk.executor.poll(0.0)
        assert seen == []
        assert not [fact for fact in desk.facts if isinstance(fact, Ended)]


def test_code_that_swallows_everything_does_not_swallow_the_controllers_error() -> None:
    def objective(trial: Trial) -> float:
        for _ in range(3):
            try:
                trial.report(loss=1.0)
            except BaseException:
                continue
        return 1.0

    def answer(report: Reported) -> Decision:
        raise StoreError("disk full")

    with Desk(Inline(), objective, answer=answer) as desk:
        desk.submit(desk.job(0))
        with pytest.raises(StoreError, match="disk full"):
            desk.executor.poll(0.0)
        assert len(desk.of(0, Reported)) == 1


def test_a_report_needs_its_reply_within_handle() -> None:
    with Desk(Inline(), lambda trial: trial.report(loss=1.0), answer=lambda report: None) as desk:
        desk.submit(desk.job(0))
        with pytest.raises(ExecutorError, match="did not reply to the report of trial 0"):
            desk.executor.poll(0.0)


def test_a_report_from_another_thread_is_refused() -> None:
    errors: list[BaseException] = []

    def report(trial: Trial) -> None:
        try:
            trial.report(loss=1.0)
        except UsageError as error:
            errors.append(error)

    def objective(trial: Trial) -> float:
        thread = threading.Thread(target=report, args=(trial,))
        thread.start()
        thread.join()
        return 2.0

    with Desk(Inline(), objective) as desk:
        (end,) = desk.run({})
    assert "executor='processes'" in str(errors[0])
    assert end.metrics == {"loss": 2.0}


def test_remarks_and_the_end_come_in_one_call() -> None:
    calls: list[list[Event]] = []

    def objective(trial: Trial) -> float:
        for i in range(3):
            trial.note(i=i)
        return 1.0

    executor = Inline()
    with Desk(executor, objective) as desk:
        job = desk.job(0)
    executor.open(as_objective(objective), calls.append)
    executor.submit([job])
    executor.poll(0.0)
    assert [len(call) for call in calls] == [4]


def test_a_trial_submitted_while_the_last_one_is_handled_runs_next() -> None:
    executor = Inline()
    ended: list[int] = []
    with Desk(Inline(), lambda trial: 1.0) as desk:
        jobs = [desk.job(i) for i in range(3)]

    def handle(facts: list[Event]) -> None:
        ended.extend(fact.number for fact in facts if isinstance(fact, Ended))
        if len(ended) < 3:
            executor.submit([jobs[len(ended)]])

    executor.open(as_objective(lambda trial: 1.0), handle)
    executor.submit([jobs[0]])
    for _ in range(3):
        executor.poll(0.0)
    assert ended == [0, 1, 2]


def test_misuse_is_named() -> None:
    executor = Inline()
    with Desk(executor, lambda trial: 1.0) as desk:
        desk.submit(desk.job(0))
        with pytest.raises(UsageError, match="one cohort at a time"):
            executor.submit([desk.job(1)])
        with pytest.raises(ExecutorError, match="already runs an experiment"):
            executor.open(as_objective(lambda trial: 1.0), lambda facts: None)
