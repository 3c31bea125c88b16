"""Evolutionary HyperBand."""

from collections import Counter
from typing import Any

import numpy as np
import pytest

import lanista as la
from lanista.errors import UsageError
from lanista.journal import COMPLETED, STOPPED, Asked, History
from lanista.schedule import DEHB, FIFO, Action, Event, Fidelity, Report, Scheduler, Slots, Start, Stop
from lanista.space import Float, Params, Space
from lanista.testing import SPACES, SchedulerContract

from .bench import Bench

BOWL = Space({name: Float(0, 1) for name in "abcd"})


class TestDEHB(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return DEHB(9)


class TestDEHBOfAFidelity(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return DEHB(Fidelity("rows", 100, 1000, log=True), reduction=2)


class Full(FIFO):
    """Random search."""

    def on(self, history: History, event: Event) -> list[Action]:
        if isinstance(event, Report):
            return [Stop(event.trial, "has had all 27 steps", "completed")] if event.step >= 27 else []
        return super().on(history, event)


def bowl(state: Any, params: Params, step: int) -> tuple[None, float]:
    """The distance to a point that is further from the true one the fewer steps there were."""
    away = 0.3 + 0.1 * (27 - step) / 27
    return None, sum((params[name] - away) ** 2 for name in "abcd")


def test_brackets_are_those_of_hyperband() -> None:
    history = Bench(DEHB(27), BOWL, bowl, workers=1, trials=69).run()
    first = [27, 9, 3, 1]
    assert [history.budget(n) for n in range(69)] == [
        *np.repeat([1, 3, 9, 27], first),
        *np.repeat([3, 9, 27], [12, 4, 1]),
        *np.repeat([9, 27], [6, 2]),
        *np.repeat([27], [4]),
    ]


def test_the_first_bracket_is_successive_halving() -> None:
    history = Bench(DEHB(9), BOWL, bowl, workers=1, trials=13).run()
    best = sorted(range(9), key=lambda n: history.Y[n, 0])
    assert [history.params[n] for n in range(9, 12)] == [history.params[n] for n in best[:3]]
    assert history.params[12] == history.params[min(range(9, 12), key=lambda n: history.Y[n, 0])]


def test_trials_run_on_one_level_only() -> None:
    history = Bench(DEHB(9), BOWL, bowl, workers=3, trials=60).run()
    assert Counter(zip(history.steps.tolist(), history.state.tolist(), strict=True)).keys() == {
        (1, STOPPED),
        (3, STOPPED),
        (9, COMPLETED),
    }


def test_levels_are_counted_down_from_the_last_step() -> None:
    history = Bench(DEHB(10), BOWL, bowl, workers=1, trials=22).run()
    assert Counter(map(history.budget, range(22))) == {1: 9, 3: 3 + 5, 10: 1 + 1 + 3}


def test_no_worker_waits_for_a_rung() -> None:
    """While nothing else may begin, the brackets do, in the order of HyperBand."""
    history = Bench(DEHB(9), BOWL, bowl, workers=50, trials=50).run()
    assert [history.budget(n) for n in range(50)] == [*([1] * 9 + [3] * 5 + [9] * 3) * 2, *[1] * 9, *[3] * 5, 9, 9]


@pytest.mark.parametrize("stragglers", [0.0, 1.0])
@pytest.mark.parametrize(("workers", "trials"), [(40, 100), (300, 300)])
def test_with_many_workers_as_large_a_share_runs_in_full_as_in_the_brackets(
    workers: int, trials: int, stragglers: float
) -> None:
    """HyperBand takes trials up from level to level, where DEHB starts new ones: of those fewer can be on the last."""
    done = {}
    for scheduler in (DEHB(27), la.HyperBand(27)):
        exp = la.Experiment("many", {"x": la.Float(0, 1)}, metric="loss", scheduler=scheduler, store="memory", seed=0)
        la.simulate(
            exp, lambda p, s: (p["x"] + 1 / s, 60.0) if s <= 27 else None, workers, trials=trials, stragglers=stragglers
        )
        done[type(scheduler).__name__] = sum(trial.steps == 27 for trial in exp.trials) / trials
    assert done["DEHB"] > done["HyperBand"] / 5


def test_what_won_goes_on_where_another_bracket_has_overtaken_it() -> None:
    """Of the 9 trials of the first bracket the best 3 come to level 2, where 5 of the next bracket were before them."""
    history = Bench(DEHB(9), BOWL, bowl, workers=14, trials=28).run()
    best = sorted(range(9), key=lambda n: history.Y[n, 0])[:3]
    above = [history.params[n] for n in range(9, 28) if history.budget(n) == 3]
    assert all(history.params[n] in above[5:] for n in best)


def test_evolution_finds_better_configurations_than_random_search_in_the_same_steps() -> None:
    """The squared distance to the optimum, in the median of five seeds, must be below two thirds of random search's."""
    found = {}
    for make in (Full, lambda: DEHB(27)):
        runs = [Bench(make(), BOWL, bowl, workers=1, seed=seed, steps=27 * 60).run() for seed in range(5)]
        done = [history.Y[history.steps >= 27, 0].min() for history in runs]
        found[type(make()).__name__] = float(np.median(done))
    assert found["DEHB"] < found["Full"] * 2 / 3


@pytest.mark.parametrize("name", SPACES)
def test_offspring_are_valid_configurations_of_every_space(name: str) -> None:
    def luck(state: Any, params: Params, step: int) -> tuple[None, float]:
        return None, float(np.random.default_rng([step, len(str(params))]).random())

    for params in Bench(DEHB(4, reduction=2), SPACES[name], luck, workers=1, trials=40).run().params:
        assert SPACES[name].check(params) == params


def test_what_a_person_enqueues_runs_in_full_and_takes_nobodys_place() -> None:
    bench = Bench(DEHB(9), BOWL, bowl)
    bench.history.extend([Asked(0.0, 0, dict.fromkeys("abcd", 0.5), "enqueued")])
    assert bench.scheduler.on(bench.history, Slots(3)) == [Start(9), Start(1), Start(1)]


def test_with_a_fidelity_the_reasons_name_it() -> None:
    bench = Bench(DEHB(Fidelity("folds", 1, 2)), BOWL, bowl, trials=2)
    assert bench.scheduler.fidelity == Fidelity("folds", 1, 2)  # type: ignore[attr-defined]
    bench.run()
    assert bench.reasons == ["has had its level of 1 folds"] * 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_steps": 0}, r"DEHB\(max_steps=0\): it must be a whole number, at least 1"),
        ({"max_steps": 9, "reduction": 1}, r"DEHB\(reduction=1\): it must be a whole number, at least 2"),
        ({"max_steps": Fidelity("rows", 1, 9), "min_steps": 3}, r"DEHB\(min_steps=3\): the fidelity 'rows' begins"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        DEHB(**arguments)
