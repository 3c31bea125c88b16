"""What model spaces cost by themselves: recording a space, building a member, proposing one."""

import argparse
import os
import time
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

from benchmarks.results import machine, table, versions, write_section

MEMBERS: dict[str, tuple[str, dict[str, Any]]] = {
    "DARTS, 8 cells": ("DARTS", {"cells": 8}),
    "DARTS, 20 cells": ("DARTS", {"cells": 20}),
    "NASNet, 20 cells": ("NASNet", {}),
    "NASBench201": ("NASBench201", {}),
    "MobileNetV3": ("MobileNetV3", {}),
    "ProxylessNAS": ("ProxylessNAS", {}),
    "AutoFormer, base": ("AutoFormer", {"size": "base"}),
}
SEARCHERS = ("random", "evolution", "local", "reinforce", "ppo", "pnas", "bananas", "auto")
BARS_MS = {"record": 1000.0, "build": 50.0, "propose": 5.0}

PREAMBLE = """\
CPU milliseconds in one thread, each the least of {repeats} tries: other programs ran beside it. A member is random;
"its layers" is the time that torch takes to make its convolutions, norms and linear layers alone, with their first
weights, and is a part of "build". The bars are {record:g} ms to record a space of the size of DARTS, {build:g} ms to
build a member, and {propose:g} ms for a proposal. Made by `{command}` on a machine with {machine}, whose load average
was {load:.1f}; {versions}.

{spaces}

A proposal is one of the DARTS space, {parameters} parameters, by an experiment in memory, with `exp.ask` and `exp.tell`
of its result: the mean of the {last} after the first {first}.

{proposals}
"""
FIRST, LAST = 100, 50


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("overhead", help="what recording, building and proposing cost")
    command.add_argument("--repeats", type=int, default=5, help="tries, of which the least counts (default 5)")
    command.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Measures and prints the tables."""
    import torch

    from lanista import nas
    from lanista.nas import hub

    torch.set_num_threads(1)
    spaces = []
    for title, (name, arguments) in MEMBERS.items():
        models, record_ms = least(partial(nas.ModelSpace, getattr(hub, name), **arguments), given.repeats)
        params = models.sample(np.random.default_rng(0))[0]
        model, build_ms = least(partial(models.build, params), given.repeats)
        _, layers_ms = least(partial(layers, model), given.repeats)
        modules = sum(1 for _ in model.modules())
        spaces.append([title, f"{record_ms:.0f}", f"{build_ms:.1f}", f"{layers_ms:.1f}", f"{modules:,}"])
        print("  ".join(spaces[-1]), flush=True)
    darts = nas.ModelSpace(hub.DARTS, width=4, cells=3)
    proposals = []
    for searcher in SEARCHERS:
        proposals.append([f"`{searcher}`", f"{proposal_ms(darts, searcher, min(given.repeats, 3)):.2f}"])
        print("  ".join(proposals[-1]), flush=True)
    text = PREAMBLE.format(
        **BARS_MS,
        repeats=given.repeats,
        command="python -m benchmarks.nas overhead --write",
        machine=machine(),
        load=os.getloadavg()[0],
        versions=versions("lanista", "torch"),
        spaces=table(["space", "record", "build", "its layers", "modules"], spaces),
        parameters=len(darts.space.names),
        first=FIRST,
        last=LAST,
        proposals=table(["searcher", "a proposal"], proposals),
    )
    if given.write:
        write_section("nas: overhead", text)
    return 0


def least(make: Callable[[], Any], repeats: int) -> tuple[Any, float]:
    """What a function gives, and the least CPU milliseconds of several calls."""
    made, times = None, []
    for _ in range(repeats):
        start = time.process_time()
        made = make()
        times.append(time.process_time() - start)
    return made, 1000 * min(times)


def layers(model: Any) -> list[Any]:
    """Makes the layers of a model once more."""
    from torch import nn

    made: list[Any] = []
    for one in model.modules():
        if isinstance(one, nn.Conv2d):
            shape: Any = one.kernel_size
            made.append(nn.Conv2d(one.in_channels, one.out_channels, shape, groups=one.groups, bias=False))
        elif isinstance(one, nn.BatchNorm2d):
            made.append(nn.BatchNorm2d(one.num_features))
        elif isinstance(one, nn.Linear):
            made.append(nn.Linear(one.in_features, one.out_features, one.bias is not None))
        elif isinstance(one, nn.LayerNorm):
            made.append(nn.LayerNorm(one.normalized_shape))
    return made


def proposal_ms(models: Any, searcher: str, repeats: int) -> float:
    """The mean CPU milliseconds of a proposal, late in a search; the least of several searches."""
    import lanista as la

    found = []
    for seed in range(repeats):
        space = {"net": models, "lr": la.Float(1e-4, 1e-1, log=True)}
        exp = la.Experiment(
            "overhead", space, metric="accuracy", mode="max", searcher=searcher, store="memory", seed=seed
        )
        start = 0.0
        for i in range(FIRST + LAST):
            start = time.process_time() if i == FIRST else start
            trial = exp.ask()
            exp.tell(trial, -abs(np.log10(trial["lr"]) + 2) + sum("conv" in str(v) for v in trial.params.values()))
        found.append((time.process_time() - start) / LAST)
    return 1000 * min(found)
