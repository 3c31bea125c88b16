"""Which cases are run, how large and how often."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.measure import Result

MIB = 500
"""The array that is broadcast."""
SETTLED_S = 5
"""Long enough after a driver has joined for Ray to have idle workers."""


@dataclass
class Case:
    """A case with its arguments; `key` names it in the tables, `results` are of its repetitions."""

    key: str
    module: str
    name: str
    arguments: dict[str, Any]
    repeat: int
    results: list[Result] = field(default_factory=list)

    def get(self, name: str) -> float:
        """The median of a measurement over the repetitions; NaN where it was not taken."""
        found = [result[name] for result in self.results if name in result]
        return median(found) if found else float("nan")


def cases(*, quick: bool) -> list[Case]:
    """All cases; `quick` makes them small and repeats little."""
    many, few, times = (2_000, 300, 3) if quick else (10_000, 10_000, 3)
    return [
        Case("ours sqlite", "ours", "run", {"store": "sqlite", "trials": many}, times),
        Case("ours memory", "ours", "run", {"store": "memory", "trials": many}, times),
        Case("bare actors 1", "bare", "run", {"way": "actors", "trials": many, "ahead": 1}, times),
        Case("bare actors 8", "bare", "run", {"way": "actors", "trials": many, "ahead": 8}, times),
        Case("bare tasks 1", "bare", "run", {"way": "tasks", "trials": many, "ahead": 1}, 1),
        Case("tune default", "tunes", "run", {"trials": 8 if quick else 30, "reuse": False}, 1 if quick else 2),
        Case("tune reuse", "tunes", "run", {"trials": 60 if quick else 300, "reuse": True}, 1 if quick else 2),
        *_firsts(2 if quick else 7),
        Case("share ours", "ours", "broadcast", {"mib": MIB}, 1),
        Case("share tune", "tunes", "broadcast", {"mib": MIB}, 1),
        Case("memory ours", "ours", "run", {"store": "sqlite", "trials": few}, 1),
        Case("memory tune", "tunes", "run", {"trials": few, "reuse": True}, 1),
    ]


def _firsts(repeat: int) -> list[Case]:
    """The first trial: as soon as Ray is joined, while it starts its idle workers, and once they are up."""
    return [
        Case(f"first {key} {after}", module, "first", {"after": after}, repeat)
        for after in (0, SETTLED_S)
        for key, module in (("ours", "ours"), ("tune", "tunes"), ("bare", "bare"))
    ]
