"""The tables and the bars, from what was measured."""

import os
import sys
from collections.abc import Iterable, Mapping, Sequence
from math import isnan

import torch

from benchmarks.fuse.found import Found
from benchmarks.fuse.models import CASES
from benchmarks.results import machine, table, versions

STEPS = """\
{bars}

An epoch of training of K models that differ in first weights and learning rate, by SGD with momentum 0.9, on random
examples; gathering batches, the optimiser and the sum of the losses are in it, validation is not. Columns from the
third on say how many times as fast as the plain loop in column three a way is (over 1: faster). Ways train in turns,
one epoch each a round; ratios are medians over the rounds. One thread a process.

- plain loop: one model after the other, `torch.optim.SGD` as it comes. "fused optimiser": with `fused=True`.
- processes: each trains its part of the models by the plain loop; started before the clock, and warm.
- vmap: `torch.func.vmap` over `grad_and_value` and the stacked weights, SGD over them.
- stacked: Lanista's graph of all models, even where it is not the fastest. "chosen": what the trainer does after it has
  measured; "set up" is the time that capture, stacking, the check of each model and that choice take, once a cohort.
  "compiled": the same graph as `torch.compile` makes it, the seconds that this takes left out.

{speeds}

{models}

Memory: MiB by which {memory} rises while an epoch of the most models is trained, data included; each in a
process of its own that has trained one model before. Agreement: how far the stacked way is from the plain loop after
{steps} steps of 4 models in float64, as a share of the loss, and of the largest weight.

{others}

{made}
"""


def steps_page(
    found: Sequence[Found],
    memory: Mapping[str, Mapping[str, float]],
    far: Mapping[str, tuple[float, float]],
    *,
    steps: int,
    device: str,
) -> str:
    """The whole section."""
    return STEPS.format(
        bars=bars(gpu_bars(found) if device != "cpu" else cpu_bars(found)),
        speeds=speeds(found),
        models=failures(found),
        memory="resident memory" if device == "cpu" else "allocated memory of the device",
        steps=steps,
        others=others(found, memory, far),
        made=made(device),
    )


def made(device: str = "cpu") -> str:
    """By what, where."""
    command = " ".join(["python -m benchmarks.fuse", *sys.argv[1:]])
    beside = "" if device == "cpu" else f" and {torch.cuda.get_device_name(device)}"
    return (
        f"Made by `{command}` on a machine with {machine()}{beside}, whose load average was {os.getloadavg()[0]:.1f}; "
        f"{versions('lanista', 'torch', 'numpy')}."
    )


Bar = tuple[str, str, float, bool]
"""What, what must hold, what was measured, whether it holds."""


def bars(rows: Iterable[Bar]) -> str:
    """A table of them; what was not measured is neither met nor missed."""
    shown = [[what, bar, times(value), _met(value, met)] for what, bar, value, met in rows]
    return table(["what", "bar", "measured", "met"], shown)


def _met(value: float, met: bool) -> str:
    if isnan(value):
        return "not measured"
    return "yes" if met else "**no**"


def times(value: float) -> str:
    return "–" if isnan(value) else f"{value:.2f} times" if value < 10 else f"{value:.1f} times"


def cpu_bars(found: Sequence[Found]) -> list[Bar]:
    """Against the plain loop."""
    wanted = (("MLP 32", 64, 10.0), ("MLP 128", 16, 4.0), ("LeNet, small", 16, 1.7), ("transformer", 16, 1.7))
    rows = [_over_loop(found, name, count, least) for name, count, least in wanted]
    worst = min(found, key=lambda one: (one.ratio("chosen") >= 0, one.ratio("chosen")))  # what failed comes first
    value = worst.ratio("chosen")
    rows.append((f"the slowest of all: {worst.name}, {worst.count} models", "at least 0.95", value, value >= 0.95))
    return rows


def gpu_bars(found: Sequence[Found]) -> list[Bar]:
    """Against the plain loop, and against the best number of processes."""
    rows = []
    for name in ("LeNet, small", "ResNet-8", "transformer"):
        rows.append(_over_loop(found, name, 32, 10.0))
        for one in (one for one in found if (one.name, one.count) == (name, 32)):
            best = max((one.ratio(way) for way in one.seconds if way.endswith("processes")), default=float("nan"))
            value = one.ratio("chosen") / best
            rows.append((f"{name}, 32 models, over the best of processes", "at least 3", value, value >= 3))
    return rows


def _over_loop(found: Sequence[Found], name: str, count: int, least: float) -> Bar:
    value = next((one.ratio("chosen") for one in found if (one.name, one.count) == (name, count)), float("nan"))
    return f"{name}, {count} models, over the plain loop", f"at least {least:g}", value, value >= least


def speeds(found: Sequence[Found]) -> str:
    """A row a case and number of models."""
    others = sorted({way for one in found for way in one.seconds if way.endswith("processes")}, key=_number)
    compiled = ["compiled"] if any("compiled" in one.seconds for one in found) else []
    ways = ["fused optimiser", *others, "vmap", "stacked", *compiled, "chosen"]
    rows = []
    for one in found:
        ratios = [_share(one.ratio(way)) for way in ways]
        rows.append([one.name, str(one.count), f"{one.each('loop'):.3g}", *ratios, one.chosen, f"{one.setup:.2g}"])
    return table(["model", "K", "plain loop, ms a model", *ways, "the way chosen", "set up, s"], rows)


def _number(way: str) -> int:
    return int(way.split()[0])


def _share(value: float) -> str:
    return "–" if isnan(value) else f"{value:.2f}"


def failures(found: Sequence[Found]) -> str:
    """What could not be done, once each."""
    told = {(one.name, way): why for one in found for way, why in one.failed.items()}
    lines = [f"- {name}, {way}: {why}" for (name, way), why in told.items()]
    return "\n".join(["What could not be done:", "", *lines]) if lines else "All ways can train all models."


def others(
    found: Sequence[Found], memory: Mapping[str, Mapping[str, float]], far: Mapping[str, tuple[float, float]]
) -> str:
    """A row a case: what it is, memory and agreement."""
    rows = []
    for name, count in {one.name: one.count for one in found}.items():
        case, held = CASES[name], memory.get(name, {})
        size = sum(weight.numel() for weight in case.model().parameters())
        mib = [f"{held[way]:.0f}" if way in held else "–" for way in ("loop", "vmap", "stacked")]
        apart = ["–" if isnan(value) else f"{value:.0e}" for value in far[name]]
        rows.append([name, f"{size:,}", str(case.batch), str(case.steps), str(count), *mib, *apart])
    head = ["model", "parameters", "batch", "steps an epoch", "most models"]
    return table([*head, "loop, MiB", "vmap", "stacked", "loss apart", "weights apart"], rows)
