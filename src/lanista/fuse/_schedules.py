"""Learning rates over time: factors on the rate that a trial has."""

import math
from collections.abc import Callable

from lanista.errors import UsageError

Schedule = Callable[[float], float]
"""From the share of training that is done, in [0, 1), to a factor."""


def _cosine(done: float) -> float:
    """Half a cosine, to 0 (SGDR without restarts: Loshchilov and Hutter, 2017)."""
    return 0.5 * (1 + math.cos(math.pi * done))


def _linear(done: float) -> float:
    return 1 - done


def _onecycle(done: float) -> float:
    """Up from a 25th over the first 30%, then down to 0, both by cosines (Smith and Topin, 2018)."""
    if done < 0.3:
        return 1 - 0.96 * _cosine(done / 0.3)
    return _cosine((done - 0.3) / 0.7)


SCHEDULES: dict[str, Schedule] = {"cosine": _cosine, "linear": _linear, "onecycle": _onecycle}


def as_schedule(given: str | Schedule | None) -> Schedule:
    """A schedule of a name, or a function.

    Raises:
        UsageError: there is none of that name, or the function gives no number.
    """
    if given is None:
        return lambda _: 1.0
    if not isinstance(given, str):
        try:
            float(given(0.0))
        except Exception as error:
            raise UsageError(
                f"schedule={given!r}: it must be a name or a function from the share that is done, in [0, 1), to a "
                f"factor; at 0.0 it fails: {error}"
            ) from error
        return given
    if given not in SCHEDULES:
        raise UsageError(f"schedule={given!r} is not known; there are {', '.join(SCHEDULES)}, or give a function")
    return SCHEDULES[given]
