"""The states of a trial, as small integers for arrays and as the words that people see."""

from typing import Literal, get_args

TrialState = Literal["waiting", "running", "paused", "completed", "stopped", "failed", "infeasible", "cancelled"]
STATES: tuple[TrialState, ...] = get_args(TrialState)
WAITING, RUNNING, PAUSED, COMPLETED, STOPPED, FAILED, INFEASIBLE, CANCELLED = range(8)
CODES: dict[str, int] = {name: code for code, name in enumerate(STATES)}
FIRST_ENDED = COMPLETED
"""States from this one on are final."""
