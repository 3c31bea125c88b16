"""Schedulers of people's own that answer with what is no list of actions, and lists of schedulers."""

from typing import Any

import pytest

import lanista as la
from lanista.errors import UsageError
from lanista.schedule import Slots, Start

SPACE = {"x": la.Float(0, 1)}


class Mine:
    """Answers with what it is given."""

    rule = True

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    def on(self, history: Any, event: Any) -> Any:
        return self.answer


def experiment(scheduler: Any) -> la.Experiment:
    return la.Experiment("own", SPACE, metric="loss", scheduler=scheduler, store="memory", seed=0)


def train(trial: la.Trial) -> None:
    trial.report(loss=trial["x"])


WRONG = [
    (None, r"Mine.on\(history, Slots\(...\)\) returned None; end it with a return of a list of actions: \[\]"),
    (Start(), r"returned Start\(.*\); put it into a list"),
    ("start", r"returned 'start'; it must be a list of actions, \[\] where there is nothing to do"),
    (["start"], "returned 'start' in its list, which is no action; those of lanista.schedule are Start, Resume, .*"),
]


@pytest.mark.parametrize(("answer", "words"), WRONG)
def test_an_answer_that_is_no_list_of_actions(answer: Any, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        experiment(Mine(answer)).run(train, trials=1, progress=False)


def test_an_answer_to_a_report_is_looked_at_too() -> None:
    class Forgets:
        def on(self, history: Any, event: Any) -> Any:
            if isinstance(event, Slots):
                return [Start()] * event.free

    with pytest.raises(UsageError, match=r"Forgets.on\(history, Report\(...\)\) returned None"):
        experiment(Forgets()).run(train, trials=1, progress=False)


@pytest.mark.parametrize("beside", [False, True])
def test_within_another_scheduler_it_is_named_as_well(beside: bool) -> None:
    wrong = Mine(None)
    scheduler = la.Combined(la.ASHA(9), wrong) if beside else la.Combined(wrong, la.Plateau(3))
    with pytest.raises(UsageError, match=r"Mine.on.* returned None"):
        experiment(scheduler).run(train, trials=1, progress=False)


def test_a_tuple_of_actions_will_do() -> None:
    assert len(experiment(Mine((Start(),))).run(train, trials=2, progress=False).trials) == 2


def test_an_empty_list_of_schedulers() -> None:
    with pytest.raises(UsageError, match=r"scheduler=\[\] is an empty list; give .* or leave scheduler out"):
        experiment([])
