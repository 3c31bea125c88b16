"""Trials as files: csv and json, in the forms that `lanista export` writes and `lanista import` reads."""

import csv
import io
import json
from typing import Any

import numpy as np

from lanista.journal import TrialRecord, own
from lanista.web._json import encoded
from lanista.web._shelf import Book

AT_ONCE = 2_000
"""Trials that are turned into text before others get a turn with the history."""
_LEFT_OUT = ("owner", "tags")


def as_json(book: Book, numbers: list[int]) -> bytes:
    """The records of the trials."""
    parts = []
    for first in range(0, len(numbers), AT_ONCE):
        with book.read() as history:
            records = [
                _plain(history.trial(number), history.notes.get(number, {}))
                for number in numbers[first : first + AT_ONCE]
            ]
        parts.append(encoded(records)[1:-1])
    return b"[" + b",".join(parts) + b"]"


def _plain(record: TrialRecord, notes: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {name: getattr(record, name) for name in record.__match_args__}
    return {**told, "params": own(record.params), "value": record.value, "notes": dict(notes)}


def as_csv(book: Book, numbers: list[int]) -> bytes:
    """One line a trial; floats in full, what is missing as nothing, lists as JSON."""
    rows = np.array(numbers, dtype=np.intp)
    with book.read() as history:
        columns = book.table.columns
        raw = {name: list(columns.raw(name)) for name in columns.names() if name not in _LEFT_OUT}
        notes = [history.notes.get(number, {}) for number in numbers]
    cells = {name: [_cell(values[row]) for row in rows.tolist()] for name, values in raw.items()}
    for name in dict.fromkeys(name for held in notes for name in held):
        cells[f"notes.{name}"] = [_cell(held.get(name)) for held in notes]
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(cells)
    writer.writerows(zip(*cells.values(), strict=True))
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> str:
    kind = type(value)
    if kind is float or kind is int:
        return repr(value) if value == value else ""
    if value is None:
        return ""
    return value if kind is str else json.dumps(value, ensure_ascii=False)
