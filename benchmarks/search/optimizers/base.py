"""What an adapter is, and the walk over a space that all of them need."""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from lanista.space import Choice, Domain, Space


class Setting(NamedTuple):
    """What an optimiser may know before it begins."""

    space: Space
    objectives: int
    seed: int
    budget: int
    parallel: int


class Agent(ABC):
    """An optimiser that minimises; `ask` is called while earlier configurations are pending."""

    @abstractmethod
    def ask(self) -> tuple[Any, dict[str, Any]] | None:
        """A token and a configuration of the space; None: it has nothing left to propose."""

    @abstractmethod
    def tell(self, token: Any, values: tuple[float, ...] | None) -> None:
        """The values of what was asked under the token; None: it failed."""

    def preload(self, evaluated: Sequence[tuple[dict[str, Any], tuple[float, ...]]]) -> None:
        """Takes in configurations that were evaluated before, with their values.

        Raises:
            SystemExit: this optimiser cannot.
        """
        raise SystemExit(f"{type(self).__name__} cannot be told a history")


class Leaf(NamedTuple):
    """A searched parameter in a flat list; it applies while `parent` has one of `options`."""

    name: str
    domain: Domain
    parent: str | None
    options: tuple[Any, ...]


def leaves(space: Space) -> list[Leaf]:
    """The parameters, parents first."""
    found = []
    for parameter in space.parameters:
        above = None if parameter.parent is None else space.parameters[parameter.parent]
        options = () if above is None else tuple(above.domain.options[i] for i in sorted(parameter.options))  # type: ignore[attr-defined]
        found.append(Leaf(parameter.name, parameter.domain, above.name if above else None, options))
    return found


def active(space: Space, flat: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration that lies in values for all parameters: what applies of them, and constants."""
    return dict(_walk(space.tree, flat))


def _walk(tree: Mapping[str, Any], flat: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for name, node in tree.items():
        if not isinstance(node, Domain):
            yield name, node
            continue
        yield name, flat[name]
        if isinstance(node, Choice):
            yield from _walk(dict(node.below(node.index(flat[name]))), flat)


class Worst:
    """Stands a number in for failures, for optimisers that take none: the worst value seen so far."""

    def __init__(self, objectives: int) -> None:
        self._seen = [0.0] * objectives
        self._any = False

    def of(self, values: tuple[float, ...] | None) -> tuple[float, ...]:
        if values is None:
            return tuple(self._seen)
        self._seen = [max(a, b) for a, b in zip(self._seen, values, strict=True)] if self._any else list(values)
        self._any = True
        return values
