"""How an experiment stands, in one record."""

from typing import Any, Literal

from lanista._frozen import Frozen
from lanista.journal import STATES, History, TrialRecord


class Owner(Frozen):
    """A controller that joined and has not left; `alive` false: it was killed."""

    owner: str
    host: str
    pid: int
    workers: int
    alive: bool


class Status(Frozen):
    """State, counts by trial state, controllers, best trial and the limits of the run that goes on.

    `state`: running; paused (no further trials start); interrupted (a controller died, or left with trials
    unfinished); ended; new.
    """

    name: str
    state: Literal["running", "paused", "interrupted", "ended", "new"]
    counts: dict[str, int]
    owners: tuple[Owner, ...]
    best: TrialRecord | None
    limits: dict[str, Any]
    created: float


def status_of(history: History, living: set[str]) -> Status:
    """The status, given which owners live."""
    owners = tuple(Owner(o.owner, o.host, o.pid, o.workers, o.owner in living) for o in history.owners.values())
    alive = any(o.alive for o in owners)
    state: Literal["running", "paused", "interrupted", "ended", "new"]
    if history.paused:
        state = "paused"
    elif alive:
        state = "running"
    elif not len(history):
        state = "new"
    elif history.running or history.waiting or owners:
        state = "interrupted"
    else:
        state = "ended"
    assert history.created is not None
    limits = next((o.limits for o in reversed(history.owners.values())), {})
    best = history.trial(history.best) if history.best is not None else None
    return Status(
        history.created.name,
        state,
        dict(zip(STATES, history.counts, strict=True)),
        owners,
        best,
        limits,
        history.created.time,
    )
