"""Schedulers on simulated clusters: python -m benchmarks.schedule run|report|scale|pbt|sharing|list."""

import argparse
import sys
from pathlib import Path

from benchmarks.schedule import ours, peers, traces
from benchmarks.schedule.problems import SUITES

WORKERS = "1,4,16,64,1000"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.schedule", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="make the runs that are missing")
    run.add_argument(
        "--quick", action="store_true", help="a small suite and all else that the page tells, under 10 min"
    )
    run.add_argument("--combos", metavar="A,B", help=f"searcher+scheduler or a peer: {', '.join(peers.PEERS)}")
    run.add_argument("--suite", default="full", choices=SUITES)
    run.add_argument("--problems", metavar="TEXT", help="only the problems whose name contains TEXT")
    run.add_argument("--workers", default=WORKERS, metavar="N,N", help=f"(default {WORKERS})")
    run.add_argument("--seeds", type=int, default=11, help="how many, from 0 (default 11)")
    run.add_argument("--rounds", type=int, default=10, help="trainings a worker of the reference (default 10)")
    run.add_argument("--cap", type=int, default=3000, help="trials of model-based searchers (default 3000)")
    run.add_argument("--timeout", type=float, default=600, help="real seconds that a run may take (default 600)")
    run.add_argument("--jobs", type=int, default=1, help="runs at a time (default 1)")
    run.add_argument("--fresh", action="store_true", help="forget these combinations' runs first")
    report = commands.add_parser("report", help="the tables as text; with --write, the page and its figures")
    report.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md and figures")
    for command in (run, report):
        command.add_argument("--out", type=Path, default=traces.FOLDER / "runs.jsonl", help="the file of runs")
    commands.add_parser("scale", help="a thousand workers: seconds of a simulation, decisions, idle workers")
    commands.add_parser("pbt", help="population-based training: the toy, and a real model with a kill in the middle")
    commands.add_parser("sharing", help="64 real models alive on 2 slots, with a kill in the middle")
    commands.add_parser("list", help="the suites, combinations and peers")
    return parser.parse_args()


def run(given: argparse.Namespace) -> int:
    from benchmarks.schedule import runner

    if given.quick:
        from benchmarks.schedule import quick

        return quick.run(given.out)
    labels = given.combos.split(",") if given.combos else [*ours.DEFAULT, *peers.DEFAULT]
    for label in labels:
        if label not in peers.PEERS:
            ours.parse(label)
    if given.fresh:
        traces.forget(given.out, labels)
    runner.run(
        given.out,
        labels,
        [name for name in SUITES[given.suite] if (given.problems or "") in name],
        [int(n) for n in given.workers.split(",")],
        seeds=given.seeds,
        rounds=given.rounds,
        spending=runner.Spending(given.cap, given.timeout),
        jobs=given.jobs,
    )
    return 0


def main() -> int:
    given = arguments()
    if given.command == "run":
        return run(given)
    if given.command == "report":
        from benchmarks.schedule.report import report

        return report(given.out, write=given.write)
    if given.command == "scale":
        from benchmarks.schedule.scale import scale

        return scale()
    if given.command == "pbt":
        from benchmarks.schedule.population import population

        return population()
    if given.command == "sharing":
        from benchmarks.schedule.sharing import sharing

        return sharing()
    for suite, names in SUITES.items():
        print(f"{suite} ({len(names)}): {' '.join(names)}")
    print(f"ours: {' '.join(ours.DEFAULT)}\npeers: {' '.join(peers.PEERS)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
