"""What a user says of where the optimum lies, in the searchers that listen to it."""

from collections.abc import Callable
from functools import partial

import numpy as np
import pytest

from lanista.search import DNGO, GP, TPE, Forest, Searcher
from lanista.space import Float, Space
from lanista.testing import Story

LISTENERS = [GP, TPE, Forest, DNGO]


def believed(prior: float | None) -> Space:
    return Space({f"x{i}": Float(0, 1, prior=prior, confidence="medium") for i in range(4)})


def after(searcher: Searcher, space: Space, seed: int, trials: int) -> float:
    """The least squared distance from 0.7 that so many trials come to."""
    story = Story(space, seed=seed)
    for _ in range(trials):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", sum((x - 0.7) ** 2 for x in params.values()))
    return float(story.history.Y.min())


@pytest.mark.parametrize(
    ("make", "seeds", "few", "gain", "many", "left"),
    [
        pytest.param(GP, 3, 10, 0.5, 32, 0.05, id="gp"),
        pytest.param(TPE, 5, 12, 0.4, 60, 0.2, id="tpe"),
        pytest.param(partial(Forest, trees=8), 3, 12, 0.4, 60, 0.5, id="forest"),
        pytest.param(partial(DNGO, startup=8), 3, 20, 0.8, 40, 0.2, id="dngo"),
    ],
)
def test_a_good_prior_helps_and_a_wrong_one_is_overcome(
    make: Callable[[], Searcher], seeds: int, few: int, gain: float, many: int, left: float
) -> None:
    """Means over seeds: `gain` of what is reached in `few` trials without one, `left` of a wrong one's in `many`."""
    none, good, wrong = (
        np.mean([after(make(), space, seed, few) for seed in range(seeds)])
        for space in map(believed, (None, 0.65, 0.1))
    )
    assert good < gain * none
    assert np.mean([after(make(), believed(0.1), seed, many) for seed in range(seeds)]) < left * wrong


@pytest.mark.parametrize("kind", LISTENERS)
def test_half_of_the_first_points_are_drawn_from_the_prior(kind: Callable[[], Searcher]) -> None:
    space = Space({"lr": Float(1e-6, 1, log=True, prior=1e-3, confidence="high"), "x": Float(0, 1)})
    X, _ = space.encode(Story(space).ask(kind(), 400))
    rng = np.random.default_rng(0)
    drawn, uniform = space.log_prior(space.sample_prior(rng, 4000)), space.log_prior(rng.random((4000, 2)))
    assert space.log_prior(X).mean() == pytest.approx((drawn.mean() + uniform.mean()) / 2, abs=0.15)
