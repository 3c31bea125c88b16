"""What every searcher must do, as tests to inherit, and the small means of telling it a history."""

import math
from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest

from lanista.errors import UnsatisfiableError
from lanista.journal import (
    Asked,
    Bound,
    Created,
    Ended,
    Event,
    History,
    Learned,
    Reported,
    Started,
    Suggested,
    at_least,
    at_most,
)
from lanista.search import Searcher
from lanista.space import Choice, Float, Int, Normal, Params, Permutation, Space, Subset

SPACES: dict[str, Space] = {
    "empty": Space({}),
    "constant": Space({"seed": 7, "one": Int(3, 3), "only": Choice(["a"])}),
    "binary": Space({"flag": Choice([True, False])}),
    "numeric": Space(
        {
            "x": Float(-5, 5),
            "lr": Float(1e-5, 1, log=True),
            "z": Normal(0, 2),
            "n": Int(1, 200, log=True),
            "k": Int(0, 3),
            "q": Float(0, 1, step=0.1),
        }
    ),
    "discrete": Space(
        {
            "features": Subset(["a", "b", "c"], min=1),
            "order": Permutation([1, 2, 3, 4]),
            "few": Choice(["a", "b", 3, None]),
            "many": Choice(list(range(100))),
        }
    ),
    "conditional": Space(
        {
            "lr": Float(1e-4, 1, log=True),
            "net": Choice(
                {
                    "mlp": {"layers": Int(1, 4), "act": Choice({"relu": {}, "elu": {"alpha": Float(0.1, 2)}})},
                    "tree": {"depth": Int(2, 9)},
                    "none": {},
                }
            ),
        }
    ),
    "constrained": Space({"a": Int(0, 9), "b": Int(0, 9), "c": Float(0, 1)}).where("a + b <= 5"),
}
"""A small space of each sort."""


class Story:
    """A history that is told event by event.

    Args:
        space: of the experiment.
        metrics: name to direction.
        seed: of the experiment.
        constraints: bounds by metric.
        define: the space is discovered by running.
    """

    def __init__(
        self,
        space: Space,
        *,
        metrics: Mapping[str, str] | None = None,
        seed: int = 0,
        constraints: Mapping[str, Bound] | None = None,
        define: bool = False,
    ) -> None:
        self.space, self.define = space, define
        self.metrics = dict(metrics or {"loss": "min"})
        self.seed = seed
        self.events: list[Event] = []
        self.history = History(None if define else space)
        bounds = {name: list(bound) for name, bound in (constraints or {}).items()}
        told = self.history.space.to_json()
        self.tell(Created(0.0, "story", told, self.metrics, seed, define=define, constraints=bounds))

    def tell(self, *events: Event) -> None:
        """Adds events."""
        self.events += events
        self.history.extend(events)

    def ask(self, searcher: Searcher, count: int = 1) -> list[Params]:
        """What the searcher proposes now; nothing is added."""
        return searcher.ask(self.history, count, self.rng())

    def rng(self) -> "np.random.Generator":
        """What the next question is answered with."""
        return np.random.default_rng((self.seed, len(self.history)))

    def start(self, params: Params, origin: str = "searcher") -> int:
        """Adds a trial that runs and returns its number."""
        number = len(self.history)
        if self.define:
            self.tell(Asked(0.0, number, {}, origin, proposal=params))
        else:
            self.tell(Asked(0.0, number, params, origin))
        self.tell(Started(0.0, number, 1, "story"))
        return number

    def suggest(self, number: int, name: str, domain: Any, value: Any) -> None:
        """The running trial asked for a parameter."""
        self.tell(Suggested(0.0, number, 1, name, domain.to_json(), value))

    def report(self, number: int, step: int, *values: float) -> None:
        """The running trial reported its metrics."""
        self.tell(Reported(0.0, number, 1, step, dict(zip(self.metrics, values, strict=True))))

    def end(self, number: int, state: str, *values: float, **more: float) -> None:
        """The trial is over; `more` are further metrics."""
        self.tell(Ended(0.0, number, 1, state, {**dict(zip(self.metrics, values, strict=False)), **more}))

    def replay(self) -> History:
        """The same history, folded afresh."""
        history = History(None if self.define else self.space)
        history.extend(self.events)
        return history


