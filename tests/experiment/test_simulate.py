"""Whole experiments on a virtual clock: the real controller, searcher, scheduler and journal."""

import io
from pathlib import Path
from typing import Any

import pytest

import lanista as la
from lanista.errors import MetricError, UsageError
from lanista.execute import Simulated
from lanista.experiment import Progress
from lanista.journal import Asked, Ended, Event, History, Joined, Left, Released, Reported, Started, Yielded
from lanista.schedule import Action, Resume, Slots, Start


def cost(params: dict[str, Any], step: int) -> tuple[float, float]:
    """Trials differ in what they give and in how long a step takes."""
    return params["x"] + params["y"] / step, 1.0 + params["y"]


def ten(params: dict[str, Any], step: int) -> tuple[float, float] | None:
    """Ten steps of one second."""
    return (params["x"] / step, 1.0) if step <= 10 else None


def experiment(scheduler: Any = None, *, name: str = "virtual", store: Any = "memory", **options: Any) -> la.Experiment:
    space = {"x": la.Float(0, 1), "y": la.Float(0, 1)}
    made = {"metric": "loss", "searcher": "random", "seed": 0, **options}
    return la.Experiment(name, space, scheduler=scheduler, store=store, **made)


def unused(trial: la.Trial) -> None:
    raise AssertionError("a simulation calls no objective")


def journal(exp: la.Experiment) -> list[Event]:
    return exp.store.read(exp._info.id)


def facts(exp: la.Experiment) -> list[Event]:
    """What happened to trials, from the run's own first moment on."""
    return [
        event for event in journal(exp) if isinstance(event, Asked | Started | Reported | Yielded | Released | Ended)
    ]


def told(exp: la.Experiment) -> list[str]:
    """The same without the controller's name."""
    return [repr(event).replace(exp._owner.owner, "") for event in facts(exp)]


def starts(event: Event) -> bool:
    """Whether a trial runs from then on: a new one may be asked for and started in one event."""
    return isinstance(event, Started) or (isinstance(event, Asked) and bool(event.owner))


def on_virtual_time(exp: la.Experiment, workers: int, benchmark: Any = cost, trials: int = 100, **options: Any) -> None:
    exp.run(unused, executor=Simulated(benchmark, workers, start=0.0, **options), trials=trials, progress=False)


def decided(exp: la.Experiment) -> list[tuple[Any, ...]]:
    return [(t.number, t.params, t.state, t.steps, t.values, t.attempts, t.reason) for t in exp.trials]


@pytest.mark.parametrize("scheduler", [None, la.ASHA(9), la.ASHA(9, form="promotion"), la.MedianStopping()])
def test_the_deciders_decide_as_in_a_real_run(scheduler: Any) -> None:
    def objective(trial: la.Trial) -> None:
        for step in range(trial.load() + 1, 10):
            trial.save()
            trial.report(loss=cost(trial.params, step)[0])

    def curve(params: dict[str, Any], step: int) -> Any:
        return cost(params, step) if step <= 9 else None

    real = experiment(scheduler)
    real.run(objective, trials=20, progress=False)
    virtual = la.simulate(experiment(scheduler), curve, workers=1, trials=20)
    assert decided(virtual) == decided(real)


@pytest.mark.parametrize("form", ["stopping", "promotion"])
def test_the_same_seed_gives_the_same_journal(form: Any) -> None:
    runs = []
    for _ in range(2):
        exp = experiment(la.ASHA(27, form=form))
        on_virtual_time(exp, 20, stragglers=1.0, failures=60.0, seed=7)
        runs.append(told(exp))
    assert runs[0] == runs[1]
    assert any(line.startswith("Released") for line in runs[0])


