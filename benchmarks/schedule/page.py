"""The section of the page of results, and its figures."""

import json
import platform
from datetime import date
from pathlib import Path
from typing import Any

from benchmarks.results import machine, table, versions, write_section
from benchmarks.schedule import figures, peers, population, scale, sharing
from benchmarks.schedule.outcome import Table, cells, common, over_problems
from benchmarks.schedule.runner import SEEDS
from benchmarks.schedule.traces import Key, Trace
from benchmarks.search.problems.base import ROOT
from lanista import __version__

FOLDER = Path(__file__).resolve().parent / "figures"

PREAMBLE = """\
Which combination of a searcher and a scheduler finds good models soonest. Made on {day} by `{command}`
and `python -m benchmarks.schedule report --write` on a machine with {machine};
Python {python}, lanista {lanista}, {versions}.
{runs:,} simulated runs on {problems}; {seeds} seeds.
Surrogates and tables are as in `benchmarks/search`, but whole learning curves; NAS-Bench-201 has two steps, 12 and 200
epochs. The quality of a run at a time is the best value that any trial has reported until then, at any step. The target
is what half of {reference} runs of random search without stopping have at their end; each trains ten models a worker,
and at least 100. The time to it is the median over seeds, the speed-up that of random search over that of the
combination. Where half of a combination's runs never come to the target until random search ends, the time is that of
this end (a lower bound; such problems are counted as missed). Our searchers with models propose {cap} trials at most;
runs that take too many real seconds are cut: where that decides, a peer is not compared, and ours count as missed. The
peers have their defaults and run on a virtual clock of ours, on the same curves. Pausing and resuming cost nothing.
"""


def write(done: dict[Key, Trace], command: str = "python -m benchmarks.schedule run", cap: str = "3,000") -> None:
    """Writes the section and the figures of all runs, and of whatever else has been measured."""
    FOLDER.mkdir(exist_ok=True)
    measured = cells(done)
    parts = [
        _preamble(done, measured, command, cap),
        _bars(measured),
        _speed(measured),
        _problems(measured),
        _rivals(measured),
    ]
    parts += [_scale(), _population(), _sharing()]
    write_section("schedule", "\n\n".join(part for part in parts if part))


def _preamble(done: dict[Key, Trace], measured: Table, command: str, cap: str) -> str:
    found = versions("syne_tune", path=ROOT / "benchmarks" / ".venv-syne")
    return PREAMBLE.format(
        day=date.today(),
        command=command,
        machine=machine(),
        python=platform.python_version(),
        lanista=__version__,
        versions=found,
        runs=len(done),
        problems=", ".join(sorted({name for _, _, name in measured})),
        seeds=max(cell.seeds for cell in measured.values()),
        reference=SEEDS,
        cap=cap,
    )


def _split(measured: Table) -> tuple[list[str], list[str], list[int]]:
    """Ours, the peers, and the numbers of workers."""
    labels = list(dict.fromkeys(label for label, _, _ in measured))
    ours = [label for label in labels if label not in peers.PEERS]
    return ours, [label for label in labels if label in peers.PEERS], sorted({n for _, n, _ in measured})


