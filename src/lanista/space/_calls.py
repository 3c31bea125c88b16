"""Slips in how a domain is made, told with the mend."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

from lanista.errors import SpaceError

T = TypeVar("T")


def of_one_list(cls: type[T]) -> type[T]:
    """Has a class whose only positional argument is a list say so when it is given several values."""
    make: Callable[..., None] = cls.__init__

    @wraps(make)
    def checked(self: T, *given: Any, **named: Any) -> None:
        if len(given) > 1:
            told, listed = ", ".join(map(repr, given)), list(given)
            raise SpaceError(f"{cls.__name__}({told}): give the values as one list, {cls.__name__}({listed!r})")
        make(self, *given, **named)

    cls.__init__ = checked  # type: ignore[assignment]
    return cls
