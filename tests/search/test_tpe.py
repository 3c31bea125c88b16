import math
from collections.abc import Callable

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.journal import INFEASIBLE, History, Learned, at_most
from lanista.search import TPE, Random, Searcher
from lanista.search._pareto import hypervolume
from lanista.space import Choice, Float, Int, Params, Space
from lanista.testing import Story

LINE = Space({"x": Float(0, 1)})


def sphere(params: Params) -> float:
    return sum((x - 1.3) ** 2 for x in params.values())


def branin(params: Params) -> float:
    x, y = params["x"], params["y"]
    valley = y - 5.1 / (4 * math.pi**2) * x * x + 5 / math.pi * x - 6
    return float(valley**2 + 10 * (1 - 1 / (8 * math.pi)) * math.cos(x) + 10 - 0.397887)


def network(params: Params) -> float:
    """A mixed, conditional function of minimum 0."""
    loss = (math.log10(params["lr"]) + 3) ** 2 + (params["layers"] - 4) ** 2 / 4
    if params["optimizer"] == "sgd":
        return loss + 0.3 + 4 * (params["momentum"] - 0.9) ** 2
    if params["optimizer"] == "adam":
        return loss + 2 * (params["beta"] - 0.8) ** 2 + (math.log10(params["eps"]) + 6) ** 2 / 10
    return loss + 0.8


NETWORK = Space(
    {
        "lr": Float(1e-5, 1, log=True),
        "layers": Int(1, 8),
        "optimizer": Choice(
            {
                "sgd": {"momentum": Float(0, 1)},
                "adam": {"beta": Float(0, 1), "eps": Float(1e-10, 1e-2, log=True)},
                "none": {},
            }
        ),
    }
)
Case = tuple[Space, Callable[[Params], float]]
CASES: dict[str, Case] = {
    "sphere": (Space({f"x{i}": Float(-5, 5) for i in range(5)}), sphere),
    "branin": (Space({"x": Float(-5, 10), "y": Float(0, 15)}), branin),
    "network": (NETWORK, network),
}


def run(case: str | Case, searcher: Searcher, seed: int, trials: int, workers: int = 1) -> float:
    """The best value found, with so many trials running at a time."""
    space, function = CASES[case] if isinstance(case, str) else case
    story, running, values = Story(space, seed=seed), [], []
    for _ in range(trials):
        running += [story.start(params) for params in story.ask(searcher)]
        if len(running) == workers:
            number = running.pop(0)
            values.append(function(story.history.params[number]))
            story.end(number, "completed", values[-1])
    return min(values)


@pytest.mark.parametrize("case", CASES)
def test_it_beats_random_search(case: str) -> None:
    """In at least 9 of 10 seeds, with a tenth of its regret in the geometric mean."""
    ours = np.array([run(case, TPE(), seed, 80) for seed in range(10)])
    random = np.array([run(case, Random(), seed, 80) for seed in range(10)])
    assert (ours < random).sum() >= 9
    assert np.log10(ours / random).mean() < -1


@pytest.mark.parametrize("case", CASES)
def test_it_beats_random_search_with_many_pending(case: str) -> None:
    """In at least 8 of 10 seeds, with 8 trials pending at a time and half the regret in the geometric mean."""
    ours = np.array([run(case, TPE(), seed, 80, workers=8) for seed in range(10)])
    random = np.array([run(case, Random(), seed, 80) for seed in range(10)])
    assert (ours < random).sum() >= 8
    assert np.log10(ours / random).mean() < -0.3


def proposals(story: Story, count: int = 40, **arguments: float) -> np.ndarray:
    """The x of many independent proposals."""
    searcher = TPE(**arguments)  # type: ignore[arg-type]
    return np.array([searcher.ask(story.history, 1, np.random.default_rng(i))[0]["x"] for i in range(count)])


def told(outcome: Callable[[Story, int, float], None], trials: int = 40) -> Story:
    """A history of evenly spread trials, each with the outcome that its x brings."""
    story = Story(LINE)
    for i in range(trials):
        x = (i * 0.618034) % 1.0
        outcome(story, story.start({"x": x}), x)
    return story


