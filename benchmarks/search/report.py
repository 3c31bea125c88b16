"""The text report, made in a second, and the page with its figures."""

import argparse
import sys
from pathlib import Path

import numpy as np

from benchmarks.search import traces
from benchmarks.search.optimizers import split
from benchmarks.search.outcome import GROUPS, Outcome, lead, outcome, proposal_ms, to_reach
from benchmarks.search.page import write
from benchmarks.search.problems import Problem, problem
from benchmarks.search.scales import scale
from benchmarks.search.stats import bootstrap
from benchmarks.search.suites import SUITES
from benchmarks.search.traces import Trace


def chosen(given: argparse.Namespace) -> list[Trace]:
    """The traces that the arguments ask for, of any parallelism.

    Raises:
        SystemExit: there are none.
    """
    files: list[Path] = given.files or sorted(traces.FOLDER.glob("*.jsonl"))
    for file in files:
        if not file.exists():
            raise SystemExit(f"{file} is missing: make it with `python -m benchmarks.search run --out {file} ...`")
    labels = split(given.optimizers) if given.optimizers else None
    names = SUITES[given.suite] if given.suite else None
    found = [
        trace
        for trace in traces.read(files).values()
        if trace["durations"] == given.durations
        and (labels is None or trace["optimizer"] in labels)
        and (names is None or trace["problem"] in names)
        and (given.problems or "") in trace["problem"]
    ]
    if not any(trace["parallel"] == given.parallel for trace in found):
        raise SystemExit("no traces of that kind; `python -m benchmarks.search run --help` says how to make them")
    return found


def report(given: argparse.Namespace) -> int:
    """Prints the tables; writes the page where asked to."""
    every = chosen(given)
    problems = {name: problem(name) for name in dict.fromkeys(trace["problem"] for trace in every)}
    budgets = [int(number) for number in given.budgets.split(",")]
    found = [trace for trace in every if trace["parallel"] == given.parallel]
    for group in GROUPS:
        outcomes = [outcome(found, problems, group, budget, scale) for budget in budgets]
        outcomes = [o for o in outcomes if o.problems and len(o.optimizers) > 1]
        if outcomes:
            print_group(group, outcomes, given.ours)
            if given.each and group not in ("yahpo", "tables"):
                print_each(outcomes[-1])
    print_costs(found, budgets)
    if given.ours:
        print_reach(given.ours, found, problems, budgets)
    if given.write:
        write(every, problems, given.ours or "auto", budgets)
    return 0


def print_group(group: str, outcomes: list[Outcome], ours: str | None) -> None:
    """Regret, score and rank at each budget, the best rank at the last budget first, and how far ours is ahead."""
    columns = []
    for o in outcomes:
        low, high = bootstrap(o.ranks())
        columns.append(
            {
                label: (regret, score, rank, (top - bottom) / 2)
                for label, regret, score, rank, bottom, top in zip(
                    o.optimizers, o.final().mean(0), o.scores().mean(0), o.ranks().mean(0), low, high, strict=True
                )
            }
        )
    labels = list(
        dict.fromkeys(label for column in reversed(columns) for label in sorted(column, key=lambda x: column[x][2]))
    )
    wide = max(map(len, labels))
    heads = "".join(f" |{f'at {o.budget} ({len(o.problems)} problems)':^29}" for o in outcomes)
    print(f"\n{group:<{wide}}{heads}")
    print(" " * wide + " |  regret  score  rank  ±95%  " * len(outcomes))
    for label in labels:
        cells = "".join(
            f" | {c[label][0]:7.4f}  {c[label][1]:5.3f} {c[label][2]:5.2f} {c[label][3]:5.2f}  "
            if label in c
            else " |" + " " * 29
            for c in columns
        )
        print(f"{label:<{wide}}{cells}")
    for o in outcomes:
        ahead = lead(o, ours) if ours else None
        if ahead:
            print("  at {} {} is ahead of {} by {:.2f} ({:.2f} to {:.2f})".format(o.budget, ours, *ahead))
        if o.left_out:
            print(f"  at {o.budget} without {', '.join(o.left_out)}: traces of too few problems")


def print_each(found: Outcome) -> None:
    """The regret on each problem, with * at the best."""
    wide = max(map(len, found.problems))
    short = [label[-12:] for label in found.optimizers]
    print(f"\n{f'regret at {found.budget}':<{wide}} " + " ".join(f"{label:>12}" for label in short) + "   seeds")
    for name, row, curves in zip(found.problems, found.final(), found.curves, strict=True):
        cells = " ".join(f"{value:>11.5f}{'*' if value == row.min() else ' '}" for value in row)
        print(f"{name:<{wide}} {cells}   {'/'.join(str(len(c)) for c in curves)}")


def print_costs(found: list[Trace], budgets: list[int]) -> None:
    """CPU time of proposals."""
    labels = list(dict.fromkeys(trace["optimizer"] for trace in found))
    wide = max(map(len, labels))
    print(f"\n{'CPU ms a proposal':<{wide}}" + "".join(f" | to {b:>4}: mean  last ten" for b in budgets))
    for label in labels:
        cells = [proposal_ms(found, label, budget) for budget in budgets]
        print(
            f"{label:<{wide}}"
            + "".join(f" | {mean:13.2f} {last:9.2f}" if not np.isnan(mean) else " |" + " " * 24 for mean, last in cells)
        )


def print_reach(ours: str, found: list[Trace], problems: dict[str, Problem], budgets: list[int]) -> None:
    """How many evaluations ours needs for what the others have at the greatest budget that there are traces of."""
    for group in GROUPS:
        for budget in sorted(budgets, reverse=True):
            o = outcome(found, problems, group, budget, scale)
            if ours in o.optimizers and len(o.optimizers) > 1 and o.problems:
                print(f"\n{group}: evaluations of {ours} to the regret at {budget} of, by mean curve (median problem)")
                for label, (mean, middle) in sorted(to_reach(o, ours).items(), key=lambda item: -item[1][0]):
                    print(f"  {label}: {mean:g} ({middle:g})")
                break
    sys.stdout.flush()
