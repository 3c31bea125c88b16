"""What is searched: real data, a model, and the parameters of its training."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

import lanista as la
from benchmarks.fuse.models import LeNet, mlp
from benchmarks.search.problems import base

Pair = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Task:
    """A search.

    Attributes:
        name: what the tables call it.
        data: training and validation data.
        model: makes a model.
        batch: examples a step.
    """

    name: str
    data: Callable[[], tuple[Pair, Pair]]
    model: Callable[[], nn.Module]
    batch: int = 16


def space() -> dict[str, Any]:
    return {
        "lr": la.Float(1e-3, 1.0, log=True),
        "momentum": la.Float(0.0, 0.99),
        "weight_decay": la.Float(1e-6, 1e-2, log=True),
        "label_smoothing": la.Float(0.0, 0.2),
    }


@cache
def digits() -> tuple[Pair, Pair]:
    """1,347 images of 8x8 to train on, and 450 to judge by."""
    from sklearn.datasets import load_digits
    from sklearn.model_selection import train_test_split

    x, y = load_digits(return_X_y=True)
    parts = train_test_split(x / 8 - 1, y, test_size=450, random_state=0, stratify=y)
    x, x_valid, y, y_valid = (torch.from_numpy(part) for part in parts)
    return (x.float(), y), (x_valid.float(), y_valid)


@cache
def mnist() -> tuple[Pair, Pair]:
    """2,000 images of 28x28 to train on, and 1,000 to judge by."""
    with np.load(base.data() / "images" / "mnist.npz") as held:
        x, y = held["x_train"][:3000], held["y_train"][:3000]
    images, labels = torch.from_numpy(x).float().div(127.5).sub(1).unsqueeze(1), torch.from_numpy(y).long()
    return (images[:2000], labels[:2000]), (images[2000:], labels[2000:])


def small_mlp() -> nn.Module:
    return mlp(64, 32, 32)


TASKS = {
    "digits": Task("MLP 32 on digits", digits, small_mlp),
    "mnist": Task("small LeNet on MNIST", mnist, LeNet, batch=8),
}
