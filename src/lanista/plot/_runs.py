"""Who ran which trial, from when to when, read from the events of a journal."""

from collections.abc import Iterable, Sequence
from heapq import heappop, heappush

from lanista._frozen import Frozen
from lanista.journal import Asked, Commanded, Ended, Event, History, Joined, Released, Started, Yielded
from lanista.plot._style import LOST


class Run(Frozen):
    """One attempt of a trial: `lane` counts the workers of its owner from 0, `outcome` says how it ended.

    The outcome is a state, or "interrupted" where the trial waits again without fault of its own. Times are seconds
    since the epoch.
    """

    number: int
    attempt: int
    owner: str
    lane: int
    start: float
    end: float
    outcome: str
    reason: str


class Runs(Frozen):
    """All runs by their start, the owners with their host and process, and when the experiment was paused."""

    runs: list[Run]
    owners: dict[str, str]
    pauses: list[tuple[float, float]]


def read_runs(history: History, events: Iterable[Event]) -> Runs:
    """Reads the runs, by their start, from events in the journal's order.

    They may begin in the middle of the journal. A run that goes on ends with the last event, as "running".

    >>> from lanista.space import Space
    >>> from lanista.testing import Story
    >>> story = Story(Space({}))
    >>> story.end(story.start({}), "completed", 1.0)
    >>> [(run.number, run.outcome) for run in read_runs(story.history, story.events).runs]
    [(0, 'completed')]
    """
    reader = _Reader(history)
    for event in events:
        reader.take(event)
    reader.close()
    return Runs(_on_lanes(reader.runs), reader.owners, reader.pauses)


class _Reader:
    """Turns starts and ends into runs."""

    def __init__(self, history: History) -> None:
        self.history = history
        self.runs: list[Run] = []
        self.owners: dict[str, str] = {}
        self.pauses: list[tuple[float, float]] = []
        self._open: dict[int, tuple[int, str, float]] = {}
        self._paused: float | None = None
        self._now = 0.0

    def take(self, event: Event) -> None:
        """Takes the next event."""
        self._now = max(self._now, event.time)
        match event:
            case Asked(owner=str(owner)):
                self._open[event.number] = 1, owner, event.time
            case Started():
                self._open[event.number] = event.attempt, event.owner, event.time
            case Yielded():
                self._end(event, "paused", f"paused at step {event.step}")
            case Released():
                self._end(event, LOST if event.error is None else "failed", event.reason)
            case Ended():
                self._end(event, event.state, event.reason)
            case Joined():
                self.owners[event.owner] = f"{event.host.partition('/')[0]} pid {event.pid}"
            case Commanded(number=None, command="pause"):
                self._paused = self._paused or event.time
            case Commanded(number=None, command="resume") if self._paused is not None:
                self.pauses.append((self._paused, event.time))
                self._paused = None

    def close(self) -> None:
        """Ends what goes on still."""
        for number, (attempt, owner, start) in self._open.items():
            if number in self.history.live[1]:
                self.runs.append(Run(number, attempt, owner, 0, start, self._now, "running", ""))
        if self._paused is not None:
            self.pauses.append((self._paused, self._now))

    def _end(self, event: Yielded | Released | Ended, outcome: str, reason: str) -> None:
        number = event.number
        if not event.attempt:
            return  # it ran elsewhere, or never
        attempt, owner, start = self._open.pop(number, (0, "", 0.0))
        if attempt != event.attempt:
            if attempt > event.attempt:  # a late word of an attempt that was presumed dead
                self._open[number] = attempt, owner, start
                return
            if self.history.attempt(number) != event.attempt:
                return  # it began before the events that were given
            attempt, owner = event.attempt, self.history.owner(number) or ""
            start = self.history.since(number)
        self.runs.append(Run(number, attempt, owner, 0, start, max(start, event.time), outcome, reason))


def _on_lanes(runs: Sequence[Run]) -> list[Run]:
    """The runs by their start, each on the lowest lane of its owner that is free."""
    busy: dict[str, list[tuple[float, int]]] = {}
    free: dict[str, list[int]] = {}
    placed = []
    for run in sorted(runs, key=lambda run: (run.start, run.number)):
        ends, idle = busy.setdefault(run.owner, []), free.setdefault(run.owner, [])
        while ends and ends[0][0] <= run.start:
            heappush(idle, heappop(ends)[1])
        lane = heappop(idle) if idle else len(ends)
        heappush(ends, (run.end, lane))
        placed.append(Run(run.number, run.attempt, run.owner, lane, run.start, run.end, run.outcome, run.reason))
    return placed
