"""Plans the traces that are missing and has them made by workers, each optimiser's in its own environment."""

import json
import os
import queue
import select
import subprocess
import sys
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from benchmarks.search.optimizers import parse
from benchmarks.search.problems.base import ROOT
from benchmarks.search.traces import Key, Trace, key

Job = dict[str, Any]
THREADS = (
    "OMP_NUM_THREADS",
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "NUMEXPR_NUM_THREADS",
    "TF_NUM_INTRAOP_THREADS",
)


def plan(
    specs: Iterable[str], problems: Iterable[str], seeds: Iterable[int], given: dict[str, Any], done: dict[Key, Trace]
) -> list[Job]:
    """The jobs whose traces are missing or too short: optimiser by optimiser, and all problems of a seed first."""
    jobs = []
    problems, seeds = list(problems), list(seeds)
    for spec in specs:
        label = parse(spec).label
        for seed in seeds:
            for name in problems:
                job = {"optimizer": label, "spec": spec, "problem": name, "seed": seed, **given}
                known = done.get(key(job))
                if known is None or known["budget"] < job["budget"]:
                    jobs.append(job)
    return jobs


def python_of(environment: str) -> Path:
    """The interpreter of an environment.

    Raises:
        SystemExit: it is not there.
    """
    if not environment:
        return Path(sys.executable)
    python = ROOT / "benchmarks" / f".venv-{environment}" / "bin" / "python"
    if not python.exists():
        raise SystemExit(
            f"{python} is missing: make it with `python -m venv benchmarks/.venv-{environment}` and install "
            f"benchmarks/requirements-{environment}.txt into it"
        )
    return python


class Worker:
    """A process that makes traces; it is started at its first job, and killed when one takes too long."""

    def __init__(self, environment: str, timeout: float) -> None:
        self._python, self._timeout = python_of(environment), timeout
        self._process: subprocess.Popen[str] | None = None

    def run(self, job: Job) -> Trace:
        """The trace, or `error`."""
        process = self._process or self._start()
        assert process.stdin is not None and process.stdout is not None
        try:
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            ready = select.select([process.stdout], [], [], self._timeout)[0]
            line = process.stdout.readline() if ready else ""
        except OSError:
            line, ready = "", [None]
        if not line:
            self.stop()
            return {"error": "the worker died" if ready else f"it took more than {self._timeout:g} seconds"}
        answer: Trace = json.loads(line)
        return answer

    def _start(self) -> "subprocess.Popen[str]":
        path = os.pathsep.join([str(ROOT / "src"), str(ROOT)])
        environment = {**os.environ, **dict.fromkeys(THREADS, "1"), "PYTHONPATH": path, "PYTHONWARNINGS": "ignore"}
        command = [str(self._python), "-m", "benchmarks.search.worker"]
        pipe = subprocess.PIPE
        errors = None if os.environ.get("BENCH_VERBOSE") else subprocess.DEVNULL
        self._process = subprocess.Popen(
            command, stdin=pipe, stdout=pipe, stderr=errors, text=True, env=environment, cwd=ROOT
        )
        return self._process

    def stop(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


class Runner:
    """Has jobs done by `threads` workers at a time and appends each trace to the file as it comes.

    Raises:
        SystemExit: an optimiser's environment is not there.
    """

    def __init__(self, out: Path, jobs: list[Job], timeout: float) -> None:
        for environment in {parse(job["spec"]).environment for job in jobs}:
            python_of(environment)  # here and not in a thread, which would end without a word
        self._out, self._timeout = out, timeout
        self._queue: queue.SimpleQueue[Job] = queue.SimpleQueue()
        for job in jobs:
            self._queue.put(job)
        self._total, self._done = len(jobs), 0
        self._lock = threading.Lock()
        self.failures = 0

    def run(self, threads: int) -> None:
        """Returns when all jobs are done."""
        started = [threading.Thread(target=self._work, daemon=True) for _ in range(threads)]
        for thread in started:
            thread.start()
        for thread in started:
            while thread.is_alive():
                thread.join(0.5)

    def _work(self) -> None:
        workers: dict[str, Worker] = {}
        while True:
            try:
                job = self._queue.get_nowait()
            except queue.Empty:
                break
            environment = parse(job["spec"]).environment
            if environment not in workers:
                for worker in workers.values():
                    worker.stop()
                workers = {environment: Worker(environment, self._timeout)}
            begin = time.perf_counter()
            answer = workers[environment].run(job)
            self._note(job, answer, time.perf_counter() - begin)
        for worker in workers.values():
            worker.stop()

    def _note(self, job: Job, answer: Trace, seconds: float) -> None:
        with self._lock:
            self._done += 1
            title = f"[{self._done}/{self._total}] {job['optimizer']} {job['problem']} seed {job['seed']}"
            if "error" in answer:
                self.failures += 1
                print(f"{title} FAILED: {answer['error']}", file=sys.stderr, flush=True)
                return
            with self._out.open("a", encoding="utf-8") as file:
                file.write(json.dumps({**job, **answer}) + "\n")
            print(f"{title}: {_summary(answer)}, {seconds:.1f} s", file=sys.stderr, flush=True)


def _summary(trace: Trace) -> str:
    known = [value for value in trace["values"] if value is not None]
    best = f"best {min(known):.6g}" if known and not isinstance(known[0], list) else f"{len(known)} values"
    return f"{best}, {1e3 * sum(trace['cpu']) / max(len(trace['cpu']), 1):.1f} ms a proposal"
