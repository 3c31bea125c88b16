"""Domains of numbers: `Float`, `Int` and `Normal`."""

import math
from dataclasses import KW_ONLY, dataclass
from functools import cached_property
from typing import Any, ClassVar, final

from lanista._frozen import Frozen
from lanista.errors import SpaceError
from lanista.space._domain import Confidence, Domain
from lanista.space._values import real, show, whole

MOST_STEPS = 2**50  # beyond this (k + 0.5) / n no longer tells neighbouring steps apart
MOST_INT = 2**53  # the integers that a float64 column holds exactly
MOST_LOG_STEPS = 2**40  # the same where the column is the logarithm
REACH = 5.0  # standard deviations of a Normal on either side; further out a float64 no longer resolves its CDF


class Steps(Frozen):
    """The values (base + k * stride) / scale for k = 0 ... count - 1.

    Whole numbers over a power of ten give the float nearest to each decimal.
    """

    count: int
    base: float
    stride: float
    scale: float

    def value(self, k: float) -> float:
        """Returns the value of step `k`."""
        return (self.base + k * self.stride) / self.scale

    def index(self, value: float) -> int:
        """Returns the step nearest to `value`, which may lie outside 0 ... count - 1."""
        return round((value * self.scale - self.base) / self.stride)


def steps(low: float, high: float, step: float) -> Steps:
    """Returns the steps from `low` (always one of them) to at most `high`."""
    from decimal import Decimal

    first, last, width = (Decimal(repr(number)) for number in (low, high, step))
    if (high - low) / step >= MOST_STEPS:
        raise SpaceError(f"step={step!r} cuts {low!r} to {high!r} into more than 2**50 values; leave the step out")
    count = int((last - first) // width) + 1
    digits = max(0, *(-int(number.as_tuple().exponent) for number in (first, width)))
    base, stride = int(first.scaleb(digits)), int(width.scaleb(digits))
    if digits <= 22 and max(abs(base), abs(base + count * stride)) < MOST_INT:
        return Steps(count, float(base), float(stride), float(10**digits))
    return Steps(count, low, step, 1.0)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Float(Domain):
    """A real number between `low` and `high`, both included.

    Args:
        low: Smallest value.
        high: Largest value; with a step, the largest multiple below it.
        log: Uniform in the logarithm, for scales such as learning rates; `low` must be positive.
        step: Distance between neighbouring values, counted from `low`; values are neat decimals.
        default: Where a search may start; the prior, or else its middle (geometric with `log`), stands in for it.
        prior: The value believed best; None: all are alike. Searchers that know priors look there first.
        confidence: How sure that is, "low", "medium" or "high".

    Raises:
        SpaceError: the bounds are not finite or not in order, `log` with a bound that is not positive,
            a step that is not positive or wider than the range, a default or a prior outside.

    Example:
        >>> Float(0, 1, step=0.1).contains(0.3)
        True
        >>> Float(1e-5, 1e-1, log=True)
        Float(1e-05, 0.1, log=True)
    """

    low: float
    high: float
    _: KW_ONLY
    log: bool = False
    step: float | None = None
    default: float | None = None
    prior: float | None = None
    confidence: Confidence = "medium"

    kind: ClassVar[str] = "float"

    def __post_init__(self) -> None:
        place = f"Float({show(self.low)}, {show(self.high)})"
        object.__setattr__(self, "low", real(self.low, f"low of {place}"))
        object.__setattr__(self, "high", real(self.high, f"high of {place}"))
        if self.low == self.high:
            raise SpaceError(f"{place}: low equals high; write the constant {self.low!r} in place of the domain")
        _check_range(self, place)
        if not math.isfinite(self.high - self.low):
            raise SpaceError(f"{place}: the range is wider than a float can hold; narrow it or use log=True")
        if self.step is not None:
            object.__setattr__(self, "step", _positive(self.step, f"step of {place}"))
            if self.step > self.high - self.low:
                raise SpaceError(f"{place}: step={self.step!r} is wider than the range; make it smaller")
            self.steps  # noqa: B018  # raises when there are too many
            _check_log_steps(self, place)
        self._set_default(self.default)
        self._set_prior()

    @cached_property
    def steps(self) -> Steps | None:
        """The values as steps; None for a continuous domain."""
        return None if self.step is None else steps(self.low, self.high, self.step)

    @property
    def size(self) -> int | float:
        """Number of values: infinite without a step."""
        return math.inf if self.steps is None else self.steps.count

    @property
    def middle(self) -> float:
        """Half-way between the bounds, in the logarithm with `log`."""
        if self.log:
            middle = math.exp((math.log(self.low) + math.log(self.high)) / 2)
        else:
            middle = self.low + (self.high - self.low) / 2
        if self.steps is None:
            return min(max(neat(middle), self.low), self.high)
        return self.steps.value(min(max(self.steps.index(middle), 0), self.steps.count - 1))

    def normalise(self, value: Any) -> float:
        """Returns `value` as a float, on its step where there is one."""
        number = value if type(value) is float else real(value, f"a value of {self!r}")
        if not self.low <= number <= self.high:
            raise SpaceError(f"{show(value)} is outside {self!r}; it must lie between {self.low!r} and {self.high!r}")
        if self.steps is None:
            return float(number)
        k = min(max(self.steps.index(number), 0), self.steps.count - 1)
        return _on_step(self, number, self.steps.value(k), float(self.step or 0))

    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object."""
        return _sparse(self, {"type": "float", "low": self.low, "high": self.high}, self.step)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Int(Domain):
    """A whole number from `low` to `high`, both included.

    Args:
        low: Smallest value.
        high: Largest value.
        log: Uniform in the logarithm; `low` must be at least 1.
        step: Distance between neighbouring values, counted from `low`.
        default: Where a search may start; the prior, or else its middle, stands in for it.
        prior: The value believed best; None: all are alike. Searchers that know priors look there first.
        confidence: How sure that is, "low", "medium" or "high".

    Raises:
        SpaceError: bounds that are not whole or not in order or beyond 2**53, `log` with a bound below 1,
            a step below 1, a default or a prior outside.

    Example:
        >>> Int(1, 9, step=2).size
        5
    """

    low: int
    high: int
    _: KW_ONLY
    log: bool = False
    step: int = 1
    default: int | None = None
    prior: int | None = None
    confidence: Confidence = "medium"

    kind: ClassVar[str] = "int"

    def __post_init__(self) -> None:
        place = f"Int({show(self.low)}, {show(self.high)})"
        object.__setattr__(self, "low", whole(self.low, f"low of {place}"))
        object.__setattr__(self, "high", whole(self.high, f"high of {place}"))
        object.__setattr__(self, "step", whole(self.step, f"step of {place}"))
        _check_range(self, place)
        if self.step < 1:
            raise SpaceError(f"{place}: step={self.step!r} must be at least 1")
        if max(abs(self.low), abs(self.high)) > MOST_INT or self.steps.count > MOST_STEPS:
            raise SpaceError(f"{place}: bounds may not pass 2**53, nor the number of values 2**50; narrow the range")
        _check_log_steps(self, place)
        self._set_default(self.default)
        self._set_prior()

    @cached_property
    def steps(self) -> Steps:
        """The values as steps."""
        return Steps((self.high - self.low) // self.step + 1, float(self.low), float(self.step), 1.0)

    @property
    def size(self) -> int:
        """Number of values."""
        return self.steps.count

    @property
    def middle(self) -> int:
        """The value nearest to half-way between the bounds, in the logarithm with `log`."""
        middle = math.sqrt(self.low) * math.sqrt(self.high) if self.log else (self.low + self.high) / 2
        k = math.floor((middle - self.low) / self.step + 0.5)
        return self.low + min(k, self.steps.count - 1) * self.step

    def normalise(self, value: Any) -> int:
        """Returns `value` as an int."""
        number = value if type(value) is int else whole(value, f"a value of {self!r}")
        if not self.low <= number <= self.high:
            raise SpaceError(f"{show(value)} is outside {self!r}; it must lie between {self.low} and {self.high}")
        offset = (number - self.low) % self.step
        if offset:
            raise SpaceError(f"{show(value)} is not on a step of {self!r}; the step below it is {number - offset}")
        return number

    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object."""
        step = None if self.step == 1 else self.step
        return _sparse(self, {"type": "int", "low": self.low, "high": self.high}, step)


@final
@dataclass(frozen=True, eq=False, repr=False)
class Normal(Domain):
    """A real number drawn from a normal distribution, cut at five standard deviations.

    Args:
        mean: Mean of the distribution (of the logarithm with `log`).
        std: Standard deviation (of the logarithm with `log`).
        log: The value is the exponential of the normal number.
        step: Values are rounded to multiples of it.
        default: Where a search may start; the prior, or else its median, stands in for it.
        prior: The value believed best; None: all are alike. Searchers that know priors look there first.
        confidence: How sure that is, "low", "medium" or "high".

    Raises:
        SpaceError: a mean or deviation that is not finite, a deviation or step that is not positive,
            values beyond the range of a float, a default or a prior outside.

    Example:
        >>> Normal(0, 1, step=0.5).middle
        0.0
    """

    mean: float
    std: float
    _: KW_ONLY
    log: bool = False
    step: float | None = None
    default: float | None = None
    prior: float | None = None
    confidence: Confidence = "medium"

    kind: ClassVar[str] = "normal"

    def __post_init__(self) -> None:
        place = f"Normal({show(self.mean)}, {show(self.std)})"
        object.__setattr__(self, "mean", real(self.mean, f"mean of {place}"))
        object.__setattr__(self, "std", _positive(self.std, f"std of {place}"))
        object.__setattr__(self, "log", bool(self.log))
        if self.step is not None:
            object.__setattr__(self, "step", _positive(self.step, f"step of {place}"))
        reach = abs(self.mean) + REACH * self.std
        if reach > (700 if self.log else 1e300):
            raise SpaceError(f"{place}: five standard deviations leave the range of a float; make mean or std smaller")
        # 1e-9: what remains of the column's resolution, in standard deviations, at the far end.
        blur = 1e-9 * self.std * (self.edges[1] if self.log else 1.0)
        if self.step is not None and (self.step < blur or max(map(abs, self.edges)) / self.step >= MOST_STEPS):
            raise SpaceError(f"{place}: step={self.step!r} is too fine for this range; leave it out")
        self._set_default(self.default)
        self._set_prior()

    @property
    def edges(self) -> tuple[float, float]:
        """The smallest and the largest value, before any rounding to steps."""
        low, high = self.mean - REACH * self.std, self.mean + REACH * self.std
        return (math.exp(low), math.exp(high)) if self.log else (low, high)

    @cached_property
    def steps(self) -> Steps | None:
        """The multiples of the step, counted from 0; None for a continuous domain."""
        return None if self.step is None else steps(0.0, max(self.step, *map(abs, self.edges)), self.step)

    @cached_property
    def bounds(self) -> tuple[float, float]:
        """The smallest and the largest value."""
        low, high = self.edges
        if self.steps is None:
            return low, high
        return self.steps.value(self.steps.index(low)), self.steps.value(self.steps.index(high))

    @property
    def size(self) -> float:
        """Infinite, with a step too: a grid takes quantiles."""
        return math.inf

    @property
    def middle(self) -> float:
        """The median."""
        middle = neat(math.exp(self.mean)) if self.log else self.mean
        return middle if self.steps is None else self.steps.value(self.steps.index(middle))

    def normalise(self, value: Any) -> float:
        """Returns `value` as a float, on its step where there is one."""
        number = real(value, f"a value of {self!r}")
        low, high = self.bounds
        slack = 1e-9 * (high - low)
        if not low - slack <= number <= high + slack:
            raise SpaceError(f"{show(value)} is outside {self!r}, which reaches from {low:.6g} to {high:.6g}")
        if self.steps is None:
            return min(max(number, low), high)
        return _on_step(self, number, self.steps.value(self.steps.index(number)), float(self.step or 0))

    def to_json(self) -> dict[str, Any]:
        """Returns the domain as a JSON object."""
        return _sparse(self, {"type": "normal", "mean": self.mean, "std": self.std}, self.step)


def neat(value: float) -> float:
    """Drops the last digits, which are rounding noise: 0.30000000000000004 becomes 0.3."""
    return float(f"{value:.12g}")


def _check_range(domain: Float | Int, place: str) -> None:
    object.__setattr__(domain, "log", bool(domain.log))
    if domain.low > domain.high:
        raise SpaceError(f"{place}: low is above high; swap them: ({domain.high!r}, {domain.low!r})")
    if domain.log and domain.low <= 0:
        raise SpaceError(f"{place}: log=True needs a positive low, got {domain.low!r}; raise low or drop log")


def _check_log_steps(domain: Float | Int, place: str) -> None:
    if domain.log and domain.high / (domain.step or 1) > MOST_LOG_STEPS:
        raise SpaceError(f"{place}: with log=True a bound may be at most 2**40 steps; raise step or drop log")


def _positive(value: Any, place: str) -> float:
    number = real(value, place)
    if number <= 0:
        raise SpaceError(f"{place} must be positive, got {show(value)}")
    return number


def _on_step(domain: Domain, number: float, nearest: float, step: float) -> float:
    if abs(number - nearest) > 1e-6 * step:
        raise SpaceError(f"{number!r} is not on a step of {domain!r}; the nearest is {nearest!r}")
    return nearest


def _sparse(domain: Float | Int | Normal, record: dict[str, Any], step: float | None) -> dict[str, Any]:
    if domain.log:
        record["log"] = True
    if step is not None:
        record["step"] = step
    if domain.default is not None:
        record["default"] = domain.default
    return record | domain._prior_json()
