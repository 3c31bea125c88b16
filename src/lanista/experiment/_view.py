"""What a person sees of a running experiment: one record, which the terminal, `lanista top` and pages draw."""

import math
import time
from collections import deque
from collections.abc import Iterable, Mapping
from typing import Any

from lanista._frozen import Frozen
from lanista._words import counted
from lanista.experiment._insight import bounds_line, nearest, pareto
from lanista.experiment._limits import Limits
from lanista.journal import (
    FIRST_ENDED,
    PAUSED,
    STATES,
    Commanded,
    Decided,
    Ended,
    Event,
    History,
    Joined,
    Left,
    Released,
    TrialRecord,
)

WINDOW = 200  # trials that the rate looks back on


class RunningTrial(Frozen):
    """A trial that runs: its last report, `value`, in the user's own sign, and `gap`, that value minus the best one."""

    number: int
    step: int
    value: float | None
    gap: float | None
    seconds: float
    params: Mapping[str, Any]


class View(Frozen):
    """A moment of an experiment.

    Attributes:
        name: the experiment.
        metric: the first metric.
        mode: "min" or "max".
        counts: trials by state, only states that occur.
        done: trials that are over.
        total: the limit on trials, None without one.
        best: the best trial by the first metric.
        best_age: seconds since it ended.
        running: trials that run, the oldest first, at most as many as were asked for.
        running_count: how many run in all.
        rate: trials a second, None before the first one of this run has ended.
        eta: seconds until the binding limit, None where it cannot be told.
        fraction: how much of the binding limit is used up, 0 to 1; None without limits.
        limit: the binding limit in words, "" without limits.
        events: lines on what happened last, the latest last.
        metrics: all objectives with their directions.
        constraints: in words, "" without any.
        nearest: while no trial keeps the constraints, which one comes nearest; "" otherwise.
        front: of several objectives, trials that no other one beats in all, the best by the first metric first, at most
            as many as were asked for.
        front_count: how many they are in all.
    """

    name: str
    metric: str
    mode: str
    counts: dict[str, int]
    done: int
    total: int | None
    best: TrialRecord | None
    best_age: float | None
    running: tuple[RunningTrial, ...]
    running_count: int
    rate: float | None
    eta: float | None
    fraction: float | None
    limit: str
    events: tuple[str, ...]
    metrics: Mapping[str, str]
    constraints: str
    nearest: str
    front: tuple[TrialRecord, ...]
    front_count: int


class Feed:
    """Keeps the last events that are worth a line; seeing one costs next to nothing, lines are written when shown."""

    def __init__(self, most: int = 6) -> None:
        self._last: deque[Event | str] = deque(maxlen=most)

    def see(self, events: Iterable[Event]) -> None:
        """Takes note of events as they are folded."""
        for event in events:
            kind = type(event)
            if kind is Ended:
                if event.state != "completed":  # type: ignore[union-attr]
                    self._last.append(event)
            elif kind in _WORTH:
                self._last.append(event)

    def say(self, line: str) -> None:
        """Takes a line on what is no event."""
        self._last.append(f"{time.strftime('%H:%M:%S')} {line}")

    def lines(self, history: History) -> tuple[str, ...]:
        """The lines, the latest last."""
        lines = (event if isinstance(event, str) else describe(event, history) for event in self._last)
        return tuple(line for line in lines if line)


_WORTH = {Commanded, Decided, Joined, Left, Released}


def describe(event: Event, history: History) -> str:
    """One line on an event, with its time and reason; "" for one that needs none."""
    text = in_words(event, history)
    return f"{time.strftime('%H:%M:%S', time.localtime(event.time))} {text}" if text else ""


def in_words(event: Event, history: History) -> str:
    """An event with its reason; "" for one that needs no line."""
    text = ""
    match event:
        case Ended(number=n):
            at = f" at step {history.steps[n]}" if history.steps[n] else ""
            text = f"trial {n} {event.state}{at}" + (f": {first_line(event.reason)}" if event.reason else "")
        case Released(number=n):
            text = f"trial {n} waits again: {first_line(event.reason)}"
        case Joined():
            workers = "1 worker" if event.workers == 1 else f"{event.workers} workers"
            text = f"{event.host.partition('/')[0]} (pid {event.pid}) joined with {workers}"
        case Left():
            text = f"a controller left: {first_line(event.reason)}"
        case Decided(number=None):
            text = f"{event.action}: {event.reason}"
        case Commanded():
            on = "" if event.number is None else f" trial {event.number}"
            values = " ".join(f"{key}={value}" for key, value in event.values.items())
            text = f"command {event.command}{on} {values}".rstrip()
    return text


def first_line(text: str, most: int = 200) -> str:
    """The first line of a text, cut."""
    line = text.strip().partition("\n")[0]
    return line if len(line) <= most else line[: most - 1] + "…"


