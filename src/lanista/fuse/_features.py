"""Features of examples, computed once, and kept in memory or in files."""

import hashlib
import shutil
import tempfile
from collections.abc import Callable, Mapping, MutableMapping, Sequence
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.weak import WeakIdKeyDictionary

from lanista.fuse._data import Data
from lanista.fuse._memory import free
from lanista.fuse._prefix import Parted

Fill = Callable[[Sequence[Tensor]], list[Tensor]]
"""From a batch of inputs to its features."""

_SHARE = 0.25
"""Of the free memory, which features may take."""

_BFLOAT16 = "bfloat16.npy"
"""How the names of files of that type end, which hold it as integers."""


class Features:
    """Keeps what prefixes make of data.

    Args:
        cache: a folder for files that later runs find again; None: in memory.
    """

    def __init__(self, cache: str | Path | None = None) -> None:
        self._cache = None if cache is None else Path(cache).expanduser()
        self._kept: dict[str, Data | None] = {}
        self._digests: MutableMapping[Tensor, tuple[int, bytes]] = WeakIdKeyDictionary()

    def of(self, parted: Parted, constants: Mapping[str, Tensor], data: Data) -> Data | None:
        """Data whose inputs are the features.

        Args:
            parted: the prefix.
            constants: weights and buffers that are not trained, by name.
            data: inputs and targets.

        Returns:
            None where an example's features depend on who else is in the batch, or where they take too much memory.
        """
        told = hashlib.sha256(parted.prefix.code.encode())
        held = [constants[place.name] for place in parted.places if place.kind != "data"]
        for part in (*data.inputs, *held, *parted.prefix.buffers()):
            told.update(self._digest(part))
        name = told.hexdigest()[:32]
        found = self._kept.pop(name) if name in self._kept else self._make(name, parted, constants, data)
        self._kept[name] = found  # the last one is what was used last
        return found

    def _make(self, name: str, parted: Parted, constants: Mapping[str, Tensor], data: Data) -> Data | None:
        def fill(rows: Sequence[Tensor]) -> list[Tensor]:
            given = iter(rows)
            values = [next(given) if place.kind == "data" else constants[place.name] for place in parted.places]
            with torch.no_grad():
                return parted.prefix(*values)  # type: ignore[no-any-return]

        folder = None if self._cache is None else self._cache / name
        if folder is not None and folder.is_dir():
            return Data(_read(folder, data.inputs[0].device), data.targets)
        batch = parted.batch
        each = sum(_size(part[0]) for part in fill(_rows(data, torch.arange(batch) % len(data))))
        if folder is None and not self._has_room(each * len(data), data.inputs[0].device):
            return None
        if not _by_itself(data, fill, batch):
            return None
        features = _compute(data, fill, batch)
        if folder is not None:
            _write(folder, features)
            features = _read(folder, data.inputs[0].device)
        return Data(features, data.targets)

    def _has_room(self, need: int, device: torch.device) -> bool:
        """Whether so many bytes may be taken; what was not used for the longest time makes way for them."""
        sizes = {name: sum(map(_size, data.inputs)) for name, data in self._kept.items() if data is not None}
        held = sum(sizes.values())
        limit = _SHARE * (free(device) + held)
        if need > limit:
            return False
        for name, size in sizes.items():
            if held + need <= limit:
                break
            del self._kept[name]
            held -= size
        return True

    def _digest(self, part: Tensor) -> bytes:
        """A digest of a tensor, computed anew where it was changed in place."""
        version = 0 if part.is_inference() else part._version
        before, told = self._digests.get(part, (-1, b""))
        if before != version:
            told = hashlib.sha256(_bytes(part)).digest()
            self._digests[part] = version, told
        return told


def _by_itself(data: Data, fill: Fill, batch: int) -> bool:
    """Whether an example has the same features beside others: beside one half of a batch only, and beside itself."""
    index = torch.arange(batch)
    early, last = index < batch // 2, index[-1]
    first = fill(_rows(data, index % len(data)))
    for mixed in (index * early, torch.where(early, last, index), index * 0, last.expand(batch)):
        other = fill(_rows(data, mixed % len(data)))
        for a, b in zip(first, other, strict=True):
            if not torch.allclose(a[mixed.to(a.device)], b, rtol=1e-3, atol=1e-5 * float(a.abs().max() + 1e-30)):
                return False
    return True


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


def _size(part: Tensor) -> int:
    return part.numel() * part.element_size()


def _bytes(tensor: Tensor) -> bytes:
    flat = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return str((tuple(tensor.shape), tensor.dtype)).encode() + flat.numpy().tobytes()


def _write(folder: Path, features: Sequence[Tensor]) -> None:
    """Writes features so that they are there whole or not at all."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    part = Path(tempfile.mkdtemp(prefix=f"{folder.name}.", suffix=".part", dir=folder.parent))
    part.chmod(0o755)
    for i, feature in enumerate(features):
        if feature.dtype is torch.bfloat16:  # numpy has no such type
            np.save(part / f"{i}.{_BFLOAT16}", feature.cpu().view(torch.int16).numpy())
        else:
            np.save(part / f"{i}.npy", feature.cpu().numpy())
    try:
        part.rename(folder)
    except OSError:
        if not folder.is_dir():  # not even by another process that was first
            raise
        shutil.rmtree(part)


def _read(folder: Path, device: torch.device) -> tuple[Tensor, ...]:
    """Features on a device; on a CPU their files are read when they are needed."""

    def loaded(i: int) -> Tensor:
        short = folder / f"{i}.{_BFLOAT16}"
        if short.exists():
            return torch.from_numpy(np.load(short, mmap_mode="c")).view(torch.bfloat16)
        return torch.from_numpy(np.load(folder / f"{i}.npy", mmap_mode="c"))

    return tuple(loaded(i).to(device) for i in range(len(list(folder.glob("*.npy")))))
