"""CPU milliseconds of a proposal by the number of trials before it, in ten dimensions and on a conditional space.

The history is of random configurations with the values of a smooth function; a proposal is timed from the outcome that
came in before it. Optuna is told the same history; other peers cannot be told one in reasonable time.
"""

import os
import subprocess
import sys
import time
from statistics import median
from typing import Any

import numpy as np

from benchmarks.search.optimizers import Agent, Setting, parse
from benchmarks.search.problems.base import ROOT
from benchmarks.search.runner import THREADS, python_of
from lanista.space import Choice, Float, Int, Space

SPACES = {
    "float10": Space({f"x{i}": Float(0.0, 1.0) for i in range(10)}),
    "mixed": Space(
        {
            **{f"x{i}": Float(1e-4, 1.0, log=True) for i in range(4)},
            **{f"n{i}": Int(1, 64) for i in range(3)},
            "kind": Choice({"a": {"u": Float(0, 1), "v": Int(1, 9)}, "b": {"w": Float(0, 1)}, "c": {}}),
        }
    ),
}


def measure(spec: str, which: str, trials: int, proposals: int) -> float:
    """The median CPU milliseconds of some proposals after so many trials."""
    space = SPACES[which]
    agent: Agent = parse(spec).start(Setting(space, 1, 0, trials + proposals + 1, 1))
    configurations = space.sample(np.random.default_rng(0), trials)
    agent.preload([(params, (value(space, params),)) for params in configurations])
    taken = []
    for _ in range(proposals + 1):
        begin = time.process_time()
        found = agent.ask()
        taken.append(time.process_time() - begin)
        assert found is not None
        begin = time.process_time()
        agent.tell(found[0], (value(space, found[1]),))
        taken[-1] += time.process_time() - begin
    return 1e3 * median(taken[1:])


def value(space: Space, params: dict[str, Any]) -> float:
    """A bowl in the unit cube; what does not apply adds nothing."""
    X, active = space.encode([params])
    return float((np.where(active, X - 0.3, 0.0) ** 2).sum())


def latency(specs: list[str], sizes: list[int], proposals: int) -> int:
    """Prints a table; each figure is of a process of its own, in the optimiser's environment."""
    wide = max(len(f"{spec} {which}") for spec in specs for which in SPACES)
    print(f"{'CPU ms a proposal after':<{wide}}" + "".join(f"{size:>10}" for size in sizes))
    for spec in specs:
        for which in SPACES:
            cells = []
            for size in sizes:
                command = [str(python_of(parse(spec).environment)), "-m", "benchmarks.search.latency"]
                environment = {**os.environ, **dict.fromkeys(THREADS, "1")}
                environment["PYTHONPATH"] = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
                done = subprocess.run(
                    [*command, spec, which, str(size), str(proposals)],
                    cwd=ROOT,
                    env=environment,
                    capture_output=True,
                    text=True,
                    check=False,
                )
                if done.returncode:
                    print(done.stderr[-2000:], file=sys.stderr)
                cells.append(f"{float(done.stdout.split()[-1]):10.2f}" if done.returncode == 0 else f"{'failed':>10}")
            print(f"{f'{spec} {which}':<{wide}}" + "".join(cells), flush=True)
    return 0


if __name__ == "__main__":
    print(measure(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])))
