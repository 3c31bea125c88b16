"""Runs all cases and prints the tables: python -m benchmarks.overhead [--quick] [--write] [--only TEXT]."""

import argparse
import json
import signal
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from statistics import median
from typing import Any

import psutil

from benchmarks.measure import PEERS, Result, cpu_seconds, run_case, run_code
from benchmarks.overhead.page import render
from benchmarks.overhead.plan import Case, cases
from benchmarks.results import machine, versions, write_section
from tests.postgres_server import Server, Unavailable, serving

IMPORTS = {
    "import lanista": ("import numpy", "import numpy, lanista", False),
    "import optuna": ("import numpy", "import numpy, optuna", True),
    "import ray.tune": ("import numpy", "import numpy, ray.tune", True),
    "import numpy": ("pass", "import numpy", False),
}

PREAMBLE = """\
A no-op objective with 10 floats, random search. Made on {day} by `{command}`
on a machine with {machine}; Python {python}, {ours}; {peers}.
Every figure is the median of its runs, each in a process of its own; the runs of all cases are taken in turns.
CPU seconds count all processes of a case and, for PostgreSQL (its defaults, `fsync` on), those of the server.
SQLite files lie in the system's temporary folder. Studies, experiments and `ray.init` are made before the clock
starts; workers are started after it has. Ray Tune's rate, for the bar, is the faster of its rate over all and its
rate after the first trial.
"""


@contextmanager
def postgres() -> Iterator[Server | None]:
    """A PostgreSQL server as it comes, or None where there is none."""
    try:
        with serving("") as server:
            yield server
    except Unavailable as error:
        print(f"without PostgreSQL: {error}", file=sys.stderr)
        yield None


def run_once(case: Case, server: Server | None) -> Result:
    """One repetition; on PostgreSQL in an empty database, with the server's CPU time added."""
    arguments = dict(case.arguments)
    if arguments.get("store") != "postgres":
        return run_case(case.module, case.name, peers=case.peers, **arguments)
    assert server is not None
    import psycopg

    with psycopg.connect(server.url, autocommit=True) as db:
        db.execute("DROP DATABASE IF EXISTS bench WITH (FORCE)")
        db.execute("CREATE DATABASE bench")
    arguments["store"] = server.url.rpartition("/")[0] + "/bench"
    process = psutil.Process(server.pid)
    before = cpu_seconds(process)
    result = run_case(case.module, case.name, **arguments)
    result["cpu"] += cpu_seconds(process) - before
    return result


def imports(repeat: int) -> dict[str, Result]:
    """The cost of each import: the difference between two fresh interpreters, median over the pairs."""
    taken: dict[str, list[Result]] = {name: [] for name in IMPORTS}
    for _ in range(repeat):
        for name, (less, more, peers) in IMPORTS.items():
            base, whole = run_code(less, peers=peers), run_code(more, peers=peers)
            taken[name].append({what: whole[what] - base[what] for what in whole})
    return {name: {what: median(r[what] for r in found) for what in found[0]} for name, found in taken.items()}


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.overhead", description="What a trial costs when its objective does nothing."
    )
    parser.add_argument(
        "--quick", action="store_true", help="few large cases, and each once: minutes instead of a quarter of an hour"
    )
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    parser.add_argument("--only", metavar="TEXT", help="only the cases whose name contains TEXT; prints raw results")
    return parser.parse_args()


def run_all(planned: list[Case], server: Server | None, say: Callable[[str], Any]) -> None:
    """Takes the repetitions in turns, so that a busy minute hurts one run of each case and not all runs of one."""
    for turn in range(max(case.repeat for case in planned)):
        for case in planned:
            if turn < case.repeat:
                case.results.append(run_once(case, server))
                say(f"{case.key}: {json.dumps({k: round(v, 6) for k, v in case.results[-1].items()})}")


def main() -> None:
    given = arguments()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("terminated"))  # so that the server and the case end too
    with postgres() as server:
        planned = cases(quick=given.quick, postgres=server is not None)
        if given.only:
            planned = [case for case in planned if given.only in case.key]
        run_all(planned, server, lambda line: print(line, file=sys.stderr, flush=True))
    if given.only:
        return
    text = PREAMBLE.format(
        day=date.today(),
        command=" ".join(["python -m benchmarks.overhead", *sys.argv[1:]]),
        machine=machine(),
        python=sys.version.split()[0],
        ours=versions("lanista", "numpy"),
        peers=versions("optuna", "ray", "SQLAlchemy", "numpy", path=PEERS),
    )
    text += "\n" + render(planned, imports(3 if given.quick else 9))
    print(text)
    if given.write:
        write_section("overhead", text)


if __name__ == "__main__":
    main()
