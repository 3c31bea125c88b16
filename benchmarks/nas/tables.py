"""Strategies on the tables of NAS-Bench-201, -Macro and -Graph: which finds a good architecture in few evaluations.

Regret is told in points of accuracy below the best architecture of the table.
"""

import argparse
import math
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search import figures, traces
from benchmarks.search.optimizers import parse, split
from benchmarks.search.problems import problem
from benchmarks.search.runner import Runner, plan
from benchmarks.search.stats import best_so_far, evaluations_to_reach

Floats = NDArray[np.float64]
Curves = dict[str, Floats]
"""By strategy the regret (seeds, n) after each evaluation."""
FOLDER = Path(__file__).resolve().parent
TRACES = FOLDER / "results" / "tables.jsonl"
PROBLEMS = {
    "nb201/cifar10_test_200ep": "NAS-Bench-201, CIFAR-10 after 200 epochs",
    "nb201/cifar100_test_200ep": "NAS-Bench-201, CIFAR-100 after 200 epochs",
    "nb201/cifar10_val_12ep": "NAS-Bench-201, CIFAR-10 after 12 epochs",
    "macro/mean_acc": "NAS-Bench-Macro, CIFAR-10",
    "graph/cora": "NAS-Bench-Graph, Cora",
    "graph/photo": "NAS-Bench-Graph, Photo",
}
STRATEGIES = {
    "random": "lanista:random",
    "evolution": "lanista:evolution",
    "local": "lanista:local",
    "bananas": "lanista:bananas",
    "bananas-paths": "lanista:benchmarks.nas.paths:bananas",
    "pnas": "lanista:pnas",
    "reinforce": "lanista:reinforce",
    "ppo": "lanista:ppo",
    "auto": "lanista:auto",
}
RANDOM, OURS, BAR = 500, 200, 60
"""Evaluations of random search, of the others, and within which the best of ours shall come as far as it."""
SETTING = {"parallel": 1, "durations": "equal"}
AT = (30, 60, 100, 200)


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("tables", help="strategies on tables of trained architectures")
    command.add_argument("--strategies", default=",".join(STRATEGIES), metavar="A,B", help="names, or label=spec")
    command.add_argument("--problems", default="", metavar="TEXT", help="only the problems whose name contains TEXT")
    command.add_argument("--seeds", type=int, default=50, help="how many, from 0 (default 50)")
    command.add_argument("--jobs", type=int, default=1, help="workers, of one thread each (default 1)")
    command.add_argument("--fresh", action="store_true", help="forget these strategies' traces first")
    command.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md and figures")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Makes the traces that are missing, and tells of all of them."""
    names = [name for name in PROBLEMS if given.problems in name]
    specs = [f"{each}={STRATEGIES[each]}" if each in STRATEGIES else each for each in split(given.strategies)]
    TRACES.parent.mkdir(exist_ok=True)
    TRACES.touch()
    if given.fresh:
        traces.forget(TRACES, [parse(spec).label for spec in specs])
    known = traces.read([TRACES])
    jobs = []
    for spec in specs:
        budget = RANDOM if parse(spec).label == "random" else OURS
        suited = [name for name in names if "paths" not in spec or name.startswith("nb201/")]
        jobs += plan([spec], suited, range(given.seeds), {**SETTING, "budget": budget}, known)
    runner = Runner(TRACES, jobs, timeout=3600)
    runner.run(given.jobs)
    curves = read(names, [parse(spec).label for spec in specs], given.seeds)
    for name in names:
        print(f"\n{PROBLEMS[name]}")
        for row in rows(curves[name]):
            print("  ".join(f"{cell:>14}" for cell in row))
    if given.write:
        from benchmarks.nas.page import write

        write(read(list(PROBLEMS), list(STRATEGIES), given.seeds))
    return 1 if runner.failures else 0


def read(names: list[str], labels: list[str], seeds: int) -> dict[str, Curves]:
    """By problem the curves of the strategies; a strategy that lacks seeds has those that were made."""
    found: dict[str, Curves] = {name: {} for name in names}
    known = traces.read([TRACES])
    for name in names:
        best, worst = problem(name).best, problem(name).worst
        assert best is not None and worst is not None
        for each in labels:
            ours = [known.get((each, name, seed, 1, "equal")) for seed in range(seeds)]
            made = [best_so_far(t["values"], t["budget"], worst[0]) - best[0] for t in ours if t is not None]
            if made:
                found[name][each] = np.array(made)
    return found


def rows(curves: Curves) -> list[list[str]]:
    """A row a strategy: the mean regret after some evaluations, and how many reach what random search has at last."""
    goal = curves["random"].mean(axis=0)[-1] if "random" in curves else math.nan
    told = [["regret", "seeds", *(f"at {n}" for n in AT), f"as random at {RANDOM}"]]
    for each, found in sorted(curves.items(), key=lambda item: float(item[1].mean(axis=0)[OURS - 1])):
        mean = found.mean(axis=0)
        reached = evaluations_to_reach(mean, goal)
        told.append(
            [
                each,
                str(len(found)),
                *(f"{mean[n - 1]:.3f}" for n in AT),
                f"{reached:g}" if math.isfinite(reached) else "–",
            ]
        )
    return told


def draw(name: str, curves: Curves) -> str:
    """Draws the mean curves of a problem; the name of the file."""
    path = FOLDER / "figures" / f"tables-{name.replace('/', '-')}.svg"
    path.parent.mkdir(exist_ok=True)
    title = f"{PROBLEMS[name]}: mean regret"
    means = {each: found.mean(axis=0)[:OURS] for each, found in curves.items()}
    path.write_text(figures.regret(title, means, "points of accuracy below the best"), encoding="utf-8")
    return path.name
