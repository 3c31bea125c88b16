"""What searchers once did wrong, each as the user would have met it."""

import numpy as np
import pytest

from lanista.errors import UnsatisfiableError
from lanista.journal import Learned, at_least, at_most
from lanista.search import GP, NSGA2, NSGA3, TPE, Auto, Random, Searcher, Sobol, TuRBO
from lanista.search._ranking import outcomes, violation
from lanista.search.gaussian._acquire import Acquisition, Bools, Floats
from lanista.search.gaussian._believe import Belief
from lanista.search.gaussian._data import MOST_ROWS, Data, Known
from lanista.search.gaussian._maximise import Effort, maximise
from lanista.search.gaussian._region import FIRST, region
from lanista.search.gaussian._session import MOST_PENDING
from lanista.search.gaussian._transform import gaussianised
from lanista.space import Choice, Float, Int, Params, Space
from lanista.testing import Story

PLANE = Space({"x": Float(0, 1), "y": Float(0, 1)})
WIDE = Space({f"x{i}": Float(0, 1) for i in range(20)})


def bowl(params: Params, at: float = 0.3) -> float:
    return float(sum((value - at) ** 2 for value in params.values()))


def data_of(story: Story) -> Data:
    return Data.of(story.history, outcomes(story.history))


def test_of_many_trials_the_few_that_keep_a_constraint_are_modelled() -> None:
    """They once were thinned out as others, that break it, had better values."""
    story = Story(PLANE, constraints={"latency": at_most(1)})
    points = PLANE.sample(np.random.default_rng(0), MOST_ROWS + 200)
    for i, params in enumerate(points):
        story.end(story.start(params), "completed", 5.0 if i < 5 else -float(i), latency=0.5 if i < 5 else 2.0)
    assert Known.of(data_of(story)).data.good.sum() == 5


def test_of_many_trials_the_front_is_modelled_whatever_the_units() -> None:
    """Two objectives once were added up, so that the one in small units did not count."""
    story = Story(PLANE, metrics={"cost": "min", "error": "min"})
    rng = np.random.default_rng(0)
    for i, params in enumerate(PLANE.sample(rng, MOST_ROWS + 200)):
        values = (1e6 * (2 + i), 0.5 - 0.01 * i) if i < 10 else (1e6 * rng.random(), 0.9)
        story.end(story.start(params), "completed", *values)
    assert (Known.of(data_of(story)).data.Y[:, 1] < 0.6).sum() == 10


def test_a_trust_region_is_not_held_to_a_value_that_breaks_a_constraint() -> None:
    story = Story(PLANE, constraints={"latency": at_most(1)})
    values = [-100.0, *np.arange(40.0, 0.0, -1.0)]
    for i, (params, value) in enumerate(zip(PLANE.sample(np.random.default_rng(0), 41), values, strict=True)):
        story.end(story.start(params), "completed", float(value), latency=2.0 if i == 0 else 0.5)
    found = region(data_of(story).progress, 4, 8)
    assert found.begun == 0
    assert found.length > FIRST


def test_the_search_for_what_keeps_a_constraint_is_around_what_breaks_it_least() -> None:
    story, searcher = Story(WIDE, constraints={"far": at_most(0.01)}), TuRBO(startup=5)
    for _ in range(20):
        for params in story.ask(searcher):
            story.end(story.start(params), "completed", -bowl(params), far=bowl(params))
    (params,) = story.ask(searcher)
    assert bowl(params) < np.median([bowl(params) for params in story.history.params])


def test_imported_trials_are_no_failures_of_a_trust_region() -> None:
    """So many once made it begin anew and forget them all."""
    story = Story(WIDE)
    for params in WIDE.sample(np.random.default_rng(0), 300):
        story.end(story.start(params, "imported"), "completed", bowl(params))
    data = data_of(story)
    assert region(data.progress, 20, 20, data.own) == (0, FIRST)
    best = min(story.history.params, key=bowl)
    (proposal,) = story.ask(TuRBO())
    assert max(abs(proposal[name] - best[name]) for name in best) < 1
    assert bowl(proposal) < bowl(best)


