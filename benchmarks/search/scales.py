"""Where regret is 0 and 1 on problems that no publication scales: sampled once, and kept in `scales.json`.

The worst is a quantile of 20,000 random values. The best is the least of them, or what local search from the best of
them finds; optimisers may go below it, which is a regret below 0.
"""

import json
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.search.problems import Problem

Floats = NDArray[np.float64]
FILE = Path(__file__).resolve().parent / "scales.json"
SAMPLES, ROUNDS, PARENTS, CHILDREN = 20_000, 15, 25, 400


@cache
def _known() -> dict[str, dict[str, list[float]]]:
    known: dict[str, dict[str, list[float]]] = json.loads(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    return known


def scale(problem: Problem) -> tuple[Floats, Floats]:
    """The best and the worst value (m,) of each objective."""
    best, worst = problem.best, problem.worst
    if best is None or worst is None:
        if problem.name not in _known():
            _known()[problem.name] = _sampled(problem)
            lines = (f"{json.dumps(name)}: {json.dumps(found)}" for name, found in sorted(_known().items()))
            FILE.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
        found = _known()[problem.name]
        best, worst = best or tuple(found["best"]), worst or tuple(found["worst"])
    return np.array(best), np.array(worst)


def _sampled(problem: Problem) -> dict[str, list[float]]:
    rng = np.random.default_rng(0)
    X = problem.space.sample_unit(rng, SAMPLES)
    Y = _values(problem, X)
    worst = np.nanquantile(Y, problem.spread, axis=0)
    found = {"worst": [float(f"{value:.6g}") for value in worst]}
    if problem.best is None:
        found["best"] = [_descend(problem, X, Y[:, i], i, rng) for i in range(problem.objectives)]
    return found


def _values(problem: Problem, X: Floats) -> Floats:
    return np.array([problem.evaluate(params).values for params in problem.space.decode(X)])


def _descend(problem: Problem, X: Floats, y: Floats, objective: int, rng: np.random.Generator) -> float:
    """The least value: the best points change one or two of their coordinates at a time, by less and less."""
    for turn in range(ROUNDS):
        order = np.argsort(y)[:PARENTS]
        X, y = X[order], y[order]
        children = X[rng.integers(len(X), size=CHILDREN)]
        changed = rng.random(children.shape) < 1.5 / children.shape[1]
        moved = np.clip(children + rng.normal(0, 0.3 * 0.75**turn, children.shape), 0, 1)
        fresh = rng.random(children.shape)
        children = np.where(changed, np.where(rng.random(children.shape) < 0.3, fresh, moved), children)
        X = np.concatenate([X, children])
        y = np.concatenate([y, _values(problem, children)[:, objective]])
    return float(np.nanmin(y))
