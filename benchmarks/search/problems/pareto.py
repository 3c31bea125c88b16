"""Problems of two objectives: surrogates with accuracy and cost, and ZDT and DTLZ.

The hypervolume is that between the ideal point and the worst value of each objective among random points, as a share.
Zitzler, Deb, Thiele, Comparison of Multiobjective Evolutionary Algorithms (2000), section 3; Deb, Thiele, Laumanns,
Zitzler, Scalable Multi-Objective Optimization Test Problems (2002), section V.
"""

import math
from collections.abc import Callable, Mapping
from typing import Any

from benchmarks.search.problems import yahpo
from benchmarks.search.problems.base import Evaluation, Problem
from lanista.space import Float, Space

# family -> the scenario, its two targets; costs count by their logarithm.
PAIRS = {
    "lcbench2": ("lcbench", ("val_accuracy", "time")),
    "rbv2_xgboost2": ("rbv2_xgboost", ("acc", "timepredict")),
    "rbv2_rpart2": ("rbv2_rpart", ("acc", "memory")),
    "iaml_super2": ("iaml_super", ("auc", "rammodel")),
}
COSTS = frozenset({"time", "timepredict", "memory", "rammodel"})


def make(family: str, instance: str) -> Problem:
    """Two targets of a scenario on an instance."""
    scenario, targets = PAIRS[family]
    file, _, seconds, _ = yahpo.SCENARIOS[scenario]
    yahpo.check(file, instance)
    return Problem(
        f"{family}/{instance}",
        "multi",
        yahpo.space(file),
        lambda: yahpo.function(file, instance, targets, seconds, COSTS),
        objectives=2,
    )


def zdt1(x: list[float]) -> tuple[float, float]:
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g))


def zdt2(x: list[float]) -> tuple[float, float]:
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1 - (x[0] / g) ** 2)


def zdt3(x: list[float]) -> tuple[float, float]:
    g = 1 + 9 * sum(x[1:]) / (len(x) - 1)
    return x[0], g * (1 - math.sqrt(x[0] / g) - x[0] / g * math.sin(10 * math.pi * x[0]))


def dtlz2(x: list[float]) -> tuple[float, float]:
    g = sum((v - 0.5) ** 2 for v in x[1:])
    return (1 + g) * math.cos(x[0] * math.pi / 2), (1 + g) * math.sin(x[0] * math.pi / 2)


# name -> function, ideal point
FUNCTIONS: dict[str, tuple[Callable[[list[float]], tuple[float, float]], tuple[float, float]]] = {
    "zdt1": (zdt1, (0.0, 0.0)),
    "zdt2": (zdt2, (0.0, 0.0)),
    "zdt3": (zdt3, (0.0, -0.8)),
    "dtlz2": (dtlz2, (0.0, 0.0)),
}


def make_function(family: str, instance: str) -> Problem:
    """A function in as many dimensions as the instance says, as in `zdt1/d6`."""
    if not (instance.startswith("d") and instance[1:].isdecimal() and int(instance[1:]) >= 2):
        raise SystemExit(f"{family}/{instance}: write the dimensions, from 2, as in {family}/d6")
    names = [f"x{i}" for i in range(int(instance[1:]))]
    function, ideal = FUNCTIONS[family]

    def evaluate(params: Mapping[str, Any]) -> Evaluation:
        return Evaluation(function([params[name] for name in names]))

    space = Space({name: Float(0.0, 1.0) for name in names})
    return Problem(f"{family}/{instance}", "multi", space, lambda: evaluate, best=ideal, objectives=2)
