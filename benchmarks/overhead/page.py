"""The tables and the bars, from the results."""

from collections.abc import Iterable
from math import isnan

from benchmarks.measure import Result
from benchmarks.overhead.plan import Case
from benchmarks.results import table

Cases = dict[str, Case]
SIZES = (1_000, 10_000, 100_000)


def rate(case: Case | None, what: str = "cpu") -> float:
    """Trials per second of CPU ("cpu") or by the clock ("wall")."""
    return case.get("trials") / case.get(what) if case is not None else float("nan")


def number(value: float, digits: int = 3) -> str:
    """A number with so many significant digits and thousands separated; a dash where there is none."""
    if isnan(value):
        return "–"
    if abs(value) >= 10 ** (digits - 1):
        return f"{round(value, digits - len(str(int(abs(value))))):,.0f}"
    return f"{value:.{digits}g}"


def rates(cases: Cases) -> str:
    """Trials per CPU second and per second, by way and size."""
    names = {
        "inline memory": "Lanista, in memory, `run` inline",
        "ask memory": "Lanista, in memory, ask and tell",
        "processes memory": "Lanista, in memory, `processes`, 2 workers",
        "inline sqlite": "Lanista, SQLite, `run` inline",
        "ask sqlite": "Lanista, SQLite, ask and tell",
        "processes sqlite": "Lanista, SQLite, `processes`, 2 workers",
        "inline postgres": "Lanista, PostgreSQL, `run` inline",
        "ask postgres": "Lanista, PostgreSQL, ask and tell",
        "processes postgres": "Lanista, PostgreSQL, `processes`, 2 workers",
        "optuna optimize memory": "Optuna, in memory, `optimize`",
        "optuna ask memory": "Optuna, in memory, ask and tell",
        "optuna optimize journal": "Optuna, journal file, `optimize`",
        "optuna optimize sqlite": "Optuna, SQLite, `optimize`",
        "ray default": "Ray Tune, 2 slots, as it comes",
        "ray reuse": "Ray Tune, 2 slots, `reuse_actors=True`",
    }
    rows = []
    for key, label in names.items():
        found = [case for name, case in cases.items() if key in (name, name.rpartition(" ")[0])]
        for case in found:
            if case.results:
                trials = int(case.get("trials"))
                figures = (rate(case), rate(case, "wall"), case.get("rss"))
                rows.append([label, f"{trials:,}", *map(number, figures), str(len(case.results))])
    return table(["way", "trials", "per CPU second", "per second", "peak memory, MiB", "runs"], rows)


def growth(cases: Cases) -> str:
    """What one more trial costs at the 1,000th and at the 100,000th."""
    names = {
        "inline memory 100000": "Lanista, in memory, `run` inline",
        "ask memory 100000": "Lanista, in memory, ask and tell",
        "inline sqlite 100000": "Lanista, SQLite, `run` inline",
        "ask sqlite 100000": "Lanista, SQLite, ask and tell",
    }
    rows = [
        [label, number(case.get("early") * 1e6), number(case.get("late") * 1e6), number(case.get("ratio"))]
        for key, label in names.items()
        if (case := cases.get(key)) is not None
    ]
    return table(["one more trial", "CPU µs at 1,000", "CPU µs at 100,000", "ratio"], rows)


def reports(cases: Cases) -> str:
    names = {
        "report processes fifo": "Lanista, SQLite, `processes`, no scheduler",
        "report processes median": "Lanista, SQLite, `processes`, median stopping",
        "report inline fifo": "Lanista, SQLite, inline, no scheduler",
        "report inline median": "Lanista, SQLite, inline, median stopping",
        "optuna report memory": "Optuna, in memory, `report` and `should_prune`, median pruner",
        "optuna report sqlite": "Optuna, SQLite, `report` and `should_prune`, median pruner",
    }
    rows = [
        [label, *(number(cases[key].get(what) * 1e6) for what in ("median", "p95", "cpu_report"))]
        for key, label in names.items()
        if key in cases
    ]
    return table(["one report and its decision", "median µs", "95% µs", "CPU µs"], rows)


