"""The noiseless BBOB functions through `ioh`.

Hansen et al., COCO (2021). Regret is told between the optimum (0) and the median value of random points (1): an
optimiser at 0.1 closed nine tenths of the way that random guessing leaves open.
"""

import re
from collections.abc import Mapping
from typing import Any

from benchmarks.search.problems.base import Evaluation, Function, Problem
from lanista.space import Float, Space

PATTERN = re.compile(r"f(\d+)-d(\d+)-i(\d+)")


def make(family: str, instance: str) -> Problem:
    """The function, dimension and instance of `f8-d5-i1`; its values are counted from the optimum."""
    found = PATTERN.fullmatch(instance)
    if found is None:
        raise SystemExit(f"{family}/{instance}: write the function, dimension and instance, as in {family}/f8-d5-i1")
    number, dimension, which = map(int, found.groups())
    names = [f"x{i}" for i in range(dimension)]

    def load() -> Function:
        import ioh

        function = ioh.get_problem(number, which, dimension, ioh.ProblemClass.BBOB)
        optimum = function.optimum.y

        def evaluate(params: Mapping[str, Any]) -> Evaluation:
            return Evaluation((float(function([params[name] for name in names])) - optimum,))

        return evaluate

    space = Space({name: Float(-5.0, 5.0) for name in names})
    return Problem(f"{family}/{instance}", "bbob", space, load, best=(0.0,), spread=0.5)
