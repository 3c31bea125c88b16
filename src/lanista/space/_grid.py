"""Enumerates a space."""

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from lanista.errors import SpaceError
from lanista.space._choice import Children, Choice
from lanista.space._domain import Domain, Params
from lanista.space._numeric import Float, Int, Normal, neat
from lanista.space._sets import Permutation, Subset


def grid(tree: Children, points: Callable[[str], int]) -> Iterator[Params]:
    """Yields every configuration of a tree once, with `points(name)` values on each continuous axis.

    It is the same dict every time, to be copied by who keeps it.
    """
    return _walk(tree, points, {})


def _walk(tree: Children, points: Callable[[str], int], partial: Params) -> Iterator[Params]:
    if not tree:
        yield partial
        return
    (name, node), rest = tree[0], tree[1:]
    if not isinstance(node, Domain):
        partial[name] = node
        yield from _walk(rest, points, partial)
    elif isinstance(node, Choice):
        for i, option in enumerate(node.options):
            partial[name] = option
            yield from _walk(node.below(i) + rest, points, partial)
    else:
        for value in axis(node, points(name)):
            partial[name] = value
            yield from _walk(rest, points, partial)
    del partial[name]


def axis(domain: Domain, points: int) -> Iterable[Any]:
    """Returns the values of one domain in order; a continuous one is cut to `points` values, both ends included."""
    if isinstance(domain, Int):
        return range(domain.low, domain.high + 1, domain.step)
    if isinstance(domain, Float):
        if domain.steps is not None:
            return map(domain.steps.value, range(domain.steps.count))
        return _spread(domain, points)
    if isinstance(domain, Normal):
        return _quantiles(domain, points)
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


def _spread(domain: Float, points: int) -> list[float]:
    if points == 1:
        return [domain.middle]
    low, high = (math.log(domain.low), math.log(domain.high)) if domain.log else (domain.low, domain.high)
    inner = [low + (high - low) * i / (points - 1) for i in range(1, points - 1)]
    if domain.log:
        inner = [math.exp(value) for value in inner]
    return _distinct([domain.low, *(min(max(neat(v), domain.low), domain.high) for v in inner), domain.high])


def _quantiles(domain: Normal, points: int) -> list[float]:
    from scipy.special import ndtri

    values = []
    for i in range(points):
        value = domain.mean + domain.std * float(ndtri((i + 0.5) / points))
        value = math.exp(value) if domain.log else value
        low, high = domain.bounds
        if domain.steps is not None:
            value = domain.steps.value(domain.steps.index(value))
        values.append(min(max(value, low), high))
    return _distinct(values)


def _distinct(values: list[float]) -> list[float]:
    return list(dict.fromkeys(values))
