"""What the constructors of schedulers hold their arguments against."""

from math import inf

from lanista.errors import UsageError


def whole(owner: str, low: int, **given: object) -> None:
    """Raises UsageError for the first argument that is no whole number from `low` on.

    >>> whole("ASHA", 1, max_steps=30, brackets=2)
    """
    for name, value in given.items():
        if not isinstance(value, int) or isinstance(value, bool) or value < low:
            raise UsageError(f"{owner}({name}={value!r}): it must be a whole number, at least {low}")


def number(owner: str, low: float = -inf, high: float = inf, *, strictly: bool = False, **given: object) -> None:
    """Raises UsageError for the first argument that is no number from `low`, or strictly above it, to `high`.

    >>> number("PBT", 0, 1, resample=0.25)
    """
    for name, value in given.items():
        fits = isinstance(value, int | float) and not isinstance(value, bool) and low <= value <= high
        if not fits or (strictly and value == low):
            at_least = f" {'above' if strictly else 'from'} {low:g}" if low > -inf else ""
            at_most = f" to {high:g}" if high < inf else ""
            raise UsageError(f"{owner}({name}={value!r}): it must be a number{at_least}{at_most}")


def schedulers(owner: str, *given: object) -> None:
    """Raises UsageError for the first argument that is no scheduler."""
    for value in given:
        if isinstance(value, type) or not callable(getattr(value, "on", None)):
            raise UsageError(f"{owner}: {value!r} is no scheduler; give an object with `on`, such as ASHA(30)")
