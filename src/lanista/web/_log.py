"""The journal of an experiment, in words and as it is."""

from typing import Any

from lanista._words import counted
from lanista.experiment._view import in_words, number, params_line
from lanista.journal import (
    FREQUENT,
    Asked,
    Checkpointed,
    Created,
    Decided,
    Event,
    History,
    Learned,
    Noted,
    Reported,
    Started,
    Suggested,
    Yielded,
    to_row,
)
from lanista.web._course import paused, started
from lanista.web._shelf import Book

PAGE = 1_000
PAGES = 20
"""How far one look goes back through reports that are left out."""


def lines(book: Book, limit: int, before: int | None, *, reports: bool) -> dict[str, Any]:
    """The last events in words, the newest last.

    Args:
        book: the experiment.
        limit: how many at most.
        before: only events before this seq; None: up to the last.
        reports: reports and checkpoints as well, which are most of a journal.
    """
    with book.read() as history:
        upto = history.seq if before is None else min(before - 1, history.seq)
        found: list[dict[str, Any]] = []
        for _ in range(PAGES):
            after = max(0, upto - PAGE)
            events = book.journal.store.read(book.id, after, upto)
            for seq, event in zip(range(upto, after, -1), reversed(events), strict=False):
                if len(found) >= limit:
                    break
                if reports or not isinstance(event, FREQUENT):
                    found.append(_line(seq, event, history))
            upto = after if len(found) < limit else found[-1]["seq"] - 1
            if len(found) >= limit or not upto:
                break
        return {"events": found[::-1], "first": upto + 1}


def stored(book: Book, after: int, limit: int) -> dict[str, Any]:
    """The events after a seq as a store keeps them, at most `limit`."""
    last = book.journal.store.last(book.id)
    upto = min(last, after + limit)
    events = book.journal.store.read(book.id, after, upto) if after < upto else []
    names = ("time", "kind", "trial", "body")
    told = [dict(zip(names, to_row(event), strict=True)) for event in events]
    return {"experiment": book.id, "last": last, "events": told}


def _line(seq: int, event: Event, history: History) -> dict[str, Any]:
    return {
        "seq": seq,
        "time": event.time,
        "kind": type(event).__name__.lower(),
        "text": in_words(event, history) or _words(event),
        "number": getattr(event, "number", None),
    }


def _words(event: Event) -> str:
    """What needs no line in a terminal."""
    match event:
        case Created(name=name):
            return f"{name!r} was created"
        case Asked(number=n, origin=origin):
            begun = "" if event.owner is None else " and started"
            return f"trial {n} was asked for ({origin}){begun}: {params_line(event.params)}"
        case Started(number=n):
            return f"trial {n} {started(event)}"
        case Reported(number=n, step=step):
            return f"trial {n}, step {step}: {_metrics(event)}"
        case Checkpointed(number=n, step=step):
            return f"trial {n} saved a checkpoint of step {step}"
        case Yielded(number=n):
            return f"trial {n} {paused(event)}"
        case Suggested(number=n, name=name):
            return f"trial {n} settled {name}={event.value}"
        case Decided(number=n, action=action):
            return f"trial {n}: {action}" + (f", {event.reason}" if event.reason else "")
        case Noted(number=n):
            what = "the experiment" if n is None else f"trial {n}"
            return f"{what} was noted: {', '.join(event.values)}"
        case Learned(source=source):
            return f"learned from {counted(len(event.params), 'trial')} of {source}"
    return type(event).__name__.lower()


def _metrics(event: Reported) -> str:
    return " ".join(f"{name}={number(value)}" for name, value in event.metrics.items())
