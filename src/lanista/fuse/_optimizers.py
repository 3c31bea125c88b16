"""Optimisers over rows, each with hyperparameters of its own."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.fuse._rows import Rows

Hyper = Mapping[str, float]


class Hypers:
    """The hyperparameters of all places of a stack, k of them, None for those that are free.

    Attributes:
        columns: each hyperparameter as a column, (k, 1); a free place has a learning rate of 0.
        alike: the taken places in groups of equal hyperparameters, with these.
        each: every taken place by itself, with its hyperparameters.
    """

    def __init__(self, places: Sequence[Hyper | None], like: Tensor) -> None:
        names = next((list(hyper) for hyper in places if hyper is not None), [])
        self.columns = {
            name: like.new_tensor([0.0 if hyper is None else hyper[name] for hyper in places]).unsqueeze(1)
            for name in names
        }
        self.each = {k: hyper for k, hyper in enumerate(places) if hyper is not None}
        found: dict[tuple[float, ...], list[int]] = {}
        for k, hyper in self.each.items():
            found.setdefault(tuple(hyper.values()), []).append(k)
        self.alike = [(group, self.each[group[0]]) for group in found.values()]
        self.used = {name: any(hyper[name] for hyper in self.each.values()) for name in names}
        self._parts: dict[int, dict[str, Tensor]] = {}

    def at(self, k: int | None) -> dict[str, Tensor]:
        """The columns, or those of place k alone."""
        if k is None:
            return self.columns
        if k not in self._parts:
            self._parts[k] = {name: column[k : k + 1] for name, column in self.columns.items()}
        return self._parts[k]


Factor = float | Sequence[float]
"""What learning rates are multiplied by: one number for all places, or one for each."""

Update = Callable[[Rows, Hypers, Factor, int | None], None]
"""update(rows, hypers, factor, k): makes a step by the gradients, of place k or of all."""


class Optimizer(Frozen):
    """How a step is made, how many moments that takes, and the hyperparameters with torch's defaults."""

    update: Update
    moments: int
    defaults: Mapping[str, float]


def _sgd(rows: Rows, hypers: Hypers, factor: Factor, k: int | None) -> None:
    """As few passes over memory as there can be; for rows as small as these that beats a kernel for each row."""
    column, used = hypers.at(k), hypers.used
    weights, step, moment = rows.part(k)
    if used["weight_decay"]:
        step = torch.addcmul(step, weights, column["weight_decay"])
    if used["momentum"]:
        torch.addcmul(step, moment, column["momentum"], out=moment)
        ahead = torch.addcmul(step, moment, column["momentum"]) if used["nesterov"] else moment
        step = torch.where(column["nesterov"] > 0, ahead, moment) if used["nesterov"] else moment
    rate = column["lr"]
    if not isinstance(factor, float):
        rate = rate * rate.new_tensor(factor).unsqueeze(1)
    elif factor != 1.0:
        rate = rate * factor
    weights.addcmul_(step, rate, value=-1)
    rows.count(k)


def _adam(kernel: Any) -> Update:
    """By torch's own fused kernel, once for all rows with equal hyperparameters."""

    def update(rows: Rows, hypers: Hypers, factor: Factor, k: int | None) -> None:
        rows.count(k)
        weights, grads, first, second, steps = rows.lists
        if k is not None:
            groups = [([k], hypers.each[k])]
        elif isinstance(factor, float):
            groups = hypers.alike
        else:
            groups = [([place], hyper) for place, hyper in hypers.each.items()]
        for group, hyper in groups:
            kernel(
                [weights[i] for i in group],
                [grads[i] for i in group],
                [first[i] for i in group],
                [second[i] for i in group],
                [],
                [steps[i] for i in group],
                lr=hyper["lr"] * (factor if isinstance(factor, float) else factor[group[0]]),
                beta1=hyper["beta1"],
                beta2=hyper["beta2"],
                weight_decay=hyper["weight_decay"],
                eps=hyper["eps"],
                amsgrad=False,
                maximize=False,
            )

    return update


_ADAM = {"lr": 1e-3, "beta1": 0.9, "beta2": 0.999, "eps": 1e-8}

OPTIMIZERS = {
    "sgd": Optimizer(_sgd, 1, {"lr": 1e-3, "momentum": 0.0, "weight_decay": 0.0, "nesterov": 0.0}),
    "adam": Optimizer(_adam(torch._fused_adam_), 2, {**_ADAM, "weight_decay": 0.0}),
    "adamw": Optimizer(_adam(torch._fused_adamw_), 2, {**_ADAM, "weight_decay": 1e-2}),
}
"""By name: SGD with momentum, Adam (Kingma and Ba, 2015), AdamW (Loshchilov and Hutter, 2019)."""


def optimizer(name: str) -> Optimizer:
    """The optimiser of a name.

    Raises:
        UsageError: there is none.
    """
    if name not in OPTIMIZERS:
        raise UsageError(f"optimizer={name!r} is not known; there are {', '.join(OPTIMIZERS)}")
    return OPTIMIZERS[name]
