"""How the parameters of a space are asked for in Optuna, and told to it."""

from typing import Any, NamedTuple

import numpy as np
from optuna.distributions import BaseDistribution, CategoricalDistribution, FloatDistribution, IntDistribution
from optuna.trial import Trial

from lanista.space import Choice, Domain, Float, Int, Parameter, Params, Permutation, Space, Subset

_PLAIN = (str, int, float, bool, type(None))
"""Types of options that Optuna takes as they are."""
_LOW, _HIGH = 0.25, 0.75
"""Where the unit cube has items outside of a subset, and inside."""


class Told(NamedTuple):
    """A configuration in Optuna's terms."""

    params: dict[str, Any]
    distributions: dict[str, BaseDistribution]


class Form:
    """The questions that Optuna is asked for each parameter of a space, parents before children.

    Numbers and choices are asked for as they are. A `Normal` is asked for by its quantile, a `Subset` by a yes or no an
    item, a `Permutation` by a number an item, whose order decides. A parameter is called by its name, by its path where
    several share the name. Options that Optuna cannot hold, or that are equal in Python, are asked for by position.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        names = [parameter.name for parameter in space.parameters]
        self._items = [
            _Item(parameter, parameter.path if names.count(parameter.name) > 1 else parameter.name)
            for parameter in space.parameters
        ]

    @property
    def distributions(self) -> dict[str, BaseDistribution]:
        """All questions, whether they apply or not."""
        return {label: each for item in self._items for label, each in item.questions.items()}

    def ask(self, trial: Trial) -> Params:
        """Asks a trial for a configuration; `where` may still forbid it."""
        x = np.full((1, self.space.width), 0.5)
        chosen: dict[int, int] = {}
        exact: Params = {}
        for index, item in enumerate(self._items):
            parameter = item.parameter
            if parameter.parent is not None and chosen.get(parameter.parent) not in parameter.options:
                continue
            values = [_ask(trial, label, each) for label, each in item.questions.items()]
            domain, columns = parameter.domain, slice(parameter.start, parameter.stop)
            if isinstance(domain, Choice):
                chosen[index] = item.options.index(values[0])
                x[0, columns] = (chosen[index] + 0.5) / len(item.options)
            elif isinstance(domain, Float | Int):
                exact[parameter.name] = _on_step(domain, values[0])
            elif isinstance(domain, Subset):
                x[0, columns] = [_HIGH if value else _LOW for value in values]
            else:
                x[0, columns] = values
        params = self.space.decode(x)[0]
        params.update(exact)
        return params

    def tell(self, params: Params, x: Any) -> Told:
        """A configuration whose point is x (d,), NaN where a parameter does not apply."""
        told = Told({}, {})
        for item in self._items:
            parameter = item.parameter
            row = x[parameter.start : parameter.stop]
            if np.isnan(row[0]):
                continue
            domain = parameter.domain
            values: list[Any]
            if isinstance(domain, Choice):
                values = [item.options[domain.index(params[parameter.name])]]
            elif isinstance(domain, Float | Int):
                values = [params[parameter.name]]
            else:
                values = (row > 0.5).tolist() if isinstance(domain, Subset) else row.tolist()
            told.params.update(zip(item.questions, values, strict=True))
            told.distributions.update(item.questions)
        return told


class _Item:
    """One parameter: its questions by label, and the options of a choice as Optuna sees them."""

    def __init__(self, parameter: Parameter, label: str) -> None:
        self.parameter = parameter
        domain = parameter.domain
        self.options: list[Any] = _options(domain) if isinstance(domain, Choice) else []
        self.questions: dict[str, BaseDistribution]
        if isinstance(domain, Choice):
            self.questions = {label: CategoricalDistribution(self.options)}
        elif isinstance(domain, Float | Int):
            self.questions = {label: distribution_of(domain)}
        elif isinstance(domain, Subset):
            self.questions = {f"{label}[{item!r}]": CategoricalDistribution([False, True]) for item in domain.items}
        elif isinstance(domain, Permutation):
            self.questions = {f"{label}[{item!r}]": FloatDistribution(0, 1) for item in domain.items}
        else:
            self.questions = {label: FloatDistribution(0, 1)}


def distribution_of(domain: Float | Int) -> BaseDistribution:
    """The distribution of a number; one with both log and steps is asked for without its steps."""
    if isinstance(domain, Int):
        last = int(domain.steps.value(domain.steps.count - 1))
        return IntDistribution(domain.low, last, log=domain.log, step=1 if domain.log else domain.step)
    if domain.steps is None:
        return FloatDistribution(domain.low, domain.high, log=domain.log)
    last_float = domain.steps.value(domain.steps.count - 1)
    return FloatDistribution(domain.low, last_float, log=domain.log, step=None if domain.log else domain.step)


def domain_of(distribution: BaseDistribution) -> Domain:
    """The domain of a distribution; of options that are no JSON values, or are equal, only the positions are kept."""
    if isinstance(distribution, FloatDistribution):
        return Float(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    if isinstance(distribution, IntDistribution):
        return Int(distribution.low, distribution.high, log=distribution.log, step=distribution.step)
    assert isinstance(distribution, CategoricalDistribution)
    options = list(distribution.choices)
    return Choice(options if _is_plain(options) else list(range(len(options))))


def _options(domain: Choice) -> list[Any]:
    options = list(domain.options)
    return options if _is_plain(options) else list(range(len(options)))


def _is_plain(options: list[Any]) -> bool:
    """Whether both sides hold the options and tell them apart; NaN is unequal to itself."""
    return (
        all(isinstance(option, _PLAIN) and option == option for option in options)
        and not any(isinstance(option, float) and abs(option) == np.inf for option in options)
        and len(set(options)) == len(options)
    )


def _ask(trial: Trial, label: str, distribution: BaseDistribution) -> Any:
    if isinstance(distribution, FloatDistribution):
        return trial.suggest_float(
            label, distribution.low, distribution.high, log=distribution.log, step=distribution.step
        )
    if isinstance(distribution, IntDistribution):
        return trial.suggest_int(
            label, distribution.low, distribution.high, log=distribution.log, step=distribution.step
        )
    assert isinstance(distribution, CategoricalDistribution)
    return trial.suggest_categorical(label, distribution.choices)


def _on_step(domain: Float | Int, value: Any) -> Any:
    """The value of the domain that is nearest."""
    if domain.steps is None:
        return float(min(max(value, domain.low), domain.high))
    found = domain.steps.value(min(max(domain.steps.index(value), 0), domain.steps.count - 1))
    return int(found) if isinstance(domain, Int) else found
