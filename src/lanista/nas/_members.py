"""Members of a space: what is needed of anything that models are drawn from."""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

import numpy as np
from torch import nn

from lanista.errors import UsageError


class Members(Protocol):
    """A space of models, such as `nas.ModelSpace` or `nas.MutatedSpace`."""

    def sample(self, rng: "np.random.Generator", n: int = 1) -> Sequence[Mapping[str, Any]]:
        """Draws the configurations of `n` members."""
        ...

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Builds a member."""
        ...


def drawn(space: Members, count: int, seed: int) -> list[Mapping[str, Any]]:
    """The configurations of members, those that were drawn again left out.

    Raises:
        UsageError: it is no space of models, or no members are asked for.
    """
    if not (hasattr(space, "sample") and hasattr(space, "build")):
        raise UsageError(f"{space!r} is no space of models: give a nas.ModelSpace or a nas.MutatedSpace")
    if not isinstance(count, int) or count < 1:
        raise UsageError(f"members={count}: give 1 or more")
    found = space.sample(np.random.default_rng(seed), count)
    return list({repr(sorted(params.items(), key=lambda item: item[0])): params for params in found}.values())