def test_an_earlier_experiment_that_teaches_nothing_does_not_shorten_the_start() -> None:
    elsewhere = [{"x": 7.0, "y": 7.0}] * 40
    for metrics, points, width in (
        ({"loss": "min"}, elsewhere, 1),
        ({"loss": "min", "size": "min"}, PLANE.sample(np.random.default_rng(0), 40), 2),
    ):
        alone, taught = Story(PLANE, metrics=metrics), Story(PLANE, metrics=metrics)
        taught.tell(Learned(0.0, "earlier", points, [[1.0 + i] * width for i in range(40)]))
        for story in (alone, taught):
            for _ in range(4):
                for params in story.ask(GP(startup=5)):
                    story.end(story.start(params), "completed", *[bowl(params)] * width)
        assert alone.history.params == taught.history.params


def test_huge_breaches_of_a_constraint_are_breaches() -> None:
    """The mean of the two in the middle once overflowed, and dividing by it left nothing of them."""
    story = Story(PLANE, constraints={"gain": at_least(0)})
    for params in PLANE.sample(np.random.default_rng(0), 6):
        story.end(story.start(params), "completed", bowl(params), gain=-1.7e308)
    assert (violation(story.history) > 0).all()
    assert len(story.ask(NSGA2(4), 2)) == 2


def test_directions_of_values_of_all_sizes() -> None:
    story = Story(PLANE, metrics={"a": "min", "b": "min"})
    for i, params in enumerate(PLANE.sample(np.random.default_rng(0), 24)):
        story.end(story.start(params), "completed", (1e308, -1e308, 3.0)[i % 3], (1e-308, -1e308, 2.0, 2.0)[i % 4])
    assert len(story.ask(NSGA3(4), 2)) == 2


def test_an_earlier_space_may_lack_what_a_branch_has_now() -> None:
    """Its trials took that branch, not the default one; asking once raised an exception."""
    space = Space(
        {"net": Choice({"mlp": {"size": Int(1, 9)}, "tree": {"depth": Int(1, 9), "size": Int(1, 3)}}), "e": 5}
    )
    trials = [{"net": "tree", "size": 2, "e": 9}, {"net": "tree", "size": 7}, {"net": "mlp", "size": 7}, {}]
    story = Story(space)
    story.tell(Learned(0.0, "earlier", trials, [[1.0], [2.0], [3.0], [4.0]]))
    X, active, Y = story.history.sources[0].points(space)
    assert Y.tolist() == [[1.0], [3.0], [4.0]]  # the second one's size is beyond that branch's
    assert space.decode(np.where(active, X, 0.5)) == [
        {"net": "tree", "depth": 5, "size": 2, "e": 5},
        {"net": "mlp", "size": 7, "e": 5},
        {"net": "mlp", "size": 5, "e": 5},
    ]


def test_a_trust_region_is_kept_to_by_proposals_made_at_once() -> None:
    """Candidates cut to its ends once were proposed, found taken, and random points of the whole space put for them."""
    space = Space({"x": Float(0, 1)})
    story, searcher = Story(space), TuRBO(startup=4)
    for i in range(20):
        for params in story.ask(searcher):
            story.end(story.start(params), "completed", 1.0 if i == 0 else 5.0)
    length = region(story.history.Y[:, 0], 4, 4).length
    assert max(abs(params["x"] - 0.5) for params in story.ask(searcher, 10)) <= length / 2 + 1e-9


def test_differences_among_the_good_stay_visible_beside_many_bad_values() -> None:
    """Where these were more than a quarter, the logarithm bent at their height and the good ones became equal."""
    good = np.linspace(0, 1, 12)
    for bad in (1e9 * np.arange(1.0, 9.0), np.full(8, 1e300)):
        z = gaussianised(np.concatenate([good, bad]))
        assert z[11] - z[0] > 1
        assert z[12:].min() > z[11]
        assert (np.diff(z) >= 0).all()


