"""The strategies of neural architecture search, under the contract and on spaces of choices."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.search import PNAS, PPO, Bananas, LocalSearch, Random, Reinforce, Searcher
from lanista.search._controller import Controller
from lanista.search._ensemble import Ensemble, fit, gradients
from lanista.space import Choice, Float, Int, Params, Permutation, Space, Subset
from lanista.testing import SPACES, DiscoveringContract, SearcherContract, Story
from tests.search.cell import OPS, loss, run

DEPTH = Space(
    {
        "depth": Choice({n: {f"op{i}": Choice(["a", "b", "c"]) for i in range(n)} for n in (1, 2, 3, 4)}),
        "lr": Float(0, 1),
    }
)


class TestLocalSearch(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return LocalSearch(startup=3)


class Quick:
    """Networks that learn little, for tests of all else."""

    @pytest.fixture(autouse=True)
    def few_steps(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("lanista.search._ensemble.STEPS", 10)


class TestBananas(Quick, SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Bananas(startup=4, candidates=40)


class TestBananasWithPaths(Quick, SearcherContract):
    def searcher(self) -> Searcher:
        return Bananas(startup=4, candidates=40, paths=lambda params: [f"{name}={params[name]}" for name in params])

    def spaces(self) -> Mapping[str, Space]:
        return {name: SPACES[name] for name in ("constant", "conditional", "constrained")}


class TestPNAS(Quick, SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return PNAS(beam=4)


class TestReinforce(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return Reinforce(batch=3)


class TestPPO(SearcherContract, DiscoveringContract):
    def searcher(self) -> Searcher:
        return PPO(batch=4, epochs=2)


@pytest.mark.parametrize(
    ("make", "trials"),
    [
        (LocalSearch, 80),
        (Bananas, 50),
        (Reinforce, 150),
        pytest.param(PNAS, 50, marks=pytest.mark.long),
        pytest.param(PPO, 150, marks=pytest.mark.long),
    ],
)
def test_it_beats_random_search_on_a_table(make: Callable[[], Searcher], trials: int) -> None:
    """In at least 4 of 5 seeds."""
    ours = np.array([run(make(), seed, trials) for seed in range(5)])
    random = np.array([run(Random(), seed, trials) for seed in range(5)])
    assert (ours < random).sum() >= 4


# --- local search -----------------------------------------------------------------------------------------------------


def walk(story: Story, trials: int, f: Callable[[Params], float]) -> Iterator[tuple[Params, float]]:
    """The proposals of local search from one random trial, with their values."""
    for _ in range(trials):
        (params,) = story.ask(LocalSearch(startup=1))
        value = f(params)
        yield params, value
        story.end(story.start(params), "completed", value)


def distance(one: Params, other: Params) -> int:
    return sum(one[name] != other[name] for name in one)


def test_neighbours_of_the_best_are_tried_until_one_is_better_and_then_its_own() -> None:
    found = list(walk(Story(OPS, seed=1), 20, loss))
    centre = found[0]
    for params, value in found[1:]:
        assert distance(params, centre[0]) == 1
        if value < centre[1]:
            centre = params, value
    assert centre[1] < found[0][1]


def test_a_run_ends_where_no_neighbour_is_better_and_another_begins() -> None:
    found = [params for params, _ in walk(Story(OPS, seed=1), 26, lambda params: 1.0)]
    assert all(distance(params, found[0]) == 1 for params in found[1:25])
    assert len({tuple(params.values()) for params in found}) == 26
    assert distance(found[25], found[0]) > 1


def test_no_more_neighbours_are_proposed_while_some_are_pending() -> None:
    story = Story(OPS, seed=1)
    first = story.ask(LocalSearch(startup=1))[0]
    story.end(story.start(first), "completed", 0.0)
    found = story.ask(LocalSearch(startup=1), 30)
    for params in found:
        story.start(params)
    near = [params for params in found if distance(params, first) == 1]
    assert len(near) == len({tuple(params.values()) for params in near}) == 24
    assert all(distance(params, first) > 1 for params in story.ask(LocalSearch(startup=1), 3))


def test_the_neighbours_of_all_kinds() -> None:
    space = Space(
        {
            "n": Int(0, 3),
            "log": Int(1, 5, log=True),
            "x": Float(0, 1),
            "s": Subset([1, 2, 3]),
            "p": Permutation([1, 2, 3]),
        }
    )
    parent = {"n": 1, "log": 2, "x": 0.5, "s": [2], "p": [3, 1, 2]}
    story = Story(space)
    story.end(story.start(parent), "completed", 0.0)
    changed: dict[str, set[str]] = {name: set() for name in parent}
    for child in story.ask(LocalSearch(startup=1), 19):
        (name,) = [name for name in parent if child[name] != parent[name]]
        changed[name].add(repr(child[name]))
    assert {name: len(values) for name, values in changed.items()} == {"n": 3, "log": 4, "x": 6, "s": 3, "p": 3}


# --- predictors -------------------------------------------------------------------------------------------------------


def test_the_gradients_of_the_ensemble() -> None:
    rng = np.random.default_rng(0)
    shapes = [(2, 3, 4), (2, 4, 1)]
    ensemble = Ensemble([rng.normal(size=s) for s in shapes], [rng.normal(size=(2, 1, s[2])) for s in shapes])
    Z, y = rng.normal(size=(2, 5, 3)), rng.normal(size=(2, 5))

    def error() -> float:
        return sum(float(np.abs(ensemble.predict(Z[e])[e] - y[e]).mean()) for e in range(2))

    by_hand = gradients(ensemble, Z, y)
    for array, slope in zip([*ensemble.weights, *ensemble.biases], by_hand, strict=True):
        for at in np.ndindex(array.shape):
            array[at] += 1e-6
            up = error()
            array[at] -= 2e-6
            down = error()
            array[at] += 1e-6
            assert slope[at] == pytest.approx((up - down) / 2e-6, abs=1e-6)


def test_the_ensemble_learns_and_its_members_differ_far_away() -> None:
    rng = np.random.default_rng(0)
    Z = rng.uniform(-1, 1, (120, 4))
    y = np.abs(Z[:, 0]) + Z[:, 1] * Z[:, 2]
    ensemble = fit(Z, y, rng)
    predicted = ensemble.predict(Z)
    assert predicted.shape == (5, 120)
    assert np.abs(predicted.mean(axis=0) - y).mean() < 0.3 * np.abs(y - np.median(y)).mean()
    assert ensemble.predict(5 * Z).std(axis=0).mean() > 3 * predicted.std(axis=0).mean()


def test_traits_are_what_the_networks_see() -> None:
    """What matters is a trait of two parameters together; configurations are told apart by nothing else."""
    asked = []

    def paths(params: Params) -> list[str]:
        asked.append(params)
        return ["good"] if params["edge0"] == params["edge1"] else []

    story = Story(OPS, seed=0)
    for params in Random().ask(story.history, 40, np.random.default_rng(0)):
        story.end(story.start(params), "completed", float(params["edge0"] != params["edge1"]))
    found = story.ask(Bananas(paths=paths), 10)
    assert asked
    assert sum(params["edge0"] == params["edge1"] for params in found) >= 9


def test_sizes_are_searched_from_small_to_large_and_growing_keeps_the_values() -> None:
    story = Story(DEPTH, seed=0)
    searcher = PNAS(beam=12)
    for _ in range(54):
        (params,) = story.ask(searcher)
        value = 10.0 - sum({"a": 2.0, "b": 1.0, "c": 0.0}[op] for name, op in params.items() if name.startswith("op"))
        story.end(story.start(params), "completed", value)
    depths = [params["depth"] for params in story.history.params]
    assert depths[:48] == [1] * 12 + [2] * 12 + [3] * 12 + [4] * 12
    assert set(depths[48:]) == {4}
    parents = {params["op0"] + params["op1"] for params in story.history.params.take(range(12, 24))}
    assert {params["op0"] + params["op1"] for params in story.history.params.take(range(24, 36))} <= parents
    assert np.mean([params["op0"] == "a" for params in story.history.params.take(range(36, 54))]) > 0.6


def test_the_size_may_be_a_number_that_is_named() -> None:
    story = Story(Space({"width": Int(1, 3), "x": Float(0, 1)}))
    for _ in range(9):
        (params,) = story.ask(PNAS("width", beam=3))
        story.end(story.start(params), "completed", params["x"])
    assert [params["width"] for params in story.history.params] == [1, 1, 1, 2, 2, 2, 3, 3, 3]


@pytest.mark.parametrize(
    ("name", "message"),
    [("nodes", "no such parameter; it has depth, op0"), ("op1", "is in every"), ("lr", "is in every")],
)
def test_a_size_that_is_none(name: str, message: str) -> None:
    with pytest.raises(UsageError, match=rf"PNAS\(grow='{name}'\).*{message}"):
        Story(DEPTH).ask(PNAS(name))


def test_a_size_of_few_members_is_left_when_all_were_tried() -> None:
    """Their duplicates once filled the beam."""
    space = Space({"depth": Choice({n: {f"op{i}": Choice(["a", "b", "c"]) for i in range(n)} for n in (1, 2, 3)})})
    story = Story(space, seed=0)
    for _ in range(20):
        (params,) = story.ask(PNAS(beam=6))
        story.end(story.start(params), "completed", float(len(params)))
    found = list(story.history.params)
    assert [params["depth"] for params in found[:15]] == [1] * 3 + [2] * 6 + [3] * 6
    assert len({tuple(params.items()) for params in found}) == 20


def test_networks_learn_from_all_of_the_first_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """They once learnt from the first one alone until there were ten."""
    sizes: list[int] = []

    def counted(Z: np.ndarray, y: np.ndarray, rng: np.random.Generator) -> Ensemble:
        sizes.append(len(Z))
        return fit(Z, y, rng)

    monkeypatch.setattr("lanista.search._ensemble.STEPS", 3)
    monkeypatch.setattr("lanista.search._predictor.fit", counted)
    story, searcher = Story(OPS, seed=0), Bananas(startup=3)
    for _ in range(22):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", loss(params))
    assert sizes == [3, 4, 5, 6, 7, 8, 9, 10, 20]


def test_traits_in_a_set_have_no_order() -> None:
    """That of a set of texts differs from process to process."""

    class Backwards(frozenset[str]):
        def __iter__(self) -> Iterator[str]:
            return iter(sorted(frozenset.__iter__(self), reverse=True))

    class Forwards(Backwards):
        def __iter__(self) -> Iterator[str]:
            return reversed(list(super().__iter__()))

    story = Story(OPS, seed=0)
    for params in Random().ask(story.history, 12, np.random.default_rng(0)):
        story.end(story.start(params), "completed", loss(params))
    kinds = [Bananas(paths=lambda p, kind=kind: kind(f"{n}={p[n]}" for n in p)) for kind in (Forwards, Backwards)]  # type: ignore[misc]
    assert story.ask(kinds[0], 3) == story.ask(kinds[1], 3)


# --- reinforcement learning -------------------------------------------------------------------------------------------


def test_the_gradients_of_the_controller() -> None:
    """Against finite differences, of a weighted log-probability, with a column that applies to some only."""
    rng = np.random.default_rng(0)
    controller = Controller(DEPTH, rng)
    X = DEPTH.canonical(rng.random((4, DEPTH.width)))
    cells, active = controller.cells(X)
    weights = rng.normal(size=cells.shape) * active
    rows = np.arange(4)

    def value() -> float:
        steps = controller.run(cells, active)
        return sum(float(weights[:, t] @ np.log(p[rows, cells[:, t]])) for t, p in enumerate(steps.p))

    steps = controller.run(cells, active)
    slopes = -weights.T[..., None] * steps.p
    for t, slope in enumerate(slopes):
        slope[rows, cells[:, t]] += weights[:, t]
    by_hand = controller.gradient(steps, slopes)
    assert not active.all()
    for at in rng.permutation(len(controller.theta))[:300]:
        controller.theta[at] += 1e-5
        up = value()
        controller.theta[at] -= 2e-5
        down = value()
        controller.theta[at] += 1e-5
        assert by_hand[at] == pytest.approx((up - down) / 2e-5, abs=1e-6)


def test_the_controller_draws_what_its_steps_say() -> None:
    controller = Controller(OPS, np.random.default_rng(0))
    controller.theta *= 20
    X = controller.sample(4000, np.random.default_rng(1))
    cells, active = controller.cells(X)
    assert active.all()
    steps = controller.run(cells, active)
    for t, p in enumerate(steps.p):
        drawn = np.bincount(cells[:, t], minlength=5) / len(cells)
        assert drawn == pytest.approx(p.mean(axis=0), abs=0.03)


@pytest.mark.parametrize("make", [Reinforce, PPO])
def test_a_searcher_may_serve_spaces_of_one_width(make: Callable[[], Searcher]) -> None:
    """It once drew from the other one's network."""
    searcher, story = make(), Story(Space({"y": Choice(list(range(40)))}))
    Story(Space({"x": Choice(["a", "b"])})).ask(searcher)
    assert story.ask(searcher, 5) == story.ask(make(), 5)