def best(measured: Table) -> str:
    """Our combination with the greatest median speed-up, over all numbers of workers and problems where it was run.

    It must have been run wherever any of ours was.
    """
    ours, _, _ = _split(measured)
    everywhere = {key[1:] for key in measured if key[0] in ours}
    whole = [label for label in ours if everywhere <= {key[1:] for key in measured if key[0] == label}] or ours

    def middle(label: str) -> float:
        found = sorted(cell.share for key, cell in measured.items() if key[0] == label)
        return found[len(found) // 2]

    return min(whole, key=middle)


def _bars(measured: Table) -> str:
    _, rivals, workers = _split(measured)
    winner = best(measured)
    rows = []
    for n in workers:
        names = common(measured, [winner], n)
        speed = over_problems(measured, winner, n, names)
        if speed:
            share = 1 / speed[0]
            told = f"{share:.2f} ({1 / speed[2]:.2f}–{1 / speed[1]:.2f})"
            rows.append(
                [f"{winner}, {n:,} workers: time over random search's", "at most 0.1", told, _met(share <= 0.1)]
            )
        for rival in rivals:
            ratio = _ratio(measured, winner, rival, n)
            if ratio is not None:
                rows.append(
                    [f"its speed over {rival}'s, {n:,} workers", "more than 1", f"{ratio:.2f}", _met(ratio > 1)]
                )
    rows += _other_bars()
    return table(["what", "bar", "measured", "met"], rows)


def _met(held: bool) -> str:
    return "yes" if held else "no"


def _ratio(measured: Table, ours: str, rival: str, workers: int) -> float | None:
    """The median over problems of the rival's time over ours."""
    names = [name for name in common(measured, [ours, rival], workers) if measured[rival, workers, name].known]
    found = sorted(measured[rival, workers, name].share / measured[ours, workers, name].share for name in names)
    if not found:
        return None
    return (found[(len(found) - 1) // 2] + found[len(found) // 2]) / 2


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def _other_bars() -> list[list[str]]:
    rows = []
    if found := _load(scale.RESULT):
        one = found["simulation"]
        told = f"{one['wall']:.0f} s ({one['trials']:,} trials, {one['reports']:,} reports)"
        rows.append(["simulation of 1,000 workers", "under 60 s", told, _met(one["wall"] < 60)])
        for form in ("stopping", "promotion"):
            cost = found[form]["decision"].get("10")
            if cost is not None:
                rows.append(
                    [
                        f"ASHA, {form}: decisions a report at 10,000 trials",
                        "under 200 µs",
                        f"{cost:.0f} µs",
                        _met(cost < 200),
                    ]
                )
            idle = found[form]["idle_seconds"]
            rows.append([f"ASHA, {form}: idle worker-seconds", "0", f"{idle:g}", _met(idle == 0)])
    if found := _load(population.RESULT):
        worst, wins = min(found["toy_final"]), [one["pbt"]["best"] < one["plain"]["best"] for one in found["digits"]]
        rows.append(
            ["PBT's toy: Q, the worst of 10 seeds", "above 1.15 (alone 0.4)", f"{worst:.3f}", _met(worst > 1.15)]
        )
        told = f"on {sum(wins)} of {len(wins)} seeds"
        rows.append(
            ["PBT on digits, killed and resumed, beats random search", "on most", told, _met(2 * sum(wins) > len(wins))]
        )
    if found := _load(sharing.RESULT):
        shares = sorted(
            one["epochs_to_best"] / one["fifo_epochs"] if one["epochs_to_best"] else float("inf") for one in found
        )
        middle = shares[len(shares) // 2]
        told = "not found" if middle == float("inf") else f"{middle:.0%}"
        rows.append(["time-sharing: epochs of FIFO's to its best", "at most 40%", told, _met(middle <= 0.4)])
        alive = all(one["alive"] == one["models"] for one in found)
        rows.append(["time-sharing: all models alive after a kill", "yes", _met(alive), _met(alive)])
    return rows


def _speed(measured: Table) -> str:
    """Speed-ups over random search by the number of workers, ours and the peers'."""
    ours, rivals, workers = _split(measured)
    rows, series = [], {}
    for label in [*ours, *rivals]:
        cells_, points = [], []
        for n in workers:
            names = [x for x in common(measured, [label], n) if label in ours or measured[label, n, x].known]
            speed = over_problems(measured, label, n, names)
            missed = sum(not measured[label, n, name].reached for name in names)
            cells_.append(
                f"{speed[0]:.1f} ({speed[1]:.1f}–{speed[2]:.1f})" + f", {missed} missed" * (missed > 0) if speed else ""
            )
            points += [(float(n), speed[0])] if speed else []
        rows.append([label, *cells_])
        series[label] = points
    heads = [f"{n:,} workers" for n in workers]
    drawn = figures.lines(
        "Speed-up over random search without stopping, median over problems",
        series,
        across="workers",
        upwards="speed-up",
        log=(True, True),
        marks=(10,),
    )
    return _figure("speed-up", drawn) + "\n\n" + table(["speed-up over random search (interval)", *heads], rows)


def _problems(measured: Table) -> str:
    """The same problem by problem."""
    ours, rivals, _ = _split(measured)
    places = sorted({(name, n) for _, n, name in measured})

    def told(label: str, name: str, n: int) -> str:
        cell = measured.get((label, n, name))
        if cell is None or not cell.known:
            return "" if cell is None else "cut"
        return f"{'' if cell.reached else 'under '}{1 / cell.share:.1f}"

    rows = [[f"{name}, {n:,}", *(told(label, name, n) for label in [*ours, *rivals])] for name, n in places]
    return table(["problem, workers", *ours, *rivals], rows)


def _rivals(measured: Table) -> str:
    """How many times as long the peers take as our best."""
    _, rivals, workers = _split(measured)
    winner = best(measured)
    series = {
        rival: [(float(n), r) for n in workers if (r := _ratio(measured, winner, rival, n)) is not None]
        for rival in rivals
    }
    if not any(series.values()):
        return ""
    title = f"Time of peers over that of {winner}, median over problems"
    return _figure(
        "peers", figures.lines(title, series, across="workers", upwards="ratio", log=(True, True), marks=(1,))
    )


def _scale() -> str:
    found = _load(scale.RESULT)
    if not found:
        return ""
    series = {
        f"ASHA, {form}": [(1000.0 * int(n), us) for n, us in found[form]["decision"].items()]
        for form in ("stopping", "promotion")
    }
    title = "All decisions over reports, 1,000 workers"
    return _figure("decisions", figures.lines(title, series, across="trials", upwards="µs a report", marks=(200,)))


def _population() -> str:
    found = _load(population.RESULT)
    if not found:
        return ""
    series = {
        label: [(float(step), value) for step, value in enumerate(values, 1) if step % 5 == 0]
        for label, values in (("PBT", found["toy"]["pbt"]), ("alone", found["toy"]["grid"]))
    }
    drawn = figures.lines("The toy of PBT: Q of two members", series, across="steps", upwards="best Q", marks=(1.2,))
    digits = {
        label: [(float(one["seed"]), one[case]["best"]) for one in found["digits"]]
        for label, case in (("PBT, killed and resumed", "pbt"), ("random search", "plain"))
    }
    other = figures.lines("A network on digits, equal compute", digits, across="seeds", upwards="best validation loss")
    seeds = len(found["digits"])
    how = f"{seeds} seeds, killed after {population.KILL_AT} reports and resumed (`python -m benchmarks.schedule pbt`):"
    return "\n".join([_figure("pbt-toy", drawn), _figure("pbt-digits", other), "", how, "", population.told(found)])


def _sharing() -> str:
    found = _load(sharing.RESULT)
    how = f"64 models on 2 slots, killed after {sharing.KILL_AT} reports and resumed"
    return f"{how} (`python -m benchmarks.schedule sharing`):\n\n{sharing.told(found)}" if found else ""


def _figure(name: str, svg: str) -> str:
    path = FOLDER / f"{name}.svg"
    path.write_text(svg, encoding="utf-8")
    return f"![{name}](schedule/figures/{path.name})"
