"""Mutators: what changes a graph by choices, and the space that several of them make of a model."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from torch import nn

from lanista.errors import SpaceError, UsageError
from lanista.nas._graph import Graph
from lanista.nas._identity import Identity
from lanista.nas._mode import as_domain
from lanista.nas._record import Pick, explore
from lanista.nas._told import as_json
from lanista.space import Domain, Group, Params, Space


class Mutator(ABC):
    """Changes a graph; what it offers by `pick` is its search space.

    A mutator holds nothing but its settings, and does the same whenever it is given an equal graph and the same picks.

    Attributes:
        name: What its choices are called by: `name/choice`.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from lanista import nas
        >>> class Activation(nas.Mutator):
        ...     def mutate(self, graph, pick):
        ...         made = {"relu": nn.ReLU, "tanh": nn.Tanh}[pick("kind", ["relu", "tanh"])]
        ...         for node in graph.find(nn.ReLU):
        ...             graph.replace(node, made())
        >>> space = nas.MutatedSpace(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), [Activation()], torch.zeros(1, 4))
        >>> space.build({"Activation/kind": "tanh"}).get_submodule("1")
        Tanh()
    """

    name: str = ""

    @abstractmethod
    def mutate(self, graph: Graph, pick: Pick) -> None:
        """Changes the graph in place.

        Args:
            graph: A copy, to be changed.
            pick: `pick(name, options)` returns one of the options, or a value of a domain; equal names are one choice.
        """

    def settings(self) -> dict[str, Any]:
        """Returns what the mutator was made with, as JSON holds it; its identity, together with its class."""
        return {key: as_json(value) for key, value in sorted(vars(self).items()) if not key.startswith("_")}


class MutatedSpace(Group):
    """All models that ordered mutators can make of one model.

    It stands in a search space as a domain does: its choices are searched as `net.Mutator/choice`, and `trial["net"]`
    is the mutated model.

    Args:
        model: The base model, whose weights all children start with; or a function that makes it, called once for each
            child, which then starts with weights of its own.
        mutators: One or more, in the order in which they are applied.
        example_inputs: As `Graph` takes them.

    Attributes:
        base: The graph of the base model.
        space: The choices as a `Space` of their own names.

    Raises:
        SpaceError: no list of mutators, two have the same name, one offers different options under one name, or one
            finds nothing to change, whatever the others do.
        UsageError: the model does not run on the example inputs.
    """

    def __init__(
        self, model: nn.Module | Callable[[], nn.Module], mutators: Sequence[Mutator], example_inputs: Any
    ) -> None:
        if isinstance(mutators, Mutator):
            raise SpaceError(
                f"mutators is one {type(mutators).__name__}; give a list, such as [{type(mutators).__name__}()]"
            )
        self._make = None if isinstance(model, nn.Module) else model
        self._inputs = example_inputs
        self._mutators = {mutator.name or type(mutator).__name__: mutator for mutator in mutators}
        if len(self._mutators) < len(mutators) or not mutators:
            names = [mutator.name or type(mutator).__name__ for mutator in mutators]
            raise SpaceError(f"mutators need names that differ, at least one, got {names}; give them `name`")
        self.base = Graph(model if isinstance(model, nn.Module) else model(), example_inputs)
        self._useless = dict.fromkeys(self._mutators)
        self.tree = explore(lambda pick: self._mutated(self.base, pick))
        self.space = Space(self.tree)
        if self._useless:
            raise SpaceError(
                f"{', '.join(self._useless)}: nothing in {self.base.name} is what it changes, so it offers no choice "
                "and does nothing; see print(nas.Graph(model, example_inputs)) for what there is, or leave it out"
            )

    @property
    def size(self) -> int | float:
        """How many configurations there are; some may give equal models, which `hash` tells."""
        return self.space.size

    def sample(self, rng: "np.random.Generator", n: int = 1) -> list[Params]:
        """Returns `n` random configurations."""
        return self.space.sample(rng, n)

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Returns the model of a configuration.

        Raises:
            SpaceError: the configuration is not of this space.
            GraphError: the mutations do not fit together.
        """
        base = self.base if self._make is None else self.base.renewed(self._make(), self._inputs)
        return self._mutated(base, picks(self.space.check(params))).module()

    def graph(self, params: Mapping[str, Any]) -> Graph:
        """Returns the mutated graph of a configuration, with `hash` and `identity`.

        Raises:
            SpaceError: the configuration is not of this space.
            GraphError: the mutations do not fit together.
        """
        return self._mutated(self.base, picks(self.space.check(params)))

    def identity(self, params: Mapping[str, Any]) -> Identity:
        """Returns base and mutations of a configuration."""
        return self.graph(params).identity

    def hash(self, params: Mapping[str, Any]) -> str:
        """Returns the hash of the model of a configuration; equal models have the same, however they came about."""
        return self.graph(params).hash

    def _mutated(self, graph: Graph, pick: Pick) -> Graph:
        for name, mutator in self._mutators.items():
            child = graph.mutated(mutator, _below(name, pick))
            if name in self._useless and (child.identity.mutations[-1].picks or child.hash != graph.hash):
                del self._useless[name]
            graph = child
        return graph

    def __repr__(self) -> str:
        return f"MutatedSpace({self.base.name}, [{', '.join(self._mutators)}])"


def _below(name: str, pick: Pick) -> Pick:
    return lambda choice, options: pick(f"{name}/{choice}", options)


def picks(params: Mapping[str, Any]) -> Pick:
    """Returns a `pick` that answers from a configuration.

    Raises:
        UsageError: when it is asked for a name that the configuration does not have, or has another value for.

    >>> from lanista import nas
    >>> nas.picks({"width": 32})("width", [16, 32])
    32
    """

    def pick(name: str, options: Any) -> Any:
        if name not in params:
            raise UsageError(f"the mutator asks for {name!r}, the picks are {sorted(params)}; add it to them")
        return Space({name: as_domain(options)}).check({name: params[name]})[name]

    return pick


def random_picks(rng: "np.random.Generator") -> Pick:
    """Returns a `pick` that chooses at random, and the same for the same name.

    >>> import numpy as np
    >>> from lanista import nas
    >>> nas.random_picks(np.random.default_rng(0))("width", [16, 32]) in (16, 32)
    True
    """
    made: dict[str, Any] = {}

    def pick(name: str, options: Any) -> Any:
        if name not in made:
            domain: Domain = as_domain(options)
            made[name] = Space({name: domain}).sample(rng, 1)[0][name]
        return made[name]

    return pick
