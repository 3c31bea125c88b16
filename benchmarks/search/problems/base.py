"""A problem: a space, a function to minimise, and the scale on which regret is told."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from lanista.space import Space

ROOT = Path(__file__).resolve().parents[3]
Params = dict[str, Any]


class Evaluation(NamedTuple):
    """What one evaluation gave: values to minimise (NaN: it failed), and how long the real one takes, in seconds."""

    values: tuple[float, ...]
    seconds: float = 1.0


Function = Callable[[Mapping[str, Any]], Evaluation]


@dataclass(frozen=True)
class Problem:
    """A function over a space.

    Attributes:
        name: family and instance, as in `lcbench/3945`.
        suite: `yahpo`, `tables`, `bbob` or `multi`.
        space: what is searched.
        load: makes the function; it is called once, so that a problem costs nothing until it is evaluated.
        best: the value with regret 0 of each objective; None: it is sampled, see `scales`.
        worst: the value with regret 1 of each objective, which is also the reference point of the hypervolume.
        objectives: how many values there are.
        spread: the sampled worst is this quantile of random values; BBOB's is the median, others' the maximum.
    """

    name: str
    suite: str
    space: Space
    load: Callable[[], Function]
    best: tuple[float, ...] | None = None
    worst: tuple[float, ...] | None = None
    objectives: int = 1
    spread: float = 1.0

    @cached_property
    def function(self) -> Function:
        return self.load()

    def evaluate(self, params: Mapping[str, Any]) -> Evaluation:
        """Evaluates one configuration of the space."""
        return self.function(params)


def data() -> Path:
    """The folder of the surrogates and tables.

    Raises:
        SystemExit: it is not there.
    """
    folder = Path(os.environ.get("LANISTA_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        raise SystemExit(f"{folder} is missing: name the folder of the benchmark data in LANISTA_DATA; BBOB needs none")
    return folder
