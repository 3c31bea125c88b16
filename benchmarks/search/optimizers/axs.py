"""Ax's client with its defaults: Sobol points, then BoTorch."""

import logging
import warnings
from typing import Any

from ax.api.client import Client
from ax.api.configs import ChoiceParameterConfig, RangeParameterConfig

from benchmarks.search.optimizers.base import Agent, Setting, active, leaves
from lanista.space import Choice, Float, Int

logging.disable(logging.WARNING)
warnings.simplefilter("ignore")


class Ax(Agent):
    """Every parameter is always there, and those that do not apply are ignored."""

    def __init__(self, setting: Setting) -> None:
        self._space = setting.space
        self._leaves = leaves(setting.space)
        self._client = Client(random_seed=setting.seed)
        self._client.configure_experiment(
            name="bench", parameters=[_parameter(f"p{i}", leaf.domain) for i, leaf in enumerate(self._leaves)]
        )
        self._client.configure_optimization(objective=", ".join(f"-y{i}" for i in range(setting.objectives)))

    def ask(self) -> tuple[int, dict[str, Any]] | None:
        found = self._client.get_next_trials(max_trials=1)
        if not found:
            return None
        ((index, given),) = found.items()
        flat = {leaf.name: _value(leaf.domain, given[f"p{i}"]) for i, leaf in enumerate(self._leaves)}
        return index, active(self._space, flat)

    def tell(self, token: int, values: tuple[float, ...] | None) -> None:
        if values is None:
            self._client.mark_trial_failed(token)
        else:
            self._client.complete_trial(token, raw_data={f"y{i}": value for i, value in enumerate(values)})


def _parameter(name: str, domain: Any) -> Any:
    if isinstance(domain, Choice):
        values = [str(i) for i in range(len(domain.options))]
        return ChoiceParameterConfig(name=name, parameter_type="str", values=values, is_ordered=False)
    assert isinstance(domain, Float | Int)
    return RangeParameterConfig(
        name=name,
        parameter_type="int" if isinstance(domain, Int) else "float",
        bounds=(domain.low, domain.high),
        scaling="log" if domain.log else None,
    )


def _value(domain: Any, value: Any) -> Any:
    if isinstance(domain, Choice):
        return domain.options[int(value)]
    return int(value) if isinstance(domain, Int) else float(value)
