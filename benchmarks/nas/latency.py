"""The table of operators' latencies: how well it ranks members of a space that it was not measured on."""

import argparse
import os
import sys
import time

import numpy as np

from benchmarks.results import machine, table, versions, write_section

BATCHES = (1, 16)
HELD_OUT = 40
CLOCK = time.process_time

PREAMBLE = """\
A space of {size:,} convolutional networks for images of 32 pixels (three stages; width, kernel and kind of convolution
of each). The table is measured on {members} random members, 5 passes each; {held_out} others are measured as wholes, 20
passes each, twice: the rank correlation of these two measurements is the most that can be asked for. "Error" is the
median of |predicted − measured| / measured. Made by `{command}`
with one thread, in seconds of the processor, since other work ran as well (load average {load:.1f}), on a machine with
{machine}; {versions}.

{rows}
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("latency", help="how well a table of operators predicts latency")
    command.add_argument("--members", type=int, default=300, help="how many the table is measured on (default 300)")
    command.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Measures and prints the table."""
    import torch

    from lanista import nas

    torch.set_num_threads(1)
    space = nas.ModelSpace(network)
    rows = [figures(space, batch, given.members) for batch in BATCHES]
    head = [
        "batch",
        "table, rank",
        "measured again, rank",
        "multiply-adds, rank",
        "error",
        "operators",
        "seconds to measure",
    ]
    text = PREAMBLE.format(
        size=int(space.size),
        members=given.members,
        held_out=HELD_OUT,
        command=" ".join(["python -m benchmarks.nas", *sys.argv[1:]]),
        machine=machine(),
        load=os.getloadavg()[0],
        versions=versions("torch"),
        rows=table(head, rows),
    )
    print(text)
    if given.write:
        write_section("nas: latency tables", text)
    return 0


def network() -> "object":
    """A member of the space."""
    from torch import nn

    from lanista import nas

    layers: list[nn.Module] = []
    inside = 3
    for stage in range(3):
        width = nas.ValueChoice(f"width{stage}", [8, 16, 24, 32])
        kernel = nas.ValueChoice(f"kernel{stage}", [1, 3, 5])
        stride = 2 if stage else 1
        if nas.ValueChoice(f"kind{stage}", ["plain", "separable"]) == "plain":
            layers.append(nn.Conv2d(inside, width, kernel, stride, kernel // 2))
        else:
            layers.append(nn.Conv2d(inside, inside, kernel, stride, kernel // 2, groups=inside))
            layers.append(nn.Conv2d(inside, width, 1))
        layers += [nn.BatchNorm2d(width), nn.ReLU()]
        inside = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inside, 10))


def figures(space: object, batch: int, members: int) -> list[str]:
    """One row: rank correlations and the error, for one batch size."""
    import torch
    from scipy.stats import spearmanr

    from lanista import nas

    assert isinstance(space, nas.ModelSpace)
    inputs = torch.zeros(batch, 3, 32, 32)
    start = time.perf_counter()
    found = nas.LatencyTable.measure(space, inputs, members=members, repeats=5, threads=1, clock=CLOCK)
    seconds = time.perf_counter() - start
    others = (space.build(params) for params in space.sample(np.random.default_rng(1), 20 * HELD_OUT))
    models = [model for model in others if not found.missing(model, inputs)][:HELD_OUT]
    first, again = (found.compare(models, inputs, clock=CLOCK) for _ in range(2))
    same = spearmanr(first.measured_ms, again.measured_ms).statistic
    macs = [nas.profile(model, inputs, repeats=0).macs for model in models]
    count = spearmanr(macs, first.measured_ms).statistic
    ranks = [f"{rank:.2f}" for rank in (first.rank, same, count)]
    return [str(batch), *ranks, f"{first.error:.0%}", str(len(found.entries)), f"{seconds:.0f}"]
