"""Which way of training is the fastest for a stack: measured, on a batch, before the first epoch."""

import math
import time
from collections.abc import Callable, Sequence

import torch

from lanista._frozen import Frozen
from lanista.fuse._apart import Apart
from lanista.fuse._graphs import Graphs
from lanista.fuse._plain import Plain
from lanista.fuse._plan import Plan, Way
from lanista.fuse._stack import Stack
from lanista.fuse._together import Together

_TURNS = 4
_ALL = 2
"""Turns of all ways: what is measured once is as slow as whatever came between."""
_FAR = 2.0
_CLEARLY = 0.95
"""How much faster a way must be than one before it: else what is measured by chance would decide."""

Step = Callable[[], object]


class Choice(Frozen):
    """A way, and why it was chosen."""

    way: Way
    reason: str


def choose(stack: Stack, graphs: Graphs, plan: Plan) -> Choice:
    """Times a step of all models by each way that there is for them.

    That they run as they are is no way for models that draw random numbers: these would be others.

    Raises:
        Unfusable: the models cannot be captured.
    """
    ways: list[Together | Apart | Plain] = [Together(graphs)] if stack.size > 1 else []
    ways += [Apart(graphs)]
    ways += [] if graphs.captured(plan.start.stop, training=True).noise else [Plain()]
    if len(ways) == 1 and not plan.compile:
        return Choice(ways[0], "one model")
    before = {name: part.clone() for name, part in stack.buffers.items()}
    try:
        refused = ""
        if plan.compile:
            fast = Together(graphs, compiled=True)
            fast.trial(stack, plan)()
            refused = f"; not compiled: {fast.refused}" if fast.refused else ""
            ways += [] if refused else [fast]
        # one model is timed of those that come one by one
        counts = [1 if isinstance(way, Together) else len(stack.live) for way in ways]
        times = _times([way.trial(stack, plan) for way in ways], counts, stack.device)
    finally:
        for name, part in before.items():
            stack.buffers[name].copy_(part)
    told = ", ".join(f"{seconds * 1e3:.3g} ms {way.name}" for way, seconds in zip(ways, times, strict=True))
    models = "1 model" if len(stack.live) == 1 else f"{len(stack.live)} models"
    best = 0
    for i, seconds in enumerate(times):
        if seconds < _CLEARLY * times[best]:
            best = i
    return Choice(ways[best], f"a step of {models} takes {told}{refused}")


def _times(steps: Sequence[Step], counts: Sequence[int], device: torch.device) -> list[float]:
    """The least seconds of each step, so many times, after one to warm up; what is far from the fastest is left.

    They are timed in turns: what else the machine does then slows all of them.
    """
    for step in steps:
        step()
    best = [math.inf] * len(steps)
    for turn in range(_TURNS):
        for i, step in enumerate(steps):
            if turn < _ALL or best[i] <= _FAR * min(best):
                best[i] = min(best[i], counts[i] * _seconds(step, device))
    return best


def _seconds(step: Step, device: torch.device) -> float:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    began = time.perf_counter()
    step()
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - began
