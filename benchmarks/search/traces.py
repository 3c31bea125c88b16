"""The file of traces: a JSON line each, only appended to; of two for the same run the longer, else the later, holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Trace = dict[str, Any]
Key = tuple[str, str, int, int, str]
FOLDER = Path(__file__).resolve().parent / "results"


def key(trace: Trace) -> Key:
    """What a trace is of: optimiser, problem, seed, pending configurations, durations."""
    return trace["optimizer"], trace["problem"], trace["seed"], trace["parallel"], trace["durations"]


def read(paths: Iterable[Path]) -> dict[Key, Trace]:
    """All traces of some files; a last line that was cut off by a crash is left out."""
    found: dict[Key, Trace] = {}
    for path in paths:
        for line in path.read_text(encoding="utf-8").splitlines():
            try:
                trace = json.loads(line)
            except json.JSONDecodeError:
                continue
            known = found.get(key(trace))
            if known is None or trace["budget"] >= known["budget"]:
                found[key(trace)] = trace
    return found


def forget(path: Path, optimizers: Iterable[str]) -> None:
    """Takes the traces of some optimisers out of a file."""
    names = set(optimizers)
    kept = [trace for trace in read([path]).values() if trace["optimizer"] not in names]
    path.write_text("".join(json.dumps(trace) + "\n" for trace in kept), encoding="utf-8")
