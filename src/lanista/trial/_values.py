"""From what user code hands over to metrics: plain floats by name."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from lanista.errors import MetricError


def as_number(name: str, value: Any) -> float:
    """A metric as float; numpy scalars, 0-d arrays and tensors are taken, NaN and infinities too.

    Raises:
        MetricError: the value is no number.
    """
    if isinstance(value, (str, bytes)) or value is None:
        raise MetricError(f"metric {name!r} is {value!r}, which is no number; report or return a float")
    try:
        return float(value)
    except (TypeError, ValueError) as error:
        raise MetricError(
            f"metric {name!r} is {_short(value)} of type {type(value).__name__}, which is no number"
        ) from error


def as_metrics(result: Any, names: Sequence[str]) -> dict[str, float]:
    """What an objective returned, as metrics: a number, a sequence for all objectives, or a dict by name.

    >>> as_metrics(0.5, ["accuracy"])
    {'accuracy': 0.5}
    >>> as_metrics((0.5, 3), ["accuracy", "latency"])
    {'accuracy': 0.5, 'latency': 3.0}
    """
    if result is None:
        return {}
    if isinstance(result, Mapping):
        return {str(name): as_number(str(name), value) for name, value in result.items()}
    if isinstance(result, (tuple, list)):
        if len(result) != len(names):
            raise MetricError(
                f"the objective returned {len(result)} values for {len(names)} "
                f"metric{'' if len(names) == 1 else 's'}: {', '.join(names)}"
            )
        return {name: as_number(name, value) for name, value in zip(names, result, strict=True)}
    if len(names) > 1:
        raise MetricError(
            f"the objective returned {_short(result)} for {len(names)} metrics; "
            f"return a dict or tuple of {', '.join(names)}"
        )
    return {names[0]: as_number(names[0], result)}


def check_metrics(metrics: Mapping[str, float], names: Iterable[str]) -> None:
    """Raises MetricError for an objective that was neither reported nor returned."""
    import difflib

    for name in names:
        if name in metrics:
            continue
        if not metrics:
            raise MetricError(f"the trial ended without metric {name!r}; return it, or call trial.report({name}=…)")
        given = ", ".join(map(repr, metrics))
        close = difflib.get_close_matches(name, metrics, 1)
        mend = f"; is {close[0]!r} the same? Use one name in both places" if close else ""
        raise MetricError(f"the trial ended without metric {name!r}; it reported {given}{mend}")


def finite(value: float | None) -> float | None:
    """The value, or None where it is missing, NaN or infinite."""
    return value if value is not None and math.isfinite(value) else None


def _short(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."
