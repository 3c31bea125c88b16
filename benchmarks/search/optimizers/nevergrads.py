"""nevergrad's NGOpt, which picks an optimiser by the space, the budget and the parallelism."""

import warnings
from typing import Any

import nevergrad as ng

from benchmarks.search.optimizers.base import Agent, Setting, Worst, active, leaves
from lanista.space import Choice, Float, Int

warnings.simplefilter("ignore")


class Nevergrad(Agent):
    """Every parameter is always there, and those that do not apply are ignored; a failure is told as the worst."""

    def __init__(self, setting: Setting, optimizer: str = "NGOpt") -> None:
        self._space = setting.space
        self._worst = Worst(setting.objectives)
        space = ng.p.Dict(**{leaf.name: _parameter(leaf.domain) for leaf in leaves(setting.space)})
        space.random_state.seed(setting.seed)
        made = ng.optimizers.registry[optimizer]
        self._optimizer = made(parametrization=space, budget=setting.budget, num_workers=setting.parallel)
        if setting.objectives > 1:
            self._optimizer.num_objectives = setting.objectives

    def ask(self) -> tuple[Any, dict[str, Any]]:
        candidate = self._optimizer.ask()
        return candidate, active(self._space, candidate.value)

    def tell(self, token: Any, values: tuple[float, ...] | None) -> None:
        told = self._worst.of(values)
        self._optimizer.tell(token, told[0] if len(told) == 1 else list(told))


def _parameter(domain: Any) -> Any:
    if isinstance(domain, Choice):
        return ng.p.Choice(list(domain.options))
    assert isinstance(domain, Float | Int)
    made = (
        ng.p.Log(lower=domain.low, upper=domain.high)
        if domain.log
        else ng.p.Scalar(lower=domain.low, upper=domain.high)
    )
    return made.set_integer_casting() if isinstance(domain, Int) else made
