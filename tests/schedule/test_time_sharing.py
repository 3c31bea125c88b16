"""Time-sharing: many trials alive on few slots."""

from math import inf
from typing import Any

import numpy as np
import pytest

from lanista.errors import UsageError
from lanista.journal import COMPLETED, PAUSED, Reported
from lanista.schedule import Report, Resume, Scheduler, Start, Stop, TimeSharing, Yielded
from lanista.space import Float, Params, Space
from lanista.testing import SchedulerContract

from .bench import Bench
from .scene import Scene

CURVES = Space({"end": Float(0, 1), "rate": Float(0.3, 1.5)})


class TestTimeSharing(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return TimeSharing(12, alive=8, slice=2)


class TestTimeSharingBySeconds(SchedulerContract):
    def scheduler(self) -> Scheduler:
        return TimeSharing(12, alive=8, seconds=2)


def learn(state: Any, params: Params, step: int) -> tuple[None, float]:
    """A loss that falls by a power law to its end, with some noise."""
    rng = np.random.default_rng([step, int(1e9 * params["end"])])
    return None, ideal(params, step) + rng.normal(0, 0.003)


def ideal(params: Params, step: int) -> float:
    return float(0.3 * params["end"] + (0.9 - 0.3 * params["end"]) * step ** -params["rate"])


@pytest.mark.parametrize("seed", range(3))
def test_the_best_of_64_is_found_on_2_slots_with_a_fraction_of_the_steps(seed: int) -> None:
    bench = Bench(TimeSharing(50, alive=64), CURVES, learn, workers=2, trials=64, seed=seed)
    history = bench.run()
    assert bench.spent <= 0.4 * 64 * 50
    assert history.best == min(range(64), key=lambda n: ideal(history.params[n], 50))
    assert set(history.state.tolist()) == {COMPLETED, PAUSED}
    assert all(n in history.checkpoints for n in history.paused_trials)


def alive(*curves: list[float], **arguments: Any) -> Scene:
    """A scene of paused trials with these losses at steps 1, 2, …"""
    scene = Scene(TimeSharing(8, alive=len(curves), **({"explore": 0.0} | arguments)))
    scene.start(len(curves), budget=1)
    for trial, curve in enumerate(curves):
        for step, loss in enumerate(curve, 1):
            scene.report(trial, step, loss)
        scene.pause(trial)
    return scene


def test_at_first_every_trial_gets_a_slice_and_then_one_to_compare() -> None:
    scene = Scene(TimeSharing(8, alive=2, slice=3))
    assert scene.slots(1) == [Start(3)]
    scene.start(2, budget=3)
    for trial in (0, 1):
        scene.report(trial, 3, float(trial))
        scene.pause(trial)
    assert scene.slots(2) == [Resume(0, 6), Resume(1, 6)]


def test_slices_go_to_the_best_forecast() -> None:
    """What the last doubling brought comes twice more by step 8: 0.8 - 0.4, and 0.5 - 0.2."""
    scene = alive([1.0, 0.8], [0.6, 0.5], [0.95, 0.9])
    scheduler = scene.scheduler
    assert isinstance(scheduler, TimeSharing)
    scene.slots(0)
    assert [scheduler.forecast(n) for n in range(3)] == pytest.approx([0.4, 0.3, 0.8])
    assert scene.resumed(2) == [1, 0]


def test_a_trial_that_cannot_beat_the_best_completed_one_stays_paused() -> None:
    scene = alive([0.6, 0.5], [1.0, 0.9])
    assert scene.resumed(2) == [0, 1]
    scene.resume(0)
    scene.report(0, 8, 0.2)
    scene.end(0)
    assert scene.slots(2) == [Start(1), Start(1)]


def test_a_share_goes_to_the_trial_with_the_fewest_steps() -> None:
    assert alive([1.0, 0.5, 0.4, 0.3], [1.0, 0.99]).resumed(1) == [0]
    assert alive([1.0, 0.5, 0.4, 0.3], [1.0, 0.99], explore=1.0).resumed(1) == [1]


def test_where_starts_are_refused_paused_trials_go_on() -> None:
    scene = Scene(TimeSharing(8, alive=3))
    scene.start()
    scene.report(0, 1, 1.0)
    scene.pause(0)
    assert scene.slots(1) == [Start(1), Resume(0, 2)]


def test_failed_trials_leave_their_place_to_others() -> None:
    scene = alive([1.0, 0.9], [1.0, 0.9])
    scene.end(1, "failed")
    assert scene.slots(1) == [Start(1), Resume(0, 3)]


@pytest.mark.parametrize("loss", [inf, float("nan")])
def test_trials_without_a_value_come_last(loss: float) -> None:
    assert alive([loss, loss], [1.0, 1.1], [1.0, 0.9]).resumed(3) == [2, 1, 0]


def test_slices_of_seconds() -> None:
    scene = alive([1.0, 0.9], seconds=30)
    assert scene.slots(1) == [Resume(0, 8, seconds=30)]
    assert Scene(TimeSharing(8, seconds=30)).slots(1) == [Start(8, seconds=30)]


def test_a_slice_of_seconds_is_doubled_until_it_brings_a_checkpoint() -> None:
    """Without one the trial begins again with each slice, and never comes to its end in equal ones."""
    scene = Scene(TimeSharing(100, alive=1, seconds=0.5))
    scene.start()

    def run(first: int, last: int, saved: int | None = None) -> Any:
        for step in range(first, last + 1):
            path = "here" if step == saved else None
            scene.history.extend([Reported(0.0, 0, scene.history.attempt(0), step, {"loss": 1 / step}, path)])
        scene.pause(0)
        (action,) = scene.slots(1)
        scene.resume(0, 100)
        return action.seconds

    assert [run(1, 7) for _ in range(4)] == [0.5, 1, 2, 4]
    assert run(1, 30, saved=28) == 0.5
    assert [run(29, 33), run(29, 32), run(29, 35)] == [1, 2, 4]
    assert [run(29, 60, saved=60), run(61, 64), run(61, 64)] == [0.5, 0.5, 1]


class Watched(TimeSharing):
    """Counts the forecasts that it makes."""

    forecasts = 0

    def forecast(self, trial: int) -> float:
        self.forecasts += 1
        return super().forecast(trial)


def test_a_forecast_is_made_once_a_report_however_many_trials_are_paused() -> None:
    scheduler = Watched(8, alive=50)
    history = Bench(scheduler, CURVES, learn, trials=50).run()
    assert scheduler.forecasts == len(history) + len(history.log[0])


def test_a_trial_that_has_had_all_its_steps_is_completed() -> None:
    scene = alive([1.0, 0.9])
    done = [Stop(0, "has had all 8 steps", "completed")]
    scene.resume(0)
    assert scene.report(0, 8, 0.5) == done
    assert scene.scheduler.on(scene.history, Yielded(0, 8, None)) == done
    assert scene.scheduler.on(scene.history, Report(0, 7, {"loss": 1.0})) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"max_steps": 0}, r"TimeSharing\(max_steps=0\): it must be a whole number, at least 1"),
        ({"alive": 0}, r"TimeSharing\(alive=0\)"),
        ({"slice": 0}, r"TimeSharing\(slice=0\)"),
        ({"seconds": 0.0}, r"TimeSharing\(seconds=0\.0\): it must be a number above 0"),
        ({"slice": 1, "seconds": 1.0}, r"TimeSharing\(slice=1, seconds=1\.0\): give one or the other"),
        ({"explore": 2.0}, r"TimeSharing\(explore=2\.0\): it must be a number from 0 to 1"),
    ],
)
def test_arguments_out_of_range_are_named(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        TimeSharing(**{"max_steps": 8, **arguments})
