"""A given list of configurations."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from lanista._described import Described
from lanista.errors import SpaceError, UsageError
from lanista.journal import History, Params
from lanista.space import Space


class Batch(Described):
    """Proposes the configurations of a list, in its order, and is then exhausted.

    All are checked against the space before the first is run; parameters left out take their defaults. Where the space
    is discovered by running, they are taken up as they are.

    Args:
        configurations: each a mapping from parameter to value.

    Raises:
        UsageError: `configurations` is not a list of mappings, or is empty.
        SpaceError: a configuration does not fit the space, or breaks a constraint.

    >>> from lanista.space import Float, Space
    >>> Batch([{"x": 0.5}, {"x": 1.0}]).ask(History(Space({"x": Float(0, 1)})), 9, np.random.default_rng(0))
    [{'x': 0.5}, {'x': 1.0}]
    """

    _space: Space | None = None
    _checked: list[Params]

    def __init__(self, configurations: Sequence[Mapping[str, Any]]) -> None:
        if isinstance(configurations, str | Mapping) or not all(isinstance(each, Mapping) for each in configurations):
            raise UsageError(f"Batch({configurations!r}): give a list of mappings from parameter to value")
        if not len(configurations):
            raise UsageError("Batch([]) has nothing to run; give at least one configuration, such as {'x': 0.5}")
        self.configurations = list(configurations)

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Hands out the next `count` configurations, fewer at the end of the list; `rng` is not used."""
        if self._space is not history.space:
            discovered = history.created is not None and history.created.define
            given = enumerate(self.configurations)
            self._checked = [dict(each) if discovered else _checked(history.space, i, each) for i, each in given]
            self._space = history.space
        first = history.proposed
        return [dict(params) for params in self._checked[first : first + count]]


def _checked(space: Space, index: int, configuration: Mapping[str, Any]) -> Params:
    """The configuration as the space itself would write it."""
    try:
        return space.check(configuration)
    except SpaceError as error:
        raise SpaceError(f"Batch: configuration {index}: {error}") from None
