"""Fidelities that are no epochs: the scheduler sets the level, the trial reads it."""

import sys

import pytest

import lanista as la
from lanista.errors import UsageError

SPACE = {"x": la.Float(0, 1)}
ROWS = la.Fidelity("rows", 100, 900, log=True)


def error(trial: la.Trial) -> float:
    """Half of the error goes away with more rows."""
    assert trial.fidelity in (100, 300, 900)
    return abs(trial["x"] - 0.3) + 100 / trial.fidelity


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_a_trial_runs_once_a_level_with_more_of_it(executor: str) -> None:
    exp = la.Experiment("rows", SPACE, metric="error", store="memory", scheduler=la.ASHA(ROWS), seed=1)
    exp.run(error, trials=9, executor=executor, progress=False)
    curves = {trial.number: exp.history.curve(trial.number)[0].tolist() for trial in exp.trials}
    assert all(steps == [100, 300, 900][: len(steps)] for steps in curves.values())
    assert sorted(map(len, curves.values()))[-1] == 3
    completed = [trial for trial in exp.trials if trial.state == "completed"]
    assert completed and all(trial.steps == 900 for trial in completed)
    assert exp.best.number == min(completed, key=lambda trial: trial.value).number


def test_a_trial_may_report_its_level_and_go_on_from_the_one_before() -> None:
    seen: list[tuple[int, int]] = []

    def objective(trial: la.Trial) -> None:
        state = {"level": 0}
        done = trial.load(state)
        assert done == state["level"]
        seen.append((trial.number, done))
        state["level"] = trial.fidelity
        trial.save(state)
        trial.report(error=trial["x"], step=1)

    exp = la.Experiment("levels", SPACE, metric="error", store="memory", scheduler=la.ASHA(ROWS), seed=1)
    exp.run(objective, trials=9, progress=False)
    assert {done for _, done in seen} == {0, 100, 300}


def test_without_a_scheduler_there_is_no_fidelity() -> None:
    exp = la.Experiment("none", SPACE, metric="error", store="memory")
    exp.run(lambda trial: float(trial.fidelity is None), trials=1, progress=False)
    assert exp.best.value == 1


def test_ask_and_tell_at_a_level() -> None:
    exp = la.Experiment("told", SPACE, metric="error", store="memory", scheduler=la.ASHA(ROWS))
    trial = exp.ask()
    assert trial.fidelity == 100
    trial.report(error=0.5)
    assert trial.stopped
    assert exp.tell(trial, None).state == "paused"
    for told in (exp.ask(), exp.ask().number):
        record = exp.tell(told, 0.4)
        assert (record.state, record.steps) == ("paused", 100)


def test_commands_are_told_their_level() -> None:
    code = "import lanista as la; la.report(error=1 / la.get_trial().fidelity + int('{fidelity}'))"
    exp = la.Experiment("command", SPACE, metric="error", store="memory", scheduler=la.ASHA(ROWS))
    exp.run(la.Command([sys.executable, "-c", code]), trials=1, progress=False)
    assert exp.history.curve(0)[1][0, 0] == pytest.approx(100.01)


@pytest.mark.parametrize(("low", "high"), [(0, 10), (20, 10), (0.1, 1)])
def test_bounds_are_checked(low: float, high: float) -> None:
    with pytest.raises(UsageError, match="Fidelity"):
        la.Fidelity("rows", low, high)  # type: ignore[arg-type]


@pytest.mark.parametrize(("trials", "complete"), [(4, 1), (12, 2)])
def test_a_bracket_that_the_limit_cuts_short_is_brought_to_its_end(trials: int, complete: int) -> None:
    def objective(trial: la.Trial) -> None:
        state: dict[str, int] = {}
        for _ in range(trial.load(state), 9):
            trial.save(state)
            trial.report(loss=trial.number)

    exp = la.Experiment("cut", SPACE, metric="loss", store="memory", scheduler=la.HyperBand(9))
    exp.run(objective, trials=trials, progress=False)
    assert exp.history.counts[la.journal.COMPLETED] == complete


