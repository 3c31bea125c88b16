"""The virtual executor and its benchmarks, driven by the small controller of the contract tests."""

import math
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lanista.errors import ExecutorError, Infeasible, MetricError, UsageError
from lanista.execute import Curve, Simulated, Table
from lanista.journal import Ended, Released, Reported, Yielded
from lanista.testing import Desk
from lanista.trial import Decision, Job

Answer = Callable[[Reported], Decision | None]


def desk(benchmark: Any, workers: int = 1, answer: Answer | None = None, **options: Any) -> Desk:
    return Desk(Simulated(benchmark, workers, start=0.0, **options), print, answer=answer)


def three(params: dict[str, Any], step: int) -> tuple[float, float] | None:
    """Three steps of 2, 4 and 6 seconds."""
    return (params["x"] / step, 2.0 * step) if step <= 3 else None


class Halving:
    """A curve of five steps of one second."""

    def run(self, params: dict[str, Any], seed: int) -> Curve:
        return Curve({"loss": [params["x"] / 2**step for step in range(5)], "seed": [seed] * 5}, 1.0)


# --- time and reports -------------------------------------------------------------------------------------------------


def test_a_function_tells_what_each_step_gives_and_takes() -> None:
    with desk(three) as d:
        (end,) = d.run({"x": 6.0})
        assert [(r.time, r.step, r.metrics) for r in d.of(0, Reported)] == [
            (2.0, 1, {"loss": 6.0}),
            (6.0, 2, {"loss": 3.0}),
            (12.0, 3, {"loss": 2.0}),
        ]
        assert (end.time, end.state) == (12.0, "completed")


def test_a_benchmark_gives_whole_curves() -> None:
    with desk(Halving()) as d:
        (end,) = d.run({"x": 8.0})
        assert [(r.time, r.metrics) for r in d.of(0, Reported)][3] == (4.0, {"loss": 1.0, "seed": 0.0})
        assert (end.time, end.state) == (5.0, "completed")


def test_an_hour_passes_at_once() -> None:
    began = time.monotonic()
    with desk(lambda params, step: (1.0, 3600.0) if step == 1 else None) as d:
        (end,) = d.run({})
        assert end.time == d.executor.now() == 3600.0
    assert time.monotonic() - began < 60


def test_what_happens_at_one_instant_is_handed_over_together() -> None:
    batches: list[int] = []
    executor = Simulated(three, 50, start=0.0)

    def handle(facts: list[Any]) -> None:
        batches.append(len(facts))
        for fact in facts:
            if isinstance(fact, Reported):
                executor.reply(fact.number, Decision())

    executor.open(None, handle)  # type: ignore[arg-type]
    for i in range(50):
        executor.submit([Job(i, {"x": 1.0}, 1, i, "", ("loss",))])
    executor.poll(60.0)
    assert batches == [50, 50, 50, 50]  # three steps, and the ends


def test_a_trial_goes_on_from_its_step() -> None:
    with desk(Halving()) as d:
        d.submit(Job(0, {"x": 8.0}, 2, 0, "", ("loss",), budget=4, step=2))
        d.finish()
        assert [(r.time, r.step) for r in d.of(0, Reported)] == [(1.0, 3), (2.0, 4)]
        assert d.last(0) == Yielded(2.0, 0, 2, 4)


def test_a_trial_that_has_had_all_steps_completes_at_once() -> None:
    with desk(Halving()) as d:
        d.submit(Job(0, {"x": 8.0}, 2, 0, "", ("loss",), step=5))
        d.finish()
        assert d.last(0) == Ended(0.0, 0, 2, "completed")


def test_budgets_pause_and_may_be_extended() -> None:
    answer = lambda report: Decision(budget=3 if report.number == 1 and report.step == 2 else None)  # noqa: E731
    with desk(Halving(), 2, answer) as d:
        for i in range(2):
            d.submit(d.job(i, {"x": 1.0}, budget=2))
        d.finish()
        assert [(d.last(i).time, d.last(i).step) for i in range(2)] == [(2.0, 2), (3.0, 3)]


