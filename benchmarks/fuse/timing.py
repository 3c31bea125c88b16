"""Epochs of several ways, taken in turns."""

import time
from collections.abc import Callable, Mapping
from statistics import median
from typing import Any

Seconds = dict[str, list[float]]


def in_turns(epochs: Mapping[str, Callable[[], Any]], rounds: int, settle: Callable[[], None]) -> Seconds:
    """The seconds of each, a round after another, so that a busy minute hurts all of them alike.

    Args:
        epochs: what is timed, warm already.
        rounds: how often each.
        settle: waits until what was asked for is done.
    """
    found: Seconds = {name: [] for name in epochs}
    for _ in range(rounds):
        for name, epoch in epochs.items():
            settle()
            began = time.perf_counter()
            epoch()
            settle()
            found[name].append(time.perf_counter() - began)
    return found


def ratio(seconds: Mapping[str, list[float]], of: str, over: str) -> float:
    """How many times as long `of` takes as `over`: the median over the rounds; NaN where one was not measured."""
    pairs = zip(seconds.get(of, ()), seconds.get(over, ()), strict=False)
    return median([a / b for a, b in pairs] or [float("nan")])
