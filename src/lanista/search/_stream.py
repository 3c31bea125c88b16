"""Endless sequences of points of the unit cube, read by number."""

from collections.abc import Callable, Iterator
from functools import partial

import numpy as np
from numpy.typing import NDArray

from lanista.errors import UnsatisfiableError
from lanista.journal import History
from lanista.space import Params, Space

Floats = NDArray[np.float64]
BLOCK = 256
"""Points made at a time."""
MOST_INVALID = 100_000
"""Points in a row that break the constraints before random ones have to show that there are any that meet them."""


class Stream:
    """The valid points of a sequence, by number: those that break the constraints are left out and not counted.

    Only the block being read is kept; an earlier number begins the sequence again.

    Args:
        space: what decodes the points and says which are valid.
        blocks: begins the sequence; yields points (k, d).
    """

    def __init__(self, space: Space, blocks: Callable[[], Iterator[Floats]]) -> None:
        self.space, self._blocks = space, blocks
        self._rewind()

    def take(self, first: int, count: int) -> list[Params]:
        """The configurations number `first` to `first + count - 1`, counted from 0.

        Raises:
            UnsatisfiableError: 100,000 points in a row break the constraints, and as many random ones do.
        """
        if first < self._start:
            self._rewind()
        found: list[Params] = []
        while len(found) < count:
            at = first + len(found) - self._start
            if at >= len(self._block):
                self._advance()
            else:
                found += self.space.decode(self._block[at : at + count - len(found)])
        return found

    def _rewind(self) -> None:
        self._source = self._blocks()
        self._start = 0
        self._block: Floats = np.empty((0, self.space.width))

    def _advance(self) -> None:
        self._start += len(self._block)
        invalid = 0
        while True:
            points = next(self._source)
            self._block = points[self.space.feasible(self.space.decode(points))] if self.space.constraints else points
            if len(self._block):
                return
            if invalid < MOST_INVALID <= invalid + len(points):
                self._hope()
            invalid += len(points)

    def _hope(self) -> None:
        """Goes on only if random points are there that meet the constraints; else tells how often each holds."""
        try:
            self.space.sample_unit(np.random.default_rng(0), 1)
        except UnsatisfiableError:
            self._rewind()
            raise


class Startup:
    """The sequence that a searcher begins with, made anew for each space and seed.

    Args:
        blocks: begins it, given the space and the seed; yields points (k, d).
    """

    def __init__(self, blocks: Callable[[Space, int], Iterator[Floats]]) -> None:
        self._blocks = blocks
        self._made: tuple[Space, int, Stream] | None = None

    def stream(self, history: History) -> Stream:
        """The sequence for this history's space and seed."""
        space, seed = history.space, seed_of(history)
        if self._made is None or self._made[0] is not space or self._made[1] != seed:
            self._made = space, seed, Stream(space, partial(self._blocks, space, seed))
        return self._made[2]


def latin_startup(size: int) -> Startup:
    """Begins with Latin hypercubes of `size` points each, between which draws from the user's prior lie."""
    return Startup(partial(believed_blocks, size))


def believed_blocks(size: int, space: Space, seed: int) -> Iterator[Floats]:
    """Yields Latin hypercubes; where the user has a prior, every second point is drawn from it instead."""
    rng = np.random.default_rng((seed, 1))
    for block in latin_blocks(seed, space.width, size):
        if space.has_prior:
            block[1::2] = space.sample_prior(rng, len(block) // 2)
        yield block


def latin_blocks(seed: int, width: int, size: int) -> Iterator[Floats]:
    """Yields Latin hypercubes: of `size` points, each column has one in each of `size` equal cells.

    McKay, Beckman and Conover, A Comparison of Three Methods for Selecting Values of Input Variables (1979), section 2.
    """
    rng = np.random.default_rng(seed)
    cells = np.tile(np.arange(size), (width, 1))
    together = max(1, BLOCK // size)
    while True:
        cubes = [(rng.permuted(cells, axis=1).T + rng.random((size, width))) / size for _ in range(together)]
        yield np.concatenate(cubes)


def seed_of(history: History) -> int:
    """The experiment's seed, 0 where there is none."""
    return history.created.seed if history.created is not None else 0
