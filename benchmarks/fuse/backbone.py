"""What models share, and models of several widths: python -m benchmarks.fuse backbone."""

import argparse
import copy
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from statistics import median

import torch
from torch import Tensor, nn

from benchmarks.fuse import ours, plain
from benchmarks.fuse.job import MOMENTUM
from benchmarks.fuse.models import CASES, CLASSES, mlp, trunk
from benchmarks.fuse.page import bars, made
from benchmarks.fuse.timing import Seconds, in_turns, ratio
from benchmarks.results import table, write_section

HEADS = 16
WIDTHS = (16, 24, 32, 48)
MODELS = 32
EPOCHS = 10
RATE = 0.01

Ways = dict[str, Callable[[], object]]

PAGE = """\
{bars}

Linear heads on a frozen ResNet-8 without its last layer, which is one object in all of the models and in evaluation
mode: all of a training of {epochs} epochs of {examples} examples, capture and choice included. "one head" of the bar is
the faster of the plain loop and Lanista.

{heads}

And an epoch of {models} MLPs (64 inputs, two layers of {widths} hidden units), a quarter of each width.

{mixed}

Medians of {rounds} rounds in turns; SGD with momentum 0.9 on random examples, in one thread.

{made}
"""


def add(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command."""
    command = commands.add_parser("backbone", help="16 heads on a frozen backbone, and models of four widths")
    command.add_argument("--quick", action="store_true", help="short epochs, two rounds")
    command.add_argument("--write", action="store_true", help="write the section of benchmarks/RESULTS.md")
    command.add_argument("--rounds", type=int, default=5, help="how often each way is timed (default 5)")
    command.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Measures, prints and writes."""
    torch.set_num_threads(1)
    rounds = min(given.rounds, 2) if given.quick else given.rounds
    case = CASES["ResNet-8"]
    x, y = replace(case, steps=4 if given.quick else 32).data(torch.float32, torch.device("cpu"))
    setups: dict[int, list[float]] = {1: [], HEADS: []}
    ways: Ways = {}
    for count, held in setups.items():
        ways |= whole(headed(count), x, y, held)
    heads = in_turns(ways, rounds, lambda: None)
    examples = len(x)
    print(heads, file=sys.stderr)
    case = CASES["MLP 32"]
    x, y = replace(case, steps=20 if given.quick else 90).data(torch.float32, torch.device("cpu"))
    mixed = in_turns(single(mixture(), x, y), rounds, lambda: None)
    print(mixed, file=sys.stderr)
    text = page(heads, mixed, setups, rounds=rounds, examples=examples)
    print(text)
    if given.write:
        write_section("fuse: backbone and widths", text)
    return 0


def headed(count: int) -> list[nn.Module]:
    """Heads on one frozen trunk."""
    torch.manual_seed(0)
    shared = trunk(16).eval().requires_grad_(False)
    return [Headed(shared) for _ in range(count)]


class Headed(nn.Module):
    """A trunk that stays as it is, and a head."""

    def __init__(self, shared: nn.Module) -> None:
        super().__init__()
        self.trunk, self.head = shared, nn.Linear(64, CLASSES)

    def train(self, mode: bool = True) -> "Headed":
        """Only the head ever trains."""
        self.head.train(mode)
        return self

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.trunk(x))  # type: ignore[no-any-return]


def mixture() -> list[nn.Module]:
    """MLPs of all widths, in turns."""
    torch.manual_seed(0)
    return [mlp(64, width, width) for _ in range(MODELS // len(WIDTHS)) for width in WIDTHS]


def whole(models: Sequence[nn.Module], x: Tensor, y: Tensor, setups: list[float]) -> Ways:
    """All of the training of models, from untrained ones on, by the plain loop ("loop 16") and by Lanista.

    The seconds before Lanista's first epoch are added to `setups`.
    """

    def theirs() -> None:
        own = [copied(model) for model in models]
        made = optimizers(own)
        for _ in range(EPOCHS):
            loop(own, made, x, y, batch=32)

    def lanistas() -> None:
        began = time.perf_counter()
        teams = ours.teamed([ours.member(copied(model), RATE) for model in models], x, y, batch=32)
        setups.append(time.perf_counter() - began)
        for _ in range(EPOCHS):
            ours.epoch(teams)

    return {f"loop {len(models)}": theirs, f"lanista {len(models)}": lanistas}


def single(models: Sequence[nn.Module], x: Tensor, y: Tensor) -> Ways:
    """An epoch of models, likewise."""
    teams = ours.teamed([ours.member(copied(model), RATE) for model in models], x, y, batch=16)
    for team in teams:
        print(f"{len(team)} models {team.way.name}: {team.reason}", file=sys.stderr)
    found: Ways = {
        f"loop {len(models)}": partial(loop, models, optimizers(models), x, y, batch=16),
        f"lanista {len(models)}": partial(ours.epoch, teams),
    }
    for epoch in found.values():
        epoch()
    return found


def copied(model: nn.Module) -> nn.Module:
    """The same model with weights of its own, but for what is frozen."""
    memo = {id(part): part for part in model.parameters() if not part.requires_grad}
    return copy.deepcopy(model, memo)


def optimizers(models: Sequence[nn.Module]) -> list[torch.optim.Optimizer]:
    """One a model, for what is trained of it."""
    trained = ([weight for weight in model.parameters() if weight.requires_grad] for model in models)
    return [torch.optim.SGD(weights, lr=RATE, momentum=MOMENTUM) for weights in trained]


def loop(
    models: Sequence[nn.Module], optimizers: Sequence[torch.optim.Optimizer], x: Tensor, y: Tensor, *, batch: int
) -> None:
    """An epoch of one model after the other."""
    for model, optimizer in zip(models, optimizers, strict=True):
        plain.train(model, optimizer, x, y, batch=batch, order=plain.shuffled)


def page(heads: Seconds, mixed: Seconds, setups: Mapping[int, list[float]], *, rounds: int, examples: int) -> str:
    """The section."""
    one = min((f"{way} 1" for way in ("loop", "lanista")), key=lambda way: median(heads[way]))
    cost, gain = ratio(heads, f"lanista {HEADS}", one), ratio(mixed, f"loop {MODELS}", f"lanista {MODELS}")
    head = ["", "plain loop, s", "Lanista, s"]
    return PAGE.format(
        bars=bars(
            [
                (f"{HEADS} heads over one head", "at most 1.5", cost, cost <= 1.5),
                (f"{MODELS} MLPs of {len(WIDTHS)} widths, over the plain loop", "at least 2", gain, gain >= 2),
            ]
        ),
        models=MODELS,
        widths=", ".join(map(str, WIDTHS[:-1])) + f" or {WIDTHS[-1]}",
        rounds=rounds,
        epochs=EPOCHS,
        examples=examples,
        heads=table(
            [*head, "of which before the first epoch"],
            [
                [*_row("one head" if count == 1 else f"{count} heads", heads, count), f"{median(held):.3g}"]
                for count, held in setups.items()
            ],
        ),
        mixed=table(head, [_row(f"{MODELS} MLPs of {len(WIDTHS)} widths", mixed, MODELS)]),
        made=made(),
    )


def _row(what: str, seconds: Seconds, count: int) -> list[str]:
    return [what, *(f"{median(seconds[f'{way} {count}']):.3g}" for way in ("loop", "lanista"))]
