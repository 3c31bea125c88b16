"""Grid and Batch: given lists of configurations, one after the other."""

import pytest

from lanista.errors import SpaceError, UnsatisfiableError, UsageError
from lanista.search import Batch, Grid, Searcher
from lanista.space import Choice, Domain, Float, Int, Normal, Space
from lanista.testing import Story

SPACE = Space({"x": Float(0, 1), "c": Choice({"a": {"n": Int(1, 3)}, "b": {}})}).where("x + n < 4")


def everything(story: Story, searcher: Searcher, count: int) -> list[dict[str, object]]:
    found: list[dict[str, object]] = []
    while proposals := story.ask(searcher, count):
        found += proposals
        for params in proposals:
            story.start(params)
    return found


@pytest.mark.parametrize("count", [1, 3, 100])
def test_a_grid_is_walked_once(count: int) -> None:
    assert everything(Story(SPACE), Grid(points=4), count) == list(SPACE.grid(4))


def test_a_grid_takes_points_by_name() -> None:
    space = Space({"x": Float(0, 1), "y": Float(0, 1)})
    assert len(everything(Story(space), Grid(points={"x": 2}), 7)) == 10


def test_a_resumed_grid_goes_on() -> None:
    story = Story(SPACE)
    for params in story.ask(Grid(points=4), 5):
        story.start(params)
    assert everything(story, Grid(points=4), 2) == list(SPACE.grid(4))[5:]


def test_a_large_grid_is_not_walked_again_at_each_ask(monkeypatch: pytest.MonkeyPatch) -> None:
    walks, grid = [], Space.grid
    monkeypatch.setattr(Space, "grid", lambda space, points: walks.append(points) or grid(space, points))
    everything(Story(SPACE), Grid(points=4), 1)
    assert walks == [4]


def test_a_grid_of_a_discovered_space_misses_no_point() -> None:
    story, searcher, found = Story(Space({}), define=True), Grid(points=3), []
    for _ in range(2):
        (blind,) = story.ask(searcher)
        assert blind == {}
        story.start(blind)
    for number in range(2):
        story.suggest(number, "x", Float(0, 1), 0.5)
    while proposals := story.ask(searcher):
        found.append(proposals[0])
        story.start(proposals[0])
    assert found == [{"x": 0.0}, {"x": 0.5}, {"x": 1.0}]


DIGITS = Space({f"a{i}": Int(0, 9) for i in range(9)})


def test_what_an_expression_rejects_is_not_walked() -> None:
    """The first valid point is the 110,000,000th of the grid."""
    (first,) = Story(DIGITS.where("a0 >= 1 and a1 >= 1")).ask(Grid())
    assert first == {name: int(name in ("a0", "a1")) for name in DIGITS.names}


@pytest.mark.parametrize("condition", ["a0 + a8 > 12", lambda params: params["a0"] > 4])
def test_a_long_run_of_rejected_points_is_an_error(condition: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("lanista.space._grid.MOST_REJECTED", 1000)
    story, searcher = Story(DIGITS.where(condition, name="late")), Grid()  # type: ignore[arg-type]
    for _ in range(2):
        with pytest.raises(UnsatisfiableError, match=r"1,000 points in a row.*to 1,000,000,000, break.*'late'; put"):
            story.ask(searcher)


@pytest.mark.parametrize("domain", [Float(0, 1), Float(1, 2, log=True), Normal(0, 1)])
def test_an_axis_is_not_made_before_it_is_walked(domain: Domain) -> None:
    assert len(Story(Space({"x": domain})).ask(Grid(points=10**9), 3)) == 3


@pytest.mark.parametrize(
    ("domain", "message"),
    [(Int(0, 3), "constraints 'never'; loosen them$"), (Float(0, 3), r"'never'.*finer grid than Grid\(points=5\)")],
)
def test_a_grid_of_which_no_point_meets_a_constraint(domain: Domain, message: str) -> None:
    story, searcher = Story(Space({"x": domain}).where("x > 3", name="never")), Grid()
    for _ in range(2):
        with pytest.raises(UnsatisfiableError, match=message):
            story.ask(searcher)


@pytest.mark.parametrize("points", [0, -1, 2.5, True, "5", None])
def test_a_grid_of_no_points(points: object) -> None:
    with pytest.raises(UsageError, match=r"Grid\(points=.*must be a whole number from 1"):
        Grid(points)  # type: ignore[arg-type]


def test_a_grid_over_a_name_that_is_none() -> None:
    with pytest.raises(SpaceError, match="'y' is no parameter"):
        Story(SPACE).ask(Grid(points={"y": 3}))


def test_a_batch_is_handed_out_in_order() -> None:
    given = [{"x": 0.5, "c": "b"}, {"x": 0.25, "c": "a", "n": 2}, {"x": 0.5, "c": "b"}]
    assert everything(Story(SPACE), Batch(given), 2) == given


def test_a_batch_is_checked_before_the_first_is_run() -> None:
    with pytest.raises(SpaceError, match=r"Batch: configuration 1: .*'x'"):
        Story(SPACE).ask(Batch([{"x": 0.5, "c": "b"}, {"x": 7, "c": "b"}]))


def test_a_batch_that_breaks_a_constraint() -> None:
    with pytest.raises(SpaceError, match=r"Batch: configuration 0: .*breaks the constraint 'x \+ n < 4'"):
        Story(SPACE).ask(Batch([{"x": 1.0, "c": "a", "n": 3}]))


def test_a_batch_in_a_space_to_be_discovered_is_taken_as_it_is() -> None:
    assert Story(Space({}), define=True).ask(Batch([{"x": 1}, {"x": 2}]), 9) == [{"x": 1}, {"x": 2}]


@pytest.mark.parametrize("given", ["abc", {"x": 1}, [1, 2], [["x", 1]]])
def test_a_batch_of_something_else(given: object) -> None:
    with pytest.raises(UsageError, match="give a list of mappings"):
        Batch(given)  # type: ignore[arg-type]


def test_an_empty_batch_is_refused() -> None:
    with pytest.raises(UsageError, match=r"Batch\(\[\]\) has nothing to run; give at least one configuration"):
        Batch([])
