"""What earlier experiments have taught: their trials, as points of this experiment's space."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from lanista.space import Choice, Params, Space

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

        What the space does not have, or does not apply, is left out; what a trial does not have takes its default;
        trials with a value outside of the space do not fit.
        """
        if self._of is None or self._of[0] is not space:
            self._of = space, self._encode(space)
        return self._of[1]

    def _encode(self, space: Space) -> tuple[Floats, NDArray[np.bool_], Floats]:
        fitted = [_fitted(space, params) for params in self.params]
        rows = [row for row, params in enumerate(fitted) if params is not None]
        X, active = space.encode([params for params in fitted if params is not None])
        return X, active, self.Y[rows]


def _fitted(space: Space, params: Params) -> Params | None:
    """The values of all parameters that apply; None where one is outside of its domain."""
    chosen: dict[int, int] = {}
    found: Params = {}
    for index, parameter in enumerate(space.parameters):
        if parameter.parent is not None and chosen.get(parameter.parent) not in parameter.options:
            continue
        domain = parameter.domain
        found[parameter.name] = value = params.get(parameter.name, domain.start)
        if not domain.contains(value):
            return None
        if isinstance(domain, Choice):
            chosen[index] = domain.index(value)
    return found
