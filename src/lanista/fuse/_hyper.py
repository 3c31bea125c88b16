"""The hyperparameters of a trial."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.fuse._optimizers import optimizer

Params = Mapping[str, Any]
Value = float | str | Callable[[Params], float]
"""A number, the name of a parameter, or a function of the parameters."""

_BOUNDS = {"beta1": (0.0, 1.0), "beta2": (0.0, 1.0), "label_smoothing": (0.0, 1.0), "nesterov": (0.0, 1.0)}
"""Of those that have an upper one; the others are from 0."""


class Settings(Frozen):
    """What a trial is trained with.

    Attributes:
        hyper: of the optimiser.
        smoothing: of labels.
        init_seed: what its weights are drawn from.
        order_seed: of the order of its data.
    """

    hyper: dict[str, float]
    smoothing: float
    init_seed: int
    order_seed: int


class Hyper:
    """Where hyperparameters come from.

    Args:
        given: values by name; by default each is the trial's parameter of that name, if there is one.
        rule: the name of the optimiser.
        smooths: whether labels can be smoothed.

    Raises:
        UsageError: a name or a value is wrong.
    """

    def __init__(self, given: Mapping[str, Value], rule: str, *, smooths: bool) -> None:
        if not isinstance(given, Mapping):
            raise UsageError(f"hyper={given!r} must map names to values, such as {{'lr': 0.01}}")
        self._given, self._defaults, self._smooths = dict(given), optimizer(rule).defaults, smooths
        known = [*self._defaults, "label_smoothing", "init_seed", "order_seed"]
        for name, value in given.items():
            if name not in known:
                raise UsageError(f"hyper={{{name!r}: ...}} is not known for {rule}; there are {', '.join(known)}")
            if not callable(value) and not isinstance(value, str):
                _checked(name, value)
                self._refuse(name, value)

    def of(self, params: Params, *, seed: int) -> Settings:
        """Those of a trial.

        Args:
            params: its parameters.
            seed: `init_seed`, where nothing says it.

        Raises:
            UsageError: a value is wrong.
        """
        smoothing = self._value("label_smoothing", 0.0, params)
        self._refuse("label_smoothing", smoothing)
        return Settings(
            {name: self._value(name, default, params) for name, default in self._defaults.items()},
            smoothing,
            int(self._value("init_seed", seed, params)),
            int(self._value("order_seed", 0, params)),
        )

    def _value(self, name: str, default: float, params: Params) -> float:
        given: Any = self._given.get(name, name)
        if callable(given):
            given = given(params)
        elif isinstance(given, str):
            if name in self._given and given not in params:
                there = ", ".join(params) or "none"
                raise UsageError(f"hyper={{{name!r}: {given!r}}}: the trial has no parameter {given!r}; it has {there}")
            given = params.get(given, default)
        return _checked(name, given)

    def _refuse(self, name: str, value: float) -> None:
        """Raises UsageError where smoothing is asked of a loss that has none."""
        if name == "label_smoothing" and value and not self._smooths:
            raise UsageError(
                f"label_smoothing={value!r}: only the losses 'cross_entropy' and 'bce' smooth labels; "
                "do it in your loss, or name one of these"
            )


def _checked(name: str, value: Any) -> float:
    """A value that a hyperparameter can have."""
    if name.endswith("_seed"):
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise UsageError(f"{name} is {value!r}; it must be a whole number from 0")
        return value
    low, high = _BOUNDS.get(name, (0.0, math.inf))
    try:
        number = math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        number = math.nan
    open_ = name.startswith("beta")
    if not low <= number <= high or (open_ and number == high) or math.isinf(number):
        to = "" if math.isinf(high) else f" {'below' if open_ else 'to'} {high:g}"
        raise UsageError(f"{name} is {value!r}; it must be a number from {low:g}{to}")
    return number
