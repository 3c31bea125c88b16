"""Writes trials as csv, json or parquet; csv and json are what `lanista import` reads."""

import csv
import io
import json
import sys
from pathlib import Path
from typing import Any

from lanista.cli._one import trial_json
from lanista.cli._rows import TrialTable
from lanista.errors import MissingExtraError, UsageError
from lanista.experiment import Experiment
from lanista.experiment._strict import strict


def write(experiment: Experiment, format: str, path: Path | None) -> int:
    """Writes all trials and returns how many.

    Raises:
        UsageError: the file cannot be written, or parquet would go to a terminal.
        MissingExtraError: parquet needs pandas and pyarrow.
    """
    if format == "parquet":
        return _parquet(experiment, path)
    records = list(experiment.trials)
    if format == "json":
        given = strict([trial_json(experiment, record) for record in records])
        text = json.dumps(given, indent=1, ensure_ascii=False, allow_nan=False) + "\n"
    else:
        text = _csv(TrialTable(experiment))
    _out(text.encode(), path)
    return len(records)


def _csv(table: TrialTable) -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(table.columns)
    writer.writerows([[_cell(row.get(name)) for name in table.columns] for row in table.rows])
    return out.getvalue()


def _cell(value: Any) -> str:
    """A value so that reading it back gives the same: floats in full, NaN as nothing, lists as JSON."""
    if value is None or value != value:
        return ""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _parquet(experiment: Experiment, path: Path | None) -> int:
    if path is None and sys.stdout.isatty():
        raise UsageError("parquet is no text; name a file with -o FILE")
    try:
        import pyarrow  # noqa: F401  # pandas writes parquet by it
    except ImportError as error:
        raise MissingExtraError.of("pyarrow", "frame") from error
    frame = experiment.frame()
    for name in frame.columns:
        if frame[name].dtype == object:  # a parquet column has one type; mixed and nested values travel as JSON
            kinds = {type(value) for value in frame[name].dropna()}
            if len(kinds) > 1 or kinds & {list, dict}:
                frame[name] = [value if value is None or value != value else json.dumps(value) for value in frame[name]]
    _out(frame.to_parquet(index=False), path)
    return len(frame)


def _out(data: bytes, path: Path | None) -> None:
    if path is None:
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.flush()
        return
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror}") from None
