"""What a run says where a scheduler would otherwise go wrong in silence."""

import io
import logging
from typing import Any

import pytest

import lanista as la
from lanista.errors import MetricError
from lanista.experiment import Progress
from lanista.schedule import Slots, Start

SPACE = {"x": la.Float(0, 1)}
RUNGS = la.ASHA(27, form="promotion")


def experiment(scheduler: Any) -> la.Experiment:
    return la.Experiment(
        "notices", SPACE, metric="loss", scheduler=scheduler, searcher="random", store="memory", seed=0
    )


def forgetful(trial: la.Trial) -> None:
    for step in range(1, 28):
        trial.report(loss=trial["x"] / step)


def saving(trial: la.Trial) -> None:
    state = {"loss": 1.0}
    for step in range(trial.load(state), 27):
        state["loss"] = trial["x"] / (step + 1)
        trial.save(state)
        trial.report(loss=state["loss"])


def by_level(trial: la.Trial) -> None:
    trial.report(loss=trial["x"] / trial.fidelity)


# --- the end of a run that completed none -----------------------------------------------------------------------------


def told(scheduler: Any, objective: Any, trials: int) -> list[str]:
    """What a run says at its end of trials that had fewer steps than they might."""
    out = io.StringIO()
    experiment(scheduler).run(objective, trials=trials, progress=Progress(stream=out))
    return [line for line in out.getvalue().splitlines() if line.startswith("no trial has had")]


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        (RUNGS, "no trial has had all 27 steps: 5 trials are paused, the furthest at 3. "),
        (la.PASHA(27), "no trial has had all 27 steps: 5 trials are paused, the furthest at 3. "),
        ([RUNGS, la.Plateau(99)], "no trial has had all 27 steps: 5 trials are paused, the furthest at 3. "),
    ],
)
def test_a_run_that_leaves_all_paused_says_so_and_what_to_do(scheduler: Any, words: str) -> None:
    (line,) = told(scheduler, saving, 5)
    assert line.startswith(words)
    assert "run it again with more trials" in line


def test_levels_of_a_fidelity_are_named() -> None:
    (line,) = told(la.ASHA(la.Fidelity("rows", 1, 27, log=True)), by_level, 2)
    assert line.startswith("no trial has had all 27 rows: 2 trials are paused, the furthest at 1. ")


@pytest.mark.parametrize("scheduler", [la.ASHA(27), la.HyperBand(27), None])
def test_where_a_trial_is_complete_there_is_nothing_to_say(scheduler: Any) -> None:
    assert told(scheduler, saving, 60) == []


# --- trials that go on and never saved --------------------------------------------------------------------------------


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]


def test_a_trial_that_was_paused_and_never_saved_is_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    exp = experiment(RUNGS).run(forgetful, trials=12, progress=False)
    again = [trial.number for trial in exp.trials if trial.attempts > 1]
    assert len(again) > 1
    (line,) = warnings(caplog)
    assert line.startswith(f"trial {again[0]} was paused at step 1, and never saved a checkpoint: it begins again")
    assert "call trial.save(model) before trial.report(...)" in line
    assert "trial.load(model)" in line


def test_a_copy_of_a_trial_that_never_saved_is_warned_of(caplog: pytest.LogCaptureFixture) -> None:
    class Copies:
        """Each trial begins where the first one ended."""

        def on(self, history: Any, event: Any) -> Any:
            parent = (0, int(history.steps[0])) if len(history) else None
            return [Start(parent=parent)] if isinstance(event, Slots) else []

    experiment(Copies()).run(forgetful, trials=3, progress=False)
    (line,) = warnings(caplog)
    assert line.startswith("trial 1 was to go on from step 27 of trial 0, which never saved a checkpoint: it begins")


@pytest.mark.parametrize(
    ("scheduler", "objective"),
    [(RUNGS, saving), (la.ASHA(la.Fidelity("rows", 1, 27, log=True)), by_level), (la.ASHA(27), forgetful)],
    ids=["saved", "levels", "never paused"],
)
def test_where_nothing_is_lost_there_is_no_warning(
    scheduler: Any, objective: Any, caplog: pytest.LogCaptureFixture
) -> None:
    experiment(scheduler).run(objective, trials=12, progress=False)
    assert warnings(caplog) == []


def test_a_lost_trial_that_never_saved_begins_again_without_a_warning(caplog: pytest.LogCaptureFixture) -> None:
    def flaky(trial: la.Trial) -> None:
        trial.report(loss=1.0)
        if trial.attempt == 1:
            raise OSError("flaky")

    experiment(None).run(flaky, trials=1, limits=la.Limits(retries=1), progress=False)
    assert warnings(caplog) == []


def gives_nothing(history: Any, trial: int) -> None:
    """A rule that leaves each trial what every trial gets."""


# --- rules that read a metric which never comes -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scheduler", "words"),
    [
        (la.Threshold("los", above=9), "Threshold reads the metric 'los', but trial 0 .* did you mean 'loss'"),
        (la.Budget(9, metric="watts"), "Budget reads the metric 'watts', but trial 0 ran to its end and never"),
        ([la.ASHA(27), la.Budget(9, metric="watts")], "report it, or take Budget away"),
        (la.ResourceChanging(la.Combined(RUNGS, la.Threshold("mem", above=9)), rule=gives_nothing), "the metric 'mem'"),
    ],
)
def test_a_metric_that_no_trial_reports_ends_the_run(scheduler: Any, words: str) -> None:
    exp = experiment(scheduler)
    with pytest.raises(MetricError, match=words):
        exp.run(saving, trials=40, progress=False)
    assert [trial.state for trial in exp.trials].count("completed") == 1


def test_a_plateau_of_a_metric_that_never_comes_ends_the_run() -> None:
    def other(trial: la.Trial) -> None:
        for _ in range(9):
            trial.report(los=1.0)

    with pytest.raises(MetricError, match="without metric 'loss'; it reported 'los'"):
        experiment(la.Plateau(3)).run(other, trials=9, progress=False)


def test_a_metric_that_only_some_trials_report_will_do() -> None:
    def some(trial: la.Trial) -> None:
        if trial.number % 2:
            trial.report(loss=1.0)
        else:
            trial.report(loss=1.0, mem=1.0)

    assert len(experiment(la.Threshold("mem", above=9)).run(some, trials=4, progress=False).trials) == 4
