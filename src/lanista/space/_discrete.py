"""Domains of unordered things: `Choice`, `Subset` and `Permutation`."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, final

from lanista.errors import SpaceError
from lanista.space._calls import of_one_list
from lanista.space._domain import Confidence, Domain
from lanista.space._values import duplicate, key, plain, real, show, whole

_OWN_KEY = (str, int, float, type(None))  # exact types whose `key` is the value itself

ODDS = {"low": 2.0, "medium": 4.0, "high": 8.0}  # of what is believed best, against each other option

Children = tuple[tuple[str, Any], ...]
"""The parameters below one option: (name, domain or constant) pairs."""


@final
@of_one_list
@dataclass(frozen=True, eq=False, repr=False)
class Choice(Domain):
    """One of several options; parameters may hang below each of them.

    Args:
        options: A list of distinct JSON values, or a dict from value to the parameters that exist only while it is
            chosen: `{"sgd": {"momentum": Float(0, 0.99)}, "adam": {}}`. Kept as a tuple of values; `children` has
            the parameters.
        default: Where a search may start; the prior, or else the first option, stands in for it.
        prior: The option believed best, or a weight for each of the options, `{"sgd": 1, "adam": 3}`.
        confidence: How sure that is: "low", "medium" or "high" make the option believed best two, four or eight
            times as likely as each other one. Weights say it themselves.

    Raises:
        SpaceError: no options, the same option twice, an option that is not a JSON value, a default or a prior that
            is no option, weights that are not positive or do not name each option.

    Example:
        >>> Choice(["relu", "gelu"]).contains("tanh")
        False
    """

    options: Any  # given as a sequence or a mapping, kept as a tuple of values
    _: KW_ONLY
    default: Any = None
    prior: Any = None
    confidence: Confidence = "medium"
    children: tuple[Children, ...] = field(init=False, default=(), repr=False)

    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        given = self.options
        if isinstance(given, Mapping):
            children = tuple(_children(value, below) for value, below in given.items())
        else:
            children = ()
        values = _items(given, "Choice", "option")
        object.__setattr__(self, "options", values)
        object.__setattr__(self, "children", children if any(children) else ())
        self._set_default(self.default)
        self._set_prior()

    def below(self, index: int) -> Children:
        """Returns the parameters that exist only while option `index` is chosen."""
        return self.children[index] if self.children else ()

    @cached_property
    def _index(self) -> dict[Any, int]:
        return {key(value): i for i, value in enumerate(self.options)}

    def index(self, value: Any) -> int:
        """Returns the position of `value` among the options.

        Raises:
            SpaceError: it is no option.
        """
        try:
            return self._index[value if type(value) in _OWN_KEY else key(plain(value))]
        except (KeyError, SpaceError):
            options = ", ".join(map(repr, self.options))
            raise SpaceError(f"{show(value)} is not an option; choose one of {_cut(options)}") from None

    @property
    def size(self) -> int | float:
        """Number of options, each counted with the configurations of its own parameters."""
        total: int | float = 0
        for i in range(len(self.options)):
            total += tree_size(self.below(i))
        return total

    @property
    def middle(self) -> Any:
        """The first option."""
        return plain(self.options[0])

    @property
    def start(self) -> Any:
        """The default, else the option believed best, else the first."""
        if self.default is not None:
            return plain(self.default)
        return plain(self.options[self.weights.index(max(self.weights))])

    def normalise(self, value: Any) -> Any:
        """Returns the option that equals `value`."""
        return plain(self.options[self.index(value)])

    @cached_property
    def weights(self) -> tuple[float, ...]:
        """How likely each option is believed to be the best; they sum to 1."""
        if self._weighted(self.prior):
            given = {key(option): weight for option, weight in self.prior.items()}
            weights = [given[key(option)] for option in self.options]
        else:
            weights = [1.0] * len(self.options)
            if self.prior is not None:
                weights[self.index(self.prior)] = ODDS[self.confidence]
        total = sum(weight / max(weights) for weight in weights)
        return tuple(weight / max(weights) / total for weight in weights)

    def _weighted(self, prior: Any) -> bool:
        """Whether a prior weighs all options, and is not one of them."""
        return isinstance(prior, Mapping) and not self.contains(prior)

    def _believed(self, prior: Any) -> Any:
        if not self._weighted(prior):
            return self.normalise(prior)
        if self.confidence != "medium":
            raise SpaceError(f"weights say themselves how sure you are; leave confidence={self.confidence!r} out")
        weights = {self.options[self.index(option)]: weight for option, weight in prior.items()}
        if len(weights) < len(self.options):
            named = {key(option) for option in weights}
            lost = next(option for option in self.options if key(option) not in named)
            raise SpaceError(f"option {show(lost)} has no weight; weigh each option")
        for option, weight in weights.items():
            weights[option] = real(weight, f"the weight of {option!r}")
            if weights[option] <= 0:
                raise SpaceError(f"the weight of {option!r} is {show(weight)}; make it positive, or drop the option")
        return weights

    def _prior_json(self) -> dict[str, Any]:
        if self._weighted(self.prior):
            return {"weights": [self.prior[option] for option in self.options]}
        return super()._prior_json()

    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object."""
        record: dict[str, Any] = {"type": "choice", "options": list(self.options)}
        if self.children:
            record["children"] = [tree_json(below) for below in self.children]
        if self.default is not None:
            record["default"] = self.default
        return record | self._prior_json()

    def __repr__(self) -> str:
        if self.children:
            pairs = zip(self.options, self.children, strict=True)
            inside = "{" + ", ".join(f"{value!r}: {dict(below)!r}" for value, below in pairs) + "}"
        else:
            inside = repr(list(self.options))
        given = [(name, getattr(self, name)) for name in ("default", "prior")]
        if self.confidence != "medium":
            given.append(("confidence", self.confidence))
        return f"Choice({inside}" + "".join(f", {name}={value!r}" for name, value in given if value is not None) + ")"


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
        items = _items(self.items, "Subset", "item")
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
        object.__setattr__(self, "items", _items(self.items, "Permutation", "item"))
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


