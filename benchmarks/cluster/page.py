"""The tables and the bars, from the results."""

from collections.abc import Iterable

from benchmarks.cluster.plan import MIB, SETTLED_S, Case
from benchmarks.overhead.page import number
from benchmarks.results import table

Cases = dict[str, Case]
MEMORY_AT = 10_000
"""How many trials the bar for memory speaks of."""
RATES = {
    "ours sqlite": "Lanista, SQLite",
    "ours memory": "Lanista, in memory",
    "bare actors 1": "bare actors, the next call after the result of the last",
    "bare actors 8": "bare actors, 8 calls ahead each",
    "bare tasks 1": "bare tasks, two at a time",
    "tune default": "Ray Tune, as it comes",
    "tune reuse": "Ray Tune, `reuse_actors=True`",
    "memory tune": "Ray Tune, `reuse_actors=True`",
}


def over_all(case: Case) -> float:
    return case.get("trials") / case.get("wall")


def _best(found: Iterable[Case]) -> float:
    """The fastest of several ways, over all or once it runs."""
    return max(max(case.get("steady"), over_all(case)) for case in found)


def rates(cases: Cases) -> str:
    rows = []
    for key, label in RATES.items():
        case = cases[key]
        trials = case.get("trials")
        figures = (over_all(case), case.get("steady"), case.get("cpu") / trials * 1e3)
        rows.append([label, f"{trials:,.0f}", *map(number, figures), str(len(case.results))])
    header = ["way", "trials", "per second, over all", "after the first", "CPU ms of the driver a trial", "runs"]
    return table(header, rows)


def firsts(cases: Cases) -> str:
    names = {"ours": "Lanista, `run`", "tune": "Ray Tune, `fit`", "bare": "a bare actor"}
    rows = []
    for key, label in names.items():
        found = [cases[f"first {key} {after}"] for after in (0, SETTLED_S)]
        rows.append([label, *(number(case.get("first")) for case in found), str(len(found[0].results))])
    header = [
        "from the call to the first line of the objective, seconds",
        "at once",
        f"{SETTLED_S} s after",
        "runs",
    ]
    return table(header, rows)


def memory(cases: Cases) -> str:
    rows = [
        [label, f"{cases[key].get('trials'):,.0f}", number(cases[key].get("before")), number(cases[key].get("rss"))]
        for key, label in {"memory ours": "Lanista, SQLite", "memory tune": "Ray Tune"}.items()
    ]
    return table(["peak memory of the driver, MiB", "trials", "before the first", "after the last"], rows)


def sharing(cases: Cases) -> str:
    ours, tune = cases["share ours"], cases["share tune"]
    rows = [
        ["Lanista, `la.share`", number(ours.get("stored")), number(ours.get("private")), number(ours.get("wall"))],
        ["Ray Tune, `tune.with_parameters`", number(tune.get("stored")), "–", number(tune.get("wall"))],
    ]
    header = [f"an array of {MIB} MiB to 2 workers", "MiB in the object store", "MiB of the workers' own", "seconds"]
    return table(header, rows)


def bars(cases: Cases) -> str:
    """The bars, what was measured, and whether each is met."""
    tune, reuse = (_best([cases[f"tune {way}"]]) for way in ("default", "reuse"))
    durable, bare = cases["ours sqlite"], _best(cases[key] for key in ("bare actors 1", "bare actors 8"))
    steady = durable.get("steady") / bare
    whole, reused = over_all(durable) / tune, over_all(durable) / reuse
    bare_whole = over_all(durable) / max(over_all(cases[key]) for key in ("bare actors 1", "bare actors 8"))
    begins = {key: case.get("first") for key, case in cases.items() if key.startswith("first")}
    first = begins[f"first ours {SETTLED_S}"] / begins[f"first tune {SETTLED_S}"]
    at_once = begins["first ours 0"] / begins["first tune 0"]
    held = cases["memory ours"].get("rss") / cases["memory tune"].get("rss")
    enough = held <= 0.5 if cases["memory tune"].get("trials") >= MEMORY_AT else None
    copies = (cases["share ours"].get("stored") + max(0.0, cases["share ours"].get("private"))) / MIB
    at = f"{cases['memory tune'].get('trials'):,.0f}"
    rows = [
        ["trials a second, SQLite, over Ray Tune as it comes", "at least 100 times", _times(whole), _met(whole >= 100)],
        ["the same over Ray Tune with `reuse_actors=True`", "–", _times(reused), "no bar"],
        ["the same over bare actors, once running", "at least 0.8", _times(steady), _met(steady >= 0.8)],
        ["the same over bare actors, start of the workers included", "–", _times(bare_whole), "no bar"],
        ["from `run` to the first trial, over Ray Tune", "at most 0.33", _times(first), _met(first <= 1 / 3)],
        ["the same at once after joining Ray", "–", _times(at_once), "no bar"],
        [f"memory of the driver at {MEMORY_AT:,} trials", "at most 0.5", f"{_times(held)} at {at}", _met(enough)],
        [f"copies of {MIB} MiB shared by 2 workers", "1", number(copies), _met(copies < 1.1)],
    ]
    return table(["what", "bar", "measured", "met"], rows)


def _times(value: float) -> str:
    return f"{number(value)} times"


def _met(met: bool | None) -> str:
    return "not measured" if met is None else "yes" if met else "**no**"


def render(cases: Iterable[Case]) -> str:
    """The whole section, below its preamble."""
    found = {case.key: case for case in cases}
    return "\n\n".join([bars(found), rates(found), firsts(found), memory(found), sharing(found)])
