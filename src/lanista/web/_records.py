"""Trials as the pages show them: rows of the table, and one trial with all that belongs to it."""

import os
import stat
import time
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any

from lanista.journal import History, TrialRecord
from lanista.web._course import course
from lanista.web._errors import Refused
from lanista.web._shelf import Book
from lanista.web._views import tags_of

FILES = 1_000
"""Files of a trial's folder that are listed."""


def row(history: History, record: TrialRecord, params: set[str] | None = None) -> dict[str, Any]:
    """A trial as a row of the table; `params`: only these of its parameters and metrics."""
    notes = history.notes.get(record.number, {})
    return {
        "number": record.number,
        "state": record.state,
        "value": record.values[0] if record.values else None,
        "values": dict(zip(history.metrics, record.values, strict=True)),
        "params": _only(record.params, params),
        "metrics": _only(record.metrics, params),
        "feasible": record.feasible,
        "steps": record.steps,
        "seconds": record.seconds + (_since(history, record) if record.state == "running" else 0.0),
        "asked": record.asked,
        "started": record.started,
        "ended": record.ended,
        "attempts": record.attempts,
        "retries": record.retries,
        "owner": record.owner,
        "origin": record.origin,
        "parent": None if record.parent is None else list(record.parent),
        "reason": record.reason,
        "tags": tags_of(notes),
        "note": str(notes.get("note", "")),
    }


def _since(history: History, record: TrialRecord) -> float:
    """Seconds of the attempt that runs."""
    return max(0.0, time.time() - history.since(record.number))


def _only(values: dict[str, Any], names: set[str] | None) -> dict[str, Any]:
    return values if names is None else {name: value for name, value in values.items() if name in names}


def trial(book: Book, number: int) -> dict[str, Any]:
    """All about a trial."""
    book.check(number)
    events = list(course(book, number))
    with book.read() as history:
        record = history.trial(number)
        return {
            **row(history, record),
            "curve": _curve(history, number),
            "checkpoints": [
                {"step": step, "name": name.rpartition("/")[2]}
                for step, name in sorted(history.checkpoints.get(number, {}).items())
            ],
            "artifacts": list(artifacts(folder(book, number))),
            "error": _fault(record),
            "notes": history.notes.get(number, {}),
            "lineage": _lineage(history, number),
            "children": [n for n, parent in enumerate(history.each("parent")) if parent and parent[0] == number],
            "events": events,
        }


def _curve(history: History, number: int) -> dict[str, Any]:
    """Each metric over the steps at which it was reported."""
    curves: dict[str, dict[str, list[Any]]] = {}
    for step, metrics in history.reports(number):
        for name, value in metrics.items():
            curve = curves.setdefault(name, {"steps": [], "values": []})
            curve["steps"].append(step)
            curve["values"].append(value)
    return curves


def _fault(record: TrialRecord) -> dict[str, str] | None:
    """The error, taken apart: its last line tells class and message."""
    if record.error is None:
        return None
    last = record.error.strip().rpartition("\n")[2]
    kind, separator, message = last.partition(": ")
    named = bool(separator) and kind.replace(".", "").isidentifier()
    return {
        "type": kind if named else record.state,
        "message": message if named else last,
        "traceback": record.error,
    }


def _lineage(history: History, number: int) -> list[int]:
    """The trials that it came from, itself last."""
    found = [number]
    while (came := _came_from(history, found[-1])) is not None and came not in found:
        found.append(came)
    return found[::-1]


def _came_from(history: History, number: int) -> int | None:
    """The trial that it was copied from, else the one whose configuration was changed into its own."""
    parent = history.parent(number)
    return parent[0] if parent is not None else history.made_from(number)


# --- files ------------------------------------------------------------------------------------------------------------


def folder(book: Book, number: int) -> Path:
    """The folder of a trial's own files."""
    return book.experiment.directory / "trials" / str(number)


def artifacts(top: Path) -> Iterable[dict[str, Any]]:
    """The files below a trial's folder, checkpoints left out; links are not followed."""
    found: list[dict[str, Any]] = []
    for place, folders, names in os.walk(top):
        folders[:] = sorted(name for name in folders if not name.startswith("checkpoint-"))
        for name in sorted(names):
            path = Path(place, name)
            if name.startswith("checkpoint-") or len(found) >= FILES:
                continue
            with suppress(OSError):  # deleted just now
                about = path.lstat()
                if stat.S_ISREG(about.st_mode):  # no link, pipe or socket
                    found.append({"name": path.relative_to(top).as_posix(), "size": about.st_size})
    return found


def artifact(book: Book, number: int, name: str) -> Path:
    """The file of that name, which is one of those listed.

    Raises:
        Refused: there is none.
    """
    book.check(number)
    top = folder(book, number)
    if name not in {one["name"] for one in artifacts(top)}:
        raise Refused(404, "LA300", f"trial {number} has no file {name!r}")
    return top / name


def log_part(book: Book, number: int, offset: int, limit: int) -> dict[str, Any]:
    """What a trial printed, from a byte on, below 0 counted from the end.

    A character that is cut off at the end comes with the next part, and one that is cut off at the begin with the one
    before.
    """
    book.check(number)
    try:
        with book.experiment.log_path(number).open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            start = max(0, size + offset) if offset < 0 else offset if offset <= size else 0  # it has begun anew
            file.seek(start)
            data = file.read(limit)
    except OSError:
        return {"text": "", "start": 0, "next": 0, "size": 0}
    end = len(data) - _unfinished(data)
    begin = _cut_off(data[:end]) if start else 0
    text = data[begin:end].decode("utf-8", "replace")
    return {"text": text, "start": start + begin, "next": start + end, "size": size}


def _cut_off(data: bytes) -> int:
    """How many bytes at the begin end a character of UTF-8 that begins before; 0 where they are no text."""
    most = min(4, len(data))
    begin = next((at for at in range(most) if not 0x80 <= data[at] < 0xC0), most)
    return begin if begin < 4 else 0


def _unfinished(data: bytes) -> int:
    """How many bytes at the end begin a character of UTF-8 without ending it; 0 where nothing would be left."""
    for back in range(1, min(4, len(data) - 1) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            needed = 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return back if needed > back else 0
        if byte < 0x80:
            return 0
    return 0
