"""Counts the cells of NAS-Bench-101."""

import itertools

import numpy as np
from numpy.typing import NDArray

Bools = NDArray[np.bool_]
MOST_EDGES = 9


def graphs(vertices: int) -> Bools:
    """All matrices (n, vertices, vertices) of at most nine edges, each from a vertex to a later one."""
    pairs = list(itertools.combinations(range(vertices), 2))
    codes = np.arange(2 ** len(pairs))
    bits = ((codes[:, None] >> np.arange(len(pairs))) & 1).astype(bool)
    bits = bits[bits.sum(1) <= MOST_EDGES]
    made = np.zeros((len(bits), vertices, vertices), bool)
    for k, (source, target) in enumerate(pairs):
        made[:, source, target] = bits[:, k]
    return made


def ahead(made: Bools) -> Bools:
    """Which vertices (n, vertices) a way leads to from the first one."""
    reached = np.zeros(made.shape[:2], bool)
    reached[:, 0] = True
    for v in range(1, made.shape[1]):
        reached[:, v] = (reached & made[:, :, v]).any(1)
    return reached


def leads_somewhere() -> int:
    """How many configurations have a way from the input to the output."""
    return int(ahead(graphs(7))[:, -1].sum()) * 3**5


def count_cells() -> int:
    """How many cells there are, in which each vertex is on a way from input to output, up to the vertices' order.

    Orders of the inner vertices that lead from a graph to itself join labellings of it: by Burnside's lemma there are
    as many of these as the mean of 3 ** (cycles of the order) over such orders.
    """
    total = 0
    for vertices in range(2, 8):
        made = graphs(vertices)
        made = made[ahead(made).all(1) & ahead(made[:, ::-1, ::-1].transpose(0, 2, 1)).all(1)]
        powers = 2 ** np.arange(vertices**2).reshape(vertices, vertices)
        own = (made * powers).sum((1, 2))
        orders = [np.array([0, *order, vertices - 1]) for order in itertools.permutations(range(1, vertices - 1))]
        codes = np.stack([(made[:, order][:, :, order] * powers).sum((1, 2)) for order in orders], 1)
        _, first = np.unique(codes.min(1), return_index=True)  # one graph of each class
        labellings = np.array([3 ** _cycles(order[1:-1] - 1) for order in orders])
        fixed = codes[first] == own[first, None]
        total += int(((fixed * labellings).sum(1) // fixed.sum(1)).sum())
    return total


def _cycles(order: NDArray[np.int64]) -> int:
    left, count = set(range(len(order))), 0
    while left:
        count += 1
        at = next(iter(left))
        while at in left:
            left.remove(at)
            at = int(order[at])
    return count
