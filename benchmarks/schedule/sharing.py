"""Time-sharing: 64 real models alive on 2 slots, against training all in full; killed on the way and resumed."""

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.results import table
from benchmarks.schedule import models, real, traces

RESULT = traces.FOLDER / "sharing.json"
KILL_AT = 100
SEEDS = 5


def compare(seed: int) -> dict[str, Any]:
    """Epochs of both until the best that training all in full finds, and what became of the models."""
    with tempfile.TemporaryDirectory(prefix="lanista-bench-") as folder:
        found = real.finish("sharing", Path(folder), seed, KILL_AT)
    trials = sorted(found["trials"], key=lambda trial: trial["number"])
    best, epochs = full([trial["params"] for trial in trials])
    _, steps, values = (np.array(column) for column in found["log"])
    complete = np.where(steps == models.EPOCHS_SHARED, values, np.inf)
    within = np.flatnonzero(complete <= best + 1e-9)
    alive = [trial for trial in trials if trial["state"] in ("paused", "completed")]
    return {
        "seed": seed,
        "fifo_best": best,
        "fifo_epochs": epochs,
        "best": float(complete.min()),
        "epochs": len(values),
        "epochs_to_best": int(within[0]) + 1 if len(within) else None,
        "models": len(trials),
        "alive": len(alive),
        "resumed": sum(trial["attempts"] > 1 for trial in trials),
    }


def full(params: list[dict[str, Any]]) -> tuple[float, int]:
    """Trains all in full: the best loss of a complete model, and the epochs of all."""
    losses = []
    for given in params:
        model = models.linear(given)
        losses.append([models.fit(model, step) for step in range(models.EPOCHS_SHARED)][-1])
    return min(losses), len(params) * models.EPOCHS_SHARED


def measure(seeds: int = SEEDS) -> list[dict[str, Any]]:
    """All seeds."""
    found = [compare(seed) for seed in range(seeds)]
    RESULT.parent.mkdir(exist_ok=True)
    RESULT.write_text(json.dumps(found), encoding="utf-8")
    return found


def told(found: list[dict[str, Any]]) -> str:
    """The results as a table."""
    rows = [
        [
            str(one["seed"]),
            f"{one['fifo_best']:.4f} in {one['fifo_epochs']:,}",
            f"{one['best']:.4f}",
            "never" if one["epochs_to_best"] is None else f"{one['epochs_to_best']:,}",
            "–" if one["epochs_to_best"] is None else f"{one['epochs_to_best'] / one['fifo_epochs']:.0%}",
            f"{one['epochs']:,}",
            f"{one['alive']} of {one['models']}",
        ]
        for one in found
    ]
    header = ["seed", "FIFO's best, in epochs", "best with time-sharing", "epochs to FIFO's best", "share", "in all"]
    return table([*header, "alive at the end"], rows)


def sharing() -> int:
    """Measures and prints."""
    print(told(measure()))
    return 0