def firsts(cases: Cases, imports: dict[str, Result]) -> str:
    names = {
        "first memory inline": "Lanista, in memory, inline",
        "first sqlite inline": "Lanista, SQLite, inline",
        "first memory processes": "Lanista, in memory, `processes`",
        "first sqlite processes": "Lanista, SQLite, `processes`",
        "optuna first memory": "Optuna, in memory",
        "optuna first sqlite": "Optuna, SQLite",
        "ray default": "Ray Tune",
    }
    rows = [[label, number(cases[key].get("first"))] for key, label in names.items() if key in cases]
    first = table(["from starting Python to the first trial", "seconds"], rows)
    rows = [[f"`{name}`", number(r["cpu"] * 1e3), number(r["wall"] * 1e3)] for name, r in imports.items()]
    return first + "\n\n" + table(["import, beyond what comes before it", "CPU ms", "wall ms"], rows)


def bars(cases: Cases, imports: dict[str, Result]) -> str:
    """The bars, what was measured, and whether each is met."""
    optuna_memory = max(rate(cases.get(f"optuna {way} memory 1000")) for way in ("optimize", "ask"))
    durable = {n: rate(cases.get(f"inline sqlite {n}")) for n in SIZES if f"inline sqlite {n}" in cases}
    told = [rate(cases.get(f"ask memory {n}")) for n in SIZES if f"ask memory {n}" in cases]
    growths = [ratio for case in cases.values() if not isnan(ratio := case.get("ratio"))]
    workers = [rate(cases.get(f"processes sqlite {n}"), "wall") for n in SIZES if f"processes sqlite {n}" in cases]
    slow = max(rate(cases["ray default"], "wall"), cases["ray default"].get("steady"))
    trip = max(cases[f"report processes {name}"].get("median") for name in ("fifo", "median")) * 1e6
    opening = cases["open"].get("wall")
    light = imports["import lanista"]["cpu"] * 1e3
    peer = max(rate(case) for key, case in cases.items() if key.startswith("optuna optimize sqlite"))
    told_times = "; ".join(f"{number(value / peer)} times at {n:,}" for n, value in durable.items())
    times = durable[SIZES[0]] / peer  # Optuna runs fewer still; at 100,000 nobody waits for it
    worst = max(growths, default=float("nan"))
    flat = None if isnan(worst) else worst <= 1.5
    ahead, fourfold, faster = min(durable.values()) / optuna_memory, min(told) / optuna_memory, min(workers) / slow
    rows = [
        _bar("durable trials, inline, over Optuna on SQLite (CPU)", "at least 100 times", told_times, times >= 100),
        _bar("durable trials, inline, over Optuna in memory (CPU)", "more than 1", _times(ahead), ahead > 1),
        _bar("ask and tell, both in memory, over Optuna (CPU)", "at least 4 times", _times(fourfold), fourfold >= 4),
        _bar("a trial at 100,000 over one at 1,000 (CPU, the worst way)", "at most 1.5", number(worst), flat),
        _bar("`processes`, SQLite, over Ray Tune (clock)", "at least 100 times", _times(faster), faster >= 100),
        _bar("a report's round trip in `processes`", "under 150 µs median", f"{number(trip)} µs", trip < 150),
        _bar("opening 100,000 trials", "under 2 s", f"{number(opening)} s", opening < 2),
        _bar("`import lanista` beyond numpy (CPU)", "under 100 ms", f"{number(light)} ms", light < 100),
    ]
    return table(["what", "bar", "measured", "met"], rows)


def _times(value: float) -> str:
    return f"{number(value)} times"


def _bar(what: str, bar: str, measured: str, met: bool | None) -> list[str]:
    return [what, bar, measured, "not measured" if met is None else "yes" if met else "**no**"]


def render(cases: Iterable[Case], imports: dict[str, Result]) -> str:
    """The whole section, below its preamble."""
    found = {case.key: case for case in cases}
    return "\n\n".join([bars(found, imports), rates(found), growth(found), reports(found), firsts(found, imports)])
