"""Architecture and learning rate together on real images, against a network written by hand of no fewer parameters."""

import argparse
import os
import statistics
import time
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from functools import cache, partial
from multiprocessing import get_context
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lanista as la
from benchmarks.results import machine, table, versions, write_section
from benchmarks.search.problems import base
from lanista import nas
from lanista.errors import Infeasible

EPOCHS = {"digits": 27, "cifar": 9}
LEAST = {"digits": 9, "cifar": 3}
"""Epochs that each trial has."""
BATCH = 64
USUAL = 0.1
"""The learning rate that one would try first, and that the first trial has, of the network written by hand."""

PREAMBLE = """\
Joint search of architecture and learning rate among {size:,} networks (three stages; number of blocks and kind of
convolution of each, growth of the width, residual or not, pooling), each as wide as the parameters of the one written
by hand allow, by the default searcher with `la.ASHA({epochs}, min_steps={least})`, {trials} trials, of which the
first is the network written by hand with a learning rate of 0.1, about which the learning rate has a prior. The one
written by hand has its learning rate searched in the same way, with as many trials. A fifth of the training images
judges; test accuracies are those of the best of each search, trained anew on all training images, with {seeds} seeds.
Made by `{command} --write` on a machine with {machine}, whose load average was {load:.1f}; {versions}.

{rows}
"""


def add(commands: Any) -> None:
    parser = commands.add_parser("images", help="joint search of architecture and learning rate on real images")
    parser.add_argument("--data", choices=("digits", "cifar"), default="digits")
    parser.add_argument("--trials", type=int, default=150)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--executor", default="processes", help="processes or ray")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="write the table into RESULTS.md")
    parser.set_defaults(run=run)


@cache
def images(data: str) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training and test images (n, channels, size, size) with their labels."""
    if data == "digits":
        from sklearn.datasets import load_digits
        from sklearn.model_selection import train_test_split

        x, y = load_digits(return_X_y=True)
        parts = train_test_split(x.reshape(-1, 1, 8, 8) / 8 - 1, y, test_size=400, random_state=0, stratify=y)
        x, x_test, y, y_test = (torch.from_numpy(part) for part in parts)
        return x.float(), y, x_test.float(), y_test
    return *_cifar("train20k"), *_cifar("test_a5k")


def _cifar(name: str) -> tuple[Tensor, Tensor]:
    import importlib.util

    spec = importlib.util.spec_from_file_location("load", base.data() / "images" / "load.py")
    assert spec is not None and spec.loader is not None
    load = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(load)
    x, y = load.load_imgs(base.data() / "images" / f"cifar10_{name}.imgs")
    pixels = torch.from_numpy(np.asarray(x)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return pixels.contiguous(memory_format=torch.channels_last), torch.from_numpy(np.asarray(y)).long()


class Block(nn.Module):
    """An operation, normalised, beside which the input may pass."""

    def __init__(self, inputs: int, width: int, operation: nn.Module, *, residual: bool) -> None:
        super().__init__()
        self.operation, self.norm = operation, nn.BatchNorm2d(width)
        self.residual = residual and inputs == width

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.norm(self.operation(x)))
        return x + out if self.residual else out


def convolution(kind: str, inputs: int, width: int) -> nn.Module:
    """ "conv3", "separable5" and so on, without bias."""
    size = int(kind[-1])
    if kind.startswith("conv"):
        return nn.Conv2d(inputs, width, size, padding=size // 2, bias=False)
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, size, padding=size // 2, groups=inputs, bias=False),
        nn.Conv2d(inputs, width, 1, bias=False),
    )


class Net(nn.Module):
    """Three stages of blocks, as wide as a number of parameters allows; by default the network written by hand."""

    def __init__(self, channels: int, parameters: int) -> None:
        super().__init__()
        kinds: list[list[str]] = []
        for stage in range(3):
            depth = nas.ValueChoice(f"depth{stage}", [1, 2, 3])
            operations = ["conv3", "conv5", "separable3", "separable5"]
            kinds.append([nas.ValueChoice(f"block{stage}{i}", operations) for i in range(depth)])
        growth = nas.ValueChoice("growth", [2.0, 1.0, 1.4, 2.8])
        residual = nas.ValueChoice("residual", [False, True])
        pool = nas.LayerChoice({"max": lambda: nn.MaxPool2d(2), "mean": lambda: nn.AvgPool2d(2)}, name="pool")
        width = max((w for w in range(2, 200) if count(channels, kinds, w, growth) <= parameters), default=0)
        if not width:
            raise Infeasible(f"no width has as few as {parameters:,} parameters")
        layers: list[nn.Module] = []
        for stage, operations in enumerate(kinds):
            wide = int(width * growth**stage)
            for kind in operations:
                layers.append(Block(channels, wide, convolution(kind, channels, wide), residual=residual))
                channels = wide
            layers.append(pool if stage < 2 else nn.Identity())
        self.stages = nn.Sequential(*layers)
        self.head = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.stages(x).mean((2, 3)), 0.1, self.training))  # type: ignore[no-any-return]


def count(channels: int, kinds: list[list[str]], width: int, growth: float) -> int:
    """The parameters of such a network."""
    total = 0
    for stage, operations in enumerate(kinds):
        wide = int(width * growth**stage)
        for kind in operations:
            area = int(kind[-1]) ** 2
            total += channels * wide * area if kind.startswith("conv") else channels * (area + wide)
            total += 2 * wide
            channels = wide
    return total + 10 * channels + 10


def models(data: str) -> nas.ModelSpace:
    """Networks of 1,702 parameters for digits, and of 24,346 for CIFAR-10: of width 4 and 16, if written by hand."""
    return nas.ModelSpace(Net, *((1, 1_702) if data == "digits" else (3, 24_346)))


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


class Training:
    """Trains a trial's model on a part of the training images and reports its accuracy on the rest."""

    def __init__(self, data: str) -> None:
        self.data = data

    def __call__(self, trial: la.Trial) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(trial.seed)
        net = trial["net"]
        x, y, _, _ = images(self.data)
        cut = len(x) * 4 // 5
        steps = training(net, x[:cut], y[:cut], trial["lr"], EPOCHS[self.data], trial)
        for _ in steps:
            trial.report(accuracy=accuracy(net, x[cut:], y[cut:]))


