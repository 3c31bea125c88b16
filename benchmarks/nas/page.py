"""The section of the page of results on tables."""

import math
import platform
import shlex
import sys
from datetime import date

import numpy as np

from benchmarks.nas import noise
from benchmarks.nas.tables import BAR, OURS, PROBLEMS, RANDOM, Curves, draw, rows
from benchmarks.results import machine, table, versions, write_section
from benchmarks.search.stats import evaluations_to_reach
from lanista import __version__

PREAMBLE = """\
Strategies of neural architecture search on tables of what others trained, one evaluation after the other. Made on
{day} by `{command}`
on a machine with {machine}; Python {python}, lanista {ours}, {versions}.

Regret is in points of accuracy below the best architecture of the table, mean over seeds; random search has {random}
evaluations, all others {budget}. All have their defaults; `bananas-paths` sees the paths through the cell, as in its
paper, the other `bananas` each edge's operator. The last column: after how many evaluations a strategy is where random
search is after {random}. The bar: the best of ours within {bar}.
"""
PAPERS = """\
### As in the papers

After 150 evaluations of NAS-Bench-101, which is not among the tables here, White et al. (BANANAS, 2021) have BANANAS
before local search, regularised evolution, random search and REINFORCE. Of local search they say elsewhere (2021) that
it finds the optimum of NAS-Bench-201 on CIFAR-100 after 127 architectures in the mean."""
FEWEST = 10
"""Seeds that a strategy needs to be told of."""


def write(curves: dict[str, Curves]) -> None:
    """Writes the section and the figures."""
    curves = {name: {each: c for each, c in found.items() if len(c) >= FEWEST} for name, found in curves.items()}
    packages = versions("numpy", "scipy")
    parts = [
        PREAMBLE.format(
            day=date.today(),
            command=shlex.join(["python", "-m", "benchmarks.nas", *sys.argv[1:]]),
            machine=machine(),
            python=platform.python_version(),
            ours=__version__,
            versions=packages,
            random=RANDOM,
            budget=OURS,
            bar=BAR,
        ),
        _bar(curves),
    ]
    for name, found in curves.items():
        if len(found) > 1:
            head, *body = rows(found)
            parts.append(f"### {PROBLEMS[name]}\n\n{table(head, body)}\n\n![Regret](nas/figures/{draw(name, found)})")
    parts += [f"{PAPERS} {_agreement(curves)}", noise.section()]
    write_section("nas: tables", "\n\n".join(parts))


def _bar(curves: dict[str, Curves]) -> str:
    """The best strategy on each table, held against the bar."""
    told = []
    for name, found in curves.items():
        goal = found["random"].mean(axis=0)[-1]
        reached = {each: evaluations_to_reach(c.mean(axis=0), goal) for each, c in found.items() if each != "random"}
        if reached:
            each = min(reached, key=lambda label: reached[label])
            met = "yes" if reached[each] <= BAR else "**no**"
            number = f"{reached[each]:g}" if math.isfinite(reached[each]) else "not reached"
            told.append([PROBLEMS[name], f"{goal:.3f}", each, number, met])
    return table([f"random search at {RANDOM}", "regret", "first to reach it", "evaluations", f"within {BAR}"], told)


def _agreement(curves: dict[str, Curves]) -> str:
    """On how many of the tables the order is that of the papers."""
    pairs = [("evolution", "random"), ("reinforce", "random"), ("evolution", "reinforce")]
    pairs += [("bananas", "evolution"), ("local", "evolution")]
    told = []
    for better, worse in pairs:
        both = [found for found in curves.values() if better in found and worse in found]
        if not both:
            continue
        areas = [(_area(found[better]), _area(found[worse])) for found in both]
        told.append(f"{better} before {worse} on {sum(a < b for a, b in areas)} of {len(areas)}")
    found = (curves["nb201/cifar100_test_200ep"]["local"][:, :OURS] > 0).sum(axis=1) + 1
    return (
        f"Here it is {found.mean():.0f}.\n\nBy the mean regret over evaluations 1 to {OURS}, of the tables that both "
        f"have traces of: {'; '.join(told)}."
    )


def _area(curves: "np.ndarray") -> float:
    return float(curves[:, :OURS].mean())
