"""Losses and metrics, by name or as functions."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from lanista.errors import UsageError
from lanista.fuse._capture import Loss

Metric = Callable[..., Any]
"""metric(outputs, *targets) -> a number, of all of the validation data."""


class _CrossEntropy:
    """Of classes, (b, c) and (b,), or of one class for each further position, (b, ..., c) and (b, ...).

    Args:
        classes: how many the targets are of; outputs must have as many.
    """

    def __init__(self, classes: int) -> None:
        self._classes = classes

    def __call__(self, output: Tensor, target: Tensor, *, smoothing: Tensor | None = None) -> Tensor:
        if not _is_whole(target) or output.shape[:-1] != target.shape:
            raise UsageError(
                f"loss='cross_entropy' takes outputs (b, ..., classes) and whole numbers (b, ...); the outputs are "
                f"{tuple(output.shape)}, the targets {tuple(target.shape)} of {target.dtype}{_mend(output, target)}"
            )
        if output.shape[-1] < self._classes:  # a GPU would end the process without a word of this
            raise UsageError(
                f"loss='cross_entropy': the model gives {output.shape[-1]} classes, 0 to {output.shape[-1] - 1}, and "
                f"the largest target is {self._classes - 1}"
            )
        logs = F.log_softmax(output, -1)
        right = logs.gather(-1, target.long().unsqueeze(-1)).squeeze(-1)
        if smoothing is None:
            return -right.mean()
        return -((1 - smoothing) * right + smoothing * logs.mean(-1)).mean()


def _mend(output: Tensor, target: Tensor) -> str:
    """What makes classes fit, where shapes tell it."""
    places = output.shape[:-1]
    if output.shape == target.shape:
        return "; give the numbers of the classes, as y.argmax(-1), or take loss='bce'"
    if target.shape == (*places, 1):
        return "; give the targets as y[..., 0]"
    if places == target.shape:
        return "; give the targets as y.astype('int64')"
    if output.shape[:1] + output.shape[2:] == target.shape:
        return "; let the outputs have the classes last, as output.movedim(1, -1)"
    return ""


def _classes(targets: Sequence[Tensor]) -> int:
    """How many classes there must be for targets; 0 where these are none."""
    whole = [part for part in targets if _is_whole(part) and part.numel()]
    if any((least := int(part.min())) < 0 for part in whole):
        raise UsageError(
            f"loss='cross_entropy': a target is {least}; classes are numbered from 0, and all targets count"
        )
    return max((int(part.max()) + 1 for part in whole), default=0)


def _is_whole(part: Tensor) -> bool:
    return not (part.is_floating_point() or part.is_complex())


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
    if output.shape == target.shape:
        return
    mend = ""
    if output.shape == (*target.shape, 1):
        end = "nn.Flatten(0)" if target.dim() == 1 else ".squeeze(-1)"
        mend = f"; end the model with {end}, or give the targets as y[..., None]"
    elif output.shape[:-1] == target.shape and not target.is_floating_point():
        mend = "; for classes take 'cross_entropy' and 'accuracy'"
    raise UsageError(
        f"{what} takes outputs and targets of one shape; they are {tuple(output.shape)} and {tuple(target.shape)}{mend}"
    )


LOSSES: dict[str, Callable[[Sequence[Tensor]], Loss]] = {
    "cross_entropy": lambda targets: _CrossEntropy(_classes(targets)),
    "mse": lambda targets: _mse,
    "bce": lambda targets: _bce,
}
"""Losses for the targets of all data."""
SMOOTHING = ("cross_entropy", "bce")
"""The losses that smooth labels."""


def as_loss(given: str | Callable[..., Tensor], targets: Sequence[Sequence[Tensor]] = ()) -> Loss:
    """A loss of a name, or a function of output and targets.

    Args:
        given: the name or the function.
        targets: of training, and of validation.

    Raises:
        UsageError: there is none of that name, or it does not take such targets.
    """
    if not isinstance(given, str):
        if not callable(given) or isinstance(given, type):
            raise UsageError(f"loss={given!r} must be a name or a function of output and targets; there are {_NAMES}")
        return _Own(given)
    if given not in LOSSES:
        raise UsageError(f"loss={given!r} is not known; there are {_NAMES}, or give a function")
    _check_one(f"loss={given!r}", targets)
    return LOSSES[given]([part for parts in targets for part in parts])


_NAMES = ", ".join(LOSSES)


def _check_one(what: str, targets: Sequence[Sequence[Tensor]]) -> None:
    """Raises UsageError where there is not one target for what takes one."""
    if wrong := [len(parts) for parts in targets if len(parts) != 1]:
        raise UsageError(f"{what} takes one target, and the data has {wrong[0]}; give a function of output and targets")


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


def as_metrics(
    given: Mapping[str, Metric] | Sequence[str], targets: Sequence[Sequence[Tensor]] = ()
) -> dict[str, Metric]:
    """Functions by name; of names alone, those that are known here.

    Args:
        given: the names or the functions.
        targets: of training, and of validation.

    Raises:
        UsageError: one of these is not known, or does not take such targets.
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
            _check_one(f"metrics=: {name!r}", targets)
        return {name: METRICS[name] for name in given}
    found: dict[str, Metric] = {}
    for name, metric in given.items():
        if name in LOSS_NAMES:
            raise UsageError(f"metrics={{{name!r}: ...}}: {name} is reported anyhow; take another name")
        if isinstance(metric, str) and metric in METRICS:
            _check_one(f"metrics=: {metric!r}", targets)
            metric = METRICS[metric]
        if not callable(metric):
            raise UsageError(f"metrics={{{name!r}: {metric!r}}}: give a function of outputs and targets")
        found[name] = metric
    return found


def numbers(metrics: Mapping[str, Metric], outputs: Tensor, targets: Sequence[Tensor]) -> dict[str, float]:
    """The metrics of one model."""
    with torch.no_grad():
        return {name: _number(name, metric(outputs, *targets)) for name, metric in metrics.items()}


def _number(name: str, found: Any) -> float:
    if not isinstance(found, Tensor) or found.numel() == 1:  # what else is wrong with such a tensor tells torch
        with suppress(TypeError, ValueError):
            return float(found)
    told = f"a tensor of shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"{found!r:.100}"
    raise UsageError(f"metrics={{{name!r}: ...}} gave {told}; it must return a number")
