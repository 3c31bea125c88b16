"""The section of the page of results, and its figures."""

import math
import platform
from datetime import date
from pathlib import Path

import numpy as np

from benchmarks.results import machine, table, versions, write_section
from benchmarks.search import figures, stats
from benchmarks.search.optimizers import NAMES
from benchmarks.search.outcome import GROUPS, Outcome, lead, outcome, proposal_ms, to_reach
from benchmarks.search.problems import Problem
from benchmarks.search.problems.base import ROOT
from benchmarks.search.scales import scale
from benchmarks.search.traces import Trace
from lanista import __version__

FOLDER = Path(__file__).resolve().parent / "figures"
PACKAGES = {
    "optuna": "optuna",
    "hyperopt": "hyperopt",
    "nevergrad": "nevergrad",
    "smac": "smac",
    "hebo": "HEBO",
    "ax": "ax-platform",
}
TITLES = {
    "hpo": "Hyperparameters and architectures",
    "yahpo": "Of these, surrogates",
    "tables": "Of these, tables",
    "bbob": "BBOB functions",
    "multi": "Two objectives",
}

PREAMBLE = """\
Which optimiser finds better configurations in fewer evaluations. Made on {day} by `python -m benchmarks.search run` and
`report --write` on a machine with {machine}; Python {python}, {versions}.
{traces:,} traces of {problems} problems: YAHPO's surrogates at full fidelity, tables of what was measured, BBOB.
Regret is normalised: 0 is the best value known and 1 the worst; on BBOB 0 is the optimum and 1 the median of random
points; of two objectives it is the share of the hypervolume that is missing. A rank is expected over the seeds of each
problem, and its interval (95 %) is a bootstrap over the problems. Problems count where all optimisers of a table have
traces. All have their defaults; those without conditional parameters see all parameters always, and those that know no
failures see the worst value so far. Seeds are {seeds}; the problems of the suite `quick` were looked at while our
searchers were written, those of the suite `hpo` were not.
"""


def write(every: list[Trace], problems: dict[str, Problem], ours: str, budgets: list[int]) -> None:
    """Writes the section and the figures of all traces, sequential and parallel."""
    parallel = sorted({trace["parallel"] for trace in every})
    parts = [_preamble(every)]
    sequential = [trace for trace in every if trace["parallel"] == 1]
    for group, title in TITLES.items():
        found = [outcome(sequential, problems, group, budget, scale) for budget in budgets]
        found = [o for o in found if o.problems and len(o.optimizers) > 1]
        if found:
            parts.append(f"### {title}\n\n{_table(found, ours)}")
            if group in ("hpo", "bbob", "multi"):
                parts.append(_figures(group, title, found[-1]))
                parts.append(_reach(found[-1], ours))
    for pending in parallel:
        if pending > 1:
            parts.append(
                _pending([t for t in every if t["parallel"] == pending], sequential, problems, pending, budgets[-1])
            )
    parts.append(_costs(sequential, budgets))
    write_section("search", "\n\n".join(part for part in parts if part))


def _preamble(every: list[Trace]) -> str:
    found = [f"lanista {__version__}", versions("numpy", "scipy")]
    for name in dict.fromkeys(trace["spec"].partition("(")[0].rpartition("=")[2] for trace in every):
        environment = NAMES.get(name, ("",))[0]
        if environment:
            package = PACKAGES[name.partition(":")[0]]
            found.append(versions(package, path=ROOT / "benchmarks" / f".venv-{environment}"))
    return PREAMBLE.format(
        day=date.today(),
        machine=machine(),
        python=platform.python_version(),
        versions="; ".join(dict.fromkeys(found)),
        traces=len(every),
        problems=len({trace["problem"] for trace in every}),
        seeds=f"1 to {1 + max(trace['seed'] for trace in every)}",
    )


