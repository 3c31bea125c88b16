"""Features of examples, computed once, and kept in memory or in files."""

import hashlib
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from lanista.fuse._data import Data
from lanista.fuse._memory import free
from lanista.fuse._prefix import Parted

Fill = Callable[[Sequence[Tensor]], list[Tensor]]
"""From a batch of inputs to its features."""

_SHARE = 0.25
"""Of the free memory, which features may take."""


class Features:
    """Keeps what prefixes make of data.

    Args:
        cache: a folder for files that later runs find again; None: in memory.
    """

    def __init__(self, cache: str | Path | None = None) -> None:
        self._cache = None if cache is None else Path(cache).expanduser()
        self._kept: dict[str, Data | None] = {}
        self._digests: dict[int, tuple[Data, bytes]] = {}

    def of(self, parted: Parted, constants: Mapping[str, Tensor], data: Data) -> Data | None:
        """Data whose inputs are the features.

        Args:
            parted: the prefix.
            constants: weights and buffers that are not trained, by name.
            data: inputs and targets.

        Returns:
            None where an example's features depend on who else is in the batch, or where they take too much memory.
        """
        told = hashlib.sha256(parted.prefix.code.encode() + self._digest(data))
        held = [constants[place.name] for place in parted.places if place.kind != "data"]
        for part in (*held, *parted.prefix.buffers()):
            told.update(_bytes(part))
        name = told.hexdigest()[:32]
        if name not in self._kept:
            self._kept[name] = self._make(name, parted, constants, data)
        return self._kept[name]

    def _make(self, name: str, parted: Parted, constants: Mapping[str, Tensor], data: Data) -> Data | None:
        def fill(rows: Sequence[Tensor]) -> list[Tensor]:
            given = iter(rows)
            values = [next(given) if place.kind == "data" else constants[place.name] for place in parted.places]
            with torch.no_grad():
                return parted.prefix(*values)  # type: ignore[no-any-return]

        folder = None if self._cache is None else self._cache / name
        if folder is not None and folder.is_dir():
            return Data(_read(folder), data.targets)
        batch = parted.batch
        each = sum(part[0].numel() * part.element_size() for part in fill(_rows(data, torch.arange(batch) % len(data))))
        if folder is None and each * len(data) > _SHARE * free(data.inputs[0].device):
            return None
        if not _by_itself(data, fill, batch):
            return None
        features = _compute(data, fill, batch)
        if folder is not None:
            _write(folder, features)
            features = _read(folder)
        return Data(features, data.targets)

    def _digest(self, data: Data) -> bytes:
        """A digest of inputs, computed once."""
        if id(data) not in self._digests:
            told = hashlib.sha256()
            for part in data.inputs:
                told.update(_bytes(part))
            self._digests[id(data)] = data, told.digest()
        return self._digests[id(data)][1]


def _by_itself(data: Data, fill: Fill, batch: int) -> bool:
    """Whether an example has the same features beside others: of a batch, half of it stays and half is turned round."""
    index = torch.arange(batch)
    mixed = torch.cat([index[: batch // 2], index[batch // 2 :].flip(0) * 0])
    first, other = (fill(_rows(data, part % len(data))) for part in (index, mixed))
    return all(
        torch.allclose(a[mixed], b, rtol=1e-3, atol=1e-5 * float(a.abs().max() + 1e-30))
        for a, b in zip(first, other, strict=True)
    )


def _compute(data: Data, fill: Fill, batch: int) -> tuple[Tensor, ...]:
    """The features of all examples; the last batch is filled up, and what is too much of it cut off."""
    found: list[Tensor] = []
    for at in range(0, len(data), batch):
        parts = fill(_rows(data, torch.arange(at, at + batch).clamp(max=len(data) - 1)))
        if not found:
            found = [part.new_empty((len(data), *part.shape[1:])) for part in parts]
        for whole, part in zip(found, parts, strict=True):
            whole[at : at + batch] = part[: len(data) - at]
    return tuple(found)


def _rows(data: Data, index: Tensor) -> list[Tensor]:
    return [part[index.to(part.device)] for part in data.inputs]


def _bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return str((tuple(tensor.shape), tensor.dtype)).encode() + flat.numpy().tobytes()


def _write(folder: Path, features: Sequence[Tensor]) -> None:
    """Writes features so that they are there whole or not at all."""
    part = folder.with_name(f"{folder.name}.{os.getpid()}.part")
    part.mkdir(parents=True, exist_ok=True)
    for i, feature in enumerate(features):
        np.save(part / f"{i}.npy", feature.cpu().numpy())
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():  # not even by another process that was first
            raise
        shutil.rmtree(part)


def _read(folder: Path) -> tuple[Tensor, ...]:
    """Features whose files are read when they are needed."""
    count = len(list(folder.glob("*.npy")))
    return tuple(torch.from_numpy(np.load(folder / f"{i}.npy", mmap_mode="c")) for i in range(count))
