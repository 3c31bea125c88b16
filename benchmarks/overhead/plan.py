"""Which cases are run, how large and how often."""

from dataclasses import dataclass, field
from statistics import median
from typing import Any

from benchmarks.measure import Result

OURS, OPTUNA, RAY = "benchmarks.overhead.ours", "benchmarks.overhead.optunas", "benchmarks.overhead.rays"


@dataclass
class Case:
    """A case with its arguments; `key` names it in the tables, `results` are of its repetitions."""

    key: str
    module: str
    name: str
    arguments: dict[str, Any]
    repeat: int = 3
    results: list[Result] = field(default_factory=list)

    @property
    def peers(self) -> bool:
        return self.module != OURS

    def get(self, name: str) -> float:
        """The median of a measurement over the repetitions; NaN where it was not taken."""
        found = [result[name] for result in self.results if name in result]
        return median(found) if found else float("nan")


def cases(*, quick: bool, postgres: bool) -> list[Case]:
    """All cases; `quick` leaves out most of the large ones and repeats nothing."""
    planned = [*_ours(postgres), *_optuna(), *_ray(), *_reports(), *_firsts()]
    planned.append(Case("open", OURS, "opening", {"trials": 100_000, "times": 5}, 1))
    if quick:
        kept = ("open", "inline memory 100000", "inline sqlite 100000")
        planned = [case for case in planned if case.arguments.get("trials", 0) <= 1_000 or case.key.startswith(kept)]
        planned = [case for case in planned if not case.key.startswith("optuna optimize sqlite")]
        planned.append(Case("optuna optimize sqlite 60", OPTUNA, "optimize", {"store": "sqlite", "trials": 60}))
        for case in planned:
            case.repeat = 1
    return planned


def _ours(postgres: bool) -> list[Case]:
    """Small cases several times, large ones once; at 100,000 trials the growth is measured on top."""
    found: list[Case] = []
    for trials, repeat in {1_000: 5, 10_000: 3}.items():
        for store in ("memory", "sqlite", *(["postgres"] if postgres else [])):
            times = 1 if store == "postgres" and trials > 1_000 else repeat
            arguments = {"store": store, "trials": trials}
            for way in ("inline", "ask"):
                found.append(Case(f"{way} {store} {trials}", OURS, "run", {**arguments, "way": way}, times))
            found.append(Case(f"processes {store} {trials}", OURS, "run_processes", {**arguments, "workers": 2}, times))
    for store in ("memory", "sqlite"):
        for way in ("inline", "ask"):
            arguments = {"store": store, "way": way, "trials": 100_000, "rounds": 9}
            found.append(Case(f"{way} {store} 100000", OURS, "growth", arguments, 1))
    if postgres:
        arguments = {"store": "postgres", "way": "inline", "trials": 100_000}
        found.append(Case("inline postgres 100000", OURS, "run", arguments, 1))
    return found


def _optuna() -> list[Case]:
    found = []
    for trials, repeat in {1_000: 5, 10_000: 1}.items():
        once = {"store": "memory", "trials": trials}
        found.append(Case(f"optuna optimize memory {trials}", OPTUNA, "optimize", once, repeat))
        found.append(Case(f"optuna ask memory {trials}", OPTUNA, "ask_and_tell", once, repeat))
    found.append(Case("optuna optimize sqlite 300", OPTUNA, "optimize", {"store": "sqlite", "trials": 300}, 3))
    found.append(Case("optuna optimize journal 1000", OPTUNA, "optimize", {"store": "journal", "trials": 1_000}, 3))
    return found


def _ray() -> list[Case]:
    return [
        Case("ray default", RAY, "run", {"trials": 12, "reuse": False}, 2),
        Case("ray reuse", RAY, "run", {"trials": 200, "reuse": True}, 2),
    ]


def _reports() -> list[Case]:
    found = []
    for executor in ("inline", "processes"):
        for scheduler in ("fifo", "median"):
            arguments = {"store": "sqlite", "trials": 8, "steps": 500, "scheduler": scheduler, "executor": executor}
            found.append(Case(f"report {executor} {scheduler}", OURS, "reports", arguments, 7))
    found.append(Case("optuna report memory", OPTUNA, "reports", {"store": "memory", "trials": 8, "steps": 500}, 3))
    found.append(Case("optuna report sqlite", OPTUNA, "reports", {"store": "sqlite", "trials": 8, "steps": 50}, 1))
    return found


def _firsts() -> list[Case]:
    found = [
        Case(f"first {store} {executor}", OURS, "first_trial", {"store": store, "executor": executor}, 5)
        for store in ("memory", "sqlite")
        for executor in ("inline", "processes")
    ]
    found += [
        Case(f"optuna first {store}", OPTUNA, "first_trial", {"store": store}, 3) for store in ("memory", "sqlite")
    ]
    return found
