import numpy as np
import pytest
from scipy.stats import qmc

from lanista.errors import UsageError
from lanista.search import Sobol
from lanista.space import Choice, Float, Int, Space, Subset
from lanista.testing import Story

CUBE = Space({"a": Float(0, 1), "b": Float(0, 1), "c": Float(0, 1)})


def points(proposals: list[dict[str, float]]) -> np.ndarray:
    return np.array([list(params.values()) for params in proposals])


def test_the_points_are_scipys() -> None:
    reference = qmc.Sobol(3, scramble=True, seed=np.random.default_rng(11)).random(512)
    found = points(Story(CUBE, seed=11).ask(Sobol(), 512))
    np.testing.assert_allclose(found, reference)


def test_the_nth_proposal_is_the_nth_point() -> None:
    at_once = Story(CUBE).ask(Sobol(), 20)
    story, searcher, one_by_one = Story(CUBE), Sobol(), []
    for _ in range(20):
        one_by_one += story.ask(searcher)
        story.start(one_by_one[-1])
    assert one_by_one == at_once


def test_an_earlier_history_is_answered_as_before() -> None:
    searcher, story = Sobol(), Story(CUBE)
    before = story.ask(searcher, 3)
    story.ask(searcher, 1000)
    assert story.ask(searcher, 3) == before


def test_enqueued_trials_use_up_no_point() -> None:
    story = Story(CUBE)
    story.start({"a": 0.5, "b": 0.5, "c": 0.5}, "enqueued")
    assert story.ask(Sobol()) == Story(CUBE).ask(Sobol())


def test_another_seed_is_another_sequence() -> None:
    assert Story(CUBE, seed=1).ask(Sobol()) != Story(CUBE, seed=2).ask(Sobol())


def test_invalid_points_are_passed_over() -> None:
    space = Space({"a": Float(0, 1), "b": Float(0, 1), "c": Float(0, 1)}).where("a < b")
    everything = Story(CUBE).ask(Sobol(), 600)
    valid = [params for params in everything if params["a"] < params["b"]]
    assert Story(space).ask(Sobol(), 200) == valid[:200]


def test_the_points_fill_a_mixed_space_evenly() -> None:
    space = Space({"n": Int(1, 8), "c": Choice(["a", "b", "c", "d"])})
    found = Story(space).ask(Sobol(), 256)
    cells = {(n, c): 0 for n in range(1, 9) for c in "abcd"}
    for params in found:
        cells[params["n"], params["c"]] += 1
    assert set(cells.values()) == {8}


def test_more_columns_than_there_are_direction_numbers() -> None:
    space = Space({"big": Subset(list(range(21_202)))})
    with pytest.raises(UsageError, match="up to 21201 columns and the space has 21202; use Random"):
        Story(space).ask(Sobol())
