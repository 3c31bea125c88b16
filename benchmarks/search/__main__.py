"""Makes traces and tells what they say: python -m benchmarks.search run|report|latency|list."""

import argparse
import sys
from pathlib import Path

from benchmarks.search import traces
from benchmarks.search.optimizers import NAMES, parse, split
from benchmarks.search.problems import problem
from benchmarks.search.runner import Runner, plan
from benchmarks.search.suites import SUITES


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.search", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    run = commands.add_parser("run", help="make the traces that are missing")
    run.add_argument(
        "--optimizers",
        required=True,
        metavar="A,B",
        help=f"lanista:NAME, lanista:NAME(argument=value), LABEL=lanista:NAME(...), {', '.join(NAMES)}",
    )
    run.add_argument("--suite", default="quick", choices=SUITES)
    run.add_argument("--problems", metavar="TEXT", help="only the problems whose name contains TEXT")
    run.add_argument("--seeds", type=int, default=5, help="how many, from 0 (default 5)")
    run.add_argument("--budget", type=int, default=200, help="evaluations of a trace (default 200)")
    run.add_argument("--parallel", type=int, default=1, help="configurations that are pending at a time (default 1)")
    run.add_argument("--durations", default="equal", choices=("equal", "table"), help="how long evaluations take")
    run.add_argument("--jobs", type=int, default=1, help="workers, of one thread each (default 1)")
    run.add_argument("--timeout", type=float, default=3600, help="seconds that a trace may take (default 3600)")
    run.add_argument("--fresh", action="store_true", help="forget these optimisers' traces in the file first")
    run.add_argument("--out", type=Path, default=traces.FOLDER / "traces.jsonl", help="the file of traces")
    report = commands.add_parser("report", help="regret and ranks as text; with --write, the page and its figures")
    report.add_argument("files", nargs="*", type=Path, help="files of traces (default: all of the results folder)")
    report.add_argument("--optimizers", metavar="A,B", help="only these labels (default: all)")
    report.add_argument("--suite", choices=SUITES, help="only this suite's problems (default: all that have traces)")
    report.add_argument("--problems", metavar="TEXT", help="only the problems whose name contains TEXT")
    report.add_argument("--parallel", type=int, default=1)
    report.add_argument("--durations", default="equal", choices=("equal", "table"))
    report.add_argument("--budgets", default="25,50,100,200", metavar="N,N")
    report.add_argument("--ours", metavar="LABEL", help="the optimiser that the others are held against")
    report.add_argument("--each", action="store_true", help="also a row for each problem")
    report.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md and figures")
    latency = commands.add_parser("latency", help="CPU time of a proposal after so many trials")
    latency.add_argument("--optimizers", required=True, metavar="A,B", help="of ours, and Optuna's")
    latency.add_argument("--sizes", default="100,400,1000,10000", metavar="N,N")
    latency.add_argument("--proposals", type=int, default=7, help="of which the median is told (default 7)")
    commands.add_parser("list", help="the suites and their problems")
    return parser.parse_args()


def run(given: argparse.Namespace) -> int:
    specs = split(given.optimizers)
    names = [name for name in SUITES[given.suite] if (given.problems or "") in name]
    given.out.parent.mkdir(parents=True, exist_ok=True)
    given.out.touch()
    if given.fresh:
        traces.forget(given.out, [parse(spec).label for spec in specs])
    setting = {"budget": given.budget, "parallel": given.parallel, "durations": given.durations}
    jobs = plan(specs, names, range(given.seeds), setting, traces.read([given.out]))
    for job in jobs:
        problem(job["problem"])  # what is missing shows before anything runs
    runner = Runner(given.out, jobs, given.timeout)
    runner.run(given.jobs)
    return 1 if runner.failures else 0


def main() -> int:
    given = arguments()
    if given.command == "run":
        return run(given)
    if given.command == "report":
        from benchmarks.search.report import report

        return report(given)
    if given.command == "latency":
        from benchmarks.search.latency import latency

        return latency(split(given.optimizers), [int(n) for n in given.sizes.split(",")], given.proposals)
    for suite, names in SUITES.items():
        print(f"{suite} ({len(names)}): {' '.join(names)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
