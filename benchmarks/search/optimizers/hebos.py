"""HEBO with its defaults, one suggestion at a time; it has no word for what is pending."""

import warnings
from typing import Any

import numpy as np
from hebo.design_space.design_space import DesignSpace
from hebo.optimizers.hebo import HEBO

from benchmarks.search.optimizers.base import Agent, Setting, Worst, active, leaves
from lanista.space import Choice, Float, Int

warnings.simplefilter("ignore")


class Hebo(Agent):
    """One objective; every parameter is always there, and a failure is told as the worst value seen."""

    def __init__(self, setting: Setting) -> None:
        import torch

        np.random.seed(setting.seed)
        torch.manual_seed(setting.seed)
        self._space = setting.space
        self._leaves = leaves(setting.space)
        self._worst = Worst(1)
        space = DesignSpace().parse([_parameter(str(i), leaf.domain) for i, leaf in enumerate(self._leaves)])
        self._hebo = HEBO(space, scramble_seed=setting.seed)

    def ask(self) -> tuple[Any, dict[str, Any]]:
        frame = self._hebo.suggest(n_suggestions=1)
        row = frame.iloc[0]
        flat = {leaf.name: _value(leaf.domain, row[str(i)]) for i, leaf in enumerate(self._leaves)}
        return frame, active(self._space, flat)

    def tell(self, token: Any, values: tuple[float, ...] | None) -> None:
        self._hebo.observe(token, np.array([[self._worst.of(values)[0]]]))


def _parameter(name: str, domain: Any) -> dict[str, Any]:
    if isinstance(domain, Choice):
        return {"name": name, "type": "cat", "categories": [str(i) for i in range(len(domain.options))]}
    assert isinstance(domain, Float | Int)
    kinds = ("pow_int", "int") if isinstance(domain, Int) else ("pow", "num")
    return {"name": name, "type": kinds[0 if domain.log else 1], "lb": domain.low, "ub": domain.high}


def _value(domain: Any, value: Any) -> Any:
    if isinstance(domain, Choice):
        return domain.options[int(value)]
    bounded = min(max(float(value), domain.low), domain.high)
    return round(bounded) if isinstance(domain, Int) else bounded
