"""Runs all cases and prints the tables: python -m benchmarks.cluster [--quick] [--write] [--only TEXT]."""

import argparse
import json
import os
import signal
import sys
from datetime import date

from benchmarks.cluster.head import serving
from benchmarks.cluster.page import render
from benchmarks.cluster.plan import Case, cases
from benchmarks.measure import run_case
from benchmarks.results import machine, versions, write_section

PREAMBLE = """\
A no-op objective with 10 floats, random search, two trials at a time. Made on {day} by `{command}`
on a machine with {machine}; Python {python}, {versions}.
All drivers join one Ray cluster, a node with 2 CPUs on this machine, one after the other, in turns; each is a process
of its own, and every figure is the median of its runs. Ray is joined before the clock starts; the workers are started
after it has. Ray Tune's rate, for a bar, is the faster of its rate over all and its rate after the first trial. Bare
actors keep no record of anything; their rate, for the bar, is the fastest of the same two, one call ahead or eight.
The load average of the machine was {before:.1f} before and {after:.1f} at the end; the benchmark alone makes 2 to 3.
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.cluster", description="What a trial costs on a Ray cluster."
    )
    parser.add_argument("--quick", action="store_true", help="small cases, few times: under 5 minutes")
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    parser.add_argument("--only", metavar="TEXT", help="only the cases whose name contains TEXT; prints raw results")
    return parser.parse_args()


def run_all(planned: list[Case]) -> None:
    """Takes the repetitions in turns, so that a busy minute hurts one run of each case and not all runs of one."""
    with serving() as address:
        for turn in range(max(case.repeat for case in planned)):
            for case in planned:
                if turn < case.repeat:
                    place = f"benchmarks.cluster.{case.module}"
                    result = run_case(place, case.name, address=address, **case.arguments)
                    case.results.append(result)
                    said = json.dumps({name: round(value, 4) for name, value in result.items()})
                    print(f"{case.key}: {said}", file=sys.stderr, flush=True)


def main() -> None:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that the cluster and the case end too
    planned = [case for case in cases(quick=given.quick) if not given.only or given.only in case.key]
    before = os.getloadavg()[0]
    run_all(planned)
    if given.only:
        return
    text = PREAMBLE.format(
        day=date.today(),
        command=" ".join(["python -m benchmarks.cluster", *sys.argv[1:]]),
        machine=machine(),
        python=sys.version.split()[0],
        versions=versions("ray", "numpy"),
        before=before,
        after=os.getloadavg()[0],
    )
    text += "\n" + render(planned)
    print(text)
    if given.write:
        write_section("cluster", text)


if __name__ == "__main__":
    main()