def test_times_are_virtual_from_the_call_on() -> None:
    exp = la.simulate(experiment(), ten, workers=3, trials=7)
    first = next(event.time for event in journal(exp) if isinstance(event, Joined))
    assert [round(trial.ended - first) for trial in exp.trials] == [10, 10, 10, 20, 20, 20, 30]
    assert [round(trial.seconds) for trial in exp.trials] == [10] * 7
    times = [event.time for event in journal(exp)[1:]]
    assert times == sorted(times)


@pytest.mark.parametrize("form", ["stopping", "promotion"])
def test_asha_leaves_no_worker_idle_while_configurations_are_left(form: Any) -> None:
    workers, exp = 50, experiment(la.ASHA(27, form=form))
    on_virtual_time(exp, workers, trials=200)
    events = facts(exp)
    last = max(i for i, event in enumerate(events) if isinstance(event, Asked))
    running: set[int] = set()
    for i, event in enumerate(events[:last]):
        if starts(event):
            running.add(event.number)
        elif isinstance(event, Yielded | Released | Ended):
            running.discard(event.number)
        if events[i + 1].time > event.time:  # an instant is over
            assert len(running) == workers


def test_a_simulation_goes_on_where_it_ended() -> None:
    exp = la.simulate(experiment(la.ASHA(27)), cost, workers=10, trials=30)
    ended = journal(exp)[-1]
    assert isinstance(ended, Left)
    la.simulate(exp, cost, workers=10, trials=60)
    assert len(exp.trials) == 60
    assert min(trial.started for trial in exp.trials[30:]) >= ended.time


def test_a_time_limit_is_virtual_and_its_trials_go_on_from_their_step() -> None:
    exp = la.simulate(experiment(), ten, workers=4, trials=4, time_limit=6.5)
    assert exp.reason == "time limit of 6.5 s reached"
    assert [(trial.state, trial.steps) for trial in exp.trials] == [("waiting", 7)] * 4
    la.simulate(exp, ten, workers=4, trials=4)
    assert [(trial.state, trial.steps, round(trial.seconds)) for trial in exp.trials] == [("completed", 10, 10)] * 4
    assert [event.step for event in journal(exp) if isinstance(event, Reported) and event.number == 0] == [
        *range(1, 11)
    ]


def test_what_is_shown_is_virtual_time() -> None:
    shown = io.StringIO()
    la.simulate(experiment(), ten, workers=2, trials=6, progress=Progress(True, stream=shown))
    assert "all 6 trials are done" in shown.getvalue()
    assert shown.getvalue().count("  10 s\n") == 6


def test_limits_of_seconds_are_virtual() -> None:
    exp = la.simulate(experiment(), ten, workers=1, limits=la.Limits(trials=2, trial_time=3.5))
    assert [(trial.state, trial.steps) for trial in exp.trials] == [("stopped", 4)] * 2
    exp = la.simulate(experiment(), ten, workers=1, limits=la.Limits(cost=25.0))
    assert len(exp.trials) == 3


@pytest.mark.parametrize("form", ["stopping", "promotion"])
def test_a_limit_on_seconds_counts_those_of_paused_and_running_trials(form: Any) -> None:
    exp = la.simulate(experiment(la.ASHA(9, form=form)), ten, workers=4, limits=la.Limits(cost=100.0))
    assert exp.reason == "cost limit of 100 reached"
    assert 100 <= exp.history.total_cost <= 100 + 4
    assert exp.history.total_cost == pytest.approx(sum(trial.seconds for trial in exp.trials))


def test_trials_survive_the_deaths_of_workers() -> None:
    exp = experiment()
    on_virtual_time(exp, 10, ten, trials=60, failures=180.0, seed=1)
    assert {trial.state for trial in exp.trials} == {"completed"}
    assert max(trial.attempts for trial in exp.trials) > 1
    for trial in exp.trials:
        steps = [event.step for event in facts(exp) if isinstance(event, Reported) and event.number == trial.number]
        assert steps == list(range(1, 11))  # from the last report on, none twice


