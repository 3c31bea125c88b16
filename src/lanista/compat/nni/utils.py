"""What trials use of `nni.utils`."""

from collections.abc import Mapping
from typing import Any, TypeVar

from lanista.errors import UsageError

Base = TypeVar("Base")


def merge_parameter(base_params: Base, override_params: Mapping[str, Any] | None) -> Base:
    """Writes a trial's parameters over defaults, in place, and returns them.

    Args:
        base_params: a dict, or a Namespace of argparse.
        override_params: what `get_next_parameter` returned; None changes nothing.

    Raises:
        UsageError: a parameter that has no default, or whose default is of another type; None is of any type.

    >>> merge_parameter({"lr": 0.1, "epochs": 3}, {"lr": 0.01})
    {'lr': 0.01, 'epochs': 3}
    """
    found: Any = base_params if isinstance(base_params, dict) else vars(base_params)
    for name, value in (override_params or {}).items():
        if name not in found:
            raise UsageError(f"parameter {name!r} has no default; the defaults are {', '.join(map(repr, found))}")
        default = found[name]
        if default is not None and type(default) is not type(value):
            raise UsageError(
                f"parameter {name!r} is {value!r}, of type {type(value).__name__}, but its default {default!r} "
                f"is of type {type(default).__name__}; change the default, or the search space"
            )
        found[name] = value
    return base_params
