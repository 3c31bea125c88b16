"""Whether the objective gives the metrics that the experiment and its scheduler judge by."""

import math
from collections.abc import Iterator, Mapping
from typing import TypeGuard

from lanista.errors import MetricError
from lanista.journal import Ended, Event, History, Reported, Yielded
from lanista.schedule import Combined, ResourceChanging, Scheduler
from lanista.trial import Decision
from lanista.trial._values import check_metrics


def mistake(
    history: History, event: Event, answers: Mapping[int, Decision], scheduler: Scheduler
) -> MetricError | None:
    """What is wrong with the metric, as far as a trial shows it that ends or is cut; None once any trial has a value.

    Without this a scheduler would go on to stop trials of which it has never seen a value, and a rule that reads a
    metric of its own would never stop any.
    """
    if isinstance(event, Ended) and event.state == "completed":
        return _unheard(history, event.number, scheduler)
    if isinstance(event, Ended) and event.reason == "metric":
        found = MetricError(event.error)
    elif _cut(event, answers) and math.isnan(history.first(event.number)) and history.created is not None:
        try:
            check_metrics(history.trial(event.number).metrics, list(history.created.metrics)[:1])
            return None
        except MetricError as error:
            found = error
    else:
        return None
    return found if history.best is None else None


def _cut(event: Event, answers: Mapping[int, Decision]) -> TypeGuard[Reported | Yielded]:
    """Whether a trial was stopped or paused with this event."""
    if isinstance(event, Reported):
        return event.number in answers and answers[event.number].kind != "continue"
    return isinstance(event, Yielded)


def _unheard(history: History, number: int, scheduler: Scheduler) -> MetricError | None:
    """What is wrong with a metric that a rule reads, as far as a complete trial shows it; None once any has it."""
    given = history.metrics_of(number)
    for rule, name in _read(scheduler):
        if name not in given and not any(name in history.metrics_of(n) for n in range(len(history))):
            from difflib import get_close_matches

            close = get_close_matches(name, given, 1)
            mend = f"did you mean {close[0]!r}?" if close else f"report it, or take {type(rule).__name__} away"
            told = f"trial {number} ran to its end and never reported it; it reported {', '.join(map(repr, given))}"
            return MetricError(f"{type(rule).__name__} reads the metric {name!r}, but {told}; {mend}")
    return None


def _read(scheduler: Scheduler) -> Iterator[tuple[Scheduler, str]]:
    """The rules in a scheduler that read a metric by its name, each with the name."""
    match scheduler:
        case Combined(main=main, rules=rules):
            for each in (main, *rules):
                yield from _read(each)
        case ResourceChanging(scheduler=inner):
            yield from _read(inner)
    if isinstance(name := getattr(scheduler, "metric", None), str):
        yield scheduler, name
