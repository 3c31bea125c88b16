"""A cell of six operations to search, and how far searchers come on it."""

from itertools import pairwise

from lanista.search import Searcher
from lanista.space import Choice, Params, Space
from lanista.testing import Story

OPS = Space({f"edge{i}": Choice(["none", "skip", "conv1", "conv3", "pool"]) for i in range(6)})


def loss(params: Params) -> float:
    """A cell: convolutions are good, more so one after the other; a cell that is cut through is bad."""
    worth = {"none": 0.0, "skip": 0.6, "conv1": 0.8, "conv3": 1.0, "pool": 0.3}
    row = [worth[op] for op in params.values()]
    pairs = sum(a * b for a, b in pairwise(row))
    return 9.0 - sum(row) - pairs * (0.3 if "none" in params.values() else 1.0)


def run(searcher: Searcher, seed: int, trials: int) -> float:
    story = Story(OPS, seed=seed)
    values = []
    for _ in range(trials):
        (params,) = story.ask(searcher)
        values.append(loss(params))
        story.end(story.start(params), "completed", values[-1])
    return min(values)
