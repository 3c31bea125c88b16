"""Building: each choice gives the plain value or module that was chosen, and nothing else."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from lanista.errors import SpaceError
from lanista.nas._mode import Factory, names
from lanista.nas._select import Reduce, Select
from lanista.space import Choice, Domain


class Build:
    """Follows a configuration; None: the default of each choice."""

    def __init__(self, params: Mapping[str, Any] | None = None) -> None:
        self._params = params

    def value(self, name: str, domain: Domain) -> Any:
        """The value that was chosen.

        Raises:
            SpaceError: the configuration has none, or one that is no option.
        """
        if self._params is None:
            return domain.start
        if name not in self._params:
            raise SpaceError(
                f"the configuration has no value for the choice {name!r}; it has {', '.join(self._params) or 'none'}. "
                "A choice that is made only for certain values of several others together is not found by recording: "
                "let one choice decide on it"
            )
        try:
            return domain.normalise(self._params[name])
        except SpaceError as error:
            raise SpaceError(f"the choice {name!r}: {error}") from None

    def layer(self, name: str, candidates: Mapping[str, Factory]) -> nn.Module:
        """The candidate that was chosen."""
        label = self.value(name, Choice(list(candidates)))
        with names().placed(f"{name}={label}"):
            return candidates[label]()

    def inputs(self, name: str, count: int, domain: Domain, reduce: Reduce) -> nn.Module:
        """A module that takes the inputs that were chosen."""
        chosen = self.value(name, domain)
        return Select(count, chosen if isinstance(chosen, list) else [chosen], reduce)

    def repeat(self, name: str, block: Callable[[int], nn.Module], depths: Sequence[int]) -> nn.Module:
        """A sequence of as many blocks as were chosen."""
        depth = self.value(name, Choice(list(depths))) if len(depths) > 1 else depths[0]
        blocks = []
        for i in range(depth):
            with names().placed(f"{name}[{i}]"):
                blocks.append(block(i))
        return nn.Sequential(*blocks)
