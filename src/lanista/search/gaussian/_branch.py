"""The branches of a conditional space, and which of them is neglected.

A process of the whole space believes a branch flat when its first few trials were bad, and would hardly ever look there
again while the branch that is ahead can still be bettered by a little. Shapes: n trials, d columns.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.search._axes import SAME
from lanista.search._ranking import Floats
from lanista.space import Space

Bools = NDArray[np.bool_]

SAMPLE = 64
"""Random points of a branch: where none of them is new and meets the constraints, it has no more to offer."""
MOST_DRAWN = 1000
"""Random configurations that tell which branches the constraints leave."""


class Branch(NamedTuple):
    """Where a choice that always applies, and has parameters below it, has one of its options.

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
    """All of them, choice by choice, but those of one configuration, and those that constraints hardly ever leave."""
    parameters, cardinality = space.parameters, space.columns.cardinality
    always: list[bool] = []
    below: dict[int, set[int]] = {}
    for p in parameters:
        always.append(p.parent is None or (always[p.parent] and cardinality[parameters[p.parent].start] == 1))
        if p.parent is not None:
            below.setdefault(p.parent, set()).update(p.options)
    alone = sum(at and cardinality[p.start] != 1 for at, p in zip(always, parameters, strict=True)) == 1
    found = [
        Branch(parameters[i].start, (option + 0.5) / size)
        for i, options in below.items()
        if always[i] and (size := int(cardinality[parameters[i].start])) > 1
        for option in range(size)
        if option in options or not alone
    ]
    if not found or not space.constraints:
        return found
    X = space.canonical(space.sample_unit(np.random.default_rng(0), MOST_DRAWN))
    return [branch for branch in found if branch.holds(X).any()]


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
