"""What the contract of schedulers says of those that break it: which rule it was, and why it matters."""

import itertools
import re
from collections.abc import Callable
from typing import Any

import pytest

from lanista.errors import UsageError
from lanista.schedule import Fidelity, Finish, Report, Resume, Slots, Start, Stop, fill
from lanista.testing import Drive, SchedulerContract, _schedulers

On = Callable[[Any, Any], Any]


class Mine:
    """A scheduler that answers by a function."""

    fidelity: Fidelity | None = None

    def __init__(self, answer: On) -> None:
        self.on = answer


class Contract(SchedulerContract):
    """The contract, over a scheduler that answers by a function."""

    def __init__(self, answer: On) -> None:
        self.answer = answer

    def scheduler(self) -> Any:
        return Mine(self.answer)


def slots(answer: Callable[[Any, int], Any]) -> On:
    """Answers free slots only."""
    return lambda history, event: answer(history, event.free) if isinstance(event, Slots) else []


def at_reports(answer: Callable[[Any, Report], Any]) -> On:
    """Fills free slots, and answers reports."""
    return lambda history, event: (
        fill(history, event.free)
        if isinstance(event, Slots)
        else answer(history, event)
        if isinstance(event, Report)
        else []
    )


def once(history: Any, resumes: list[Any]) -> list[Any]:
    """Starts one trial, and resumes it when it has paused."""
    return resumes if history.paused_trials else [Start(1)] * (not len(history))


def test_slots_that_are_left_empty() -> None:
    words = "1 slots were free, and the answer had 0 actions: .*none leaves all workers idle"
    with pytest.raises(AssertionError, match=words):
        Contract(slots(lambda h, free: [])).test_free_slots_are_filled()


def test_an_answer_that_is_none() -> None:
    with pytest.raises(UsageError, match=r"Mine.on\(history, Slots\(...\)\) returned None"):
        Contract(slots(lambda h, free: None)).test_free_slots_are_filled()


def test_what_has_no_method_on() -> None:
    class Without(SchedulerContract):
        def scheduler(self) -> Any:
            return 7

    with pytest.raises(AssertionError, match=r"7 has no method on\(history, event\), which is asked for all"):
        Without().test_a_scheduler_has_on()


RUNS = [
    (slots(lambda h, free: [Start()] * (free + 1)), "Mine gave 3 trials to 2 slots: .*return 2 at most"),
    (slots(lambda h, free: once(h, [Resume(0, 2)] * 2)), "resumed a trial twice in one answer: .*in one slot only"),
    (
        slots(lambda h, free: [Start(1)] * min(free, 3 - len(h))),
        r"came to a dead end: it answered \d free slots by \[\]",
    ),
    (slots(lambda h, free: once(h, [Resume(0, 1)])), "at step 1, with a budget of 1; .*it would pause at once"),
    (slots(lambda h, free: [Start(seconds=0)]), "ran trial 0 for 0 seconds; it must be more than 0"),
    (slots(lambda h, free: [Start(parent=(5, 1))]), "a copy of trial 5 at step 1, but there is no such trial"),
    (slots(lambda h, free: [Start(parent=(0, 99) if len(h) else None)]), "no checkpoint of that step; take one of"),
    (slots(lambda h, free: [Finish("enough")]), "30 trials might be started, and 0 were .*the limit on trials is not"),
    (slots(lambda h, free: [Finish("")]), "finished without a reason; people read it"),
    (at_reports(lambda h, event: [Stop(event.trial, "")]), r"stopped trial \d without a reason; people read it"),
    (at_reports(lambda h, event: [Stop(99, "odd")]), "acted on trial 99, and there are 2, numbered from 0"),
    (
        at_reports(lambda h, event: [Stop(0, "first")]),
        "acted on trial 0, which is stopped; such an action is for trials",
    ),
]


@pytest.mark.parametrize(("answer", "words"), RUNS, ids=[words[:30] for _, words in RUNS])
def test_a_rule_that_a_run_breaks(answer: On, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        Contract(answer).test_a_run_comes_to_its_end(1)


def test_a_decision_that_does_not_follow_from_the_history() -> None:
    count = itertools.count()
    answer = slots(lambda h, free: [Start(next(count) + 5)])
    with pytest.raises(AssertionError, match=r"and asked once more by .*a run that is resumed would go on"):
        Contract(answer).test_a_fresh_scheduler_decides_alike(0)


def test_what_is_kept_from_another_history() -> None:
    class Counts:
        def __init__(self) -> None:
            self.most = 0

        def on(self, history: Any, event: Any) -> Any:
            self.most = max(self.most, len(history))
            return [Start(1 + self.most // 30)] * event.free if isinstance(event, Slots) else []

    class Kept(SchedulerContract):
        def scheduler(self) -> Any:
            return Counts()

    with pytest.raises(AssertionError, match="must be thrown away when the history is another"):
        Kept().test_another_history_is_no_trouble()


def test_a_level_of_a_fidelity_that_is_missing() -> None:
    class Levels(Mine):
        fidelity = Fidelity("rows", 1, 9)

    with pytest.raises(
        AssertionError, match="Levels runs trial 0 without a level of its fidelity 'rows'; give each Start"
    ):
        Drive(lambda: Levels(slots(lambda h, free: [Start()])), 0).run()


def test_a_run_that_never_ends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_schedulers, "PATIENCE", 5)
    with pytest.raises(AssertionError, match=re.escape("Mine did not come to an end in 5 turns with")):
        Contract(slots(lambda h, free: [Start()])).test_a_run_comes_to_its_end(0)
