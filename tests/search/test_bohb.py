"""BOHB's searcher."""

from typing import Any

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.search import BOHB, TPE, Random, Searcher
from lanista.space import Float, Params, Space
from lanista.testing import Story

LINE = Space({"x": Float(0, 1)})
CUBE = Space({name: Float(0, 1) for name in "abc"})


def told(*curves: list[float]) -> Story:
    """Trials at 0, 0.1, 0.2, … that reported these losses at steps 1, 3, 9 and were stopped then."""
    story = Story(LINE)
    for i, curve in enumerate(curves):
        number = story.start({"x": i / 10})
        for step, loss in zip((1, 3, 9), curve, strict=False):
            story.report(number, step, loss)
        story.end(number, "stopped")
    return story


def middle(story: Story) -> float:
    """Where the model of the story proposes."""
    return float(np.median([params["x"] for params in story.ask(BOHB(random_share=0.0), 30)]))


def test_it_begins_as_tpe_does() -> None:
    story = told([1.0], [2.0], [3.0])
    assert Story(LINE).ask(BOHB(), 3) == Story(LINE).ask(TPE(startup=4), 3)
    assert story.ask(BOHB(), 3) == story.ask(TPE(startup=4), 3)
    assert BOHB().explain(story.history) == "bohb: first points, until 4 trials have come to the same step"


def test_the_model_is_of_the_highest_step_that_enough_trials_came_to() -> None:
    low = [[float(x)] for x in range(10)]
    assert BOHB().explain(told(*low).history) == "bohb: a model of 10 trials at step 1"
    assert middle(told(*low)) < 0.4
    high = low[:5] + [[loss[0], 9.0 - loss[0]] for loss in low[5:]]
    assert BOHB().explain(told(*high).history) == "bohb: a model of 5 trials at step 3"
    assert middle(told(*high)) > 0.6


def test_complete_trials_are_the_highest_level() -> None:
    story = told(*[[float(x)] for x in range(6)])
    for x in (0.6, 0.7, 0.8, 0.9):
        story.end(story.start({"x": x}), "completed", 1.0 - x)
    assert BOHB().explain(story.history) == "bohb: a model of 4 trials in full"
    assert middle(story) > 0.6


def test_running_trials_count_by_what_they_reported() -> None:
    story = Story(LINE)
    for i in range(6):
        story.report(story.start({"x": i / 10}), 1, float(i))
    assert BOHB().explain(story.history) == "bohb: a model of 6 trials at step 1"


def test_failed_trials_are_at_no_level() -> None:
    story = Story(LINE)
    for i in range(6):
        number = story.start({"x": i / 10})
        story.report(number, 1, 0.0)
        story.end(number, "failed")
    assert BOHB().explain(story.history).startswith("bohb: first points")


@pytest.mark.parametrize(("share", "least", "most"), [(0.0, 0, 10), (1 / 3, 10, 40), (1.0, 55, 85)])
def test_a_share_is_drawn_at_random(share: float, least: int, most: int) -> None:
    story = told(*[[float(x > 2)] for x in range(10)] * 4)
    assert least <= sum(params["x"] > 0.3 for params in story.ask(BOHB(random_share=share), 100)) <= most


def search(searcher: Searcher, seed: int) -> float:
    """The least distance to the optimum among 60 trials, where one in three gets the step at which the bias is less."""
    story = Story(CUBE, seed=seed)
    for i in range(60):
        params = story.ask(searcher)[0]
        number = story.start(params)
        for step in (1, 9)[: 1 + (i % 3 == 0)]:
            story.report(number, step, away(params, 0.3 + 0.1 / step))
        story.end(number, "stopped")
    return min(away(params, 0.3) for params in story.history.params)


def away(params: Params, optimum: float) -> float:
    return float(np.sqrt(sum((value - optimum) ** 2 for value in params.values())))


def test_it_comes_closer_than_random_search() -> None:
    """In the mean of five seeds, at most 0.6 times as far."""
    far = {type(s).__name__: np.mean([search(s, seed) for seed in range(5)]) for s in (Random(), BOHB())}
    assert far["BOHB"] < 0.6 * far["Random"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"random_share": 1.1}, r"BOHB\(random_share=1\.1\): it must be from 0 to 1"),
        ({"random_share": "a"}, r"BOHB\(random_share='a'\): it must be from 0 to 1"),
        ({"candidates": 0}, r"BOHB\(candidates=0\): it must be a whole number from 1"),
        ({"good_share": 1.0}, r"BOHB\(good_share=1\.0\): it must be above 0 and below 1"),
        ({"good_share": "a"}, r"BOHB\(good_share='a'\): it must be above 0 and below 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        BOHB(**arguments)