def _table(found: list[Outcome], ours: str) -> str:
    """Mean rank with its interval and regret at each budget, by the rank at the last; and how far ours is ahead."""
    cells: dict[str, dict[int, tuple[str, float]]] = {}
    for o in found:
        ranks, regret = o.ranks(), o.final().mean(axis=0)
        low, high = stats.bootstrap(ranks)
        for i, label in enumerate(o.optimizers):
            rank = float(ranks[:, i].mean())
            cells.setdefault(label, {})[o.budget] = f"{rank:.2f} ({low[i]:.2f}–{high[i]:.2f}), {regret[i]:.4f}", rank
    order = sorted(cells, key=lambda label: [cells[label].get(o.budget, ("", math.inf))[1] for o in reversed(found)])
    heads = [f"at {o.budget}, {len(o.problems)} problems" for o in found]
    rows = [[label, *(cells[label].get(o.budget, ("", 0.0))[0] for o in found)] for label in order]
    leads = [lead(o, ours) for o in found]
    if any(leads):
        rows.append([f"{ours} ahead of the best other by", *("" if each is None else _ahead(*each) for each in leads)])
    return table(["mean rank (interval), mean regret", *heads], rows)


def _ahead(other: str, by: float, low: float, high: float) -> str:
    return f"{by:.2f} ({low:.2f}–{high:.2f}), {other}"


def _figures(group: str, title: str, o: Outcome) -> str:
    """Draws the regret curves and the critical differences; the lines that show them."""
    FOLDER.mkdir(exist_ok=True)
    curves = dict(zip(o.optimizers, o.mean_curves().mean(axis=0), strict=True))
    ranks = dict(zip(o.optimizers, o.ranks().mean(axis=0).tolist(), strict=True))
    critical = stats.critical_difference(len(ranks), len(o.problems))
    what = "mean hypervolume that is missing" if group == "multi" else "mean normalised regret"
    head = f"{title}, {len(o.problems)} problems"
    drawn = {
        "regret": figures.regret(head, curves, what),
        "ranks": figures.difference(
            f"{head}: mean ranks at {o.budget}", ranks, critical, stats.cliques(list(ranks.values()), critical)
        ),
    }
    lines = []
    for name, svg in drawn.items():
        path = FOLDER / f"{group}-{name}.svg"
        path.write_text(svg, encoding="utf-8")
        lines.append(f"![{title}: {name}](search/figures/{path.name})")
    return "\n".join(lines)


def _reach(o: Outcome, ours: str) -> str:
    """How many evaluations ours needs for what others have at the end."""
    if ours not in o.optimizers:
        return ""
    rows = [
        [label, *("not reached" if math.isinf(n) else f"{n:g}" for n in pair)]
        for label, pair in sorted(to_reach(o, ours).items(), key=lambda item: -item[1][0])
    ]
    return table([f"evaluations of {ours} to the regret at {o.budget} of", "by the mean curve", "median problem"], rows)


def _pending(
    every: list[Trace], sequential: list[Trace], problems: dict[str, Problem], pending: int, budget: int
) -> str:
    """The ranks with pending configurations, and the regret over the sequential one."""
    rows = []
    for group in GROUPS:
        o = outcome(every, problems, group, budget, scale)
        alone = outcome(sequential, problems, group, budget, scale)
        ratios = {}
        for i, label in enumerate(o.optimizers):
            both = [name for name in o.problems if name in alone.problems and label in alone.optimizers]
            if both:
                here = np.mean([o.final()[o.problems.index(name), i] for name in both])
                there = np.mean([alone.final()[alone.problems.index(n), alone.optimizers.index(label)] for n in both])
                ratios[label] = f"{here / there:.2f}"
        if len(o.optimizers) > 1 and o.problems:
            ranks, regret = o.ranks().mean(axis=0), o.final().mean(axis=0)
            rows += [
                [group, o.optimizers[i], f"{ranks[i]:.2f}", f"{regret[i]:.4f}", ratios.get(o.optimizers[i], "")]
                for i in np.argsort(ranks)
            ]
    if not rows:
        return ""
    header = ["group", "optimiser", "mean rank", "mean regret", "over its own sequential regret"]
    return f"### {pending} pending configurations, at {budget}\n\n{table(header, rows)}"


def _costs(every: list[Trace], budgets: list[int]) -> str:
    labels = dict.fromkeys(trace["optimizer"] for trace in every)
    rows = []
    for label in labels:
        found = [proposal_ms(every, label, budget) for budget in budgets]
        rows.append([label, *("" if math.isnan(mean) else f"{mean:.3g} ({last:.3g})" for mean, last in found)])
    return "### CPU milliseconds of a proposal\n\n" + table(
        ["mean (last ten)", *(f"of {budget} evaluations" for budget in budgets)], rows
    )
