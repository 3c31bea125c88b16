"""What earlier experiments have taught: their trials, as points of this experiment's space."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lanista.space import Params, Space

Floats = NDArray[np.float64]


class Source:
    """The completed trials of an earlier experiment.

    Attributes:
        name: of the experiment, with its store.
        params: their configurations.
        Y: (k, m) their objectives, minimised.
    """

    def __init__(self, name: str, params: Sequence[Params], Y: Floats) -> None:
        self.name, self.params, self.Y = name, params, Y
        self._of: tuple[Space, tuple[Floats, NDArray[np.bool_], Floats]] | None = None

    def points(self, space: Space) -> tuple[Floats, NDArray[np.bool_], Floats]:
        """The trials that fit a space: X (k, d), active (k, d) and Y (k, m).

        What the space does not have is left out; what a trial does not have takes the space's default; trials with a
        value outside of the space do not fit.
        """
        if self._of is None or self._of[0] is not space:
            self._of = space, self._encode(space)
        return self._of[1]

    def _encode(self, space: Space) -> tuple[Floats, NDArray[np.bool_], Floats]:
        rows = [row for row, params in enumerate(self.params) if _fits(space, params)]
        defaults = space.defaults()
        X, active = space.encode([{**defaults, **self.params[row]} for row in rows])
        return X, active, self.Y[rows]


def _fits(space: Space, params: Params) -> bool:
    """Whether each value lies in a domain of its name, where there is one."""
    domains: dict[str, list[bool]] = {}
    for parameter in space.parameters:
        if parameter.name in params:
            domains.setdefault(parameter.name, []).append(parameter.domain.contains(params[parameter.name]))
    return all(map(any, domains.values()))
