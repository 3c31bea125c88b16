"""What happened to one trial, in words."""

from collections.abc import Iterator
from typing import Any

from lanista.experiment._view import duration, first_line
from lanista.journal import Asked, Commanded, Decided, Ended, Event, Released, Started, Yielded
from lanista.web._shelf import Book


def course(book: Book, number: int) -> Iterator[dict[str, Any]]:
    """A line for all that happened to a trial but reports, checkpoints and remarks, the oldest first."""
    for event in book.journal.store.course(book.id, number):
        for kind, text in _told(event):
            yield {"time": event.time, "kind": kind, "text": text, "number": number}


def _told(event: Event) -> Iterator[tuple[str, str]]:
    """The kind of what happened and words for it; a trial may be asked for and started at once."""
    match event:
        case Asked(parent=parent):
            came = "" if parent is None else f", from trial {parent[0]} at step {parent[1]}"
            yield "asked", f"asked for: {event.origin}{came}"
            if event.owner is not None:
                yield "started", f"started{_until(event)}"
        case Started():
            yield "started", started(event)
        case Yielded():
            yield "yielded", paused(event)
        case Released():
            yield "released", f"waits again: {first_line(event.reason)}"
        case Decided():
            yield "decided", _because(event.action, event.reason)
        case Commanded():
            yield "commanded", f"command {event.command}"
        case Ended():
            yield "ended", _because(event.state, event.reason)


def started(event: Started) -> str:
    """Which attempt began, and where it is to pause."""
    again = "" if event.attempt == 1 else f", attempt {event.attempt}"
    return f"started{again}{_until(event)}"


def paused(event: Yielded) -> str:
    """Where it was paused."""
    return f"paused at step {event.step:,}"


def _until(event: Asked | Started) -> str:
    """Where the attempt is to pause."""
    ends = [] if event.budget is None else [f"at step {event.budget:,}"]
    ends += [] if event.seconds is None else [f"after {duration(event.seconds)}"]
    return f", to pause {' or '.join(ends)}" if ends else ""


def _because(what: str, reason: str) -> str:
    return f"{what}: {first_line(reason)}" if reason else what
