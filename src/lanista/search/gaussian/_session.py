"""What searchers with a Gaussian process share: the first design, the memory of fits, and proposals one by one.

Shapes: n points, d columns.
"""

from collections.abc import Callable, Iterator
from functools import cached_property, partial
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from lanista.journal import History, Params
from lanista.search._ranking import Floats, Outcomes
from lanista.search._stream import Stream, believed_blocks
from lanista.search.gaussian._acquire import Acquisition
from lanista.search.gaussian._believe import Memory
from lanista.search.gaussian._branch import Branch, branches
from lanista.search.gaussian._features import Features
from lanista.search.gaussian._maximise import Effort, maximise
from lanista.space import Space

Bools = NDArray[np.bool_]
Box = tuple[Floats, Floats]

CENTRES = 5
"""The best trials, around which candidates are drawn."""
MOST_PENDING = 100
"""Pending trials that are believed, the last ones; of more than that the others are only not repeated."""
EFFORT = Effort()


class Step(NamedTuple):
    """How the next proposal is found.

    Attributes:
        acquisition: what is maximised.
        centres: (k, d) around which candidates are drawn.
        within: the part of the cube that is searched, if not all of it.
    """

    acquisition: Acquisition
    centres: Floats
    within: Box | None = None


class Setting:
    """What depends on the space, the seed and the length of the first design only."""

    def __init__(self, space: Space, seed: int, startup: int) -> None:
        self.space, self.seed, self.startup = space, seed, startup
        self.features, self.memory = Features(space), Memory()
        self.first = Stream(space, partial(first_design, space, seed, startup))

    @cached_property
    def branches(self) -> list[Branch]:
        """Of the space."""
        return branches(self.space)

    def fits(self, space: Space, seed: int, startup: int) -> bool:
        """Whether it is still the right one."""
        return self.space is space and self.seed == seed and self.startup == startup


def propose(
    setting: Setting,
    history: History,
    found: Outcomes,
    count: int,
    rng: "np.random.Generator",
    step: Callable[[int, Floats], Step],
) -> list[Params]:
    """Proposes one after the other, each knowing those before it.

    Args:
        setting: of the space.
        history: all trials.
        found: its outcomes.
        count: how many are wanted.
        rng: what decides.
        step: tells how to find the next one, given how many trials are pending, and the points (q, d) of the last ones.
    """
    pending = history.X[found.pending]
    seen = Seen(history.X)
    proposals: list[Params] = []
    while True:
        acquisition, centres, within = step(len(pending), pending[-MOST_PENDING:])
        x = maximise(setting.space, acquisition, rng, centres=centres, taken=seen, effort=EFFORT, within=within)
        proposals += setting.space.decode(x)
        if len(proposals) == count:
            return proposals
        seen.add(x)
        pending = np.concatenate([pending, x])


class Seen:
    """Points that were tried; called with canonical points (c, d), tells which of them (c,) are among these."""

    def __init__(self, X: Floats) -> None:
        self._rows: set[bytes] = set()
        self.add(X)

    def add(self, X: Floats) -> None:
        """Adds canonical points (n, d)."""
        self._rows.update(keys(X))

    def __call__(self, X: Floats) -> Bools:
        return np.fromiter((row in self._rows for row in keys(X)), dtype=np.bool_, count=len(X))


def keys(X: Floats) -> list[bytes]:
    """Each point (n, d) as bytes, equal for points that are equal but for rounding."""
    rounded = np.round(np.nan_to_num(X, nan=-1.0), 9) + 0.0
    return [row.tobytes() for row in rounded]


def first_design(space: Space, seed: int, startup: int) -> Iterator[Floats]:
    """Yields the defaults' point, then Latin hypercubes that fill up the first `startup` trials, and more of them."""
    X, _ = space.encode([space.defaults()])
    yield np.where(np.isnan(X), 0.5, X)
    yield from believed_blocks(max(startup - 1, 1), space, seed)