def test_stops_yields_and_completions() -> None:
    decisions = [Decision("stop", "no hope"), Decision("stop", "enough", "completed"), Decision("yield", "later")]
    with desk(Halving(), 3, lambda report: decisions[report.number]) as d:
        for i in range(3):
            d.submit(d.job(i, {"x": 1.0}))
        d.finish()
        assert d.last(0) == Ended(1.0, 0, 1, "stopped", reason="no hope")
        assert d.last(1) == Ended(1.0, 1, 1, "completed", reason="enough")
        assert d.last(2) == Yielded(1.0, 2, 1, 1)
        assert d.executor.free() == 3


@pytest.mark.parametrize("end", [True, False])
def test_a_running_trial_is_cancelled_at_this_moment(end: bool) -> None:
    with desk(three, 3) as d:
        d.submit(d.job(0, {"x": 1.0}))
        d.submit(d.job(1, {"x": 1.0}))
        d.until(lambda: bool(d.of(1, Reported)))
        d.executor.cancel(0, reason="enough", end=end)
        d.finish()
        assert d.executor.free() == 3
        assert isinstance(d.last(0), Ended if end else Released)
        assert (d.last(0).reason, d.last(1).state) == ("enough", "completed")
        d.executor.cancel(0, reason="again", end=end)


def test_a_reply_may_come_later() -> None:
    with desk(three, answer=lambda report: None) as d:
        d.submit(d.job(0, {"x": 1.0}))
        d.until(lambda: bool(d.facts))
        d.executor.poll(0.0)
        assert len(d.facts) == 1
        d.executor.reply(0, Decision("stop", "late"))
        d.finish()
        assert d.last(0).reason == "late"


def test_a_cohort_holds_one_worker_until_its_last_trial_is_over() -> None:
    stop_first = lambda report: Decision("stop" if report.number == 0 else "continue")  # noqa: E731
    with desk(three, 2, stop_first) as d:
        d.submit(d.job(0, {"x": 1.0}), d.job(1, {"x": 1.0}))
        assert d.executor.free() == 1
        d.until(lambda: bool(d.of(0, Ended)))
        assert d.executor.free() == 1
        d.finish()
        assert d.executor.free() == 2


def test_infeasible_configurations_end_as_that() -> None:
    def cost(params: dict[str, Any], step: int) -> Any:
        raise Infeasible("too large")

    with desk(cost) as d:
        (end,) = d.run({})
        assert (end.state, end.reason) == ("infeasible", "too large")


@settings(max_examples=50, deadline=None)
@given(
    st.lists(st.lists(st.integers(0, 9), min_size=1, max_size=5), min_size=1, max_size=12),
    st.integers(1, 4),
)
def test_ends_equal_those_of_list_scheduling(curves: list[list[int]], workers: int) -> None:
    """First come, first served on w workers: each trial begins when the earliest worker is free."""
    cost = lambda params, step: (0.0, curves[params["i"]][step - 1]) if step <= len(curves[params["i"]]) else None  # noqa: E731
    with desk(cost, workers) as d:
        d.run(*({"i": i} for i in range(len(curves))))
        ends = [d.last(i).time for i in range(len(curves))]
    free, expected = [0.0] * workers, []
    for curve in curves:
        first = min(range(workers), key=free.__getitem__)
        free[first] += sum(curve)
        expected.append(free[first])
    assert ends == expected


# --- budgets of time and levels ---------------------------------------------------------------------------------------


def test_a_budget_of_seconds_ends_at_the_first_report_after_it() -> None:
    with desk(three) as d:
        d.submit(Job(0, {"x": 1.0}, 1, 0, "", ("loss",), seconds=5.0))
        d.finish()
        assert d.last(0) == Yielded(6.0, 0, 1, 2)


@pytest.mark.parametrize(("resumes", "seconds"), [(False, 4.0), (True, 2.0)])
def test_a_level_is_one_report(resumes: bool, seconds: float) -> None:
    benchmark = Halving()
    benchmark.resumes = resumes  # type: ignore[attr-defined]
    with desk(benchmark) as d:
        d.submit(Job(0, {"x": 8.0}, 2, 0, "", ("loss",), budget=4, step=2, fidelity=4))
        d.finish()
        assert [(r.time, r.step, r.metrics["loss"]) for r in d.of(0, Reported)] == [(seconds, 4, 1.0)]
        assert d.last(0) == Yielded(seconds, 0, 2, 4)


