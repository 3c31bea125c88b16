"""The file of runs: a JSON line each, only appended to; of two for the same run the later holds."""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

Trace = dict[str, Any]
Key = tuple[str, str, int, int, int]
FOLDER = Path(__file__).resolve().parent / "results"


def key(trace: Trace) -> Key:
    """What a run is of: combination, problem, workers, seed, and the trainings of the reference."""
    return trace["label"], trace["problem"], trace["workers"], trace["seed"], trace["trainings"]


def read(path: Path) -> dict[Key, Trace]:
    """All runs of a file; a last line that was cut off by a crash is left out."""
    found: dict[Key, Trace] = {}
    for line in path.read_text(encoding="utf-8").splitlines() if path.exists() else ():
        try:
            trace = json.loads(line)
        except json.JSONDecodeError:
            continue
        found[key(trace)] = trace
    return found


def append(path: Path, traces: Iterable[Trace]) -> None:
    """Adds runs to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a", encoding="utf-8") as file:
        for trace in traces:
            file.write(json.dumps(trace) + "\n")


def forget(path: Path, labels: Iterable[str]) -> None:
    """Takes the runs of some combinations out of a file."""
    names = set(labels)
    kept = [trace for trace in read(path).values() if trace["label"] not in names]
    path.write_text("".join(json.dumps(trace) + "\n" for trace in kept), encoding="utf-8")
