"""Architecture and learning rate together on real images, against a network written by hand of no fewer parameters."""

import argparse
import os
import statistics
import time
from collections import Counter
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

import lanista as la
from benchmarks.results import machine, table, versions, write_section
from benchmarks.search.problems.base import ROOT
from lanista import nas
from lanista.errors import Infeasible

EPOCHS = {"digits": 27, "cifar": 9}
BATCH = 64

PREAMBLE = """\
Joint search of architecture and learning rate among {size:,} networks (three stages; width, number of blocks and kind
of convolution of each, residual or not, pooling), by the default searcher with `la.ASHA({epochs})`, {trials} trials.
Networks of more parameters than the one written by hand are refused before training. That one has its learning rate
searched in the same way, with as many trials. A fifth of the training images judges; test accuracies are those of the
best of each search, trained anew on all training images, with three seeds. Made by `{command} --write` on a machine
with {machine}, whose load average was {load:.1f}; {versions}.

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

    spec = importlib.util.spec_from_file_location("load", ROOT / "images" / "load.py")
    assert spec is not None and spec.loader is not None
    load = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(load)
    x, y = load.load_imgs(ROOT / "images" / f"cifar10_{name}.imgs")
    pixels = torch.from_numpy(np.asarray(x)).permute(0, 3, 1, 2).float() / 127.5 - 1
    return pixels.contiguous(), torch.from_numpy(np.asarray(y)).long()


class Block(nn.Module):
    """An operation, normalised, beside which the input may pass."""

    def __init__(self, inputs: int, width: int, operation: nn.Module, *, residual: bool) -> None:
        super().__init__()
        self.operation, self.norm = operation, nn.BatchNorm2d(width)
        self.residual = residual and inputs == width

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.norm(self.operation(x)))
        return x + out if self.residual else out


def block(name: str, inputs: int, width: int) -> nn.Module:
    def depthwise(size: int) -> nn.Module:
        return nn.Sequential(
            nn.Conv2d(inputs, inputs, size, padding=size // 2, groups=inputs, bias=False),
            nn.Conv2d(inputs, width, 1, bias=False),
        )

    def conv(size: int) -> nn.Module:
        return nn.Conv2d(inputs, width, size, padding=size // 2, bias=False)

    candidates = {
        "conv3": lambda: conv(3),
        "conv5": lambda: conv(5),
        "separable3": lambda: depthwise(3),
        "separable5": lambda: depthwise(5),
    }
    operation = nas.LayerChoice(candidates, name=f"{name}_operation")
    return Block(inputs, width, operation, residual=nas.ValueChoice("residual", [False, True]))


class Net(nn.Module):
    """Three stages of blocks; what the choices give by default is the network written by hand."""

    def __init__(self, channels: int, width: int) -> None:
        super().__init__()
        stages: list[nn.Module] = []
        for stage in range(3):
            wide = nas.ValueChoice(f"width{stage}", [width << stage, *(int(width * k) << stage for k in (0.5, 1.5, 2))])
            wide = max(4, wide)
            depth = nas.ValueChoice(f"depth{stage}", [1, 2, 3])
            for i in range(depth):
                stages.append(block(f"block{stage}{i}", channels, wide))
                channels = wide
            if stage < 2:
                stages.append(
                    nas.LayerChoice({"max": lambda: nn.MaxPool2d(2), "mean": lambda: nn.AvgPool2d(2)}, "pool")
                )
        self.stages = nn.Sequential(*stages)
        self.head = nn.Linear(channels, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.head(F.dropout(self.stages(x).mean((2, 3)), 0.1, self.training))  # type: ignore[no-any-return]


def models(data: str) -> nas.ModelSpace:
    return nas.ModelSpace(Net, *((1, 4) if data == "digits" else (3, 16)))


def size(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


class Training:
    """Trains a trial's model on a part of the training images and reports its accuracy on the rest."""

    def __init__(self, data: str, most: int) -> None:
        self.data, self.most = data, most

    def __call__(self, trial: la.Trial) -> None:
        torch.set_num_threads(1)
        torch.manual_seed(trial.seed)
        net = trial["net"]
        if (parameters := size(net)) > self.most:
            raise Infeasible(f"{parameters:,} parameters are more than {self.most:,}")
        x, y, _, _ = images(self.data)
        cut = len(x) * 4 // 5
        steps = training(net, x[:cut], y[:cut], trial["lr"], EPOCHS[self.data], trial)
        for _ in steps:
            trial.report(accuracy=accuracy(net, x[cut:], y[cut:]))


def training(net: nn.Module, x: Tensor, y: Tensor, lr: float, epochs: int, trial: la.Trial | None = None) -> Any:
    """Trains by SGD with a cosine of the learning rate; yields after each epoch."""
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


def tested(data: str, params: dict[str, Any], lr: float, seeds: int) -> list[float]:
    """Accuracies on the test images of a model trained anew on all training images."""
    x, y, x_test, y_test = images(data)
    found = []
    for seed in range(seeds):
        torch.manual_seed(1000 + seed)
        net = models(data).build(params)
        for _ in training(net, x, y, lr, EPOCHS[data]):
            pass
        found.append(accuracy(net, x_test, y_test))
    return found


def search(args: argparse.Namespace, space: dict[str, Any], most: int, name: str) -> tuple[la.Experiment, float]:
    exp = la.Experiment(
        name, space, metric="accuracy", mode="max", scheduler=la.ASHA(EPOCHS[args.data]), store="memory", seed=0
    )
    began = time.perf_counter()
    exp.run(Training(args.data, most), trials=args.trials, workers=args.workers, executor=args.executor, progress=False)
    return exp, time.perf_counter() - began


def run(args: argparse.Namespace) -> int:
    whole, lr = models(args.data), la.Float(1e-3, 1.0, log=True)
    base = whole.space.defaults()
    most = size(whole.build(base))
    fixed = la.Space({"net": whole, "lr": lr}).fix(**{f"net.{name}": value for name, value in base.items()})
    rows = []
    for label, space in [("by hand", fixed), ("searched", {"net": whole, "lr": lr})]:
        exp, seconds = search(args, space, most, label)
        best = exp.best.params
        params = {name.removeprefix("net."): value for name, value in best.items() if name.startswith("net.")}
        scores = tested(args.data, params, best["lr"], args.seeds)
        ended = Counter(trial.state for trial in exp.trials)
        rows.append(
            [
                label,
                f"{size(whole.build(params)):,}",
                f"{best['lr']:.3g}",
                f"{ended['completed']} of {len(exp.trials)}, {ended['infeasible']} too large",
                f"{seconds:.0f}",
                f"{statistics.mean(scores):.4f}",
                ", ".join(f"{score:.4f}" for score in scores),
            ]
        )
        print(label, best, scores, flush=True)
    head = ["network", "parameters", "learning rate", "trials to the end", "seconds", "test accuracy", "of each seed"]
    text = PREAMBLE.format(
        size=int(whole.size),
        epochs=EPOCHS[args.data],
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
