"""Population based bandits."""

from math import exp
from typing import Any

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.journal import Asked, Created, History, Reported
from lanista.schedule import PB2, Scheduler
from lanista.schedule._pb2 import gains
from lanista.space import Float, Params, Space
from lanista.testing import SPACES, SchedulerContract

from .bench import Bench
from .test_pbt import CURVES, ends

SQUARE = Space({"x": Float(0, 1), "y": Float(0, 1)})


class TestPB2(SchedulerContract):
    """The population is larger than the contract's limits on trials: a smaller one ends the run before they do."""

    def scheduler(self) -> Scheduler:
        return PB2(12, population=60, interval=12)


def follow(total: Any, params: Params, step: int) -> tuple[float, float]:
    """A step brings at most 1, where x is: what is best moves from 0.2 to 0.8."""
    away = (params["x"] - 0.2 - 0.01 * step) ** 2 + (params["y"] - 0.3) ** 2
    total = (total or 0.0) + exp(-away / 0.05)
    return total, -total


def test_it_follows_an_optimum_that_moves() -> None:
    """Four trials that keep their configuration reach 26 in the mean, the best constant configuration 42."""
    reached = []
    for seed in range(4):
        history = Bench(PB2(60, interval=3), SQUARE, follow, workers=4, seed=seed).run()
        reached.append(-np.nanmin(history.Y))
    assert np.mean(reached) > 42


def test_copies_made_at_the_same_time_differ() -> None:
    scheduler = PB2(60, population=8, interval=3, quantile=0.5)
    history = Bench(scheduler, SQUARE, follow, workers=8).run()
    clones = [(p["x"], p["y"]) for n, p in enumerate(history.params) if history.parent(n) is not None]
    assert len(set(clones)) == len(clones) > 10


@pytest.mark.parametrize("name", SPACES)
def test_copies_are_valid_configurations_of_every_space(name: str) -> None:
    rng = np.random.default_rng(0)

    def luck(state: Any, params: Params, step: int) -> tuple[None, float]:
        return None, float(rng.random())

    history = Bench(PB2(9, interval=3), SPACES[name], luck, trials=8).run()
    for params in history.params:
        assert SPACES[name].check(params) == params
    assert any(history.parent(n) is not None for n in range(len(history)))


def test_arguments_out_of_range_are_named() -> None:
    with pytest.raises(UsageError, match=r"PB2\(quantile=0\): it must be a number above 0 to 0\.5"):
        PB2(10, quantile=0)


@pytest.mark.parametrize("curve", CURVES)
@pytest.mark.parametrize(("workers", "saves"), [(1, 1), (2, 3), (3, 1), (4, 3)])
def test_it_ends_whatever_the_values_are(curve: str, workers: int, saves: int) -> None:
    ends(PB2(20, population=4, interval=4), curve, workers=workers, saves=saves)


def test_what_a_copy_gained_is_unknown_where_its_parent_had_not_reported_yet() -> None:
    history = History(SQUARE)
    history.extend([Created(0.0, "late", SQUARE.to_json(), {"loss": "min"}, 0)])
    history.extend([Asked(0.0, 0, {"x": 0.5, "y": 0.5}, owner="me"), Reported(0.0, 0, 1, 6, {"loss": 5.0})])
    history.extend(
        [Asked(0.0, 1, {"x": 0.1, "y": 0.1}, "clone", (0, 3), owner="me"), Reported(0.0, 1, 1, 6, {"loss": 1.0})]
    )
    assert not np.isfinite(gains(history, 3).y).any()
    history.extend([Reported(0.0, 0, 1, 3, {"loss": 2.0})])
    found = gains(history, 3).y
    assert sorted(found[np.isfinite(found)].tolist()) == [-3.0, 1.0]
