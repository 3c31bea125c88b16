"""The search benchmark without its data and without peers: runs, traces, what is told of them."""

import json
from typing import Any, ClassVar

import numpy as np
import pytest

from benchmarks.search import figures, runner, simulate, traces
from benchmarks.search.optimizers import parse, split
from benchmarks.search.optimizers.base import Setting, Worst, active, leaves
from benchmarks.search.outcome import lead, outcome, to_reach
from benchmarks.search.problems import problem
from benchmarks.search.problems.base import Evaluation, Problem
from lanista.space import Choice, Float, Int, Space

NESTED = Space(
    {"x": Float(0, 1), "net": Choice({"mlp": {"layers": Int(1, 3)}, "tree": {"depth": Int(1, 9), "kind": "cart"}})}
)


def quadratic(params: dict[str, Any]) -> Evaluation:
    return Evaluation(((params["x"] - 0.3) ** 2,), seconds=1 + params["x"])


def make(name: str = "toy/1", function: Any = quadratic, suite: str = "tables") -> Problem:
    return Problem(name, suite, Space({"x": Float(0, 1)}), lambda: function, (0.0,), (1.0,))


class Scripted:
    """Asks for 0, 0.1, 0.2, ... and remembers what happened in which order."""

    log: ClassVar[list[Any]] = []

    def __init__(self, setting: Setting) -> None:
        Scripted.log = []
        self.asked = 0

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        if self.asked == 10:
            return None
        self.asked += 1
        self.log.append(("ask", self.asked - 1))
        return self.asked - 1, {"x": (self.asked - 1) / 10}

    def tell(self, token: int, values: tuple[float, ...] | None) -> None:
        self.log.append(("tell", token, values))


@pytest.fixture
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    optimizer = type("Fixed", (), {"start": staticmethod(Scripted)})()
    monkeypatch.setattr(simulate, "parse", lambda spec: optimizer)


def told() -> list[int]:
    return [entry[1] for entry in Scripted.log if entry[0] == "tell"]


@pytest.mark.usefixtures("scripted")
def test_one_at_a_time_each_outcome_is_told_before_the_next_proposal():
    trace = simulate.simulate(make(), "scripted", seed=0, budget=3)
    assert [entry[0] for entry in Scripted.log] == ["ask", "tell"] * 3
    assert trace["values"] == pytest.approx([0.09, 0.04, 0.01])
    assert len(trace["cpu"]) == 3


@pytest.mark.usefixtures("scripted")
def test_so_many_are_pending_and_the_quickest_is_told_first():
    down = make(function=lambda params: Evaluation((0.0,), seconds=10 - 5 * params["x"]))
    simulate.simulate(down, "scripted", seed=0, budget=5, parallel=4, durations="table")
    assert [entry[0] for entry in Scripted.log[:5]] == ["ask"] * 4 + ["tell"]
    assert told() == [3, 2, 1, 0, 4]


@pytest.mark.usefixtures("scripted")
def test_equal_durations_come_in_as_they_were_asked():
    simulate.simulate(make(), "scripted", seed=0, budget=6, parallel=3)
    assert told() == list(range(6))


@pytest.mark.usefixtures("scripted")
def test_an_exhausted_space_ends_the_run():
    trace = simulate.simulate(make(), "scripted", seed=0, budget=50, parallel=4)
    assert len(trace["values"]) == 10


@pytest.mark.usefixtures("scripted")
def test_what_is_not_a_number_failed():
    broken = make(function=lambda params: Evaluation((float("nan"),)))
    trace = simulate.simulate(broken, "scripted", seed=0, budget=2)
    assert trace["values"] == [None, None]
    assert Scripted.log[1] == ("tell", 0, None)


def test_our_searchers_run_and_the_seed_decides():
    first, again, other = (simulate.simulate(make(), "lanista:tpe", seed=s, budget=15)["values"] for s in (0, 0, 1))
    assert first == again
    assert first != other


def test_a_searcher_can_be_a_class_of_any_module():
    named, imported = (
        simulate.simulate(make(), f"lanista:{spec}", seed=0, budget=12)["values"]
        for spec in ("tpe(startup=5)", "lanista.search:TPE(startup=5)")
    )
    assert named == imported


def test_problems_have_seeds_of_their_own():
    assert simulate.seed_of("a", 0) != simulate.seed_of("b", 0) != simulate.seed_of("b", 1)


def test_specs_name_an_optimiser_its_arguments_and_a_label():
    found = parse("mine=lanista:tpe(startup=5, good_share=0.2)")
    assert (found.label, found.cls) == ("mine", "Ours")
    assert found.arguments == {"searcher": "tpe", "arguments": {"startup": 5, "good_share": 0.2}}
    assert parse("lanista:tpe(startup=5)").label == "lanista:tpe(startup=5)"
    assert parse("random").environment == ""


def test_a_list_of_specs_is_cut_outside_of_brackets():
    assert split("random, lanista:tpe(startup=5,candidates=8),a=lanista:gp") == [
        "random",
        "lanista:tpe(startup=5,candidates=8)",
        "a=lanista:gp",
    ]


@pytest.mark.parametrize(
    ("spec", "message"),
    [("nothing", "'nothing' is not known; there are lanista:NAME"), ("lanista:tpe(5 +", "write the arguments as in")],
)
def test_a_spec_that_names_none_is_refused(spec: str, message: str):
    with pytest.raises(SystemExit, match=message):
        parse(spec)


def test_flat_values_are_cut_to_what_applies():
    flat = {"x": 0.5, "net": "tree", "layers": 2, "depth": 4}
    assert active(NESTED, flat) == {"x": 0.5, "net": "tree", "depth": 4, "kind": "cart"}