def view_of(
    history: History,
    limits: Limits,
    now: float,
    *,
    started: float | None = None,
    feed: Feed | None = None,
    most: int = 8,
) -> View:
    """The view of an experiment now.

    Args:
        history: all that is known.
        limits: what the run may spend.
        now: seconds since the epoch.
        started: when the run began, for its rate and its time limit; None: nothing runs.
        feed: where event lines come from.
        most: how many trials to list, of those that run and of the front.
    """
    created = history.created
    rate = _rate(history, now, started)
    fraction, eta, limit = _binding(_used(history, limits, now, started, rate))
    best = history.trial(history.best) if history.best is not None else None
    running = history.running
    front = pareto(history) if len(history.metrics) > 1 else []
    front.sort(key=history.first)
    return View(
        name=created.name if created else "",
        metric=history.metrics[0] if history.metrics else "",
        mode=next(iter(created.metrics.values()), "min") if created else "min",
        counts={state: count for state, count in zip(STATES, history.counts, strict=True) if count},
        done=sum(history.counts[FIRST_ENDED:]),
        total=limits.trials,
        best=best,
        best_age=None if best is None or best.ended is None else max(0.0, now - best.ended),
        running=tuple(_running(history, number, best, now) for number in running[:most]),
        running_count=len(running),
        rate=rate,
        eta=eta,
        fraction=fraction,
        limit=limit,
        events=feed.lines(history) if feed else (),
        metrics=dict(created.metrics) if created else {},
        constraints=bounds_line(history),
        nearest=nearest(history) if best is None else "",
        front=tuple(history.trial(number) for number in front[:most]),
        front_count=len(front),
    )


def _running(history: History, number: int, best: TrialRecord | None, now: float) -> RunningTrial:
    record = history.trial(number)
    value = record.value if math.isfinite(record.value) else None
    gap = None if value is None or best is None else value - best.value
    since = record.started if record.started is not None else now
    return RunningTrial(number, record.steps, value, gap, max(0.0, now - since), record.params)


def _rate(history: History, now: float, started: float | None) -> float | None:
    """Trials a second over the last ones that ended since `started`."""
    if started is None:
        return None
    finished = history.finished[-WINDOW:]
    low, high = 0, len(finished)
    while low < high:  # the first that ended since
        middle = (low + high) // 2
        if _ended(history, finished[middle]) < started:
            low = middle + 1
        else:
            high = middle
    count = len(finished) - low
    since = started if low or len(finished) < WINDOW else _ended(history, finished[0])
    return count / (now - since) if count and now > since else None


def _ended(history: History, number: int) -> float:
    return history.trial(number).ended or 0.0


Used = tuple[float, float, str]
"""Of a limit: the share that is used, the seconds until it is reached, inf where nobody can tell, and words."""


def _used(history: History, limits: Limits, now: float, started: float | None, rate: float | None) -> Iterable[Used]:
    """What is used of each limit that is set."""
    if limits.trials is not None:
        had, paused = trials_had(history), history.counts[PAUSED]
        # Paused trials may go on or never: how long all of them take cannot be told.
        left = max(0.0, limits.trials - had) / rate if rate and not paused else math.inf
        words = f"{had:,} of {counted(limits.trials, 'trial')}"
        yield had / limits.trials, left, f"{words}, {paused:,} of them paused" if paused else words
    if limits.time is not None and started is not None:
        spent = now - started
        yield spent / limits.time, max(0.0, limits.time - spent), f"{duration(spent)} of {duration(limits.time)}"
    if limits.cost is not None:
        cost = history.total_cost
        yield cost / limits.cost, math.inf, f"cost {cost:.4g} of {limits.cost:g}"


def trials_had(history: History) -> int:
    """How many trials of its own an experiment has had, in full or until they were paused, at least once."""
    again = sum(history.attempt(n) > 1 for n in history.running)
    return history.ended - history.imported + history.counts[PAUSED] + again


def _binding(used: Iterable[Used]) -> tuple[float | None, float | None, str]:
    """The fraction, seconds left and words of the limit that is reached first, as far as can be told."""
    share, left, words = min(used, key=lambda one: (one[1], -one[0]), default=(None, math.inf, ""))
    return None if share is None else min(1.0, max(0.0, share)), None if left == math.inf else left, words


def duration(seconds: float) -> str:
    """Seconds as people write them.

    >>> duration(0.0063), duration(4.26), duration(75), duration(7260)
    ('6 ms', '4.3 s', '1:15', '2:01:00')
    """
    if seconds < 0.95:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def number(value: float | None) -> str:
    """A metric as people write it.

    >>> number(0.123456789), number(1500.0), number(None)
    ('0.123457', '1500', '-')
    """
    return "-" if value is None else f"{value:.6g}"


def params_line(params: Mapping[str, Any]) -> str:
    """A configuration on one line.

    >>> params_line({"lr": 0.0123456789, "act": "relu"})
    'lr=0.0123457 act=relu'
    """
    parts = (f"{name}={number(value) if isinstance(value, float) else value}" for name, value in params.items())
    return " ".join(parts)
