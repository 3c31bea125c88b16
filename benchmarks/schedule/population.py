"""Population-based training: the toy of its paper, and a real network against random search with equal compute."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

import lanista as la
from benchmarks.results import table
from benchmarks.schedule import metrics, real, traces

RESULT = traces.FOLDER / "pbt.json"
STEPS = 200
KILL_AT = 150
SEEDS = 11


def descend(trial: la.Trial) -> None:
    """Jaderberg et al. (2017), figure 2: the measure is 1.2 - |θ|², each member descends a surrogate of its own."""
    theta = np.array([0.9, 0.9])
    for _ in range(trial.load(theta), STEPS):
        theta -= 0.01 * 2 * np.array([trial["h0"], trial["h1"]]) * theta
        trial.save(theta)
        trial.report(q=1.2 - float(theta @ theta))


def toy(scheduler: la.Scheduler | None, seed: int) -> list[float]:
    """The best measure of the two members by their steps."""
    space = {"h0": la.Float(0, 1), "h1": la.Float(0, 1)}
    made = la.Experiment("toy", space, metric="q", mode="max", scheduler=scheduler, store="memory", seed=seed)
    made.enqueue([{"h0": 1.0, "h1": 0.0}, {"h0": 0.0, "h1": 1.0}])
    made.run(descend, trials=None if scheduler else 2, executor="inline", progress=False)
    _, steps, values = made.history.log
    found = np.full(STEPS, -np.inf)
    np.maximum.at(found, steps.astype(int) - 1, -values[:, 0])
    return np.maximum.accumulate(found).tolist()  # type: ignore[no-any-return]


def compare(seed: int) -> dict[str, Any]:
    """The best loss of a population that was killed on the way and resumed, and of random search; their epochs."""
    found: dict[str, Any] = {"seed": seed}
    for case, kill_at in (("pbt", KILL_AT), ("plain", 0)):
        with tempfile.TemporaryDirectory(prefix="lanista-bench-") as folder:
            result = real.finish(case, Path(folder), seed, kill_at)
        _, steps, values = result["log"]
        found[case] = {"best": min(values), "epochs": len(steps), "trials": len(result["trials"])}
    return found


def measure(seeds: int = SEEDS) -> dict[str, Any]:
    """Both parts."""
    found = {
        "toy": {"pbt": toy(la.PBT(STEPS, population=2, interval=4), 1), "grid": toy(None, 1)},
        "toy_final": [toy(la.PBT(STEPS, population=2, interval=4), seed)[-1] for seed in range(10)],
        "digits": [compare(seed) for seed in range(seeds)],
    }
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found), encoding="utf-8")
    return found


def told(found: dict[str, Any]) -> str:
    """The results as tables."""
    toys, digits = found["toy_final"], found["digits"]
    wins = sum(one["pbt"]["best"] < one["plain"]["best"] for one in digits)
    gain = metrics.median_interval([one["plain"]["best"] / one["pbt"]["best"] for one in digits])
    rows = [
        ["toy: Q of two members with PBT, the worst of 10 seeds", f"{min(toys):.3f}"],
        ["toy: Q of the same two alone (1.2 is the optimum)", f"{found['toy']['grid'][-1]:.3f}"],
        ["digits: median of the best loss, PBT", f"{np.median([one['pbt']['best'] for one in digits]):.4f}"],
        ["digits: median of the best loss, random search", f"{np.median([o['plain']['best'] for o in digits]):.4f}"],
        ["digits: loss of random search over PBT's, median", f"{gain[0]:.3f} ({gain[1]:.3f}–{gain[2]:.3f})"],
        ["digits: seeds on which PBT is better", f"{wins} of {len(digits)}"],
        ["digits: epochs of PBT, median", f"{np.median([one['pbt']['epochs'] for one in digits]):.0f}"],
        ["digits: epochs of random search", f"{np.median([one['plain']['epochs'] for one in digits]):.0f}"],
    ]
    return table(["population-based training", "measured"], rows)


def population() -> int:
    """Measures and prints."""
    print(told(measure()))
    return 0
