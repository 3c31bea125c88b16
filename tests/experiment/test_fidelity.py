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
    trial = exp.ask()
    exp.tell(trial, 0.4)
    assert exp.trials[trial.number].state == "paused"


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
    class Rows(la.Trainable):
        max_steps = 4

        def setup(self, trial: la.Trial) -> None:
            self.rows, self.steps = [trial.fidelity], 0

        def step(self) -> dict[str, float]:
            self.steps += 1
            return {"error": 1 / self.steps}

    exp = la.Experiment("trainable", SPACE, metric="error", store="memory", scheduler=la.ASHA(ROWS))
    exp.run(Rows, trials=9, progress=False)
    steps, errors = exp.history.curve(exp.best.number)
    assert steps.tolist() == [100, 300, 900]
    assert errors[:, 0].tolist() == [1 / 4, 1 / 8, 1 / 12]


@pytest.mark.parametrize(("name", "value"), [("max_steps", None), ("max_steps", 0), ("save_every", -1)])
def test_steps_of_a_trainable_are_checked(name: str, value: object) -> None:
    wrong = type("Wrong", (la.Trainable,), {name: value})
    exp = la.Experiment("wrong", SPACE, metric="error", store="memory")
    with pytest.raises(UsageError, match=rf"Wrong\.{name} is {value}; it must be a whole number from"):
        exp.run(wrong, trials=1, progress=False)
