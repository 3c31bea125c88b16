import re

import numpy as np
import pytest

from lanista.search import GP, TPE, Auto, Searcher, TuRBO
from lanista.search._auto import MANY_NUMBERS, MOST_MODELLED
from lanista.space import Choice, Float, Int, Space
from lanista.testing import Story

CHOICES = {f"c{i}": Choice(["a", "b"]) for i in range(MANY_NUMBERS + 5)}

CONSTANT = {f"k{i}": Int(3, 3) for i in range(MANY_NUMBERS + 5)}


def numbers(count: int) -> Space:
    return Space({f"x{i}": Float(0, 1) for i in range(count)})


LONG = 12
"""Trials beyond the first design of each."""
CASES: dict[str, tuple[Space, dict[str, str], int, type[Searcher]]] = {
    "few": (numbers(3), {"loss": "min"}, LONG, GP),
    "as many as a process takes": (numbers(MANY_NUMBERS), {"loss": "min"}, LONG, GP),
    "many": (numbers(MANY_NUMBERS + 1), {"loss": "min"}, 24, TuRBO),
    "many, with two objectives": (numbers(MANY_NUMBERS + 1), {"a": "min", "b": "max"}, LONG, GP),
    "many choices": (Space(CHOICES), {"loss": "min"}, LONG, GP),
    "many of one value": (Space({**CONSTANT, "x": Float(0, 1)}), {"loss": "min"}, LONG, GP),
    "nothing to search": (Space({"one": 1}), {"loss": "min"}, LONG, GP),
    "long": (numbers(2), {"loss": "min"}, MOST_MODELLED, TPE),
    "long and many": (numbers(MANY_NUMBERS + 1), {"loss": "min"}, MOST_MODELLED, TPE),
}


def told(case: str, less: int = 0) -> Story:
    """A history of random trials."""
    space, metrics, trials, _ = CASES[case]
    story = Story(space, metrics=metrics)
    for i, params in enumerate(space.sample(np.random.default_rng(0), trials - less)):
        story.end(story.start(params), "completed", *[float((i * 7 + j) % 11) for j in range(len(metrics))])
    return story


@pytest.mark.parametrize("case", CASES)
def test_it_proposes_what_the_chosen_one_does(case: str) -> None:
    story, chosen = told(case), CASES[case][3]
    assert story.ask(Auto(), 2) == story.ask(chosen(), 2)
    assert f"auto: {chosen.__name__}()" in Auto().explain(story.history)


def test_it_changes_over_when_the_trials_are_many() -> None:
    before = told("long", less=1)
    assert Auto().explain(before.history).startswith("auto: GP()")
    assert f"up to {MOST_MODELLED} trials; then TPE()" in Auto().explain(before.history)
    assert re.fullmatch(rf"auto: TPE\(\) after {MOST_MODELLED} trials", Auto().explain(told("long").history))


def test_the_first_proposals_are_those_of_the_chosen_one() -> None:
    for case in ("few", "many"):
        space, metrics, _, chosen = CASES[case]
        story = Story(space, metrics=metrics)
        assert story.ask(Auto(), 30) == story.ask(chosen(), 30)


def test_it_says_what_is_searched() -> None:
    space = Space({"x": Float(0, 1), "k": Int(1, 9), "c": Choice(["a", "b"]), "one": Int(3, 3)})
    assert "for 2 numbers and 1 choice," in Auto().explain(Story(space).history)


def test_a_searcher_that_was_asked_before_chooses_anew() -> None:
    """The same object serves histories of all kinds, one after the other."""
    auto = Auto()
    for case in ("few", "many", "long", "few"):
        story = told(case)
        assert story.ask(auto) == story.ask(CASES[case][3]())
