"""From traces to tables of numbers: regret curves by problem, optimiser and seed, and what follows from them."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray

from benchmarks.search import stats
from benchmarks.search.problems import Problem
from benchmarks.search.traces import Trace

Floats = NDArray[np.float64]
Scale = Callable[[Problem], tuple[Floats, Floats]]
GROUPS = {
    "hpo": ("yahpo", "tables"),
    "yahpo": ("yahpo",),
    "tables": ("tables",),
    "bbob": ("bbob",),
    "multi": ("multi",),
}
"""The groups that are told, and the problems' suites in each."""
SHARE = 0.6
"""An optimiser with traces of less than this share of the problems is left out, rather than most problems."""


@dataclass(frozen=True)
class Outcome:
    """The curves of optimisers on a group of problems that all of them have traces of, at one budget.

    Attributes:
        budget: n, the evaluations.
        problems: p names.
        optimizers: k labels.
        curves: for each problem and optimiser the regret (s, n) after each evaluation; of several objectives the
            hypervolume that is missing.
        left_out: the optimisers with too few traces.
    """

    budget: int
    problems: list[str]
    optimizers: list[str]
    curves: list[list[Floats]]
    left_out: list[str]

    def final(self) -> Floats:
        """(p, k) the regret at the budget, mean over seeds."""
        return np.array([[c[:, -1].mean() for c in row] for row in self.curves])

    def mean_curves(self) -> Floats:
        """(p, k, n) the curves, mean over seeds."""
        return np.array([[c.mean(axis=0) for c in row] for row in self.curves])

    def ranks(self) -> Floats:
        """(p, k) the expected ranks at the budget."""
        return np.array([stats.expected_ranks([c[:, -1] for c in row]) for row in self.curves])

    def scores(self) -> Floats:
        """(p, k) the regret at the budget, 0 for the best of these optimisers on each problem and 1 for the worst."""
        final = self.final()
        low, high = final.min(axis=1, keepdims=True), final.max(axis=1, keepdims=True)
        return np.asarray((final - low) / np.where(high > low, high - low, 1.0))


def curve(trace: Trace, problem: Problem, budget: int, scale: Scale) -> Floats:
    """(n,) the regret after each evaluation: 1 at most, and until the first that did not fail."""
    best, worst = scale(problem)
    if problem.objectives > 1:
        return stats.hypervolumes(trace["values"], budget, best, worst)
    found = stats.best_so_far(trace["values"], budget, worst[0])
    return np.asarray((found - best[0]) / (worst[0] - best[0]))


def outcome(traces: Iterable[Trace], problems: dict[str, Problem], group: str, budget: int, scale: Scale) -> Outcome:
    """What the traces of at least that budget say of a group."""
    cells: dict[str, dict[str, list[Trace]]] = {}
    for trace in traces:
        if trace["budget"] >= budget and problems[trace["problem"]].suite in GROUPS[group]:
            cells.setdefault(trace["optimizer"], {}).setdefault(trace["problem"], []).append(trace)
    every = {name for found in cells.values() for name in found}
    kept = [label for label, found in cells.items() if len(found) >= SHARE * len(every)]
    left_out = [label for label in cells if label not in kept]
    common = [name for name in problems if kept and all(name in cells[label] for label in kept)]
    curves = [
        [np.array([curve(t, problems[name], budget, scale) for t in cells[label][name]]) for label in kept]
        for name in common
    ]
    return Outcome(budget, common, kept, curves, left_out)


def to_reach(found: Outcome, ours: str) -> dict[str, tuple[float, float]]:
    """For each other optimiser, how many evaluations ours needs for its regret at the budget.

    First by the curves' mean over the problems, then the median over the problems.
    """
    curves = found.mean_curves()
    i = found.optimizers.index(ours)
    result = {}
    for j, label in enumerate(found.optimizers):
        if j != i:
            mean = stats.evaluations_to_reach(curves[:, i].mean(axis=0), curves[:, j, -1].mean())
            each = [stats.evaluations_to_reach(row[i], row[j, -1]) for row in curves]
            result[label] = mean, median(each)
    return result


def lead(found: Outcome, ours: str) -> tuple[str, float, float, float] | None:
    """The best of the others by mean rank, by how much ours is ahead of it, and the ends of that difference's interval.

    None where ours is not among them, or alone. Problems on which one has a low rank are often those on which the other
    has a high one, so that the intervals of the two may touch where that of their difference is well above 0.
    """
    if ours not in found.optimizers or len(found.optimizers) < 2:
        return None
    ranks, i = found.ranks(), found.optimizers.index(ours)
    others = np.where(np.arange(ranks.shape[1]) == i, np.inf, ranks.mean(axis=0))
    ahead = ranks[:, [int(others.argmin())]] - ranks[:, [i]]
    low, high = stats.bootstrap(ahead)
    return found.optimizers[int(others.argmin())], float(ahead.mean()), float(low[0]), float(high[0])


def proposal_ms(traces: Sequence[Trace], label: str, budget: int) -> tuple[float, float]:
    """CPU milliseconds of a proposal, median over the traces: of a trace's mean, and of its last ten."""
    found = [np.array(t["cpu"][:budget]) * 1e3 for t in traces if t["optimizer"] == label and len(t["cpu"]) >= budget]
    if not found:
        return float("nan"), float("nan")
    return median(float(cpu.mean()) for cpu in found), median(float(cpu[-10:].mean()) for cpu in found)
