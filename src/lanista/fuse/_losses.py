"""Losses and metrics, by name or as functions."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lanista.errors import UsageError
from lanista.fuse._capture import Loss

Metric = Callable[..., Any]
"""metric(outputs, *targets) -> a number, of all of the validation data."""


def _cross_entropy(output: Tensor, target: Tensor, *, smoothing: Tensor | None = None) -> Tensor:
    """Of classes, (b, c) and (b,), or of one class for each further position, (b, ..., c) and (b, ...)."""
    if target.is_floating_point() or output.shape[:-1] != target.shape:
        raise UsageError(
            f"loss='cross_entropy' takes outputs (b, ..., classes) and whole numbers (b, ...); the outputs are "
            f"{tuple(output.shape)}, the targets {tuple(target.shape)} of {target.dtype}"
        )
    logs = F.log_softmax(output, -1)
    right = logs.gather(-1, target.long().unsqueeze(-1)).squeeze(-1)
    if smoothing is None:
        return -right.mean()
    return -((1 - smoothing) * right + smoothing * logs.mean(-1)).mean()


def _mse(output: Tensor, target: Tensor, *, smoothing: Tensor | None = None) -> Tensor:
    _same("loss='mse'", output, target)
    return F.mse_loss(output, target.to(output.dtype))


def _bce(output: Tensor, target: Tensor, *, smoothing: Tensor | None = None) -> Tensor:
    _same("loss='bce'", output, target)
    soft = target.to(output.dtype)
    if smoothing is not None:
        soft = soft * (1 - smoothing) + smoothing / 2
    return F.binary_cross_entropy_with_logits(output, soft)


def _same(what: str, output: Tensor, target: Tensor) -> None:
    """Raises UsageError for shapes that torch would spread over each other: (b, 1) and (b,) give (b, b)."""
    if output.shape != target.shape:
        raise UsageError(
            f"{what} takes outputs and targets of one shape; they are {tuple(output.shape)} and {tuple(target.shape)}; "
            "end the model with .squeeze(-1), or give targets as y[:, None]"
        )


LOSSES: dict[str, Loss] = {"cross_entropy": _cross_entropy, "mse": _mse, "bce": _bce}
SMOOTHING = ("cross_entropy", "bce")
"""The losses that smooth labels."""


def as_loss(given: str | Callable[..., Tensor]) -> Loss:
    """A loss of a name, or a function of output and targets.

    Raises:
        UsageError: there is none of that name.
    """
    if not isinstance(given, str):
        if not callable(given) or isinstance(given, type):
            raise UsageError(f"loss={given!r} must be a name or a function of output and targets; there are {_NAMES}")
        return _Own(given)
    if given not in LOSSES:
        raise UsageError(f"loss={given!r} is not known; there are {_NAMES}, or give a function")
    return LOSSES[given]


_NAMES = ", ".join(LOSSES)


class _Own:
    """A loss that the user wrote."""

    def __init__(self, call: Callable[..., Tensor]) -> None:
        self._call = call

    def __call__(self, output: Tensor, *targets: Tensor, smoothing: Tensor | None = None) -> Tensor:
        loss = self._call(output, *targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            told = f"a tensor of shape {tuple(loss.shape)}" if isinstance(loss, Tensor) else f"{loss!r:.100}"
            raise UsageError(f"loss= gave {told}; it must return the mean over the batch, a tensor of one number")
        return loss


def accuracy(outputs: Tensor, target: Tensor) -> float:
    """The share of the largest outputs, (..., c), that are the target's, (...); of the sign of single ones."""
    if outputs.shape == target.shape:
        return float(((outputs > 0) == (target > 0.5)).double().mean())
    if outputs.shape[:-1] != target.shape or outputs.shape[-1] == 1:
        raise UsageError(
            f"'accuracy' takes outputs (n, ..., classes) and targets (n, ...), or both of one shape; they are "
            f"{tuple(outputs.shape)} and {tuple(target.shape)}"
        )
    return float((outputs.argmax(-1) == target).double().mean())


def mae(outputs: Tensor, target: Tensor) -> float:
    """The mean absolute error."""
    _same("'mae'", outputs, target)
    return float((outputs - target).abs().double().mean())


METRICS: dict[str, Metric] = {"accuracy": accuracy, "mae": mae}
LOSS_NAMES = ("train_loss", "loss")
"""What is reported of every trial."""


def as_metrics(given: Mapping[str, Metric] | Sequence[str]) -> dict[str, Metric]:
    """Functions by name; of names alone, those that are known here.

    Raises:
        UsageError: one of these is not known.
    """
    if isinstance(given, str):
        given = [given]
    if not isinstance(given, Mapping):
        for name in given:
            if name not in METRICS:
                raise UsageError(
                    f"metrics={list(given)!r}: {name!r} is not known; there are {', '.join(METRICS)}; "
                    "give others as functions: metrics={'f1': f1}"
                )
        return {name: METRICS[name] for name in given}
    found: dict[str, Metric] = {}
    for name, metric in given.items():
        if name in LOSS_NAMES:
            raise UsageError(f"metrics={{{name!r}: ...}}: {name} is reported anyhow; take another name")
        if isinstance(metric, str) and metric in METRICS:
            metric = METRICS[metric]
        if not callable(metric):
            raise UsageError(f"metrics={{{name!r}: {metric!r}}}: give a function of outputs and targets")
        found[name] = metric
    return found


def numbers(metrics: Mapping[str, Metric], outputs: Tensor, targets: Sequence[Tensor]) -> dict[str, float]:
    """The metrics of one model."""
    with torch.no_grad():
        return {name: float(metric(outputs, *targets)) for name, metric in metrics.items()}
