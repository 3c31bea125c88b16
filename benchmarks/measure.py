"""Wall time, CPU time and memory of a stretch of code, and cases that each run in a process of their own.

Used by Lanista's interpreter and by the peers', so it imports neither.
"""

import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

ROOT = Path(__file__).resolve().parent.parent
PEERS = (ROOT / os.environ.get("LANISTA_PEERS", "benchmarks/.venv")).absolute()
TIMEOUT_S = 3600

Result = dict[str, Any]


def cpu_seconds(process: psutil.Process | None = None) -> float:
    """CPU time of a process (this one by default), of its children that were reaped and its descendants that live."""
    if process is None:
        process = psutil.Process()
        usages = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
        total = sum(usage.ru_utime + usage.ru_stime for usage in usages)  # finer than the ticks of others
    else:
        total = sum(process.cpu_times()[:4])
    for child in process.children(recursive=True):
        try:
            total += sum(child.cpu_times()[:4])
        except psutil.Error:
            continue
    return total


def peak_mib() -> float:
    """The peak resident memory of this process or its largest child that was reaped, whichever is more."""
    kib = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return kib / (1024 * 1024 if sys.platform == "darwin" else 1024)


@contextmanager
def measured(result: Result) -> Iterator[None]:
    """Adds the wall seconds and CPU seconds of the block, and the peak memory so far, in MiB."""
    cpu, wall = cpu_seconds(), time.perf_counter()
    yield
    result["wall"] = time.perf_counter() - wall
    result["cpu"] = cpu_seconds() - cpu
    result["rss"] = peak_mib()


def serve(cases: Mapping[str, Callable[..., Result]]) -> None:
    """Runs the case that the command line names (`NAME {"argument": value}`) and prints its result as the last line."""
    name, arguments = sys.argv[1], json.loads(sys.argv[2])
    print("\n" + json.dumps(cases[name](**arguments)), flush=True)


def _environment() -> dict[str, str]:
    """Our environment, in which bytecode is kept, as it is for whoever installs a package."""
    return {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}


def run_case(module: str, case: str, *, peers: bool = False, **arguments: Any) -> Result:
    """Runs a case in a fresh process with an empty folder, given to it as `folder`.

    Raises:
        SystemExit: it failed, or the peers' environment is missing.
    """
    python = PEERS / "bin" / "python" if peers else Path(sys.executable)
    if not python.exists():
        raise SystemExit(
            f"{python} is missing: run `make bench`, or install benchmarks/requirements.txt into another "
            "environment and name it in LANISTA_PEERS"
        )
    with tempfile.TemporaryDirectory(prefix="lanista-bench-", ignore_cleanup_errors=True) as folder:
        given = json.dumps({"folder": folder, **arguments})
        environment = {**_environment(), "LANISTA_HOME": f"{folder}/home", "BENCH_START": repr(time.time())}
        done = subprocess.run(
            [python, "-m", module, case, given],
            cwd=ROOT,
            env=environment,
            capture_output=True,
            text=True,
            timeout=TIMEOUT_S,
            check=False,
        )
    if done.returncode != 0:
        raise SystemExit(f"{module} {case} {given} failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
    result: Result = json.loads(done.stdout.rstrip().rpartition("\n")[2])
    return result


def since_start() -> float:
    """Seconds since the parent started this process."""
    return time.time() - float(os.environ["BENCH_START"])


def run_code(code: str, *, peers: bool = False) -> Result:
    """Wall and CPU seconds of a fresh interpreter that runs some code."""
    python = PEERS / "bin" / "python" if peers else Path(sys.executable)
    wall, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run([python, "-c", code], check=True, cwd=tempfile.gettempdir(), env=_environment())
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    return {"wall": time.perf_counter() - wall, "cpu": cpu}
