"""The domain of one of several options, which may have parameters of their own."""

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass, field
from functools import cached_property
from typing import Any, ClassVar, final

from lanista.errors import SpaceError
from lanista.space._calls import of_one_list
from lanista.space._domain import Confidence, Domain
from lanista.space._group import Place, prefixed, unfold
from lanista.space._items import cut, items_of
from lanista.space._values import key, plain, real, show

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
    groups: tuple[tuple[Any, tuple[Place, ...]], ...] = field(init=False, default=(), repr=False)

    kind: ClassVar[str] = "choice"

    def __post_init__(self) -> None:
        given = self.options
        if isinstance(given, Mapping):
            unfolded = [unfold(_children(value, below)) for value, below in given.items()]
            children = tuple(tuple(flat.items()) for flat, _ in unfolded)
            groups = tuple((value, places) for value, (_, places) in zip(given, unfolded, strict=True) if places)
            object.__setattr__(self, "groups", groups)
        else:
            children = ()
        values = items_of(given, "Choice", "option")
        object.__setattr__(self, "options", values)
        object.__setattr__(self, "children", children if any(children) else ())
        self._set_default(self.default)
        self._set_prior()

    def below(self, index: int) -> Children:
        """Returns the parameters that exist only while option `index` is chosen."""
        return self.children[index] if self.children else ()

    def prefixed(self, prefix: str) -> "Choice":
        """Returns the choice with another beginning of the names below it."""
        if not self.children:
            return self
        below = [prefixed(dict(children), prefix) for children in self.children]
        options = dict(zip(self.options, below, strict=True))
        return Choice(options, default=self.default, prior=self.prior, confidence=self.confidence)

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
            raise SpaceError(f"{show(value)} is not an option; choose one of {cut(options)}") from None

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


def _children(value: Any, below: Any) -> Mapping[str, Any]:
    if not isinstance(below, Mapping):
        raise SpaceError(
            f"Choice: below option {show(value)} stands {show(below)}; give a dict of parameters, {{}} for none"
        )
    return below
