"""Domains of several things at once: `Subset` and `Permutation`."""

import math
from collections.abc import Sequence
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar, final

from lanista.errors import SpaceError
from lanista.space._calls import of_one_list
from lanista.space._domain import Confidence, Domain
from lanista.space._items import cut, items_of
from lanista.space._values import key, plain, show, whole


@final
@of_one_list
@dataclass(frozen=True, eq=False, repr=False)
class Subset(Domain):
    """Some of the items, as a list in the items' own order.

    Args:
        items: Distinct JSON values.
        min: Smallest number of items in a value.
        max: Largest number; None: all of them.
        default: Where a search may start; the prior, or else as many items as allowed, from the first on, stand in
            for it.
        prior: The items believed best.
        confidence: How sure that is: "low", "medium" or "high" make it two, four or eight times as likely that an
            item is in (or out) as believed.

    Raises:
        SpaceError: no items, the same item twice, an item that is not a JSON value, `min` and `max` that do not fit.

    Example:
        >>> Subset(["age", "height", "weight"], min=1).size
        7
    """

    items: Any  # given as a sequence, kept as a tuple
    _: KW_ONLY
    min: int = 0
    max: int | None = None
    default: list[Any] | None = None
    prior: list[Any] | None = None
    confidence: Confidence = "medium"

    kind: ClassVar[str] = "subset"

    def __post_init__(self) -> None:
        items = items_of(self.items, "Subset", "item")
        object.__setattr__(self, "items", items)
        object.__setattr__(self, "min", whole(self.min, "min of Subset"))
        if self.max is not None:
            object.__setattr__(self, "max", whole(self.max, "max of Subset"))
        if not 0 <= self.min <= self.most <= len(items):
            raise SpaceError(
                f"Subset of {len(items)} items: 0 <= min <= max <= {len(items)} must hold, "
                f"got min={self.min}, max={self.max}"
            )
        self._set_default(self.default)
        self._set_prior()

    @property
    def most(self) -> int:
        """Largest number of items in a value."""
        return len(self.items) if self.max is None else self.max

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {key(item): i for i, item in enumerate(self.items)}

    @property
    def width(self) -> int:
        """One column an item."""
        return len(self.items)

    @property
    def size(self) -> int:
        """Number of subsets."""
        return sum(math.comb(len(self.items), k) for k in range(self.min, self.most + 1))

    @property
    def middle(self) -> list[Any]:
        """As many items as allowed, from the first on."""
        return [plain(item) for item in self.items[: self.most]]

    def positions(self, value: Any) -> list[int]:
        """Returns the sorted positions of the items in `value`, or raises a SpaceError."""
        found = sorted(_positions(self._index, value, "Subset"))
        if not self.min <= len(found) <= self.most:
            raise SpaceError(f"{show(value)} has {len(found)} items; a value has {self.min} to {self.most}")
        return found

    def normalise(self, value: Any) -> list[Any]:
        """Returns the items of `value` in the order of the domain."""
        return [plain(self.items[i]) for i in self.positions(value)]

    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object."""
        record: dict[str, Any] = {"type": "subset", "items": list(self.items)}
        if self.min:
            record["min"] = self.min
        if self.max is not None:
            record["max"] = self.max
        if self.default is not None:
            record["default"] = self.default
        return record | self._prior_json()


@final
@of_one_list
@dataclass(frozen=True, eq=False, repr=False)
class Permutation(Domain):
    """All of the items, as a list in some order.

    Args:
        items: Distinct JSON values.
        default: Where a search may start; the prior, or else the order given, stands in for it.
        prior: The order believed best.
        confidence: How sure that is, "low", "medium" or "high": how close each item stays to its place.

    Raises:
        SpaceError: no items, the same item twice, an item that is not a JSON value.

    Example:
        >>> Permutation(["crop", "flip", "blur"]).size
        6
    """

    items: Any  # given as a sequence, kept as a tuple
    _: KW_ONLY
    default: list[Any] | None = None
    prior: list[Any] | None = None
    confidence: Confidence = "medium"

    kind: ClassVar[str] = "permutation"

    def __post_init__(self) -> None:
        object.__setattr__(self, "items", items_of(self.items, "Permutation", "item"))
        self._set_default(self.default)
        self._set_prior()

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {key(item): i for i, item in enumerate(self.items)}

    @property
    def width(self) -> int:
        """One column an item."""
        return len(self.items)

    @property
    def size(self) -> int:
        """Number of orders."""
        return math.factorial(len(self.items))

    @property
    def middle(self) -> list[Any]:
        """The order given."""
        return [plain(item) for item in self.items]

    def positions(self, value: Any) -> list[int]:
        """Returns the position among the items of each element of `value`, or raises a SpaceError."""
        found = _positions(self._index, value, "Permutation")
        if len(found) != len(self.items):
            raise SpaceError(f"{show(value)} has {len(found)} of {len(self.items)} items; a value has all of them")
        return found

    def normalise(self, value: Any) -> list[Any]:
        """Returns `value` as a list of the domain's own items."""
        return [plain(self.items[i]) for i in self.positions(value)]

    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object."""
        record: dict[str, Any] = {"type": "permutation", "items": list(self.items)}
        if self.default is not None:
            record["default"] = self.default
        return record | self._prior_json()


def _positions(index: dict[Any, int], value: Any, owner: str) -> list[int]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise SpaceError(f"{show(value)} is not a list; a value of {owner} is a list of its items")
    found = []
    for item in value:
        try:
            found.append(index[key(plain(item))])
        except (KeyError, SpaceError):
            raise SpaceError(f"{show(item)} is not an item of {owner}; items are {cut(_known(index))}") from None
    if len(set(found)) < len(found):
        raise SpaceError(f"{show(value)} has an item twice; a value of {owner} has each at most once")
    return found


def _known(index: dict[Any, int]) -> str:
    return ", ".join(map(repr, index))
