"""Several parameters that together make one value."""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import SpaceError
from lanista.space._domain import Domain


class Group(ABC):
    """Several parameters that together make one value, such as a model.

    It stands in a space as a domain does. Its parameters are searched under `name.parameter`, and `Space.build`, or
    `trial[name]`, gives the value that they make.

    Example:
        >>> from lanista.space import Float, Group, Space
        >>> class Interval(Group):
        ...     tree = {"low": Float(0, 1), "width": Float(0, 1)}
        ...
        ...     def build(self, params):
        ...         return params["low"], params["low"] + params["width"]
        >>> space = Space({"clip": Interval(), "lr": Float(0, 1)})
        >>> space.names
        ('clip.low', 'clip.width', 'lr')
        >>> space.build("clip", {"clip.low": 0.25, "clip.width": 0.5, "lr": 0.1})
        (0.25, 0.75)
    """

    tree: Mapping[str, Any]
    """Name to domain, as a `Space` is given."""

    @abstractmethod
    def build(self, params: Mapping[str, Any]) -> Any:
        """Returns the value that a configuration of `tree` makes."""


class Place(Frozen):
    """Where a group stands: its name, and the options of choices under which it applies."""

    name: str
    group: Group
    when: Mapping[str, Any]


class Groups(Frozen):
    """The groups of a space."""

    places: tuple[Place, ...] = ()

    def __contains__(self, name: object) -> bool:
        return any(place.name == name for place in self.places)

    def build(self, name: str, params: Mapping[str, Any]) -> Any:
        """Returns the value of the group of that name in a configuration of the whole space.

        Raises:
            SpaceError: no group of that name applies.
        """
        for place in self.places:
            if place.name == name and place.when.items() <= params.items():
                prefix = f"{name}."
                own = {key.removeprefix(prefix): value for key, value in params.items() if key.startswith(prefix)}
                return place.group.build(own)
        if not self.places and any(key.startswith(f"{name}.") for key in params):
            raise SpaceError(
                f"what the parameters of {name!r} make is known to the program that gave the space: give space= to the "
                "Experiment again"
            )
        there = ", ".join(dict.fromkeys(place.name for place in self.places)) or "none"
        raise SpaceError(f"{name!r} is no group of parameters that applies here; the groups are: {there}")


def unfold(tree: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[Place, ...]]:
    """Returns a tree with the parameters of its groups in their place, and where the groups stood.

    Raises:
        SpaceError: a name beside a group begins as those of its parameters.
    """
    flat: dict[str, Any] = {}
    places: list[Place] = []
    for name, node in tree.items():
        if isinstance(node, Group):
            if taken := [other for other in tree if str(other).startswith(f"{name}.")]:
                raise SpaceError(
                    f"the name {taken[0]!r} begins as the parameters of the group {name!r} do, which are called "
                    f"{name}.parameter; rename one of them"
                )
            inner, below = unfold(node.tree)
            flat |= prefixed(inner, f"{name}.")
            places.append(Place(name, node, {}))
            places += [_moved(place, f"{name}.") for place in below]
            continue
        flat[name] = node
        if isinstance(node, Domain):
            for option, groups in node.groups:
                places += [Place(place.name, place.group, {name: option, **place.when}) for place in groups]
    return flat, tuple(places)


def prefixed(tree: Mapping[str, Any], prefix: str) -> dict[str, Any]:
    """Returns a tree whose names begin with `prefix`, those below its choices too."""
    return {prefix + name: node.prefixed(prefix) if isinstance(node, Domain) else node for name, node in tree.items()}


def _moved(place: Place, prefix: str) -> Place:
    return Place(prefix + place.name, place.group, {prefix + name: option for name, option in place.when.items()})