def test_a_trainable_trains_all_its_steps_at_each_level() -> None:
    levels: set[tuple[int | None, int | None]] = set()

    class Rows(la.Trainable):
        max_steps = 4

        def setup(self, trial: la.Trial) -> None:
            self.rows, self.trial, self.steps = trial.fidelity, trial, 0

        def step(self) -> dict[str, float]:
            self.steps += 1
            levels.add((self.rows, self.trial.fidelity))
            return {"error": 1 / self.steps}

    exp = la.Experiment("trainable", SPACE, metric="error", store="memory", scheduler=la.ASHA(ROWS))
    exp.run(Rows, trials=9, progress=False)
    steps, errors = exp.history.curve(exp.best.number)
    assert steps.tolist() == [100, 300, 900]
    assert errors[:, 0].tolist() == [1 / 4] * 3
    assert levels == {(100, 100), (300, 300), (900, 900)}


@pytest.mark.parametrize(("name", "value"), [("max_steps", None), ("max_steps", 0), ("save_every", -1)])
def test_steps_of_a_trainable_are_checked(name: str, value: object) -> None:
    wrong = type("Wrong", (la.Trainable,), {name: value})
    exp = la.Experiment("wrong", SPACE, metric="error", store="memory")
    with pytest.raises(UsageError, match=rf"Wrong\.{name} is {value}; it must be a whole number from"):
        exp.run(wrong, trials=1, progress=False)


def test_a_value_told_after_a_pause_ends_nothing() -> None:
    exp = la.Experiment("paused", SPACE, metric="error", store="memory", scheduler=la.HyperBand(9))
    trial = exp.ask()
    trial.report(0.5)
    assert trial.stopped
    assert exp.tell(trial, 0.5).state == "paused"


@pytest.mark.parametrize("executor", ["inline", "simulated"])
def test_resources_that_an_executor_does_not_hand_out_are_refused(executor: str) -> None:
    scheduler = la.ResourceChanging(la.ASHA(9, form="promotion"), most={"cpus": 2}, top=1)
    exp = la.Experiment("wide", SPACE, metric="error", store="memory", scheduler=scheduler)

    def run() -> None:
        if executor == "inline":
            exp.run(lambda trial: [trial.report(step) for step in range(9)], trials=9, progress=False)
        else:
            la.simulate(exp, lambda params, step: (params["x"] / step, 1.0), workers=2, trials=9)

    with pytest.raises(UsageError, match=r"is to get cpus=2, and (Inline|Simulated) hands out no resources"):
        run()


def test_several_trials_that_get_all_there_is_wait_for_each_other() -> None:
    def objective(trial: la.Trial) -> None:
        state = {"cpus": 0}
        for _ in range(trial.load(state), 9):
            state["cpus"] = trial.resources["cpus"]
            trial.save(state)
            trial.report(error=trial["x"])

    scheduler = la.ResourceChanging(la.ASHA(9, form="promotion"), rule=lambda history, number: {"cpus": 2})
    exp = la.Experiment("queue", SPACE, metric="error", store="memory", scheduler=scheduler, searcher="random")
    exp.run(objective, trials=12, executor=la.Processes(2, cpus=1), progress=False)
    state = {"cpus": 0}
    exp.restore(state)
    assert state["cpus"] == 2
    assert len(exp.trials) == 12


def test_a_slice_of_seconds_does_not_count_the_start() -> None:
    """What an attempt needs to begin may take longer than the slice; it comes on by a step each time nevertheless."""

    class Slices:
        def on(self, history: la.History, event: la.schedule.Event) -> list[la.schedule.Action]:
            if not isinstance(event, la.schedule.Slots):
                return []
            return [la.schedule.Resume(n, seconds=1e-9) for n in history.paused_trials] or [
                la.schedule.Start(seconds=1e-9)
            ]

    def objective(trial: la.Trial) -> None:
        state: dict[str, int] = {}
        for _ in range(trial.load(state), 5):
            trial.save(state)
            trial.report(error=1.0)

    exp = la.Experiment("slices", SPACE, metric="error", store="memory", scheduler=Slices())
    exp.run(objective, trials=1, progress=False)
    trial = exp.trials[0]
    assert (trial.state, trial.steps, trial.attempts) == (
        "completed",
        5,
        5,
    )  # two steps at first, then one at a time, then the end
