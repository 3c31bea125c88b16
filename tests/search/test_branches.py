"""How the Gaussian process divides trials among the branches of a conditional space."""

import math
from collections import Counter

import numpy as np
import pytest

from lanista.search import GP
from lanista.search.gaussian._branch import branches
from lanista.search.gaussian._features import _together
from lanista.space import Choice, Float, Int, Params, Permutation, Space, Subset
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
TREES = [
    LEARNERS,
    Space({"a": Choice({"p": {"b": Choice({"r": {"x": Float(0, 1), "s": Subset(["u", "v"])}, "t": {}})}, "q": {}})}),
    Space(
        {
            "a": Choice({"p": {"x": Float(0, 1)}, "q": {"y": Float(0, 1), "o": Permutation([1, 2, 3])}, "n": {}}),
            "b": Choice({"r": {"k": Int(1, 9)}, "t": {"one": Int(1, 1), "c": Choice(["v", "w"])}}),
            "z": Float(0, 1),
        }
    ),
]


def loss(params: Params) -> float:
    """All of `flat` is near 0.3; `peaked` is 1 nearly everywhere, but goes down to 0 at 0.83."""
    if params["learner"] == "flat":
        return float(0.3 + 0.05 * sum((params[f"x{i}"] - 0.4) ** 2 for i in range(4)))
    if params["learner"] == "peaked":
        return 1.0 - math.exp(-(((params["y"] - 0.83) / 0.08) ** 2))
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


@pytest.mark.parametrize("state", ["completed", "cancelled", "failed"])
def test_a_branch_with_no_more_to_offer_is_left(state: str) -> None:
    """A number of two values is soon tried in both; the branch after it is the neglected one then."""
    learners = {"flat": {f"x{i}": Float(0, 1) for i in range(4)}, "few": {"k": Int(0, 1)}, "peaked": {"y": Float(0, 1)}}
    story, searcher = Story(Space({"learner": Choice(learners)})), GP()
    for k in (0, 1):
        story.end(story.start({"learner": "few", "k": k}), state, *([1.0] if state == "completed" else []))
    for _ in range(78):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", loss(params) if params["learner"] != "few" else 1.0)
    trials = Counter(params["learner"] for params in story.history.params[8:])
    assert trials["few"] == 0
    assert trials["peaked"] >= 72 // 8


def test_a_choice_that_always_applies_parts_the_space_wherever_it_is() -> None:
    space = Space({"task": Choice({"only": {"learner": LEARNERS.parameters[0].domain}})})
    trials = Counter(params["learner"] for params in told(space, 64, 0).history.params)
    assert min(trials.values()) >= 64 // 8 // 2


def test_a_hundred_options_that_constraints_rule_out_are_no_branches() -> None:
    ruled_out = {f"l{i}": {f"z{i}": Float(0, 1)} for i in range(100)}
    space = Space({"l": Choice({"a": {"x": Float(0, 1)}, "b": {"y": Float(0, 1)}, **ruled_out})}).where(
        "l in ['a', 'b']"
    )
    assert {space.decode(branch.box(space.width)[0][None])[0]["l"] for branch in branches(space)} == {"a", "b"}


def test_proposals_for_a_branch_keep_apart_from_each_other() -> None:
    """Three of 24 that are asked for at once are for the neglected branch of one number."""
    story = Story(LEARNERS)
    for i in range(8):
        story.end(story.start({"learner": "poor", "z": i / 7}), "completed", 1.0 + i / 7)
        story.end(story.start({"learner": "flat", **dict.fromkeys(["x0", "x1", "x2", "x3"], i / 8)}), "completed", 0.3)
    for y in (0.05, 0.5, 0.95):
        story.end(story.start({"learner": "peaked", "y": y}), "completed", 1.0)
    found = np.sort([p["y"] for p in GP().ask(story.history, 24, np.random.default_rng(0)) if p["learner"] == "peaked"])
    assert len(found) >= 3
    assert np.diff(found).min() > 0.02


@pytest.mark.parametrize("space", TREES, ids=["learners", "nested", "two roots"])
def test_columns_that_apply_together_are_as_many_as_in_random_configurations(space: Space) -> None:
    columns = np.flatnonzero(space.columns.cardinality != 1)
    applies = space.active(np.random.default_rng(0).random((20_000, space.width)))[:, columns].astype(float)
    often = applies.sum(axis=0) > 2000
    seen = (applies.T @ applies.sum(axis=1))[often] / applies.sum(axis=0)[often]
    np.testing.assert_allclose(_together(space, columns)[often], seen, rtol=0.1)


def test_a_branch_that_no_constraint_allows_is_left() -> None:
    story = told(LEARNERS.where("learner != 'poor'"), 64, 0)
    trials = Counter(params["learner"] for params in story.history.params)
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
    for params in ({"learner": "peaked", "y": i / 8} for i in range(9)):  # the last is the best: no search has stalled
        story.end(story.start(params), "completed", 1.0 - 0.9 * params["y"])
    found = [GP().ask(story.history, 8, np.random.default_rng(seed)) for seed in range(4)]
    poor = [params["z"] for batch in found for params in batch if params["learner"] == "poor"]
    assert len(poor) >= 4
    assert np.median(poor) == pytest.approx(0.4, abs=0.1)
