"""Configurations that are parsed when they are looked at.

They are most of the text of a journal, and few of them are read by whoever only opens it.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload


class Unread:
    """An event whose `params` may still be text: what follows the rest of its body when it is read from a store."""

    __slots__ = ("text",)

    def __getattr__(self, name: str) -> Any:
        """Called for an attribute that is not set yet."""
        if name == "text":
            return None
        if name == "params" and (text := self.text) is not None:
            object.__setattr__(self, "params", json.loads(text))  # it is frozen to everybody else
            object.__setattr__(self, "text", None)
        return object.__getattribute__(self, name)


class Configurations(Sequence[dict[str, Any]]):
    """The parameters of all trials by number: a sequence of dicts, some of which are still text."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: list[dict[str, Any] | str] = []

    def __copy__(self) -> "Configurations":
        other = Configurations()
        other._items = list(self._items)
        return other

    def append(self, asked: Unread) -> None:
        """Takes the configuration of the next trial from the event that made it."""
        self._items.append(asked.params if asked.text is None else asked.text)

    def take(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """The configurations of many trials; the unread are parsed in one go, which is several times faster."""
        items = self._items
        found: dict[int, Any] = {number: items[number] for number in numbers}
        unread = [number for number, item in found.items() if type(item) is str]
        texts = [found[number] for number in unread]
        for number, params in zip(unread, json.loads("[" + ",".join(texts) + "]"), strict=True):
            items[number] = found[number] = params
        return [found[number] for number in numbers]

    def __len__(self) -> int:
        return len(self._items)

    @overload
    def __getitem__(self, index: int) -> dict[str, Any]: ...
    @overload
    def __getitem__(self, index: slice) -> list[dict[str, Any]]: ...
    def __getitem__(self, index: int | slice) -> Any:
        if isinstance(index, slice):
            return self.take(range(*index.indices(len(self))))
        item = self._items[index]
        if type(item) is str:
            self._items[index] = item = json.loads(item)
        return item

    def __setitem__(self, number: int, params: dict[str, Any]) -> None:
        self._items[number] = params

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return iter(self.take(range(len(self))))

    def __eq__(self, other: object) -> bool:
        """Equal to any list or sequence of the same dicts."""
        return isinstance(other, Sequence) and list(self) == list(other)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return repr(list(self))