def test_the_start_is_a_latin_hypercube() -> None:
    first = [params["x"] for params in Story(LINE).ask(TPE(startup=20), 40)]
    assert sorted(int(x * 20) for x in first[:20]) == list(range(20))
    assert sorted(int(x * 20) for x in first[20:]) == list(range(20))


def test_it_starts_to_model_once_enough_trials_have_an_outcome() -> None:
    story = told(lambda s, n, x: s.end(n, "completed", x) if n < 9 else None, 30)
    latin = TPE().ask(story.history, 1, np.random.default_rng(0))
    assert latin == TPE().ask(story.history, 1, np.random.default_rng(1))
    story.end(9, "completed", 0.5)
    assert len(set(proposals(story, 5).tolist())) == 5


def test_good_values_attract() -> None:
    assert np.median(proposals(told(lambda s, n, x: s.end(n, "completed", abs(x - 0.3))))) == pytest.approx(
        0.3, abs=0.05
    )


def test_a_metric_to_maximise() -> None:
    story = Story(LINE, metrics={"accuracy": "max"})
    for i in range(40):
        x = (i * 0.618034) % 1.0
        story.end(story.start({"x": x}), "completed", -abs(x - 0.3))
    assert np.median(proposals(story)) == pytest.approx(0.3, abs=0.05)


@pytest.mark.parametrize("state", ["failed", "infeasible", "completed"])
def test_failures_repel(state: str) -> None:
    """The better half of the line fails: proposals keep away from it."""

    def outcome(story: Story, number: int, x: float) -> None:
        if x < 0.5:
            story.end(number, state, *([math.nan] if state == "completed" else []))
        else:
            story.end(number, "completed", x)

    found = proposals(told(outcome))
    assert np.median(found) == pytest.approx(0.55, abs=0.06)
    assert (found > 0.45).mean() > 0.85


def test_stopped_trials_rank_by_the_steps_they_reached() -> None:
    """None completed: the furthest are the good ones, though their values are worse than early ones were."""

    def outcome(story: Story, number: int, x: float) -> None:
        for step in range(1, 9 if abs(x - 0.7) < 0.1 else 3):
            story.report(number, step, 5.0 if step > 2 else abs(x - 0.2))
        story.end(number, "stopped")

    assert np.median(proposals(told(outcome))) == pytest.approx(0.7, abs=0.06)


def test_completed_trials_go_before_stopped_ones() -> None:
    def outcome(story: Story, number: int, x: float) -> None:
        story.report(number, 1, x)
        story.end(number, "completed" if abs(x - 0.7) < 0.1 else "stopped")

    assert np.median(proposals(told(outcome))) == pytest.approx(0.65, abs=0.06)


def test_cancelled_trials_say_nothing() -> None:
    def outcome(story: Story, number: int, x: float) -> None:
        story.end(number, "completed", abs(x - 0.3))

    plain, more = told(outcome), told(outcome)
    for _ in range(20):
        more.end(more.start({"x": 0.3}), "cancelled")
    assert proposals(plain).tolist() == proposals(more).tolist()


def test_pending_trials_repel() -> None:
    def outcome(story: Story, number: int, x: float) -> None:
        story.end(number, "completed", min(abs(x - 0.2), abs(x - 0.8)))

    story = told(outcome)
    for _ in range(20):
        story.start({"x": 0.2})
    assert (proposals(story) > 0.5).mean() > 0.8


def test_proposals_of_one_ask_keep_apart() -> None:
    story = told(lambda s, n, x: s.end(n, "completed", min(abs(x - 0.2), abs(x - 0.8))), 100)
    together = [params["x"] for params in TPE().ask(story.history, 10, np.random.default_rng(0))]
    assert {x > 0.5 for x in together} == {True, False}
    assert np.std(together) > 0.2


def test_several_objectives_are_traded_off() -> None:
    story = Story(LINE, metrics={"near": "min", "far": "min"})
    searcher = TPE()
    for _ in range(60):
        x = story.ask(searcher)[0]["x"]
        story.end(story.start({"x": x}), "completed", abs(x - 0.4), abs(x - 0.6))
    found = story.history.X[20:, 0]
    assert ((found > 0.35) & (found < 0.65)).mean() > 0.7
    assert (found < 0.47).sum() > 4
    assert (found > 0.53).sum() > 4


