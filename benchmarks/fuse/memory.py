"""The memory that training takes, in a process of its own: python -m benchmarks.fuse.memory WAY {...}."""

import contextlib
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

import psutil
import torch

from benchmarks.fuse import ours, plain
from benchmarks.fuse.job import Job
from benchmarks.fuse.plain import Epoch
from benchmarks.measure import Result, peak_mib, serve

Way = Callable[[Job], AbstractContextManager[Epoch]]

WAYS: dict[str, Way] = {"loop": plain.loop, "vmap": plain.vmapped, "stacked": ours.stacked}


def peak(way: str, folder: str, name: str, count: int, device: str) -> Result:
    """The MiB by which memory grows for so many models, data included.

    One model is trained first, so that what is only loaded does not count.
    """
    torch.set_num_threads(1)
    _epoch(way, Job(name, 1, device=device))
    if device != "cpu":
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        _epoch(way, Job(name, count, device=device))
        return {"mib": (torch.cuda.max_memory_allocated() - before) / 2**20}
    _forget()
    before_mib = psutil.Process().memory_info().rss / 2**20
    _epoch(way, Job(name, count, device=device))
    return {"mib": max(0.0, peak_mib() - before_mib)}


def _forget() -> None:
    """Lets the peak begin anew, where the kernel can do that; elsewhere what was loaded may hide a small rise."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _epoch(way: str, job: Job) -> None:
    with WAYS[way](job) as epoch:
        epoch()


if __name__ == "__main__":
    serve({way: partial(peak, way) for way in WAYS})