def live(story: Story, searcher: Searcher, trials: int = 30, *, workers: int = 3) -> None:
    """Lets a searcher run an experiment in which everything happens: trials that stop, fail, never end, give NaN."""
    luck = np.random.default_rng(story.seed + 99)
    running: list[int] = []
    while len(story.history) < trials:
        wanted = workers - len(running)
        found = story.ask(searcher, wanted)
        running += [story.start(params) for params in found]
        if len(found) < wanted and not running:
            return
        number = running.pop(int(luck.integers(len(running))))
        values = [float(v) for v in luck.normal(size=len(story.metrics))]
        fate = luck.random()
        if fate < 0.05:
            continue
        for step in range(1, int(luck.integers(1, 5))):
            story.report(number, step, *values)
        if fate < 0.6:
            story.end(number, "completed", *values)
        elif fate < 0.75:
            story.end(number, "stopped")
        elif fate < 0.82:
            story.end(number, "completed", *[math.nan] * len(values))
        else:
            story.end(number, ("failed", "infeasible", "cancelled")[int(luck.integers(3))])


class SearcherContract(ABC):
    """Inherit it in a class named Test…, define `searcher`, and pytest runs the contract on yours.

    class TestMine(SearcherContract):
        def searcher(self):
            return Mine()

    A searcher made for some spaces only overrides `spaces`.
    """

    @abstractmethod
    def searcher(self) -> Searcher:
        """A fresh searcher, always of the same arguments."""

    def spaces(self) -> Mapping[str, Space]:
        """The spaces that it must serve, by name."""
        return SPACES

    def pytest_generate_tests(self, metafunc: pytest.Metafunc) -> None:
        """Runs each test that takes a space on all of them."""
        if "space" in metafunc.fixturenames:
            spaces = self.spaces()
            metafunc.parametrize("space", spaces.values(), ids=spaces.keys())

    def check(self, space: Space, proposals: list[Params], count: int) -> None:
        """Proposals must be no more than asked for, and complete, valid configurations in the space's own values."""
        assert len(proposals) <= count
        for params in proposals:
            assert space.check(params) == params
            assert space.valid(params)

    def test_a_searcher_has_ask(self) -> None:
        assert isinstance(self.searcher(), Searcher)

    def test_the_first_proposals_are_valid(self, space: Space) -> None:
        for count in (1, 5):
            self.check(space, Story(space).ask(self.searcher(), count), count)

    def test_a_whole_run_of_proposals_is_valid(self, space: Space) -> None:
        story = Story(space)
        live(story, self.searcher())
        for params in story.history.params:
            self.check(space, [params], 1)

    def test_fewer_than_asked_for_means_exhausted(self, space: Space) -> None:
        story, searcher = Story(space), self.searcher()
        live(story, searcher, 50)
        if len(story.history) < 50:
            assert story.ask(searcher) == []

    def test_the_seed_decides(self, space: Space) -> None:
        one, other = Story(space, seed=3), Story(space, seed=3)
        live(one, self.searcher())
        live(other, self.searcher())
        assert one.history.params == other.history.params

    def test_a_fresh_searcher_goes_on_from_a_replayed_history(self, space: Space) -> None:
        story, searcher = Story(space), self.searcher()
        for trials in (3, 14, 30):
            live(story, searcher, trials)
            rng = np.random.default_rng(trials)
            assert self.searcher().ask(story.replay(), 2, rng) == searcher.ask(
                story.history, 2, np.random.default_rng(trials)
            )

    def test_the_same_question_has_the_same_answer(self, space: Space) -> None:
        """Whatever was asked in between, of other experiments too: a controller that lost a race asks again."""
        story, searcher, elsewhere = Story(space), self.searcher(), Story(space, seed=5)
        story.ask(searcher)
        assert elsewhere.ask(searcher) == elsewhere.ask(self.searcher())
        asked = []
        for trials in (2, 20):
            live(story, searcher, trials)
            early = story.replay()
            asked.append((early, searcher.ask(early, 2, np.random.default_rng(1))))
        live(story, searcher, 30)
        live(elsewhere, searcher, 15)
        for early, before in asked:
            assert searcher.ask(early, 2, np.random.default_rng(1)) == before
            elsewhere.ask(searcher)

    def test_the_history_is_left_alone(self, space: Space) -> None:
        story, searcher = Story(space), self.searcher()
        live(story, searcher, 20)
        params = [dict(params) for params in story.history.params]
        for proposal in story.ask(searcher, 3):
            proposal.clear()
        assert story.history == story.replay()
        assert story.history.params == params

    def test_pending_trials_are_no_trouble(self, space: Space) -> None:
        story, searcher = Story(space), self.searcher()
        for _ in range(20):
            for params in story.ask(searcher):
                story.start(params)
        self.check(space, story.ask(searcher, 4), 4)

    @pytest.mark.parametrize("state", ["failed", "infeasible", "cancelled", "stopped", "completed"])
    def test_a_history_without_any_value_is_no_trouble(self, space: Space, state: str) -> None:
        story, searcher = Story(space), self.searcher()
        for _ in range(15):
            for params in story.ask(searcher):
                story.end(story.start(params), state, *([math.nan] if state == "completed" else []))
        self.check(space, story.ask(searcher, 2), 2)

    def test_equal_values_are_no_trouble(self, space: Space) -> None:
        story, searcher = Story(space), self.searcher()
        for _ in range(20):
            for params in story.ask(searcher):
                story.end(story.start(params), "completed", 1.0)
        self.check(space, story.ask(searcher, 2), 2)

    def test_extreme_values_are_no_trouble(self, space: Space) -> None:
        story, searcher = Story(space), self.searcher()
        for i in range(20):
            for params in story.ask(searcher):
                story.end(story.start(params), "completed", (1.0, 1e308, -1e308)[i % 3])
        self.check(space, story.ask(searcher, 2), 2)

    def test_several_objectives(self, space: Space) -> None:
        story, searcher = Story(space, metrics={"accuracy": "max", "latency": "min", "size": "min"}), self.searcher()
        live(story, searcher)
        self.check(space, story.ask(searcher, 3), 3)

    def test_constraints_on_metrics(self, space: Space) -> None:
        story, searcher = Story(space, constraints={"latency": at_most(3), "recall": at_least(0.5)}), self.searcher()
        for i in range(24):
            for params in story.ask(searcher):
                story.end(story.start(params), "completed", float(-i), latency=float(i % 5), recall=(0.4, 0.6)[i % 2])
        self.check(space, story.ask(searcher, 2), 2)
        assert story.ask(searcher, 2) == self.searcher().ask(story.replay(), 2, story.rng())

    def test_constraints_that_no_trial_keeps(self, space: Space) -> None:
        story, searcher = Story(space, constraints={"latency": at_most(3)}), self.searcher()
        for i in range(20):
            for params in story.ask(searcher):
                story.end(story.start(params), "completed", 1.0, latency=(4.0, math.inf, math.nan)[i % 3])
        self.check(space, story.ask(searcher, 2), 2)

    def test_earlier_experiments(self, space: Space) -> None:
        """What another experiment found may help; points and values of all kinds must not harm."""
        story, searcher = Story(space), self.searcher()
        earlier = space.sample(np.random.default_rng(1), 40)
        story.tell(Learned(0.0, "earlier", earlier, [[float(i % 7)] for i in range(40)]))
        live(story, searcher, 25)
        self.check(space, story.ask(searcher, 2), 2)
        assert story.ask(searcher, 2) == self.searcher().ask(story.replay(), 2, story.rng())

    def test_others_trials_count(self, space: Space) -> None:
        """Trials that a person enqueued or imported are in the history, too."""
        story, searcher = Story(space), self.searcher()
        for i, params in enumerate(space.sample(np.random.default_rng(0), 30)):
            story.end(story.start(params, ("enqueued", "imported")[i % 2]), "completed", float(i % 7))
        self.check(space, story.ask(searcher, 2), 2)

    def test_constraints_that_nothing_meets_are_named(self) -> None:
        space = Space({"a": Int(0, 9), "b": Float(0, 1)}).where("a > 9", name="never")
        try:
            found = Story(space).ask(self.searcher(), 1)
        except UnsatisfiableError as error:
            assert "never" in str(error)
        else:
            assert found == []


class DiscoveringContract:
    """The part of the contract for experiments whose space is discovered by running; inherit it besides."""

    def searcher(self) -> Searcher:
        """A fresh searcher."""
        raise AssertionError("inherit it after SearcherContract")

    def test_a_space_that_grows(self) -> None:
        story, searcher = Story(Space({}), define=True), self.searcher()
        rng = np.random.default_rng(0)
        domains = {"x": Float(0, 1), "late": Int(1, 9), "c": Choice(["a", "b"])}
        for i in range(40):
            proposals = story.ask(searcher) or [{}]  # an exhausted searcher leaves the rest to a person
            assert set(proposals[0]) <= set(story.history.space.names)
            number = story.start(proposals[0], "searcher" if proposals[0] else "enqueued")
            for name in ("x", "late", "c")[: 1 + (i > 15) + (i > 20)]:
                drawn = Space({name: domains[name]}).sample(rng, 1)[0][name]
                story.suggest(number, name, domains[name], proposals[0].get(name, drawn))
            story.end(number, "completed", float(rng.random()))
        fresh = self.searcher().ask(story.replay(), 2, np.random.default_rng(1))
        assert fresh == searcher.ask(story.history, 2, np.random.default_rng(1))
