"""What a person sees of a trial."""

from copy import deepcopy
from dataclasses import asdict
from typing import Any

from lanista._frozen import Frozen
from lanista.journal._states import TrialState

_NESTED = {list, dict}


class TrialRecord(Frozen):
    """One trial as the journal tells it.

    `values` are the objectives in the user's own sign, NaN where unknown; `metrics` is all that the last report or the
    return value held; `feasible` that they keep all constraints. `steps` is the last step reported, `retries` how many
    attempts failed. Times are seconds since the epoch.
    """

    number: int
    state: TrialState
    params: dict[str, Any]
    values: tuple[float, ...]
    metrics: dict[str, float]
    feasible: bool
    steps: int
    attempts: int
    retries: int
    origin: str
    parent: tuple[int, int] | None
    owner: str | None
    reason: str
    error: str | None
    asked: float
    started: float | None
    ended: float | None
    seconds: float

    @property
    def value(self) -> float:
        """The first objective, in the user's own sign; NaN where unknown."""
        return self.values[0]

    def as_dict(self) -> dict[str, Any]:
        """A plain dict of all fields, `value` included."""
        return {**asdict(self), "value": self.value}


def own(params: dict[str, Any]) -> dict[str, Any]:
    """A configuration that people may change without changing the history."""
    return dict(params) if _NESTED.isdisjoint(map(type, params.values())) else deepcopy(params)
