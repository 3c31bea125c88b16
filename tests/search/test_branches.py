"""How the Gaussian process divides trials among the branches of a conditional space."""

import math
from collections import Counter

import numpy as np
import pytest

from lanista.search import GP
from lanista.space import Choice, Float, Params, Space
from lanista.testing import Story

LEARNERS = Space(
    {
        "learner": Choice(
            {
                "flat": {f"x{i}": Float(0, 1) for i in range(4)},
                "peaked": {"y": Float(0, 1)},
                "poor": {"z": Float(0, 1)},
            }
        )
    }
)


def loss(params: Params) -> float:
    """All of `flat` is near 0.3; `peaked` is 1 nearly everywhere, but goes down to 0 at 0.83."""
    if params["learner"] == "flat":
        return 0.3 + 0.05 * sum((params[f"x{i}"] - 0.4) ** 2 for i in range(4))
    if params["learner"] == "peaked":
        return 1.0 - math.exp(-(((params["y"] - 0.83) / 0.05) ** 2))
    return 1.0 + float(params["z"])


def told(space: Space, trials: int, seed: int, count: int = 1) -> Story:
    """The history of an experiment, `count` trials at a time."""
    story, searcher = Story(space, seed=seed), GP()
    for _ in range(0, trials, count):
        for params in story.ask(searcher, count):
            story.end(story.start(params), "completed", loss(params))
    return story


@pytest.mark.parametrize("seed", range(4))
def test_a_peak_in_a_branch_that_began_badly_is_found(seed: int) -> None:
    best = min(loss(params) for params in told(LEARNERS, 100, seed).history.params)
    assert best < 0.05


@pytest.mark.parametrize("count", [1, 4])
def test_no_branch_is_given_up(count: int) -> None:
    """Of eight proposals one is for the branch of the fewest trials, also where several are pending."""
    trials = Counter(params["learner"] for params in told(LEARNERS, 96, 0, count).history.params)
    assert min(trials.values()) >= 96 // 8 // 2


def test_a_branch_with_no_more_to_offer_is_left() -> None:
    """A branch without parameters is one configuration, which the first design tries."""
    space = Space({"learner": Choice({"flat": {f"x{i}": Float(0, 1) for i in range(4)}, "poor": {}})})
    story, searcher = Story(space), GP()
    for _ in range(40):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", 0.3 if params["learner"] == "poor" else loss(params))
    poor = [params["learner"] == "poor" for params in story.history.params]
    assert any(poor[:6])
    assert not any(poor[6:])


def test_a_branch_that_no_constraint_allows_is_left() -> None:
    story = told(LEARNERS.where("learner != 'poor'"), 64, 0)
    trials = Counter(params["learner"] for params in story.history.params)
    assert set(trials) == {"flat", "peaked"}
    assert trials["peaked"] >= 64 // 8


def test_a_branch_is_searched_with_what_was_learnt_in_it() -> None:
    """Of a branch that is behind, with eight trials, what is proposed is near its own best."""
    story = Story(LEARNERS)
    for i in range(31):
        params = (
            {"learner": "poor", "z": i / 7}
            if i < 8
            else {"learner": "flat", **dict.fromkeys(["x0", "x1", "x2", "x3"], i / 31)}
        )
        value = 1.0 + (i / 7 - 0.4) ** 2 if i < 8 else loss(params)
        story.end(story.start(params), "completed", value)
    for params in ({"learner": "peaked", "y": i / 8} for i in range(9)):
        story.end(story.start(params), "completed", 1.0)
    found = [GP().ask(story.history, 8, np.random.default_rng(seed)) for seed in range(4)]
    poor = [params["z"] for batch in found for params in batch if params["learner"] == "poor"]
    assert len(poor) >= 4
    assert np.median(poor) == pytest.approx(0.4, abs=0.1)
