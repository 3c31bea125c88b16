"""Enumerates a space."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lanista.errors import SpaceError, UnsatisfiableError
from lanista.space._choice import Children, Choice
from lanista.space._constraints import Constraint
from lanista.space._domain import Domain, Params
from lanista.space._numeric import Float, Int, Normal, neat
from lanista.space._sets import Permutation, Subset

MOST_REJECTED = 1_000_000  # points in a row that break the constraints before no further one is looked for


class Grid:
    """The configurations of a tree, with `points(name)` values on each continuous axis.

    What a constraint rejects is left out as soon as the parameters that it mentions are set, whatever comes after them.

    Args:
        tree: what is enumerated.
        points: values on the continuous axis of each name.
        constraints: what all configurations meet.
        known: the names of all parameters and constants.
    """

    def __init__(
        self,
        tree: Children,
        points: Callable[[str], int],
        constraints: Sequence[Constraint] = (),
        known: frozenset[str] = frozenset(),
    ) -> None:
        self.tree, self.points, self.constraints, self.known = tree, points, constraints, known
        self._rejected = 0

    def __iter__(self) -> Iterator[Params]:
        """Yields each once; it is the same dict every time, to be copied by who keeps it.

        Raises:
            SpaceError: a constraint cannot be evaluated.
            UnsatisfiableError: a million points in a row break the constraints.
        """
        return self._walk(self.tree, {})

    def _walk(self, tree: Children, partial: Params) -> Iterator[Params]:
        if not tree:
            if all(constraint.holds(partial, self.known) for constraint in self.constraints):
                self._rejected = 0
                yield partial
            else:
                self._reject()
            return
        (name, node), rest = tree[0], tree[1:]
        for value, below in self._values(name, node):
            partial[name] = value
            left = below + rest
            if left and self.constraints and self._breaks(partial, name):
                self._reject()
            else:
                yield from self._walk(left, partial)
        del partial[name]

    def _values(self, name: str, node: Any) -> Iterable[tuple[Any, Children]]:
        """The values of one name, and what hangs below each."""
        if not isinstance(node, Domain):
            return ((node, ()),)
        if isinstance(node, Choice):
            return ((option, node.below(i)) for i, option in enumerate(node.options))
        return ((value, ()) for value in axis(node, self.points(name)))

    def _breaks(self, partial: Params, name: str) -> bool:
        """Whether an expression for which `name` was the last one lacking does not hold, wherever the rest leads."""
        for constraint in self.constraints:
            if name in constraint.names and constraint.names <= partial.keys():
                try:
                    if not constraint.holds(partial, self.known):
                        return True
                except SpaceError:  # unless another constraint forbids all that is below, it is raised there
                    return False
        return False

    def _reject(self) -> None:
        self._rejected += 1
        if self._rejected >= MOST_REJECTED:
            names = ", ".join(repr(constraint.name) for constraint in self.constraints)
            raise UnsatisfiableError(
                f"{self._rejected:,} points in a row, of a grid of up to {self.most():,}, break the constraints "
                f"{names}; put the parameters that a constraint mentions first in the space and write it as an "
                "expression, so that it is decided once for all the others, loosen it, or take another searcher"
            )

    def most(self) -> int:
        """The number of points if there were no constraints, where no two points of an axis coincide."""
        return _count(self.tree, self.points)


def _count(tree: Children, points: Callable[[str], int]) -> int:
    number = 1
    for name, node in tree:
        if isinstance(node, Choice):
            number *= sum(_count(node.below(i), points) for i in range(len(node.options)))
        elif isinstance(node, Domain):
            number *= points(name) if math.isinf(node.size) else int(node.size)
    return number


def axis(domain: Domain, points: int) -> Iterable[Any]:
    """Returns the values of one domain in order; a continuous one is cut to `points` values, both ends included."""
    if isinstance(domain, Int):
        return range(domain.low, domain.high + 1, domain.step)
    if isinstance(domain, Float):
        if domain.steps is not None:
            return map(domain.steps.value, range(domain.steps.count))
        return _distinct(_spread(domain, points))
    if isinstance(domain, Normal):
        return _distinct(_quantiles(domain, points))
    if isinstance(domain, Subset):
        sizes = range(domain.min, domain.most + 1)
        return (list(some) for k in sizes for some in itertools.combinations(domain.items, k))
    assert isinstance(domain, Permutation)
    return (list(order) for order in itertools.permutations(domain.items))


def counts(points: int | Mapping[str, int], names: Sequence[str]) -> Callable[[str], int]:
    """Returns how many values are taken on the axis of each name.

    Raises:
        SpaceError: a number of points below 1, or a name that is no parameter.
    """
    if not isinstance(points, Mapping):
        count = _check_points(points, "points")
        return lambda name: count
    for name, number in points.items():
        if name not in names:
            raise SpaceError(f"grid: {name!r} is no parameter; the names are {', '.join(names) or 'none'}")
        _check_points(number, f"points[{name!r}]")
    given = dict(points)
    return lambda name: given.get(name, 5)


def _check_points(points: Any, place: str) -> int:
    if isinstance(points, bool) or not isinstance(points, int) or points < 1:
        raise SpaceError(f"grid: {place} must be a whole number of at least 1, got {points!r}")
    return points


def _spread(domain: Float, points: int) -> Iterator[float]:
    if points == 1:
        yield domain.middle
        return
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    yield domain.low
    for i in range(1, points - 1):
        value = low + (high - low) * i / (points - 1)
        yield min(max(neat(math.exp(value) if domain.log else value), domain.low), domain.high)
    yield domain.high


def _quantiles(domain: Normal, points: int) -> Iterator[float]:
    from scipy.special import ndtri

    low, high = domain.bounds
    for i in range(points):
        value = domain.mean + domain.std * float(ndtri((i + 0.5) / points))
        value = math.exp(value) if domain.log else value
        if domain.steps is not None:
            value = domain.steps.value(domain.steps.index(value))
        yield min(max(value, low), high)


def _distinct(values: Iterable[float]) -> Iterator[float]:
    """The values, which do not fall, each once."""
    return (value for value, _ in itertools.groupby(values))
