"""The data that models are trained on, in memory."""

import logging
import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset, default_collate

from lanista._frozen import Frozen
from lanista.errors import UsageError

_UNSIGNED = (torch.uint16, torch.uint32, torch.uint64)
"""Types that torch holds, and hardly computes with."""

_log = logging.getLogger("lanista.fuse")


class Data(Frozen):
    """Inputs and targets, the first dimension of each being the examples."""

    inputs: tuple[Tensor, ...]
    targets: tuple[Tensor, ...]

    def __len__(self) -> int:
        return len(self.inputs[0])

    @property
    def tensors(self) -> tuple[Tensor, ...]:
        """All of them."""
        return *self.inputs, *self.targets

    def rows(self, index: Any) -> list[Tensor]:
        """Copies of those of some examples, by a slice or a tensor of indices of any shape.

        A model may change what it is given in place, which must not change the data.
        """
        found = [part[index] for part in self.tensors]
        return [part.clone() for part in found] if isinstance(index, slice) else found

    def to(self, device: torch.device, dtype: torch.dtype) -> "Data":
        """On a device, numbers that are no integers as `dtype`."""

        def moved(part: Tensor) -> Tensor:
            return part.to(device, dtype if part.is_floating_point() else None)

        return Data(tuple(map(moved, self.inputs)), tuple(map(moved, self.targets)))


Arrays = tuple[tuple[tuple[Any, ...], tuple[Any, ...]], ...]
"""Inputs and targets for training and validation, as arrays where numpy has the type."""


def as_arrays(parts: Sequence[Data]) -> Arrays:
    """Data as arrays, which processes can share."""

    def bare(tensors: tuple[Tensor, ...]) -> tuple[Any, ...]:
        return tuple(t if t.dtype is torch.bfloat16 else t.cpu().numpy() for t in tensors)

    return tuple((bare(part.inputs), bare(part.targets)) for part in parts)


def as_data(given: Any) -> tuple[Data, Data]:
    """Training and validation data.

    Raises:
        UsageError: it is no pair of such data, they have no examples, or their parts have different numbers of them.
    """
    if not isinstance(given, Sequence) or len(given) != 2:
        raise UsageError(
            f"data= is {_kind(given)}; give a pair: data=((x_train, y_train), (x_valid, y_valid)), or two Datasets"
        )
    train, valid = _part(given[0], "training"), _part(given[1], "validation")
    counts = [(len(part.inputs), len(part.targets)) for part in (train, valid)]
    if counts[0] != counts[1]:
        raise UsageError(
            "data=: training has {} inputs and {} targets, validation {} and {}; they must be alike".format(
                *counts[0], *counts[1]
            )
        )
    for a, b in zip(train.tensors, valid.tensors, strict=True):
        if a.dtype != b.dtype or a.shape[1:] != b.shape[1:]:
            raise UsageError(
                f"data=: training has examples of {tuple(a.shape[1:])} and {a.dtype}, "
                f"validation of {tuple(b.shape[1:])} and {b.dtype}; they must be alike"
            )
    return train, valid


def warn(train: Data, valid: Data) -> None:
    """Logs a warning for data that would make each loss NaN."""
    for part, name in ((train, "training"), (valid, "validation")):
        numbers = [tensor for tensor in part.tensors if tensor.is_floating_point() and tensor.numel()]
        if not all(torch.stack(tensor.aminmax()).isfinite().all() for tensor in numbers):
            _log.warning("data=: the %s data holds numbers that are NaN or infinite", name)


def _part(given: Any, name: str) -> Data:
    if isinstance(given, Data):
        return given
    if isinstance(given, Dataset):
        if not hasattr(given, "__len__"):
            raise UsageError(f"data=: the {name} data is a Dataset without a length; give one that can be indexed")
        given = _collated(given, name)
    if not isinstance(given, Sequence) or len(given) != 2:
        raise UsageError(f"data=: the {name} data is {_kind(given)}; give a pair of inputs and targets, or a Dataset")
    data = Data(_tensors(given[0], name), _tensors(given[1], name))
    lengths = {len(part) for part in data.tensors}
    if len(lengths) > 1 or 0 in lengths:
        told = ", ".join(str(tuple(part.shape)) for part in data.tensors)
        raise UsageError(
            f"data=: the {name} data has shapes {told}; the first dimension is the examples, equal and not 0"
        )
    return data


def _collated(given: Dataset[Any], name: str) -> Any:
    """The examples of a Dataset in a batch."""
    examples = [given[i] for i in range(len(given))]  # type: ignore[arg-type]
    if not examples:
        raise UsageError(f"data=: the {name} data is an empty Dataset")
    try:
        return default_collate(examples)
    except Exception as error:
        raise UsageError(
            f"data=: the examples of the {name} data cannot be put into tensors: {error}; they must be of one shape"
        ) from error


def _tensors(given: Any, name: str) -> tuple[Tensor, ...]:
    """The parts of a tuple of arrays, or what is one array."""
    several = isinstance(given, tuple | list) and all(isinstance(part, Tensor | np.ndarray) for part in given)
    return tuple(_tensor(part, name) for part in (given if several else (given,)))


def _tensor(given: Any, name: str) -> Tensor:
    if isinstance(given, Tensor):
        return _signed(given.detach())
    try:
        array = np.ascontiguousarray(given)
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", "The given NumPy array is not writable")  # nothing here writes
            if np.ndim(given):
                return _signed(torch.from_numpy(array))
    except (TypeError, ValueError):
        pass
    raise UsageError(f"data=: the {name} data holds {_kind(given)}; give tensors or arrays of numbers")


def _signed(part: Tensor) -> Tensor:
    return part.long() if part.dtype in _UNSIGNED else part


def _kind(given: Any) -> str:
    if isinstance(given, np.ndarray):
        return f"ndarray of {given.dtype.name}"
    size = f" of {len(given)}" if isinstance(given, Sequence) else ""
    return f"{type(given).__name__}{size}"
