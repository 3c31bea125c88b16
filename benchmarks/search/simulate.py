"""A run of one optimiser on one problem with so many configurations pending at a time, on a simulated clock."""

import heapq
import math
import time
import zlib
from typing import Any

from benchmarks.search.optimizers import Setting, parse
from benchmarks.search.problems import Problem

Trace = dict[str, Any]


def seed_of(problem: str, seed: int) -> int:
    """A seed that differs between problems, lest all that share a space begin with the same points."""
    return (zlib.crc32(problem.encode()) + 7919 * seed) % 2**31


def simulate(
    problem: Problem, spec: str, *, seed: int, budget: int, parallel: int = 1, durations: str = "equal"
) -> Trace:
    """The values in the order in which they came in, and the CPU seconds of each proposal.

    Evaluations take equally long, or with `durations="table"` as long as the real ones do. What telling an outcome
    costs is counted to the proposal that follows it. A space that is exhausted ends the run early.
    """
    setting = Setting(problem.space, problem.objectives, seed_of(problem.name, seed), budget, parallel)
    agent = parse(spec).start(setting)
    pending: list[tuple[float, int, Any, tuple[float, ...]]] = []
    values: list[Any] = []
    cpu: list[float] = []
    now, asked, telling = 0.0, 0, 0.0
    while len(values) < budget:
        while len(pending) < parallel and asked < budget:
            begin = time.process_time()
            found = agent.ask()
            cpu.append(round(time.process_time() - begin + telling, 6))
            telling = 0.0
            if found is None:
                budget = asked
                break
            outcome = problem.evaluate(found[1])
            takes = outcome.seconds if durations == "table" else 1.0
            heapq.heappush(pending, (now + takes, asked, found[0], outcome.values))
            asked += 1
        if not pending:
            break
        now, _, token, result = heapq.heappop(pending)
        failed = not all(map(math.isfinite, result))
        begin = time.process_time()
        agent.tell(token, None if failed else result)
        telling += time.process_time() - begin
        values.append(None if failed else result[0] if problem.objectives == 1 else list(result))
    return {"values": values, "cpu": cpu}
