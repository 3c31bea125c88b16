"""The distinct values that `Choice`, `Subset` and `Permutation` are made of."""

from collections.abc import Iterator
from typing import Any

from lanista.errors import SpaceError
from lanista.space._values import duplicate, plain, show


def items_of(given: Any, owner: str, what: str) -> tuple[Any, ...]:
    """Returns the values that a user gave as the options or items of a domain.

    Raises:
        SpaceError: they are no list, none at all, not JSON values, or one is there twice.
    """
    if isinstance(given, str | bytes) or not hasattr(given, "__iter__"):
        raise SpaceError(f"{owner}: {what}s must be a list, got {show(given)}; write [{show(given)}]")
    if isinstance(given, set | frozenset | Iterator):
        raise SpaceError(f"{owner}: {what}s must have a lasting order, got {show(given)}; write a list")
    try:
        values = tuple(plain(value) for value in given)
    except SpaceError as error:
        raise SpaceError(f"{owner}: {what} {error}") from None
    if not values:
        raise SpaceError(f"{owner}: the list of {what}s is empty; give at least one")
    if twice := duplicate(values):
        raise SpaceError(f"{owner}: {what} {twice[1]!r} equals {twice[0]!r}, given before; remove one of them")
    return values


def cut(text: str) -> str:
    """Returns a text of no more than 200 characters."""
    return text if len(text) <= 200 else text[:197] + "..."
