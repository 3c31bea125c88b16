"""How many workers one controller feeds: python -m benchmarks.cluster.scale [--quick] [--write].

What the controller spends on each event, in seconds of its own CPU time, says how many events a second it can take at
most; how seldom a worker sends one says how many workers that is.
"""

import argparse
import os
import sys
from datetime import date
from typing import Any

from benchmarks.cluster.feed import STEPS
from benchmarks.cluster.head import serving
from benchmarks.measure import Result, run_case
from benchmarks.overhead.page import number
from benchmarks.results import machine, table, versions, write_section

EVERY_S = (0.1, 1.0, 10.0)
"""How long a worker computes from one report to the next, for the table of workers."""
PREAMBLE = """\
What one controller spends, journal on SQLite, 10 floats. Made on {day} by `{command}`
on a machine with {machine}; Python {python}, {versions}.
Simulated: `la.simulate` with {virtual:,} workers, of which each does a step a second. Real: a no-op objective and 2
workers. Of the CPU time only the controller's process counts. A decision is the scheduler's answer to a report, or a
proposal of the searcher; events and decisions a second are those of one CPU second. The last column is what was reached
by the clock, with the workers and whatever else ran on the same machine (load average {load:.1f} at the end).
"""


def rows(quick: bool) -> dict[str, tuple[str, dict[str, Any]]]:
    """Label, case and arguments of each row."""
    many, few = (2_000, 500) if quick else (20_000, 2_000)
    far = 100 if quick else 1_000
    found = {}
    for searcher, scheduler, trials in (("random", "fifo", few), ("random", "asha", many), ("tpe", "asha", few)):
        given = {"searcher": searcher, "scheduler": scheduler, "trials": trials, "workers": far}
        found[f"simulated, `{searcher}`, `{scheduler}`"] = ("simulated", given)
    for executor in ("processes", "ray"):
        found[f"`{executor}`, no report"] = ("real", {"executor": executor, "trials": few, "steps": 0})
        found[f"`{executor}`, {STEPS} reports"] = ("real", {"executor": executor, "trials": few // 10, "steps": STEPS})
    return found


def capacity(results: dict[str, Result]) -> str:
    lines = []
    for label, r in results.items():
        decisions = r["reports"] + r["trials"]
        figures = (r["cpu"] / r["trials"] * 1e3, r["events"] / r["cpu"], decisions / r["cpu"], r["events"] / r["wall"])
        lines.append([label, f"{r['trials']:,}", f"{r['events']:,}", *map(number, figures)])
    header = ["run", "trials", "events", "CPU ms a trial", "events/s", "decisions/s", "events/s by the clock"]
    return table(header, lines)


def workers(results: dict[str, Result]) -> str:
    """How many workers keep the controller busy, if each sends a report so often, and trials have so many reports."""
    lines = []
    for label, r in results.items():
        if r["reports"]:
            each = r["cpu"] / r["reports"]
            lines.append([label, number(each * 1e6), *(number(every / each) for every in EVERY_S)])
    header = ["run", "CPU µs a report, all told", *(f"a report each {every:g} s" for every in EVERY_S)]
    return table(header, lines)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.cluster.scale", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small cases: a minute or two")
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    given = parser.parse_args()
    results: dict[str, Result] = {}
    with serving() as address:
        for label, (case, arguments) in rows(given.quick).items():
            there = {"address": address} if arguments.get("executor") == "ray" else {}
            results[label] = run_case("benchmarks.cluster.feed", case, **arguments, **there)
            print(f"{label}: {results[label]}", file=sys.stderr, flush=True)
    text = PREAMBLE.format(
        day=date.today(),
        command=" ".join(["python -m benchmarks.cluster.scale", *sys.argv[1:]]),
        machine=machine(),
        python=sys.version.split()[0],
        versions=versions("ray", "numpy"),
        load=os.getloadavg()[0],
        virtual=100 if given.quick else 1_000,
    )
    text += "\n" + "\n\n".join([capacity(results), workers(results)])
    print(text)
    if given.write:
        write_section("scale", text)


if __name__ == "__main__":
    main()
