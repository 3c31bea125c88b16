"""The scheduling benchmark without its data and without peers' environments: metrics, clock, runs, figures."""

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.schedule import clock, figures, metrics, ours, outcome, peers, runner, traces
from benchmarks.schedule.problems import Problem, fits, problem
from lanista.space import Choice, Float, Space

STEPS = 9


def falling(params: Any) -> tuple[Any, Any]:
    """Curves that fall to x, each step in 1 + x seconds."""
    x = np.array([[given["x"]] for given in params])
    return x + 1 / np.arange(1, STEPS + 1), np.repeat(1 + x, STEPS, axis=1)


def toy(name: str = "toy/1") -> Problem:
    return Problem(name, Space({"x": Float(0, 1)}), STEPS, lambda: falling)


class Scripted:
    """Proposes given values; stops, pauses or lets go as `answer` says, and resumes what is paused when asked to."""

    def __init__(self, xs: list[float], answer: Any = lambda trial, step: "go") -> None:
        self.xs, self.answer, self.log = xs, answer, []
        self.begun, self.paused = 0, []

    def suggest(self) -> tuple[int, Mapping[str, Any] | None] | None:
        if self.begun < len(self.xs):
            self.begun += 1
            return self.begun - 1, {"x": self.xs[self.begun - 1]}
        return (self.paused.pop(0), None) if self.paused else None

    def report(self, trial: int, step: int, value: float) -> Any:
        self.log.append((trial, step))
        answer = self.answer(trial, step)
        if answer == "pause":
            self.paused.append(trial)
        return answer


# --- metrics ----------------------------------------------------------------------------------------------------------


def test_improvements_are_those_of_the_best_value_in_the_order_of_time():
    times, values = np.array([3.0, 1.0, 2.0, 4.0, 0.5]), np.array([0.5, 0.9, 0.9, 0.2, np.nan])
    assert metrics.improvements(times, values) == [(1.0, 0.9), (3.0, 0.5), (4.0, 0.2)]


def test_first_come_first_served_gives_each_curve_the_worker_that_is_free_first():
    values = np.array([[3.0, 2.0], [5.0, 1.0], [4.0, 0.5]])
    seconds = np.array([[1.0, 1.0], [4.0, 1.0], [1.0, 2.0]])
    run, end = metrics.fifo(values, seconds, 2)
    assert run == [(1.0, 3.0), (2.0, 2.0), (5.0, 1.0), (5.0, 0.5)]  # the third curve runs from 2 to 5
    assert end == 5.0


def test_medians_of_even_numbers_lean_to_either_side_and_keep_never_for_what_it_is():
    assert metrics.middle([1.0, 2.0, math.inf, math.inf]) == 2.0
    assert metrics.upper_middle([1.0, 2.0, math.inf, math.inf]) == math.inf
    assert metrics.middle([3.0, 1.0, 2.0]) == metrics.upper_middle([3.0, 1.0, 2.0]) == 2.0


def test_the_time_to_a_target_is_that_of_the_first_value_as_good():
    run = [(1.0, 0.9), (3.0, 0.5)]
    assert [metrics.time_to(run, target) for target in (0.9, 0.6, 0.4)] == [1.0, 3.0, math.inf]
    assert [metrics.value_at(run, time) for time in (0.5, 1.0, 9.0)] == [math.inf, 0.9, 0.5]


def test_the_interval_holds_the_median():
    middle, low, high = metrics.median_interval([1.0, 2.0, 3.0, 10.0, 20.0])
    assert low <= middle == 3.0 <= high


# --- the clock --------------------------------------------------------------------------------------------------------


def test_steps_come_in_when_they_are_over_and_the_last_one_ends_a_trial():
    agent = Scripted([0.0, 0.5])  # steps of 1 and of 1.5 seconds
    found = clock.drive(agent, toy(), 2, target=-1.0, horizon=100.0)
    assert agent.log[:4] == [(0, 1), (1, 1), (0, 2), (1, 2)]
    assert (found["end"], found["reports"], found["reason"]) == (STEPS * 1.5, 2 * STEPS, "nothing left")


def test_a_trial_that_paused_goes_on_from_where_it_was():
    agent = Scripted([0.0, 0.5], lambda trial, step: "pause" if step in (1, 3) else "go")
    clock.drive(agent, toy(), 1, target=-1.0, horizon=100.0)
    assert agent.log[:6] == [(0, 1), (1, 1), (0, 2), (0, 3), (1, 2), (1, 3)]
    assert len(agent.log) == 2 * STEPS


