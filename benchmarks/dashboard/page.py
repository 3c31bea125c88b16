"""The tables and the bars, from the results."""

from statistics import median

from benchmarks.measure import Result
from benchmarks.overhead.page import number
from benchmarks.results import table

Results = dict[tuple[str, int], dict[str, list[Result]]]
FIGURE_S, FILTER_S, TIMES = 1.5, 0.3, 5.0
NAMES = {"ours": "Lanista", "peer": "optuna-dashboard"}


def mid(found: list[Result], name: str) -> float:
    """The median of a measurement; NaN where there is none."""
    values = [result[name] for result in found if name in result]
    return median(values) if values else float("nan")


def seconds(found: list[Result], name: str = "wall") -> str:
    """The median, or that all took longer than they might."""
    if found and all("late" in result for result in found):
        return f"over {found[0]['late']:.0f}" if name == "wall" else "–"
    return number(mid(found, name)) if found else "–"


def least(found: list[Result]) -> float:
    """The median seconds, or the limit that was passed."""
    return median(result.get("wall", result.get("late", float("nan"))) for result in found)


def ratio(results: Results, count: int) -> str:
    """How many times quicker the first figure is than the peer's."""
    ours, peer = results["ours", count]["figure"], results["peer", count]["figure"]
    if not peer:
        return "–"
    sign = "over " if all("late" in result for result in peer) else ""
    return f"{sign}{number(least(peer) / least(ours))} times"


def bars(results: Results, counts: list[int]) -> str:
    """The bars, what was measured, and whether each is met."""
    most, middle = results["ours", counts[-1]], counts[1]
    figure, filtered = least(most["figure"]), least(most["filter"])
    times = least(results["peer", middle]["figure"]) / least(results["ours", middle]["figure"])
    rows = [
        [f"first figure at {counts[-1]:,} trials", "within 1.5 s", f"{number(figure)} s", _met(figure <= FIGURE_S)],
        [f"filter at {counts[-1]:,} trials", "within 300 ms", f"{filtered * 1e3:.0f} ms", _met(filtered <= FILTER_S)],
        [
            f"first figure at {middle:,} trials, quicker than optuna-dashboard",
            "at least 5 times",
            ratio(results, middle),
            _met(times >= TIMES),
        ],
    ]
    return table(["what", "bar", "measured", "met"], rows)


def _met(met: bool) -> str:
    return "yes" if met else "**no**"


def figures(results: Results, counts: list[int]) -> str:
    rows = []
    for count in counts:
        for side, name in NAMES.items():
            found = results[side, count]["figure"]
            cells = [seconds(found, key) for key in ("wall", "cpu", "server")]
            quicker = ratio(results, count) if side == "ours" else ""
            rows.append([name, f"{count:,}", *cells, quicker, str(len(found))])
    header = ["first figure", "trials", "seconds", "CPU s, browser", "CPU s, server", "quicker", "runs"]
    return table(header, rows)


def tables(results: Results, counts: list[int]) -> str:
    rows = []
    for count in counts:
        ours, peer = results["ours", count], results["peer", count]
        for name, key in (
            ("table shown", "table"),
            ("scrolled far", "scroll"),
            ("filtered by an expression", "filter"),
        ):
            found = ours[key]
            cells = [seconds(found, what) for what in ("wall", "cpu", "server")]
            rows.append([f"Lanista, {name}", f"{count:,}", *cells, str(len(found))])
        if peer["list"]:
            cells = [seconds(peer["list"], what) for what in ("wall", "cpu")]
            rows.append(["optuna-dashboard, list shown", f"{count:,}", *cells, "–", str(len(peer["list"]))])
    return table(["trials", "trials", "seconds", "CPU s, browser", "CPU s, server", "runs"], rows)


def servers(results: Results, counts: list[int]) -> str:
    rows = []
    for count in counts:
        for side, name in NAMES.items():
            found = results[side, count]["server"]
            rows.append([name, f"{count:,}", *(seconds(found, key) for key in ("opened", "cpu", "now", "peak"))])
    header = ["server", "trials", "seconds from its start to its first answer", "CPU s", "MiB, at the end", "MiB, peak"]
    return table(header, rows)


def render(results: Results, counts: list[int]) -> str:
    """The whole section, below its preamble."""
    return "\n\n".join(part(results, counts) for part in (bars, figures, tables, servers))