def test_leaves_say_under_what_they_apply():
    found = {leaf.name: (leaf.parent, leaf.options) for leaf in leaves(NESTED)}
    assert found == {"x": (None, ()), "net": (None, ()), "layers": ("net", ("mlp",)), "depth": ("net", ("tree",))}


def test_failures_stand_for_the_worst_value_seen():
    worst = Worst(1)
    assert worst.of(None) == (0.0,)
    assert worst.of((-3.0,)) == (-3.0,)
    assert worst.of((-5.0,)) == (-5.0,)
    assert worst.of(None) == (-3.0,)


def trace(optimizer: str, name: str, values: list[Any], seed: int = 0, budget: int | None = None) -> traces.Trace:
    given = {
        "optimizer": optimizer,
        "problem": name,
        "seed": seed,
        "parallel": 1,
        "durations": "equal",
        "spec": "random",
    }
    return {**given, "budget": budget or len(values), "values": values, "cpu": [0.001] * len(values)}


def test_the_longer_trace_of_a_run_holds_and_a_cut_line_is_left_out(tmp_path):
    path = tmp_path / "t.jsonl"
    lines = [trace("a", "p", [1.0, 2.0]), trace("a", "p", [1.0]), trace("b", "p", [1.0])]
    path.write_text("\n".join(map(json.dumps, lines)) + '\n{"optim', encoding="utf-8")
    found = traces.read([path])
    assert sorted(len(t["values"]) for t in found.values()) == [1, 2]
    traces.forget(path, ["a"])
    assert [t["optimizer"] for t in traces.read([path]).values()] == ["b"]


def test_what_is_there_is_not_planned_again():
    given = {"budget": 2, "parallel": 1, "durations": "equal"}
    done = {traces.key(t): t for t in (trace("random", "p", [1.0, 2.0]), trace("random", "q", [1.0]))}
    jobs = runner.plan(["random"], ["p", "q"], [0], given, done)
    assert [job["problem"] for job in jobs] == ["q"]


def test_the_runner_makes_traces_in_a_process(tmp_path, monkeypatch):
    monkeypatch.setenv("LANISTA_DATA", str(tmp_path))
    given = {"budget": 3, "parallel": 2, "durations": "equal"}
    jobs = runner.plan(["random"], ["zdt1/d3", "zdt1/d1"], [0], given, {})
    made = runner.Runner(tmp_path / "out.jsonl", jobs, 60)
    made.run(1)
    (found,) = traces.read([tmp_path / "out.jsonl"]).values()
    assert np.array(found["values"]).shape == (3, 2)
    assert made.failures == 1


def scaled(given: Problem) -> tuple[Any, Any]:
    return np.array(given.best), np.array(given.worst)


def test_outcomes_are_told_of_the_problems_that_all_have():
    problems = {name: make(name) for name in ("p", "q", "r")}
    found = [trace("a", name, [0.5, 0.1]) for name in problems]
    found += [trace("b", name, [0.4, 0.2], seed) for name in ("p", "q") for seed in (0, 1)]
    found += [trace("c", "p", [0.0, 0.0]), trace("d", "p", [0.0])]
    o = outcome(found, problems, "hpo", 2, scaled)
    assert (o.problems, o.optimizers, o.left_out) == (["p", "q"], ["a", "b"], ["c"])
    assert o.final() == pytest.approx(np.array([[0.1, 0.2], [0.1, 0.2]]))
    assert o.ranks().tolist() == [[1.0, 2.0], [1.0, 2.0]]
    assert o.scores().tolist() == [[0.0, 1.0], [0.0, 1.0]]
    assert to_reach(o, "a") == {"b": (2.0, 2.0)}
    assert (lead(o, "a"), lead(o, "b"), lead(o, "c")) == (("b", 1.0, 1.0, 1.0), ("a", -1.0, -1.0, -1.0), None)


def test_functions_of_two_objectives_have_their_known_fronts():
    assert problem("zdt1/d3").evaluate({"x0": 0.25, "x1": 0.0, "x2": 0.0}).values == pytest.approx((0.25, 0.5))
    assert problem("zdt2/d3").evaluate({"x0": 0.5, "x1": 0.0, "x2": 0.0}).values == pytest.approx((0.5, 0.75))
    on_sphere = problem("dtlz2/d3").evaluate({"x0": 0.3, "x1": 0.5, "x2": 0.5}).values
    assert sum(value**2 for value in on_sphere) == pytest.approx(1)


def test_an_unknown_problem_is_named():
    with pytest.raises(SystemExit, match="problem 'no/1' is not known; families are"):
        problem("no/1")
    with pytest.raises(SystemExit, match="write the dimensions"):
        problem("zdt1/6")
    with pytest.raises(SystemExit, match="write the function, dimension and instance"):
        problem("bbob/f1")


def test_figures_are_well_formed():
    from xml.etree import ElementTree

    curves = {"a & b": np.array([0.5, 0.1, 0.0]), "c": np.array([0.9, 0.2, 0.1])}
    ElementTree.fromstring(figures.regret("Regret", curves))
    svg = figures.difference("Ranks", {"a & b": 1.2, "c": 1.8, "d": 3.0}, 0.8, [(1.2, 1.8)])
    ElementTree.fromstring(svg)
    assert "a &amp; b 1.20" in svg


def test_an_environment_that_is_missing_is_told_before_anything_runs(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(runner, "ROOT", tmp_path)
    job = {"optimizer": "nevergrad", "spec": "nevergrad", "problem": "bbob/f1-d2-i1", "seed": 0}
    with pytest.raises(SystemExit, match=r"requirements-search\.txt"):
        runner.Runner(tmp_path / "traces.jsonl", [job], timeout=10.0)
