"""From runs to figures: speed-ups over random search without stopping, medians over problems."""

import math
from collections.abc import Iterable
from typing import NamedTuple

from benchmarks.schedule import metrics
from benchmarks.schedule.runner import REFERENCE, Target, target
from benchmarks.schedule.traces import Key, Trace


class Cell(NamedTuple):
    """A combination on one problem with so many workers.

    Attributes:
        share: its time to the target over random search's, as the upper median over seeds; where that is never, the
            share of the horizon, and `reached` is false: the true one is greater.
        reached: whether more than half of the seeds come to the target.
        seeds: how many there are.
        cut: how many ended by a cap on trials or real time, before target and horizon.
    """

    share: float
    reached: bool
    seeds: int
    cut: int

    @property
    def known(self) -> bool:
        """Whether the share is told by the runs, and not by what they were allowed to cost."""
        return self.reached or not self.cut


Table = dict[tuple[str, int, str], Cell]
"""(label, workers, problem) to what was measured."""


def cells(done: dict[Key, Trace]) -> Table:
    """All that can be told of some runs; runs that failed count as not there."""
    groups: dict[tuple[str, int, str, int], list[Trace]] = {}
    for trace in done.values():
        if trace["label"] != REFERENCE and trace["reason"] != "failed":
            groups.setdefault((trace["label"], trace["workers"], trace["problem"], trace["trainings"]), []).append(
                trace
            )
    found: Table = {}
    for (label, workers, name, count), group in groups.items():
        goal = target(done, name, workers, count)
        if goal is not None:
            found[label, workers, name] = cell(group, goal)
    return found


def cell(group: list[Trace], goal: Target) -> Cell:
    """One combination on one problem."""
    time = metrics.upper_middle(metrics.time_to(trace["run"], goal.value) for trace in group)
    reached = math.isfinite(time)
    cut = sum(trace["reason"] in ("timeout", "cap") for trace in group)
    return Cell((time if reached else goal.horizon) / goal.time, reached, len(group), cut)


def over_problems(table: Table, label: str, workers: int, names: Iterable[str]) -> tuple[float, float, float] | None:
    """The median speed-up over problems with its bootstrap interval; None where there is no problem."""
    found = [1 / table[label, workers, name].share for name in names if (label, workers, name) in table]
    return metrics.median_interval(found) if found else None


def common(table: Table, labels: Iterable[str], workers: int) -> list[str]:
    """The problems that all of these combinations were run on with so many workers."""
    names = sorted({name for _, n, name in table if n == workers})
    return [name for name in names if all((label, workers, name) in table for label in labels)]