def test_the_best_branch_is_found_though_another_is_ahead() -> None:
    """The second best gives good values sooner, and none below 0.3: many searches get beyond it all the same."""
    values = [run("network", TPE(), seed, 120) for seed in range(12)]
    assert sum(value < 0.29 for value in values) >= 5


def test_branches_that_break_a_constraint_are_left() -> None:
    space = NETWORK.where("optimizer != 'sgd'")
    story, searcher = Story(space), TPE()
    for _ in range(30):
        for params in story.ask(searcher, 2):
            story.end(story.start(params), "completed", network(params))
    assert {params["optimizer"] for params in story.history.params} == {"adam", "none"}


def test_most_kernels_of_a_long_history_are_left_out_but_weigh() -> None:
    """As many trials again of the same outcomes leave the proposals about where they were."""
    found = proposals(told(lambda s, n, x: s.end(n, "completed", abs(x - 0.3)), 3000))
    assert np.median(found) == pytest.approx(0.3, abs=0.03)


TABLE = Space({name: Choice(list(range(4))) for name in "abc"})


def test_what_was_tried_is_not_tried_again() -> None:
    """As long as there are others among the candidates: of 64 configurations 26 without a repetition."""
    story, searcher = Story(TABLE), TPE()
    for _ in range(12):
        for params in story.ask(searcher, 3):
            story.end(story.start(params), "completed", float(sum(params.values())))
    tried = [tuple(params.values()) for params in story.history.params]
    assert len(set(tried[10:])) == 26
    assert not set(tried[10:]) & set(tried[:10])


def bounded(searcher: Searcher, seed: int, trials: int = 60) -> tuple[float, float]:
    """The regret and the share of feasible trials where the sum of three may not be over 1.2, and 0.8 each is best."""
    space = Space({name: Float(0, 1) for name in "abc"})
    story = Story(space, seed=seed, constraints={"total": at_most(1.2)})
    for _ in range(trials):
        (params,) = story.ask(searcher)
        value = sum((x - 0.8) ** 2 for x in params.values())
        story.end(story.start(params), "completed", value, total=sum(params.values()))
    best = story.history.best
    assert best is not None
    return story.history.first(best) - 0.48, float((story.history.C <= 0).mean())


class Blind:
    """Sees a trial that breaks a constraint as a failed one."""

    def ask(self, history: History, count: int, rng: np.random.Generator) -> list[Params]:
        story = Story(history.space, seed=history.created.seed if history.created else 0)
        for number in range(len(history)):
            started = story.start(history.params[number])
            kept = history.feasible(number)
            story.end(started, "completed" if kept else "failed", *([history.first(number)] if kept else []))
        return TPE().ask(story.history, count, rng)


def test_constraints_on_metrics_are_learnt() -> None:
    """The best feasible configuration is found closer than by random search; most trials are feasible in the end."""
    ours = np.array([bounded(TPE(), seed) for seed in range(6)])
    random = np.array([bounded(Random(), seed) for seed in range(6)])
    assert ours[:, 0].mean() < 0.5 * random[:, 0].mean()
    assert ours[:, 1].mean() > 1.5 * random[:, 1].mean()


def test_the_degree_of_a_breach_leads_to_what_is_feasible() -> None:
    """Hardly anything is feasible: how much a trial breaks the constraint leads there, failures do not."""
    space = Space({name: Float(0, 1) for name in "abcdef"})

    def first(searcher: Searcher, seed: int) -> int:
        story = Story(space, seed=seed, constraints={"far": at_most(0.3)})
        for number in range(80):
            (params,) = story.ask(searcher)
            far = math.dist(list(params.values()), [0.2] * 6)
            story.end(story.start(params), "completed", params["a"], far=far)
            if far <= 0.3:
                return number
        return 80

    ours, blind = ([first(searcher, seed) for seed in range(4)] for searcher in (TPE(), Blind()))
    assert np.mean(ours) < 0.7 * np.mean(blind)


def test_trials_that_fail_are_avoided() -> None:
    """Half of the space fails, the better one at that: fewer trials are lost than at an edge by chance."""
    story, searcher = Story(Space({"x": Float(0, 1), "y": Float(0, 1)})), TPE()
    for _ in range(60):
        (params,) = story.ask(searcher)
        lost = params["x"] + params["y"] < 1
        value = [] if lost else [params["x"] + params["y"]]
        story.end(story.start(params), "infeasible" if lost else "completed", *value)
    assert (story.history.state[10:] == INFEASIBLE).mean() < 0.4
    assert np.nanmin(story.history.Y) < 1.05


