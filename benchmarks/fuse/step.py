"""A training epoch of K models, ways side by side: python -m benchmarks.fuse step."""

import argparse
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import partial

import torch

from benchmarks.fuse import ours, plain
from benchmarks.fuse.agree import distance
from benchmarks.fuse.found import Found
from benchmarks.fuse.job import Job
from benchmarks.fuse.models import CASES, COUNTS
from benchmarks.fuse.page import steps_page
from benchmarks.fuse.plain import Epoch
from benchmarks.fuse.timing import in_turns
from benchmarks.measure import run_case
from benchmarks.results import write_section

Way = Callable[[Job], AbstractContextManager[Epoch]]


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("step", help="a training epoch of K models, against torch code of several kinds")
    command.add_argument("--quick", action="store_true", help="1 and 4 models, two rounds")
    command.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md")
    command.add_argument("--only", default="", metavar="TEXT", help="only the cases whose name contains TEXT")
    command.add_argument("--counts", type=_numbers, default=COUNTS, metavar="K,K", help="how many models")
    command.add_argument("--rounds", type=int, default=5, help="how often each way trains an epoch (default 5)")
    command.add_argument("--device", default="cpu", help="cpu, cuda")
    command.add_argument("--processes", type=_numbers, default=(2,), metavar="N,N", help="rivals of N processes")
    command.add_argument("--compile", action="store_true", help="also the graph of all models, compiled by torch")
    command.set_defaults(run=run)


def _numbers(text: str) -> tuple[int, ...]:
    return tuple(int(part) for part in text.split(","))


def run(given: argparse.Namespace) -> int:
    """Measures, prints and writes."""
    torch.set_num_threads(1)
    if given.quick:
        given.counts, given.rounds = given.counts[:2], min(given.rounds, 2)
    names = [name for name in CASES if given.only in name]
    found = []
    for name in names:
        most = CASES[name].most if given.device == "cpu" else max(given.counts)
        for count in [count for count in given.counts if count <= most]:
            found.append(measure(Job(name, count, device=given.device), ways(given), given.rounds))
            told = ", ".join(f"{way} {found[-1].ratio(way):.2f}" for way in found[-1].seconds)
            print(f"{name}, {count}: {found[-1].each('loop'):.1f} ms; {told}", file=sys.stderr, flush=True)
    largest = {one.name: one.count for one in found}
    memory = {name: peaks(Job(name, count, device=given.device)) for name, count in largest.items()}
    steps = 10 if given.quick else 100
    far = {name: agreement(Job(name, 4, device=given.device, double=True), steps) for name in names}
    text = steps_page(found, memory, far, steps=steps, device=given.device)
    print(text)
    if given.write:
        write_section("fuse: step" if given.device == "cpu" else f"fuse: step on {given.device}", text)
    return 0


def ways(given: argparse.Namespace) -> dict[str, Way]:
    """All that are measured."""
    rivals = {f"{many} processes": partial(plain.processes, many=many) for many in given.processes}
    return {
        "loop": plain.loop,
        "fused optimiser": partial(plain.loop, fused=True),
        **rivals,
        "vmap": plain.vmapped,
        "stacked": ours.stacked,
        **({"compiled": ours.compiled} if given.compile else {}),
        "chosen": ours.Chosen(),
    }


def measure(job: Job, ways: dict[str, Way], rounds: int) -> Found:
    """Lets all ways train the same models; each has trained for an epoch before the clock starts."""
    found = Found(job.name, job.count)
    with ExitStack() as kept:
        epochs: dict[str, Epoch] = {}
        for way, make in ways.items():
            if way.endswith("processes") and job.count < int(way.split()[0]):
                continue
            try:
                epochs[way] = kept.enter_context(make(job))
                epochs[way]()
            except Exception as error:
                epochs.pop(way, None)
                found.failed[way] = f"{type(error).__name__}: {str(error).strip().splitlines()[0]}"
        found.seconds = in_turns(epochs, rounds, job.settle)
    chosen = ways["chosen"]
    assert isinstance(chosen, ours.Chosen)
    found.chosen, found.setup = chosen.way, chosen.setup
    return found


def peaks(job: Job) -> dict[str, float]:
    """MiB of each way, measured in processes of their own; ways that cannot do it are left out."""
    found = {}
    for way in ("loop", "vmap", "stacked"):
        try:
            result = run_case("benchmarks.fuse.memory", way, name=job.name, count=job.count, device=job.device)
        except SystemExit as error:
            print(f"{job.name}, memory of {way}: {error}", file=sys.stderr)
            continue
        found[way] = float(result["mib"])
    return found


def agreement(job: Job, steps: int) -> tuple[float, float]:
    """How far the stacked way is from the loop; NaN where it cannot do it."""
    try:
        return distance(job, steps)
    except Exception as error:
        print(f"{job.name}, agreement: {error}", file=sys.stderr)
        return float("nan"), float("nan")
