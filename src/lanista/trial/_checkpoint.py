"""State of user objects to a file and back into them."""

import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lanista.errors import ObjectiveError


def write(path: Path, writer: Callable[[Path], None]) -> None:
    """Writes a checkpoint so that it exists whole or not at all, also when the process is killed meanwhile."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f"{path.name}.{os.getpid()}.part")
    try:
        writer(part)
        os.replace(part, path)
    finally:
        part.unlink(missing_ok=True)


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