@pytest.mark.parametrize("m", [2, 3])
def test_the_front_is_covered(m: int) -> None:
    """The points of the front are spread over it, and good."""
    space = Space({f"x{i}": Float(0, 1) for i in range(m + 1)})

    def values(params: Params) -> list[float]:
        *ends, rest = params.values()
        return [math.dist([rest, *ends], [0.5, *(1.0 if i == j else 0.0 for i in range(m))]) for j in range(m)]

    volumes = []
    for searcher in (TPE(), Random()):
        story = Story(space, metrics={f"f{i}": "min" for i in range(m)}, seed=1)
        for _ in range(80):
            (params,) = story.ask(searcher)
            story.end(story.start(params), "completed", *values(params))
        volumes.append(hypervolume(story.history.Y, np.full(m, 1.6)))
    assert volumes[0] > 1.02 * volumes[1]


def quadratic(params: Params) -> float:
    return sum((x - 0.7) ** 2 for x in params.values())


def after(space: Space, seed: int, trials: int, *learned: Learned) -> float:
    story, searcher = Story(space, seed=seed), TPE()
    story.tell(*learned)
    for _ in range(trials):
        (params,) = story.ask(searcher)
        story.end(story.start(params), "completed", quadratic(params))
    return float(story.history.Y.min())


def test_the_default_comes_first() -> None:
    space = Space({"x": Float(0, 1, default=0.25), "c": Choice(["a", "b"])})
    (first,) = Story(space).ask(TPE())
    assert first == {"x": 0.25, "c": "a"}
    broken = space.where("x > 0.5")
    assert broken.valid(Story(broken).ask(TPE())[0])


def learned(target: float) -> Learned:
    """60 trials of an earlier experiment with another optimum."""
    params = Space({f"x{i}": Float(0, 1) for i in range(4)}).sample(np.random.default_rng(7), 60)
    return Learned(0.0, "earlier", params, [[sum((x - target) ** 2 for x in p.values())] for p in params])


def test_an_earlier_experiment_helps_if_it_is_alike() -> None:
    plain = Space({f"x{i}": Float(0, 1) for i in range(4)})
    none, alike = (np.mean([after(plain, s, 10, *given) for s in range(5)]) for given in ((), (learned(0.7),)))
    assert alike < 0.7 * none
    none, other = (np.mean([after(plain, s, 60, *given) for s in range(5)]) for given in ((), (learned(0.1),)))
    assert other < 10 * none


def test_the_best_of_earlier_experiments_come_first() -> None:
    plain, earlier = Space({f"x{i}": Float(0, 1) for i in range(4)}), learned(0.7)
    story = Story(plain)
    story.tell(earlier)
    ranked = sorted(earlier.params, key=quadratic)
    assert story.ask(TPE(), 7)[:5] == [pytest.approx(params) for params in ranked[:5]]


def test_it_says_what_it_does() -> None:
    story = told(lambda s, n, x: s.end(n, "completed", x), 9)
    assert TPE().explain(story.history) == "tpe: first points, until 10 trials have an outcome (9 have)"
    story.end(story.start({"x": 0.5}), "completed", 1.0)
    assert TPE().explain(story.history) == "tpe: 2 good of 10 trials"
    story.tell(Learned(0.0, "earlier", [{"x": 0.5}], [[1.0]]))
    assert TPE().explain(story.history) == "tpe: 2 good of 10 trials, with 1 earlier experiment"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"startup": 0}, "startup=0.: it must be a whole number from 1"),
        ({"candidates": 2.5}, "candidates=2.5.: it must be a whole number from 1"),
        ({"good_share": 1.0}, "good_share=1.0.: it must be above 0 and below 1"),
        ({"good_share": "a"}, "good_share='a'.: it must be above 0 and below 1"),
        ({"good_share": None}, "good_share=None.: it must be above 0 and below 1"),
        ({"good_share": math.nan}, "good_share=nan.: it must be above 0 and below 1"),
    ],
)
def test_arguments_out_of_range(arguments: dict[str, float], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TPE(**arguments)  # type: ignore[arg-type]
