"""Which way of training is the fastest for a stack: measured, on a batch, before the first epoch."""

import math
import statistics
import time
from collections.abc import Callable

import torch

from lanista._frozen import Frozen
from lanista.fuse._apart import Apart
from lanista.fuse._graphs import Graphs
from lanista.fuse._plain import Plain
from lanista.fuse._plan import Plan, Way
from lanista.fuse._stack import Stack
from lanista.fuse._together import Together

_REPEATS = 3
_FAR = 2.0
_CLEARLY = 0.95
"""How much faster a way must be than one before it: else what is measured by chance would decide."""


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
    live = stack.live
    ways: list[Together | Apart | Plain] = [Together(graphs)] if stack.size > 1 else []
    ways += [Apart(graphs)]
    ways += [] if graphs.captured(plan.start.stop, training=True).noise else [Plain()]
    if len(ways) == 1:
        return Choice(ways[0], "one model")
    before = {name: part.clone() for name, part in stack.buffers.items()}
    times: list[float] = []
    try:
        for way in ways:
            many = 1 if isinstance(way, Together) else len(live)  # one model is timed of those that come one by one
            enough = min(times, default=math.inf) / many
            times.append(_seconds(way.trial(stack, plan), stack.device, enough) * many)
    finally:
        for name, part in before.items():
            stack.buffers[name].copy_(part)
    told = ", ".join(f"{seconds * 1e3:.3g} ms {way.name}" for way, seconds in zip(ways, times, strict=True))
    models = "1 model" if len(live) == 1 else f"{len(live)} models"
    best = 0
    for i, seconds in enumerate(times):
        if seconds < _CLEARLY * times[best]:
            best = i
    return Choice(ways[best], f"a step of {models} takes {told}")


def _seconds(call: Callable[[], object], device: torch.device, enough: float) -> float:
    """The median time of a call, after one to warm up; of less calls where it is far above `enough`."""
    found: list[float] = []
    for _ in range(_REPEATS + 1):
        began = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        found.append(time.perf_counter() - began)
        if len(found) > 1 and found[-1] > _FAR * enough:
            break
    return statistics.median(found[1:])
