"""A dataset that all trials use, held once a machine instead of once a worker."""

import contextlib
import os
import pickle
import weakref
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any, Generic, TypeVar

T = TypeVar("T")

found: dict[str, Callable[[], Any]] = {}
"""In a worker of a cluster: what fetches each shared object from the object store."""

_gathered: ContextVar[dict[str, "Shared[Any]"] | None] = ContextVar("_gathered", default=None)
_ALIGN = 64


class Shared(Generic[T]):
    """What `share` returns: a light handle, to be used in the objective."""

    def __init__(self, value: T) -> None:
        self.key = os.urandom(16).hex()
        self._value = value
        self._path: str | None = None

    def __repr__(self) -> str:
        return f"Shared({type(self._value).__name__})"

    def get(self) -> T:
        """The object; the same one at each call in one process."""
        return self._value

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        gathered = _gathered.get()
        if gathered is not None:
            gathered[self.key] = self
            return _Stored, (self.key,)
        if self._path is None:
            self._path = _write(self._value)
            weakref.finalize(self, _remove, self._path)
        return _Mapped, (self._path,)


def share(value: T) -> Shared[T]:
    """Makes a handle to an object that all trials use, so that it is neither copied for each worker nor sent twice.

    With `Inline`, `get()` gives the object itself. Workers of `Processes` map it from one temporary file, those of
    `Ray` from the object store of their machine, where it goes once. What numpy arrays hold (also inside lists, dicts
    and data frames) is then not copied at all, and read-only; `array.copy()` where a trial must write. All else is
    unpickled once a worker.

    >>> import numpy as np
    >>> import lanista as la
    >>> data = la.share(np.arange(1000))
    >>> exp = la.Experiment("shared", {"x": la.Int(0, 999)}, metric="y", store="memory")
    >>> exp.run(lambda trial: data.get()[trial["x"]], trials=2, progress=False).trials[1].state
    'completed'
    """
    return Shared(value)


@contextlib.contextmanager
def gathering() -> Iterator[dict[str, Shared[Any]]]:
    """Notes what is shared by what is pickled meanwhile, by key; it is looked up in `found` where it is unpickled."""
    gathered: dict[str, Shared[Any]] = {}
    token = _gathered.set(gathered)
    try:
        yield gathered
    finally:
        _gathered.reset(token)


class _Elsewhere:
    """A handle in a worker: the object is fetched at the first use, then kept."""

    def __init__(self, where: str) -> None:
        self._where = where

    def get(self) -> Any:
        if not hasattr(self, "_value"):
            self._value = self._fetch()
        return self._value

    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str, ...]]:
        return type(self), (self._where,)

    def _fetch(self) -> Any:
        raise TypeError(f"{type(self).__name__} does not say where its object is")


class _Stored(_Elsewhere):
    def _fetch(self) -> Any:
        return found[self._where]()


class _Mapped(_Elsewhere):
    def _fetch(self) -> Any:
        import mmap

        with open(self._where, "rb") as file:
            head, ends = pickle.load(file)
            start = _aligned(file.tell())
            view = memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
        starts = [start, *(start + _aligned(end) for end in ends[:-1])]
        buffers = [view[at : start + end] for at, end in zip(starts, ends, strict=False)]
        return pickle.loads(head, buffers=buffers)


def _write(value: Any) -> str:
    """A temporary file with the object: a head, then the buffers of its arrays, which are mapped."""
    import tempfile

    import cloudpickle

    buffers: list[pickle.PickleBuffer] = []
    head = cloudpickle.dumps(value, 5, buffer_callback=buffers.append)
    ends, at = [], 0
    for buffer in buffers:
        at = _aligned(at) + buffer.raw().nbytes
        ends.append(at)
    with tempfile.NamedTemporaryFile(prefix="lanista-shared-", delete=False) as file:
        pickle.dump((head, ends), file, 5)
        start = _aligned(file.tell())
        for buffer, end in zip(buffers, ends, strict=True):
            raw = buffer.raw()
            file.seek(start + end - raw.nbytes)
            file.write(raw)
        file.truncate(start + at + 1)  # no empty file can be mapped
    return file.name


def _aligned(offset: int) -> int:
    return -(-offset // _ALIGN) * _ALIGN


def _remove(path: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(path)
