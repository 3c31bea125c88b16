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
            settle(self, json.loads(text))
        return object.__getattribute__(self, name)


def settle(event: Unread, params: Any) -> None:
    """Sets what was unread; the event is frozen to everybody else."""
    object.__setattr__(event, "params", params)
    object.__setattr__(event, "text", None)


class Configurations(Sequence[dict[str, Any]]):
    """The parameters of all trials by number: a sequence of dicts, some of them unread."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: list[Any] = []

    def append(self, asked: Unread) -> None:
        """Takes the event that made the next trial."""
        self._items.append(asked)

    def take(self, numbers: Iterable[int]) -> list[dict[str, Any]]:
        """The configurations of many trials; the unread are parsed in one go, which is several times faster."""
        items = [self._items[number] for number in numbers]
        unread = [item for item in items if type(item) is not dict and item.text is not None]
        for item, params in zip(unread, json.loads("[" + ",".join([item.text for item in unread]) + "]"), strict=True):
            settle(item, params)
        return [item if type(item) is dict else item.params for item in items]

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
        return item if type(item) is dict else item.params

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
