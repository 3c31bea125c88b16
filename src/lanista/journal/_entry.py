"""What one trial carries besides its row in the arrays."""

import math

from lanista.journal._states import WAITING


class Entry:
    """One trial's scalars, changed in place by the fold."""

    __slots__ = (
        *("asked", "attempt", "budget", "ended", "error", "first", "heard", "metrics", "origin", "owner", "parent"),
        *("cost", "made_from", "reason", "resources", "retries", "seconds", "since", "slice", "started", "state"),
    )

    def __init__(self, asked: float, origin: str, parent: tuple[int, int] | None, made_from: int | None = None) -> None:
        self.asked, self.origin, self.parent, self.made_from = asked, origin, parent, made_from
        self.attempt, self.retries, self.state = 0, 0, WAITING
        self.first = math.nan
        self.owner: str | None = None
        self.budget: int | None = None
        self.slice: float | None = None
        self.resources: dict[str, float] | None = None
        self.since = self.heard = asked
        self.started: float | None = None
        self.ended: float | None = None
        self.seconds = 0.0
        self.cost = 0.0  # as far as it is in the total
        self.reason = ""
        self.error: str | None = None
        self.metrics: dict[str, float] = {}
