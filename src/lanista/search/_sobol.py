"""Quasi-random search."""

from collections.abc import Iterator
from functools import partial

import numpy as np

from lanista._described import Described
from lanista.errors import UsageError
from lanista.journal import History, Params
from lanista.search._stream import BLOCK, Floats, Stream, seed_of

MOST_COLUMNS = 21_201
"""Columns for which there are direction numbers (Joe and Kuo, 2008)."""


class Sobol(Described):
    """Proposes the points of a scrambled Sobol sequence: they fill the space more evenly than random ones.

    The n-th proposal of an experiment is the n-th point, whoever asks for it and however many at once; the scrambling
    depends on the experiment's seed only. Points that break a constraint are passed over. Owen, Scrambling Sobol'
    and Niederreiter-Xing Points (1998), section 2; the implementation is scipy's.

    Raises:
        UsageError: the space has more than 21,201 columns.
        UnsatisfiableError: 100,000 points in a row break the constraints, and as many random ones do.

    >>> from lanista.space import Float, Space
    >>> Sobol().ask(History(Space({"x": Float(0, 1)})), 2, np.random.default_rng(1))
    [{'x': 0.40...}, {'x': 0.75...}]
    """

    _stream: Stream | None = None
    _seed = 0

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Hands out the next `count` points; `rng` is not used."""
        space, seed = history.space, seed_of(history)
        if self._stream is None or self._stream.space is not space or self._seed != seed:
            if space.width > MOST_COLUMNS:
                raise UsageError(
                    f"Sobol() serves up to {MOST_COLUMNS} columns and the space has {space.width}; use Random() instead"
                )
            self._stream, self._seed = Stream(space, partial(sobol_blocks, seed, space.width)), seed
        return self._stream.take(history.proposed, count)


def sobol_blocks(seed: int, width: int) -> Iterator[Floats]:
    """Yields the scrambled Sobol sequence."""
    if width == 0:
        while True:
            yield np.empty((BLOCK, 0))
    from scipy.stats.qmc import Sobol as Engine

    engine = Engine(width, scramble=True, seed=np.random.default_rng(seed))
    while True:
        yield engine.random(BLOCK)