def test_a_climb_that_leaves_what_is_allowed_comes_back_to_its_border() -> None:
    """The whole move once was dropped, so that a climber beside the border stayed where it began."""
    space = Space({"x": Float(0, 1), "y": Float(0, 1)}).where("x + y <= 1")
    found = maximise(
        space,
        Slope(),
        np.random.default_rng(0),
        centres=np.empty((0, 2)),
        taken=lambda X: np.zeros(len(X), dtype=np.bool_),
        effort=Effort(random=4, near=0, starts=2, steps=25),
    )
    assert 0.97 < found.sum() <= 1


class Slope:
    """An acquisition that rises with the sum of the columns."""

    def value(self, X: Floats, active: Bools) -> Floats:
        total: Floats = X.sum(axis=1)
        return total

    def slopes(self, X: Floats, active: Bools) -> tuple[Floats, Floats]:
        return self.value(X, active), np.ones_like(X)


def test_a_batch_of_sixteen_is_spread() -> None:
    for known in (0, 8):
        story, searcher = Story(PLANE), GP()
        for i in range(known):
            for params in story.ask(searcher):
                story.end(story.start(params), "completed", (3.0, 1.0, 4.0, 1.5, 5.0, 9.0, 2.0, 6.0)[i])
        X = PLANE.encode(story.ask(searcher, 16))[0]
        apart = np.abs(X[:, None] - X).max(axis=2)
        assert (apart + np.eye(16)).min() > 0.01
        assert np.median(apart) > 0.2


def test_only_the_last_of_many_pending_trials_are_believed(monkeypatch: pytest.MonkeyPatch) -> None:
    """With 1,500 waiting trials a proposal took half a second."""
    story, searcher = Story(PLANE), GP()
    for params in PLANE.sample(np.random.default_rng(0), 20):
        story.end(story.start(params), "completed", bowl(params))
    for params in PLANE.sample(np.random.default_rng(1), 300):
        story.start(params)
    believed: list[int] = []
    acquisition = Belief.acquisition

    def counted(self: Belief, pending: Floats) -> Acquisition:
        believed.append(len(pending))
        return acquisition(self, pending)

    monkeypatch.setattr(Belief, "acquisition", counted)
    story.ask(searcher, 3)
    assert believed == [MOST_PENDING] * 3


@pytest.mark.parametrize("searcher", [Auto(), GP(), TPE(), Sobol(), Random()], ids=lambda s: type(s).__name__)
def test_the_constraint_that_nothing_meets_is_told(searcher: Searcher) -> None:
    space = Space({"a": Float(0, 1), "b": Float(0, 1)}).where("a < b").where("a + b == 1")
    with pytest.raises(
        UnsatisfiableError, match=r"'a < b' \(holds in [45]\d(\.\d)? %\), 'a \+ b == 1' \(holds in 0 %\)"
    ):
        Story(space).ask(searcher)


def test_a_sequence_goes_on_as_long_as_random_points_meet_the_constraints(monkeypatch: pytest.MonkeyPatch) -> None:
    """However rare those are that do, and whenever it is asked whether there are any: the points are its own."""
    story = Story(PLANE.where("abs(x - y) < 1e-4"))
    expected = Sobol().ask(story.history, 3, np.random.default_rng(0))
    monkeypatch.setattr("lanista.search._stream.MOST_INVALID", 300)
    assert Sobol().ask(story.history, 3, np.random.default_rng(0)) == expected


def test_what_could_not_be_proposed_cannot_be_proposed_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """The sequence stood behind the points that had been refused, and came to others."""
    monkeypatch.setattr("lanista.search._stream.MOST_INVALID", 300)
    monkeypatch.setattr("lanista.space._judge.MOST_TRIES", 10)
    story, searcher = Story(PLANE.where("abs(x - y) < 1e-4")), Sobol()
    for _ in range(50):
        with pytest.raises(UnsatisfiableError, match="holds in"):
            story.ask(searcher)