def test_a_function_tells_of_a_whole_level() -> None:
    with desk(lambda params, rows: (1 / rows, rows * 0.1)) as d:
        d.submit(Job(0, {}, 1, 0, "", ("loss",), budget=500, fidelity=500))
        d.finish()
        (report,) = d.of(0, Reported)
        assert (report.time, report.step, report.metrics) == (50.0, 500, {"loss": 0.002})


def test_a_level_beyond_the_curve_is_told() -> None:
    with desk(Halving()) as d, pytest.raises(UsageError, match="curve of 5 steps, too short for the level 9"):
        d.submit(Job(0, {"x": 8.0}, 1, 0, "", ("loss",), budget=9, fidelity=9))


# --- stragglers and failures ------------------------------------------------------------------------------------------


def ends(**options: Any) -> list[Any]:
    with desk(Halving(), 4, **options) as d:
        return d.run(*({"x": float(i)} for i in range(40)))


def test_stragglers_take_longer_by_one_plus_a_normal_deviation() -> None:
    with desk(lambda params, step: (0.0, 1.0) if step == 1 else None, 400, stragglers=2.0, seed=1) as d:
        d.run(*({} for _ in range(400)))
        factors = np.array([d.last(i).time for i in range(400)])
    assert (factors >= 1.0).all()
    assert np.mean(factors) == pytest.approx(1 + 2 * math.sqrt(2 / math.pi), rel=0.1)


def test_stragglers_and_failures_follow_from_the_seed() -> None:
    trouble = {"stragglers": 1.0, "failures": 100.0}
    assert ends(**trouble, seed=3) == ends(**trouble, seed=3)
    assert ends(**trouble, seed=3) != ends(**trouble, seed=4)


def test_workers_die_as_often_as_they_are_to() -> None:
    """One hour of work a trial at two deaths an hour: the share exp(-2) lives through it."""
    with desk(lambda params, step: (0.0, 3600.0) if step == 1 else None, 50, failures=2.0, seed=5) as d:
        last = d.run(*({} for _ in range(1000)))
    alive = sum(isinstance(fact, Ended) for fact in last) / 1000
    assert alive == pytest.approx(math.exp(-2), abs=0.04)
    assert {fact.reason for fact in last if isinstance(fact, Released)} == {"its worker died"}