def training(net: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int, trial: la.Trial | None = None) -> Any:
    """Trains by SGD with a cosine of the learning rate; yields after each epoch."""
    net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # faster on CPUs
    optimizer = torch.optim.SGD(net.parameters(), lr=lr, momentum=0.9, weight_decay=5e-4, nesterov=True)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, epochs)
    for _ in range(trial.load(net, optimizer, schedule) if trial is not None else 0, epochs):
        net.train()
        for rows in torch.randperm(len(x)).split(BATCH):
            optimizer.zero_grad()
            F.cross_entropy(net(x[rows]), y[rows]).backward()
            optimizer.step()
        schedule.step()
        if trial is not None:
            trial.save(net, optimizer, schedule)
        yield


@torch.no_grad()
def accuracy(net: nn.Module, x: Tensor, y: Tensor) -> float:
    net.eval()
    hits = sum(int((net(part).argmax(1) == of).sum()) for part, of in zip(x.split(500), y.split(500), strict=True))
    return hits / len(x)


def tested(data: str, params: dict[str, Any], lr: float, seed: int) -> float:
    """Accuracy on the test images of a model trained anew on all training images."""
    torch.set_num_threads(1)
    x, y, x_test, y_test = images(data)
    torch.manual_seed(1000 + seed)
    net = models(data).build(params)
    for _ in training(net, x, y, lr, EPOCHS[data]):
        pass
    return accuracy(net, x_test, y_test)


def search(args: argparse.Namespace, space: Any, name: str, first: dict[str, Any]) -> tuple[la.Experiment, float]:
    exp = la.Experiment(
        name,
        space,
        metric="accuracy",
        mode="max",
        scheduler=la.ASHA(EPOCHS[args.data], min_steps=LEAST[args.data]),
        store="memory",
        seed=0,
    )
    exp.enqueue(first)
    began = time.perf_counter()
    exp.run(Training(args.data), trials=args.trials, workers=args.workers, executor=args.executor, progress=False)
    return exp, time.perf_counter() - began


def run(args: argparse.Namespace) -> int:
    whole, lr = models(args.data), la.Float(1e-3, 1.0, log=True, prior=USUAL)
    base = {f"net.{name}": value for name, value in whole.space.defaults().items()}
    fixed = la.Space({"net": whole, "lr": lr}).fix(**base)
    rows = []
    for label, space in [("by hand", fixed), ("searched", {"net": whole, "lr": lr})]:
        exp, seconds = search(args, space, label, {**base, "lr": USUAL})
        best = exp.best.params
        params = {name.removeprefix("net."): value for name, value in best.items() if name.startswith("net.")}
        print(f"{label}: {exp.best.value:.4f} of {best} in {seconds:.0f} s", flush=True)
        with ProcessPoolExecutor(args.workers, get_context("spawn")) as pool:
            scores = list(pool.map(partial(tested, args.data, params, best["lr"]), range(args.seeds)))
        ended = Counter(trial.state for trial in exp.trials)
        rows.append(
            [
                label,
                f"{size(whole.build(params)):,}",
                f"{best['lr']:.3g}",
                f"{ended['completed']} of {len(exp.trials)}",
                f"{seconds:.0f}",
                f"{statistics.mean(scores):.4f}",
                ", ".join(f"{score:.4f}" for score in scores),
            ]
        )
        print(f"{label}, tested: {scores}", flush=True)
    head = ["network", "parameters", "learning rate", "trials to the end", "seconds", "test accuracy", "of each seed"]
    text = PREAMBLE.format(
        size=int(whole.size),
        epochs=EPOCHS[args.data],
        least=LEAST[args.data],
        seeds=args.seeds,
        trials=args.trials,
        command=f"python -m benchmarks.nas images --data {args.data} --trials {args.trials} --executor {args.executor}",
        machine=machine(),
        load=os.getloadavg()[0],
        versions=versions("torch"),
        rows=table(head, rows),
    )
    print(text)
    if args.write:
        write_section(f"nas: {args.data}", text)
    return 0