def tree_size(pairs: Children) -> int | float:
    """Returns the number of configurations of a tree of domains and constants."""
    sizes = [node.size for _, node in pairs if isinstance(node, Domain)]
    # A product with infinity would overflow on whole numbers beyond the floats.
    return math.inf if math.inf in sizes else math.prod(sizes)


def tree_json(pairs: Children) -> dict[str, Any]:
    """Returns a tree as a JSON object: name to domain or constant."""
    return {
        name: node.to_json() if isinstance(node, Domain) else {"type": "constant", "value": node}
        for name, node in pairs
    }


def _children(value: Any, below: Any) -> Children:
    if not isinstance(below, Mapping):
        raise SpaceError(
            f"Choice: below option {show(value)} stands {show(below)}; give a dict of parameters, {{}} for none"
        )
    return tuple(below.items())


def _items(given: Any, owner: str, what: str) -> tuple[Any, ...]:
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


def _positions(index: dict[Any, int], value: Any, owner: str) -> list[int]:
    if not isinstance(value, Sequence) or isinstance(value, str | bytes):
        raise SpaceError(f"{show(value)} is not a list; a value of {owner} is a list of its items")
    found = []
    for item in value:
        try:
            found.append(index[key(plain(item))])
        except (KeyError, SpaceError):
            raise SpaceError(f"{show(item)} is not an item of {owner}; items are {_cut(_known(index))}") from None
    if len(set(found)) < len(found):
        raise SpaceError(f"{show(value)} has an item twice; a value of {owner} has each at most once")
    return found


def _known(index: dict[Any, int]) -> str:
    return ", ".join(map(repr, index))


def _cut(text: str) -> str:
    return text if len(text) <= 200 else text[:197] + "..."
