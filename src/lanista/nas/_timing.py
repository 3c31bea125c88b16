"""Measures milliseconds: warm-up, repeats, median, on a known number of threads."""

from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.nas._layers import following

Clock = Callable[[], float]


def checked(repeats: int, warmup: int, threads: int | None, *, least: int = 1) -> None:
    """Refuses counts that measure nothing.

    Raises:
        UsageError: a count is too small, or no whole number.
    """
    for name, value, bound in (("repeats", repeats, least), ("warmup", warmup, 0), ("threads", threads, 1)):
        if value is not None and not isinstance(value, int):
            raise UsageError(f"{name}={value!r} is no whole number: give {bound} or more")
        if value is not None and value < bound:
            raise UsageError(f"{name}={value} is below {bound}: give {bound} or more")


@contextmanager
def threads_of(count: int | None) -> Iterator[int]:
    """Runs the block on that many threads (None: as they are set), and says how many."""
    before = torch.get_num_threads()
    torch.set_num_threads(before if count is None else count)
    try:
        yield torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def synchronize(device: torch.device) -> None:
    """Waits until an accelerator has done what it was given; the CPU has."""
    if device.type not in ("cpu", "meta"):
        torch.accelerator.synchronize(device)


def timed(call: Callable[[], Any], device: torch.device, clock: Clock) -> float:
    """Milliseconds of one call, all that it started on the device included."""
    synchronize(device)
    start = clock()
    call()
    synchronize(device)
    return (clock() - start) * 1000


class Times(Frozen):
    """Milliseconds of each pass, and of each layer by itself in each of other passes."""

    passes: list[float]
    layers: dict[str, list[float]]


def measure(
    model: nn.Module, call: Callable[[], Any], device: torch.device, repeats: int, warmup: int, clock: Clock
) -> Times:
    """Times passes as they are, and then as many that stop at each layer, which makes them slower."""
    for _ in range(warmup if repeats else 0):
        call()
    passes = [timed(call, device, clock) for _ in range(repeats)]
    layers: dict[str, list[float]] = defaultdict(list)
    for _ in range(repeats):
        for name, seconds in _pass(model, call, device, clock).items():
            layers[name].append(seconds * 1000)
    return Times(passes, layers)


def _pass(model: nn.Module, call: Callable[[], Any], device: torch.device, clock: Clock) -> dict[str, float]:
    """Seconds of each layer in one pass, those of the layers inside it taken off."""
    spent: dict[str, float] = defaultdict(float)
    open_since: list[float] = []

    def enter(name: str) -> None:
        synchronize(device)
        open_since.append(clock())
        inner.append(0.0)

    def leave(name: str, output: Any) -> None:
        synchronize(device)
        whole = clock() - open_since.pop()
        spent[name] += whole - inner.pop()
        inner[-1] += whole

    inner = [0.0]
    with following(model, enter, leave):
        call()
    return spent
