"""State of user objects to a file and back into them; the file may live anywhere that has a path or a URL."""

import os
import pickle
import weakref
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from lanista.errors import CheckpointError, ObjectiveError


def is_remote(name: str) -> bool:
    """Whether it is a URL and no path."""
    return "://" in name


def write(name: str, writer: Callable[[Path], None]) -> str:
    """Writes a checkpoint so that it exists whole or not at all, also when the process is killed meanwhile.

    Returns:
        Its name: that of a URL gets an ending that no other has, so that nothing is ever written over.

    Raises:
        CheckpointError: a URL cannot be written.
    """
    if is_remote(name):
        return _write_remote(name, writer)
    path = Path(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        writer(part)
        if path.is_dir():
            _delete(path)
        os.replace(part, path)
    finally:
        _delete(part)
    return str(path)


def _write_remote(name: str, writer: Callable[[Path], None]) -> str:
    import tempfile

    from lanista.trial import _remote

    with tempfile.TemporaryDirectory(prefix="lanista-") as folder:
        part = Path(folder) / name.rpartition("/")[2]
        writer(part)
        return _remote.upload(part, f"{name}-{os.urandom(4).hex()}")


def fetch(name: str, folder: Path) -> Path:
    """The path of a checkpoint; that of a URL is brought into the folder, unless it is there.

    Raises:
        CheckpointError: it cannot be brought.
    """
    if not is_remote(name):
        return Path(name)
    from lanista.trial import _remote

    path = folder / name.rpartition("/")[2].removesuffix(_remote.FOLDER)
    if not path.exists():
        _remote.download(name, path)
    return path


def scratch(owner: object) -> Path:
    """A temporary folder that lives as long as an object does."""
    import shutil
    import tempfile

    folder = tempfile.mkdtemp(prefix="lanista-")
    weakref.finalize(owner, shutil.rmtree, folder, True)
    return Path(folder)


def check_place(folder: str) -> None:
    """Makes the folder that checkpoints are to live in, and sees that it can be written.

    Raises:
        CheckpointError: it cannot.
        UsageError: it is a URL of an unknown kind. MissingExtraError: one whose package is not installed.
    """
    if is_remote(folder):
        from lanista.trial import _remote

        _remote.check(folder)
        return
    try:
        os.makedirs(folder, exist_ok=True)
        if not os.access(folder, os.W_OK):
            raise PermissionError("it cannot be written")
    except OSError as error:
        raise CheckpointError(f"checkpoints cannot live at {folder!r}: {error}; give another folder or URL") from error


def check_kind(folder: str) -> None:
    """Sees that what it takes to reach a place is installed.

    Raises:
        UsageError: it is a URL of an unknown kind. MissingExtraError: one whose package is not installed.
    """
    if is_remote(folder):
        from lanista.trial import _remote

        _remote.check_kind(folder)


def exists(name: str) -> bool:
    """Whether a checkpoint is there; of a URL that cannot be asked it is taken that it is."""
    if is_remote(name):
        from lanista.trial import _remote

        return _remote.exists(name)
    return os.path.exists(name)


def existing(names: Iterable[str]) -> set[str]:
    """Those of the checkpoints that are there; each folder of URLs is asked once.

    Raises:
        CheckpointError: a folder of URLs cannot be asked.
    """
    there: set[str] = set()
    folders: dict[str, list[str]] = {}
    for name in names:
        if is_remote(name):
            folders.setdefault(name.rpartition("/")[0], []).append(name)
        elif os.path.exists(name):
            there.add(name)
    for folder, held in folders.items():
        from lanista.trial import _remote

        found = _remote.listed(folder)
        there.update(name for name in held if name.rpartition("/")[2] in found)
    return there


def remove(names: Iterable[str]) -> None:
    """Deletes checkpoints, as far as they are there.

    Raises:
        CheckpointError: one at a URL is there and cannot be deleted.
    """
    folders: dict[str, list[str]] = {}
    for name in names:
        if is_remote(name):
            folder, _, last = name.rpartition("/")
            folders.setdefault(folder, []).append(last)
        else:
            _delete(Path(name))
    for folder, held in folders.items():
        from lanista.trial import _remote

        _remote.remove(folder, held)


def remove_place(folder: str) -> None:
    """Deletes a folder with all the checkpoints that live there.

    Raises:
        CheckpointError: it is a URL, and cannot be deleted.
    """
    if is_remote(folder):
        from lanista.trial import _remote

        _remote.remove_all(folder)
    else:
        _delete(Path(folder))


def _delete(path: Path) -> None:
    """Deletes a file or a folder; one that is not there does no harm."""
    if path.is_dir() and not path.is_symlink():
        import shutil

        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def dump(path: Path, objects: tuple[Any, ...]) -> None:
    """Pickles the state of each object: its `state_dict()` where it has one (torch), else the object itself."""
    import cloudpickle

    with path.open("wb") as file:
        cloudpickle.dump([o.state_dict() if hasattr(o, "state_dict") else o for o in objects], file)
        file.flush()
        os.fsync(file.fileno())


def restore(path: Path, objects: tuple[Any, ...]) -> None:
    """Puts the saved states back into the objects.

    Raises:
        ObjectiveError: another number of objects was saved, or one cannot take its state back in place.
    """
    with path.open("rb") as file:
        states = pickle.load(file)
    if len(states) != len(objects):
        raise ObjectiveError(
            f"load() was given {len(objects)} objects, save() had {len(states)}; give both the same, in the same order"
        )
    for target, state in zip(objects, states, strict=True):
        _restore_one(target, state)


def _restore_one(target: Any, state: Any) -> None:
    if hasattr(target, "load_state_dict"):
        target.load_state_dict(state)
    elif isinstance(target, dict | set):
        target.clear()
        target.update(state)
    elif isinstance(target, list | bytearray):
        target[:] = state
    elif type(target) is type(state) and hasattr(target, "__setstate__") and (own := state.__getstate__()) is not None:
        target.__setstate__(own)
    elif hasattr(target, "shape") and hasattr(target, "__setitem__"):  # arrays pickle by other means
        target[...] = state
    elif hasattr(target, "__dict__") and type(target) is type(state):
        vars(target).clear()
        vars(target).update(vars(state))
    else:
        raise ObjectiveError(
            f"load() cannot put state back into {type(target).__name__}; "
            "give it an object with load_state_dict, a list, a dict or an array"
        )
