"""Lanista's side: the trials in its store. Run with Lanista's interpreter."""

import lanista as la
from benchmarks.dashboard.trials import (
    BEGUN,
    CHOICES,
    FLOATS,
    INT_HIGH,
    INT_LOW,
    INTS,
    LOG_HIGH,
    LOG_LOW,
    LOGS,
    Trials,
)
from lanista.journal import Asked, Ended, Event

NAME = "many"
AT_ONCE = 5_000


def fill(path: str, trials: Trials) -> None:
    """Writes the journal of an experiment that ran these trials, one after the other."""
    space = {
        **{name: la.Float(0, 1) for name in FLOATS},
        **{name: la.Float(LOG_LOW, LOG_HIGH, log=True) for name in LOGS},
        **{name: la.Int(INT_LOW, INT_HIGH) for name in INTS},
        **{name: la.Choice(options) for name, options in CHOICES.items()},
    }
    experiment = la.Experiment(NAME, space, metric="loss", store=path, searcher="random", seed=0)
    journal = experiment.store
    found = journal.find(NAME)
    assert found is not None
    events: list[Event] = []
    for number, (params, value) in enumerate(zip(trials.params, trials.values, strict=True)):
        begun = BEGUN + number
        events.append(Asked(begun, number, params, owner="bench"))
        events.append(Ended(begun + 1, number, 1, "completed", {"loss": value}))
        if len(events) >= AT_ONCE or number + 1 == len(trials.params):
            journal.append(found.id, events)
            events.clear()
