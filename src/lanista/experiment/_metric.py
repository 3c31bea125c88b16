"""Whether the objective gives the metric that the experiment is judged by."""

import math
from collections.abc import Mapping
from typing import TypeGuard

from lanista.errors import MetricError
from lanista.journal import Ended, Event, History, Reported, Yielded
from lanista.trial import Decision
from lanista.trial._values import check_metrics


def mistake(history: History, event: Event, answers: Mapping[int, Decision]) -> MetricError | None:
    """What is wrong with the metric, as far as a trial shows it that ends or is cut; None once any trial has a value.

    Without this a scheduler would go on to stop trials of which it has never seen a value.
    """
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
