"""SMAC3's hyperparameter facade: a random forest with log expected improvement."""

import logging
import tempfile
from typing import Any

from ConfigSpace import Categorical, ConfigurationSpace, EqualsCondition, InCondition, Integer
from ConfigSpace import Float as Real
from smac import HyperparameterOptimizationFacade, Scenario
from smac.runhistory import StatusType, TrialValue

from benchmarks.search.optimizers.base import Agent, Setting, Worst, active, leaves
from lanista.space import Choice, Float, Int, Space

logging.disable(logging.WARNING)


class Smac(Agent):
    """Deterministic, without instances; a failure is told as a crash at the worst cost seen."""

    def __init__(self, setting: Setting) -> None:
        self._space = setting.space
        self._worst = Worst(setting.objectives)
        self._folder = tempfile.TemporaryDirectory(prefix="bench-smac-", ignore_cleanup_errors=True)
        space = configspace(setting.space, setting.seed)
        names = [f"y{i}" for i in range(setting.objectives)]
        scenario = Scenario(
            space,
            deterministic=True,
            n_trials=setting.budget + setting.parallel,
            objectives=names if len(names) > 1 else "cost",
            seed=setting.seed,
            output_directory=self._folder.name,
        )
        nothing: Any = lambda config, seed=0: 0.0  # noqa: E731
        self._smac = HyperparameterOptimizationFacade(scenario, nothing, logging_level=False, overwrite=True)

    def ask(self) -> tuple[Any, dict[str, Any]]:
        info = self._smac.ask()
        chosen = dict(info.config)
        for leaf in leaves(self._space):
            if isinstance(leaf.domain, Choice) and leaf.name in chosen:
                chosen[leaf.name] = leaf.domain.options[int(chosen[leaf.name])]
            elif isinstance(leaf.domain, Int) and leaf.name in chosen:
                chosen[leaf.name] = int(chosen[leaf.name])
        return info, active(self._space, {name: _plain(value) for name, value in chosen.items()})

    def tell(self, token: Any, values: tuple[float, ...] | None) -> None:
        status = StatusType.CRASHED if values is None else StatusType.SUCCESS
        cost = list(self._worst.of(values))
        self._smac.tell(token, TrialValue(cost=cost if len(cost) > 1 else cost[0], status=status))


def configspace(space: Space, seed: int) -> ConfigurationSpace:
    """The space as ConfigSpace has it; options by their number."""
    made = ConfigurationSpace(seed=seed)
    found = leaves(space)
    domains = {leaf.name: leaf.domain for leaf in found}
    for leaf in found:
        made.add(_parameter(leaf.name, leaf.domain))
    for leaf in found:
        if leaf.parent is None:
            continue
        parent = domains[leaf.parent]
        options = [str(parent.options.index(option)) for option in leaf.options]  # type: ignore[attr-defined]
        condition = InCondition if len(options) > 1 else EqualsCondition
        made.add(condition(made[leaf.name], made[leaf.parent], options if len(options) > 1 else options[0]))
    return made


def _parameter(name: str, domain: Any) -> Any:
    if isinstance(domain, Choice):
        return Categorical(name, [str(i) for i in range(len(domain.options))])
    made = Integer if isinstance(domain, Int) else Real
    assert isinstance(domain, Float | Int)
    return made(name, (domain.low, domain.high), log=domain.log)


def _plain(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
