"""Looks at the same trials in both dashboards: python -m benchmarks.dashboard [--quick] [--write]."""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections import defaultdict
from contextlib import AbstractContextManager, ExitStack
from datetime import date

from benchmarks.dashboard import looks, ours
from benchmarks.dashboard.browser import Browser, chromium
from benchmarks.dashboard.page import Results, render
from benchmarks.dashboard.server import Server, serving
from benchmarks.dashboard.trials import Trials
from benchmarks.measure import ROOT, Result
from benchmarks.results import machine, versions, write_section

PEER = (ROOT / os.environ.get("LANISTA_DASHBOARD_PEER", "benchmarks/.venv-dashboard")).absolute()
COUNTS = [1_000, 10_000, 100_000]
OURS = {True: 5, False: 9}
"""How often Lanista is looked at, quick or not."""
PEERS = {True: [(3, 300), (1, 600), (1, 60)], False: [(5, 600), (3, 1_800), (1, 1_800)]}
"""How often the peer is looked at with each count of trials, and for how many seconds at most."""
PREAMBLE = """\
20 parameters: 12 floats, 5 whole numbers, 3 choices; one objective. Made on {day} by `{command}`
on a machine with {machine}; Python {python}, {ours}; {peer}.
Both servers are on this machine and have their trials in SQLite; a figure counts as drawn when headless Chromium has
painted it with its points, from the navigation of a new window without a cache. Lanista's server has opened the
experiment before; how long that takes is in the last table. The filter has three parameters, and its time is from the
input to the rows, with the wait of 80 ms for the next key. Medians; between two looks a server gets idle.
The load average of the machine was {before:.1f} before and {after:.1f} at the end; the benchmark alone makes 1 to 2.
"""


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dashboard", description="How quick the dashboard is with many trials."
    )
    parser.add_argument("--quick", action="store_true", help="few looks, and the peer is waited for less")
    parser.add_argument("--write", action="store_true", help="write the section into benchmarks/RESULTS.md")
    parser.add_argument("--no-peer", action="store_true", help="Lanista alone; prints raw results")
    return parser.parse_args()


def look(browser: Browser, trials: Trials, given: argparse.Namespace, results: Results) -> None:
    """All measurements with these trials, the figures of both dashboards in turns."""
    count = len(trials.params)
    repeat, limit_s = PEERS[given.quick][COUNTS.index(count)]

    def tell(side: str, what: str, result: Result) -> None:
        results[side, count][what].append(result)
        print(f"{side} {count} {what}: {json.dumps({k: round(v, 3) for k, v in result.items()})}", file=sys.stderr)

    with ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="lanista-bench-", ignore_cleanup_errors=True))
        ours.fill(f"{folder}/ours.db", trials)
        peer = None if given.no_peer else stack.enter_context(peer_server(folder, count))
        command = [sys.executable, "-m", "lanista", "--store", f"{folder}/ours.db", "ui", "--no-browser"]
        mine = stack.enter_context(serving(command, f"{folder}/home", f"api/v1/experiments/{ours.NAME}"))
        for turn in range(OURS[given.quick]):
            tell("ours", "figure", looks.first_figure(browser, mine, f"#/e/{ours.NAME}/overview", looks.LIMIT_S))
            if peer and turn < repeat:
                result = looks.first_figure(browser, peer, "dashboard/studies/1", limit_s)
                tell("peer", "figure", result)
                if "late" in result:
                    repeat = 0
                    peer.halt()
                else:
                    peer.settle()
        looks.table(browser, mine, trials, OURS[given.quick], lambda what, result: tell("ours", what, result))
        if peer and repeat > 1:
            tell("peer", "list", looks.listed(browser, peer, trials, limit_s))
        for side, server in (("ours", mine), ("peer", peer)):
            if server is not None:
                tell(side, "server", {"opened": server.opened, "cpu": server.opened_cpu, **server.memory()})


def peer_server(folder: str, count: int) -> AbstractContextManager[Server]:
    """Fills the peer's storage and starts its server."""
    path = f"{folder}/peer.db"
    python = PEER / "bin" / "python"
    if not python.exists():
        raise SystemExit(f"{python} is missing: run `make bench-dashboard`")
    subprocess.run(
        [python, "-m", "benchmarks.dashboard.optunas", json.dumps({"path": path, "trials": count})],
        cwd=ROOT,
        check=True,
    )
    command = [str(PEER / "bin" / "optuna-dashboard"), f"sqlite:///{path}", "--quiet"]
    return serving(command, folder, "dashboard")


def main() -> None:
    given = arguments()
    before = os.getloadavg()[0]
    results: Results = defaultdict(lambda: defaultdict(list))
    with chromium() as browser:
        for count in COUNTS:
            look(browser, Trials(count), given, results)
    if given.no_peer:
        return
    text = PREAMBLE.format(
        day=date.today(),
        command=" ".join(["python -m benchmarks.dashboard", *sys.argv[1:]]),
        machine=machine(),
        python=sys.version.split()[0],
        ours=versions("lanista", "numpy", "plotly", "fastapi", "playwright"),
        peer=versions("optuna-dashboard", "optuna", path=PEER),
        before=before,
        after=os.getloadavg()[0],
    )
    text += "\n" + render(results, COUNTS)
    print(text)
    if given.write:
        write_section("dashboard", text)


if __name__ == "__main__":
    main()