def test_the_few_values_of_a_logarithm_are_cells_of_their_own() -> None:
    """The widths of their parts of the column once made 1 four times as likely as 4."""
    space = Space({"n": Int(1, 4, log=True)})
    controller = Controller(space, np.random.default_rng(0))
    controller.theta[:] = 0
    X = controller.sample(4000, np.random.default_rng(1))
    values = np.array([params["n"] for params in space.decode(X)])
    assert np.bincount(values)[1:] / 4000 == pytest.approx(0.25, abs=0.03)
    cells, _ = controller.cells(X)
    assert (cells[:, 0] == values - 1).all()


@pytest.mark.parametrize("searcher", [Reinforce(), PPO()])
def test_a_long_history_is_learnt_from_once(searcher: Searcher, monkeypatch: pytest.MonkeyPatch) -> None:
    """And again, to the same end, by a searcher that begins with it."""
    learnt = []
    gradient = Controller.gradient

    def counted(self: Controller, *given: object) -> object:
        learnt.append(1)
        return gradient(self, *given)  # type: ignore[arg-type]

    monkeypatch.setattr(Controller, "gradient", counted)
    story = Story(OPS, seed=0)
    for params in Random().ask(story.history, 300, np.random.default_rng(0)):
        story.end(story.start(params), "completed", loss(params))
    story.ask(searcher)
    before = len(learnt)
    asked = story.ask(searcher, 3)
    assert len(learnt) == before > 0
    assert type(searcher)().ask(story.replay(), 3, story.rng()) == asked
    for params in asked * 4:
        story.end(story.start(params), "completed", loss(params))
    story.ask(searcher)
    assert len(learnt) - before * 2 <= 16


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: LocalSearch(startup=0), r"LocalSearch\(startup=0\): it must be a whole number from 1"),
        (lambda: Bananas(startup=True), r"Bananas\(startup=True\): it must be a whole number from 1"),
        (lambda: Bananas(candidates=0), r"Bananas\(candidates=0\): it must be a whole number from 1"),
        (lambda: Bananas(paths="edge0"), r"Bananas\(paths='edge0'\): give a function"),  # type: ignore[arg-type]
        (lambda: PNAS(beam=0), r"PNAS\(beam=0\): it must be a whole number from 1"),
        (lambda: Reinforce(batch=0), r"Reinforce\(batch=0\): it must be a whole number from 1"),
        (lambda: Reinforce(rate=0.0), r"Reinforce\(rate=0.0\): it must be above 0"),
        (lambda: PPO(epochs=0), r"PPO\(epochs=0\): it must be a whole number from 1"),
        (lambda: PPO(entropy=-1.0), r"PPO\(entropy=-1.0\): it must be from 0"),
    ],
)
def test_arguments_out_of_range(make: Callable[[], Searcher], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
