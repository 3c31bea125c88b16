import math

import numpy as np
import pytest

from lanista.journal import at_most
from lanista.search import Random
from lanista.search._left import Predict, improvement_left
from lanista.space import Choice, Float, Space
from lanista.testing import SPACES, Story, live

SQUARE = Space({"x": Float(0, 1), "y": Float(0, 1)})


def told(trials: int, *, scale: float = 1.0, spread: float = 1.0) -> Story:
    """Trials that come ever closer to the optimum, 0 at (0.3, 0.6)."""
    story, rng = Story(SQUARE), np.random.default_rng(0)
    for i in range(trials):
        x, y = np.clip([0.3, 0.6] + spread * rng.normal(size=2) * 0.9**i, 0, 1).tolist()
        story.end(story.start({"x": x, "y": y}), "completed", scale * ((x - 0.3) ** 2 + (y - 0.6) ** 2))
    return story


def test_it_falls_as_the_search_comes_to_an_end() -> None:
    left = [improvement_left(told(trials).history) for trials in (12, 30, 60, 90)]
    assert left[0] > 10 * left[-1]
    assert left[-1] < 0.01


def test_it_is_in_units_of_the_objective() -> None:
    assert improvement_left(told(30, scale=1024.0).history) == pytest.approx(1024 * improvement_left(told(30).history))


def test_little_is_known_of_what_was_not_looked_at() -> None:
    """Random trials leave more to hope for than the same number around the optimum."""
    random = Story(SQUARE)
    for params in random.ask(Random(), 40):
        random.end(random.start(params), "completed", math.sin(9 * params["x"]) * math.cos(7 * params["y"]))
    assert improvement_left(random.history) > 0.1


def test_a_surrogate_of_ones_own() -> None:
    """With mean 0 and deviation 1 everywhere, the bounds are twice their width apart, in deviations of the values."""

    def flat(X: np.ndarray, y: np.ndarray) -> Predict:
        assert len(X) == len(y) == 30
        assert y.std() == pytest.approx(1.0)
        return lambda X: (np.zeros(len(X)), np.ones(len(X)))

    history = told(30).history
    y = np.minimum(history.Y[:, 0], np.median(history.Y))
    width = math.sqrt(2 * math.log(2 * 30**2 * math.pi**2 / 0.6) / 5)
    assert improvement_left(history, flat) == pytest.approx(2 * width * y.std())


def test_too_few_trials_leave_everything_open() -> None:
    assert improvement_left(told(9).history) == math.inf
    assert improvement_left(told(10).history) < math.inf


def test_trials_that_break_a_constraint_do_not_count() -> None:
    story = Story(SQUARE, constraints={"size": at_most(0.5)})
    for i, params in enumerate(SQUARE.sample(np.random.default_rng(0), 12)):
        story.end(story.start(params), "completed", params["x"], size=float(i > 8))
    assert improvement_left(story.history) == math.inf


def test_equal_values_leave_nothing() -> None:
    story = Story(Space({"c": Choice(["a", "b"])}))
    for params in story.ask(Random(), 12):
        story.end(story.start(params), "completed", 1.0)
    assert improvement_left(story.history) == 0.0


@pytest.mark.parametrize("name", SPACES)
def test_any_space(name: str) -> None:
    story = Story(SPACES[name], metrics={"loss": "min", "size": "max"})
    live(story, Random(), 40)
    left = improvement_left(story.history)
    assert left >= 0.0
    assert left == improvement_left(story.replay())
