"""A virtual clock for peers: ask-and-tell schedulers run the same curves as `la.simulate` does ours."""

import heapq
import math
import time
from collections.abc import Mapping
from typing import Any, Literal, Protocol

from benchmarks.schedule.metrics import Improvements
from benchmarks.schedule.problems import Problem

Answer = Literal["go", "pause", "stop"]


class Agent(Protocol):
    """A scheduler with its searcher, of another project."""

    def suggest(self) -> tuple[int, Mapping[str, Any] | None] | None:
        """A trial for a free worker: its number, with params if it is new; None: nothing to do now."""

    def report(self, trial: int, step: int, value: float) -> Answer:
        """Whether a trial goes on after a step; after the last step of all it is over anyhow."""


def drive(
    agent: Agent, problem: Problem, workers: int, *, target: float, horizon: float, timeout: float = math.inf
) -> dict[str, Any]:
    """Runs an agent until the target, the virtual horizon or the real timeout.

    A trial that paused goes on from where it was, at no cost; a report comes when its step is over.
    """
    heap: list[tuple[float, int, int]] = []
    params: dict[int, Mapping[str, Any]] = {}
    done: dict[int, int] = {}
    found: Improvements = []
    now, best, order, reports, deadline = 0.0, math.inf, 0, 0, time.monotonic() + timeout
    reason = "nothing left"

    def begin(trial: int) -> None:
        nonlocal order
        order += 1
        heapq.heappush(heap, (now + float(problem.curve(params[trial])[1][done[trial]]), order, trial))

    while True:
        while len(heap) < workers and (suggested := agent.suggest()) is not None:
            trial, given = suggested
            if given is not None:
                params[trial], done[trial] = given, 0
            begin(trial)
        if not heap:
            break
        if heap[0][0] > horizon:
            reason = "horizon"
            break
        if time.monotonic() > deadline:
            reason = "timeout"
            break
        now, _, trial = heapq.heappop(heap)
        done[trial] += 1
        reports += 1
        value = float(problem.curve(params[trial])[0][done[trial] - 1])
        if value < best:
            best = value
            found.append((now, value))
            if best <= target:
                reason = "target"
                break
        if agent.report(trial, done[trial], value) == "go" and done[trial] < problem.steps:
            begin(trial)
    return {"run": found, "end": now, "reason": reason, "trials": len(params), "reports": reports}
