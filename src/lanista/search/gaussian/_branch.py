"""The branches of a conditional space, and which of them is neglected.

A process of the whole space believes a branch flat when its first few trials were bad, and would hardly ever look there
again while the branch that is ahead can still be bettered by a little. Shapes: n trials, d columns.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._axes import SAME, Axes
from lanista.search._ranking import Floats
from lanista.space import Space

Bools = NDArray[np.bool_]

SAMPLE = 64
"""Random points of a branch: where none of them is new and meets the constraints, it has no more to offer."""


class Branch(NamedTuple):
    """Where a choice that always applies, and brings parameters with it, has one of its options.

    Attributes:
        column: of the choice.
        value: that stands for the option.
    """

    column: int
    value: float

    def holds(self, X: Floats) -> Bools:
        """(n,) which of the points X (n, d) lie in it."""
        inside: Bools = np.abs(X[:, self.column] - self.value) < SAME
        return inside

    def box(self, width: int) -> tuple[Floats, Floats]:
        """The part (d,) of the cube that it is."""
        low, high = np.zeros(width), np.ones(width)
        low[self.column] = high[self.column] = self.value
        return low, high


def branches(space: Space) -> list[Branch]:
    """All of them, choice by choice."""
    axes = Axes(space)
    sizes = axes.cardinality[axes.roots]
    return [
        Branch(column, (option + 0.5) / size)
        for column, size in zip(axes.roots.tolist(), sizes.tolist(), strict=True)
        for option in range(size)
    ]


def neglected(
    space: Space, known: list[Branch], X: Floats, taken: Callable[[Floats], Bools], rng: "np.random.Generator"
) -> Branch | None:
    """That of the known branches where the fewest of the trials X (n, d) lie, of those that have more to offer.

    Args:
        space: to be searched.
        known: its branches.
        X: trials, canonical.
        taken: which of canonical points (c, d) were tried already.
        rng: draws points to see whether there is more.
    """
    for branch in sorted(known, key=lambda branch: int(branch.holds(X).sum())):
        low, high = branch.box(space.width)
        drawn = space.canonical(low + rng.random((SAMPLE, space.width)) * (high - low))
        if (space.feasible_unit(drawn) & ~taken(drawn)).any():
            return branch
    return None