def test_it_ends_at_the_target_and_at_the_horizon():
    found = clock.drive(Scripted([0.0]), toy(), 1, target=0.5, horizon=100.0)
    assert (found["run"][-1], found["reason"]) == ((2.0, 0.5), "target")
    assert clock.drive(Scripted([0.0]), toy(), 1, target=-1.0, horizon=3.0)["reason"] == "horizon"


def test_the_clock_and_our_simulation_agree_on_a_run_without_stopping():
    found, own = toy(), ours.run("random+fifo", toy(), 3, 7, target=0.2, horizon=1000.0)
    xs = [value - 1 / STEPS for _, value in own["run"]]
    assert own["reason"] == "target"
    assert all(0 <= time <= own["end"] for time, _ in own["run"])
    assert clock.drive(Scripted([max(xs[-1], 0.0)]), found, 1, target=0.2, horizon=1000.0)["reason"] == "target"


def test_optunas_pruner_runs_on_the_clock():
    pytest.importorskip("optuna")
    found = peers.run("optuna:sha", toy(), 4, 0, target=0.15, horizon=500.0, timeout=60.0)
    assert found["reason"] in ("target", "horizon")
    assert found["reports"] < found["trials"] * STEPS


def test_a_space_is_told_to_peers_and_their_values_are_taken_back():
    space = Space({"x": Float(1e-3, 1, log=True), "net": Choice({"mlp": {"width": Float(1, 2)}, "tree": {}})})
    told = {entry["name"]: entry for entry in peers.flat(space)}
    assert told["x"] == {"name": "x", "kind": "float", "low": 1e-3, "high": 1, "log": True}
    assert told["net"]["options"] == [0, 1]
    width = next(name for name in told if name.endswith("width"))
    assert width not in peers.params_of(space, {"x": 0.1, "net": 1, width: 1.5})


# --- runs and what is told of them ------------------------------------------------------------------------------------


def test_runs_are_made_once_and_told_against_random_search(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "made", lambda name: toy(name))
    path, goal_of = tmp_path / "runs.jsonl", runner.target
    runner.references(path, ["toy/1"], [4], 10)
    done = traces.read(path)
    goal = goal_of(done, "toy/1", 4, 100)
    assert goal is not None
    assert 0 < goal.time <= goal.horizon
    job = {"label": "random+asha", "problem": "toy/1", "workers": 4, "seed": 0, "trainings": 100}
    traces.append(path, [runner.one(job, goal, runner.Spending(100, 60.0))])
    (cell,) = outcome.cells(traces.read(path)).values()
    assert (cell.seeds, cell.cut) == (1, 0)
    runner.references(path, ["toy/1"], [4], 10)
    assert len(path.read_text().splitlines()) == runner.SEEDS + 1


def test_a_target_that_is_not_reached_counts_with_the_horizon():
    group = [{"run": [(1.0, 0.5)], "reason": "horizon"}, {"run": [(1.0, 0.1)], "reason": "timeout"}]
    found = outcome.cell(group, runner.Target(0.2, 4.0, 8.0))
    assert found == outcome.Cell(2.0, False, 2, 1)
    assert not found.known  # one run was cut: nobody knows when it would have come there


def test_a_line_that_was_cut_off_is_left_out(tmp_path: Path):
    path = tmp_path / "runs.jsonl"
    job = {"label": "a", "problem": "p", "workers": 1, "seed": 0, "trainings": 100}
    traces.append(path, [job])
    path.write_text(path.read_text() + '{"label": "b"')
    assert list(traces.read(path)) == [traces.key(job)]
    traces.forget(path, ["a"])
    assert traces.read(path) == {}


def test_a_table_that_is_exhausted_soon_is_for_few_workers():
    small = Problem("small/1", Space({"x": Choice(list("abc"))}), STEPS, lambda: falling, every=19)
    assert [fits(small, workers) for workers in (1, 2)] == [True, False]
    assert fits(toy(), 1000)


def test_unknown_names_are_told_with_those_there_are():
    with pytest.raises(SystemExit, match="families are: lcbench"):
        problem("nothing/1")
    with pytest.raises(SystemExit, match="a scheduler is one of: fifo, asha"):
        ours.parse("random+nothing")


def test_figures_are_drawn_with_their_labels():
    drawn = figures.lines(
        "Speed", {"a < b": [(1.0, 2.0), (64.0, 10.0)], "none": []}, across="workers", upwards="x", log=(True, True)
    )
    assert drawn.startswith("<svg")
    assert "a &lt; b" in drawn