# --- errors for people ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"workers": 0}, "workers=0 must be a whole number from 1"),
        ({"stragglers": -1.0}, "stragglers=-1.0 must be a number from 0"),
        ({"failures": math.inf}, "failures=inf must be a number from 0"),
        ({"benchmark": 3}, r"the benchmark 3 is no function cost\(params, step\)"),
        ({"benchmark": Halving}, r"Halving is a class; give an object of it, Halving\(\.\.\.\)"),
    ],
)
def test_arguments_are_checked(arguments: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Simulated(**{"benchmark": three, "workers": 1, **arguments})


@pytest.mark.parametrize(
    ("told", "error", "message"),
    [
        (None, UsageError, "returned None for the first step of trial 0; return"),
        (1.0, UsageError, r"returned 1.0 for step 1 of trial 0; return \(metrics, seconds\)"),
        ((1.0, -1.0), UsageError, "returned -1.0 seconds for step 1 of trial 0"),
        ((1.0, math.nan), UsageError, "returned nan seconds"),
        (({"los": 1.0}, 1.0), MetricError, "gives 'los', and not the experiment's 'loss'"),
        (("low", 1.0), MetricError, "metric 'loss' is 'low', which is no number"),
    ],
)
def test_what_a_function_tells_is_checked(told: Any, error: type[Exception], message: str) -> None:
    with desk(lambda params, step: told) as d, pytest.raises(error, match=message):
        d.run({})


def test_what_run_returns_is_checked() -> None:
    class Wrong:
        def run(self, params: dict[str, Any], seed: int) -> Any:
            return [1.0]

    with desk(Wrong()) as d, pytest.raises(UsageError, match=r"Wrong.run returned \[1.0\]; return la.Curve"):
        d.run({})


@pytest.mark.parametrize(
    ("metrics", "seconds", "message"),
    [
        ({}, 1.0, "each metric needs one value a step"),
        ({"loss": []}, 1.0, "each metric needs one value a step"),
        ({"loss": [1, 2], "error": [1]}, 1.0, "not {'loss': 2, 'error': 1}"),
        ({"loss": [1, 2]}, [1.0], "1 times for 2 steps"),
        ({"loss": [1, 2]}, [1.0, -1.0], "finite and at least 0"),
        ({"loss": ["a"]}, 1.0, "give metrics as a dict of lists"),
        ([1.0], 1.0, "give metrics as a dict of lists"),
    ],
)
def test_curves_are_checked(metrics: Any, seconds: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Curve(metrics, seconds)


def test_one_run_at_a_time() -> None:
    with desk(three, 1) as d:
        with pytest.raises(ExecutorError, match=r"this Simulated\(...\) already runs"):
            d.executor.open(None, print)  # type: ignore[arg-type]
        d.submit(d.job(0, {"x": 1.0}))
        with pytest.raises(UsageError, match="all 1 simulated workers are busy"):
            d.executor.submit([d.job(1, {"x": 1.0})])


# --- tables -----------------------------------------------------------------------------------------------------------

LONG = [
    {"lr": lr, "units": units, "epoch": epoch, "loss": lr * units / epoch, "s": float(units)}
    for lr in (0.1, 0.2)
    for units in (1, 2)
    for epoch in (2, 1, 3)
]


def test_a_table_in_long_form() -> None:
    table = Table(LONG, "loss", step="epoch", seconds="s")
    assert len(table) == 4
    assert table.run({"units": 2, "lr": 0.1}) == Curve({"loss": [0.2, 0.1, 0.2 / 3]}, [2.0, 2.0, 2.0])
    assert table.params[1] == {"lr": 0.1, "units": 2}


def test_a_table_of_curves() -> None:
    table = Table([{"layers": [4, 2], "loss": [3, 2], "acc": [1, 2], "seconds": [5, 6]}], ["loss", "acc"])
    assert table.run({"layers": [4, 2]}) == Curve({"loss": [3, 2], "acc": [1, 2]}, [5, 6])


def test_a_table_from_a_frame_leaves_out_what_does_not_apply() -> None:
    pandas = pytest.importorskip("pandas")
    frame = pandas.DataFrame(
        {"kind": ["a", "b"], "p": [np.nan, 3.0], "loss": [1.0, 2.0], "t": [1.0, 1.0], "id": [7, 8]}
    )
    table = Table.from_frame(frame, "loss", seconds="t", params=["kind", "p"])
    assert table.params == [{"kind": "a"}, {"kind": "b", "p": 3.0}]
    assert table.run({"kind": "a"}) == Curve({"loss": [1.0]}, [1.0])
    assert table.run({"kind": "b", "p": np.float64(3.0)}) == Curve({"loss": [2.0]}, [1.0])


@pytest.mark.parametrize(
    ("rows", "options", "message"),
    [
        ([], {}, "the table has no rows"),
        ([{"lr": 1, "seconds": 1}], {}, "row 0 of the table has no column 'loss'; its columns are 'lr', 'seconds'"),
        (LONG, {}, "has no column 'seconds'"),
        (LONG[:2] + LONG[:1], {"seconds": "s", "step": "epoch"}, r"are \[1, 2, 2\]; they must be 1, 2, … without gaps"),
        ([{"lr": {}, "loss": 1, "seconds": 1}], {}, "cannot be looked up"),
    ],
)
def test_tables_are_checked(rows: list[dict[str, Any]], options: dict[str, Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        Table(rows, "loss", **options)


def test_what_is_not_in_the_table_is_told() -> None:
    table = Table(LONG, "loss", step="epoch", seconds="s")
    with pytest.raises(UsageError, match=r"no configuration {'lr': 0.3, 'units': 1}.*la.Batch\(table.params\)"):
        table.run({"lr": 0.3, "units": 1})
    with pytest.raises(UsageError, match="no parameter 'depth'; its parameters are lr, units"):
        table.run({"lr": 0.1, "units": 1, "depth": 2})