@pytest.mark.parametrize("form", ["stopping", "promotion"])
def test_a_replayed_journal_equals_the_live_history(form: Any, tmp_path: Path) -> None:
    exp = experiment(la.ASHA(9, form=form), store=tmp_path / "virtual.db")
    on_virtual_time(exp, 8, failures=100.0)
    history = History(exp.space)
    history.extend(journal(exp))
    assert history == exp._journal.history


class Cloning:
    """Starts one trial, and then clones of its third step."""

    def on(self, history: History, event: Any) -> list[Action]:
        if not isinstance(event, Slots) or history.live[1]:
            return []
        return [Start(parent=(0, 3)) if len(history) else Start(5)]


def test_a_clone_goes_on_from_its_parents_step() -> None:
    exp = la.simulate(experiment(Cloning()), ten, workers=2, trials=2)
    assert [event.step for event in facts(exp) if isinstance(event, Reported) and event.number == 1] == [*range(4, 11)]
    assert round(exp.trials[1].seconds) == 7


class Slices:
    """Gives every trial slices of two seconds in turn."""

    def on(self, history: History, event: Any) -> list[Action]:
        if not isinstance(event, Slots):
            return []
        fresh = [Start(seconds=2.0)] * max(0, 3 - len(history))
        return [*fresh, *(Resume(n, seconds=2.0) for n in history.paused_trials)][: event.free]


def test_trials_share_a_worker_by_the_clock() -> None:
    exp = experiment(Slices())
    on_virtual_time(exp, 1, lambda params, step: (0.0, 1.0) if step <= 4 else None, trials=3)
    slices = [(event.time, event.number) for event in facts(exp) if starts(event)]
    assert slices[:6] == [(0.0, 0), (2.0, 1), (4.0, 2), (6.0, 0), (8.0, 1), (10.0, 2)]
    assert {trial.state for trial in exp.trials} == {"completed"}


def test_a_fidelity_buys_one_report_a_level() -> None:
    exp = experiment(la.ASHA(la.schedule.Fidelity("rows", 100, 900, log=True), form="promotion"))
    on_virtual_time(exp, 1, lambda params, rows: (params["x"], rows / 100), trials=9)
    assert {event.step for event in facts(exp) if isinstance(event, Reported)} == {100, 300, 900}
    for trial in exp.trials:
        assert trial.seconds == sum(level / 100 for level in (100, 300, 900) if level <= trial.steps)


def test_a_table_is_searched() -> None:
    rows = [{"x": x / 4, "y": 0.0, "loss": [1.0, (x - 2) ** 2], "seconds": 5.0} for x in range(5)]
    table = la.Table(rows, "loss")
    exp = la.simulate(experiment(searcher=la.Batch(table.params)), table, workers=2)
    assert exp.reason == "the searcher has no further configurations"
    assert (len(exp.trials), exp.best.params["x"]) == (5, 0.5)


def test_a_real_run_after_a_simulation_begins_its_trials_again() -> None:
    exp = la.simulate(experiment(), ten, workers=1, trials=1, time_limit=2.0)
    seen: list[Any] = []

    def objective(trial: la.Trial) -> float:
        seen.append(trial.checkpoint)
        return 1.0

    exp.run(objective, trials=1, progress=False)
    assert seen == [None]
    assert exp.trials[0].ended < journal(exp)[-1].time + 1


def test_what_cannot_be_simulated_is_told() -> None:
    with pytest.raises(UsageError, match="give an experiment"):
        la.simulate("virtual", ten)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="brings its own executor"):
        la.simulate(experiment(), ten, executor="inline")
    with pytest.raises(UsageError, match="give the experiment a space"):
        la.simulate(la.Experiment("define", store="memory"), ten)
    with pytest.raises(UsageError, match="is no function cost"):
        la.simulate(experiment(), 3)  # type: ignore[arg-type]
    with pytest.raises(MetricError, match="gives 'los', and not the experiment's 'loss'"):
        la.simulate(experiment(), lambda params, step: ({"los": 1.0}, 1.0), trials=1)
