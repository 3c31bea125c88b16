"""Starting workers: what all of them share is packed once, each then is a fresh Python in a session of its own."""

import functools
import inspect
import io
import os
import pickle
import socket
import subprocess
import sys
import tempfile
import types
from collections.abc import Container, Iterator, Mapping, Sequence
from typing import IO, Any

from lanista.errors import ExecutorError
from lanista.execute._channel import Port
from lanista.execute._resources import Plan
from lanista.trial import Runnable

_BOOT = (
    "import sys; sys.path[:] = {path!r}; "
    "from lanista.execute._process_worker import main; main({line}, {parcel}, {controller}, {resources!r})"
)
_DEPTH = 8


def pack(objective: Runnable) -> IO[bytes]:
    """A file with the objective, and the surroundings that it is to find in a worker.

    Raises:
        ExecutorError: it cannot be pickled; names the object that stands in the way.
    """
    data = wrap(objective)
    parcel = tempfile.TemporaryFile(prefix="lanista-")  # noqa: SIM115
    parcel.write(data)
    parcel.flush()
    return parcel


def wrap(objective: Runnable) -> bytes:
    """What `pack` puts into its file.

    Raises:
        ExecutorError: it cannot be pickled; names the object that stands in the way.
    """
    return pickle.dumps({"objective": _dump(objective), "cwd": os.getcwd(), "argv": list(sys.argv)}, 5)


def start(plan: Plan, places: Sequence[int], parcel: IO[bytes]) -> tuple[subprocess.Popen[bytes], Port, IO[bytes]]:
    """Starts a worker that takes up these places of the plan.

    Returns:
        The process, the line to it, and the file that takes what it says while it starts.

    Raises:
        ExecutorError: the system does not start it.
    """
    ours, theirs = socket.socketpair()
    says = tempfile.TemporaryFile(prefix="lanista-")  # noqa: SIM115
    fds = (theirs.fileno(), parcel.fileno())
    resources = {"cpus": plan.cpus * len(places), "gpus": plan.devices_of(places)}
    boot = _BOOT.format(path=sys.path, line=fds[0], parcel=fds[1], controller=os.getpid(), resources=resources)
    try:
        with theirs:
            process = subprocess.Popen(
                [sys.executable, "-c", boot],
                stdin=subprocess.DEVNULL,
                stdout=says,
                stderr=says,
                pass_fds=fds,
                env=plan.environment(places, os.environ),
                start_new_session=True,
            )
    except OSError as error:
        ours.close()
        says.close()
        raise ExecutorError(f"a worker cannot be started with {sys.executable!r}: {error}") from error
    return process, Port(ours), says


def _dump(objective: Runnable) -> bytes:
    """Pickles by reference what workers can import, and by value what they cannot."""
    import cloudpickle

    by_value: dict[str, types.ModuleType] = {}
    try:
        while True:
            seen: set[str] = set()
            buffer = io.BytesIO()
            try:
                _pickler(buffer, by_value, seen).dump(objective)
            except Exception as error:
                raise ExecutorError(_unpicklable(objective, error)) from error
            strange = {name: module for name in seen if (module := _unreachable(name)) and name not in by_value}
            if not strange:
                return buffer.getvalue()
            for name, module in strange.items():
                cloudpickle.register_pickle_by_value(module)
                by_value[name] = module
    finally:
        for module in by_value.values():
            cloudpickle.unregister_pickle_by_value(module)


def _pickler(file: IO[bytes], by_value: Container[str], seen: set[str]) -> Any:
    """Cloudpickle that notes the modules it meets, and takes cached functions by value wherever it takes others so."""
    import cloudpickle

    class Pickler(cloudpickle.Pickler):  # type: ignore[misc]
        def reducer_override(self, obj: Any) -> Any:
            if isinstance(obj, types.FunctionType | type | functools._lru_cache_wrapper):
                seen.add(obj.__module__)
            elif isinstance(obj, types.ModuleType):
                seen.add(obj.__name__)
            if isinstance(obj, functools._lru_cache_wrapper) and (
                obj.__module__ == "__main__" or obj.__module__ in by_value or "<locals>" in obj.__qualname__
            ):
                return _cached, (obj.__wrapped__, obj.cache_parameters())
            return super().reducer_override(obj)

    return Pickler(file, 5)


def _cached(function: Any, parameters: dict[str, Any]) -> Any:
    """The function with a cache of its own, as `functools.cache` or `lru_cache` gave it."""
    return functools.lru_cache(**parameters)(function)


def _unreachable(name: str) -> types.ModuleType | None:
    """The module of that name, if a worker would not find its file by it: one that was loaded by its path, say."""
    module = sys.modules.get(name)
    file = getattr(module, "__file__", None)
    if module is None or file is None or not file.endswith(".py") or name == "__main__":
        return None
    path: Any = None
    spec = None
    parts = name.split(".")
    for i in range(len(parts)):
        prefix = ".".join(parts[: i + 1])
        finders = (finder.find_spec for finder in sys.meta_path if hasattr(finder, "find_spec"))
        spec = next((found for find in finders if (found := find(prefix, path)) is not None), None)
        if spec is None:
            return module
        path = spec.submodule_search_locations
    if spec is None or spec.origin is None or not spec.has_location:  # Python's own, such as os, may be frozen
        return None
    return None if os.path.realpath(spec.origin) == os.path.realpath(file) else module


def _unpicklable(objective: Runnable, error: Exception) -> str:
    where, culprit = _blame("the objective", objective, _DEPTH)
    return (
        f"the objective cannot be sent to workers, because {where}, a {type(culprit).__name__}, cannot be pickled "
        f"({error}). Make it inside the objective, or in a module that workers import; or use executor='inline', which "
        "sends nothing"
    )


def _blame(where: str, value: Any, depth: int) -> tuple[str, Any]:
    """The innermost part that cannot be pickled, and where it is."""
    for name, part in _parts(where, value) if depth else ():
        if not _picklable(part):
            return _blame(name, part, depth - 1)
    return where, value


def _parts(where: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, functools._lru_cache_wrapper):
        yield from _parts(where, value.__wrapped__)
    elif inspect.isfunction(value):
        found = inspect.getclosurevars(value)
        for kind, names in (("variable", found.nonlocals), ("global", found.globals)):
            for name, part in names.items():
                yield f"the {kind} {name!r} of {value.__qualname__}()", part
    elif inspect.ismethod(value):
        yield f"the object of {value.__qualname__}()", value.__self__
    elif isinstance(value, Mapping):
        for name, part in value.items():
            yield f"[{name!r}] of {where}", part
    elif isinstance(value, list | tuple):
        for i, part in enumerate(value):
            yield f"[{i}] of {where}", part
    elif hasattr(value, "__dict__") and not isinstance(value, type):
        for name, part in vars(value).items():
            yield (where if name == "_call" else f"the attribute {name!r} of {where}"), part


def _picklable(value: Any) -> bool:
    try:
        _pickler(io.BytesIO(), (), set()).dump(value)
    except Exception:
        return False
    return True
