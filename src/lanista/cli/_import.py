"""Reads trials that were run elsewhere, from csv or json, into an experiment."""

import csv
import io
import json
import math
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, cast

from lanista.errors import LanistaError, UsageError
from lanista.experiment import Experiment
from lanista.experiment._arguments import near
from lanista.experiment._seeding import imported
from lanista.experiment._space_file import read_space
from lanista.experiment._yaml import Document, read_text, read_yaml
from lanista.journal import STATES, TrialRecord, open_store
from lanista.space import Space

ADDED = ("completed", "failed", "stopped")
"""States in which a trial can be added."""

KNOWN = {*TrialRecord.__dataclass_fields__, "value"}
"""What `export` writes about a trial besides its parameters, metrics and notes."""


def target(name: str, store: str | None, *, space: str | None, metric: str | None, mode: str | None) -> Experiment:
    """The experiment to add to; a new one needs a space and a metric.

    Raises:
        UsageError: it does not exist, and what a new one needs is not given.
    """
    if open_store(store).find(name) is None and (space is None or metric is None):
        missing = " and ".join(
            word for word, given in (("--space FILE", space), ("--metric NAME", metric)) if given is None
        )
        raise UsageError(f"there is no experiment {name!r} yet; to create it give {missing}")
    return Experiment(name, _space(Path(space)) if space else None, metric, mode=cast(Any, mode), store=store)


def _space(path: Path) -> Space:
    """The space in a file of its own, or in a config file."""
    if path.suffix == ".json":
        return read_space(Document(path, None, {(): (1, 1)}), (), path.name)[0]
    document = read_yaml(path)
    given = document.value
    if isinstance(given, dict) and "space" in given and ("name" in given or "where" in given):
        return read_space(document, ("space",), given["space"], given.get("where"))[0]
    return read_space(document, (), given)[0]


Row = tuple[dict[str, Any], dict[str, float], str]
"""Parameters, metrics and state of a trial."""


def read_into(experiment: Experiment, path: Path, *, ignore: Sequence[str] = ()) -> tuple[int, int]:
    """Adds the trials of a file; all of them are checked before the first is added, and all are added at once.

    Args:
        experiment: the experiment.
        path: a csv or json file, such as `export` writes.
        ignore: columns to leave out.

    Returns:
        How many were added, and how many were left out because they had not ended.

    Raises:
        UsageError: a column that is neither parameter nor metric, or a value that does not fit; with its row.
    """
    rows: list[Row] = []
    left = 0
    created = experiment.history.created
    define = created is not None and created.define
    needed = (*experiment.metrics, *experiment.history.constraints)
    for at, record in _records(path):
        try:
            params, metrics, state = _row(experiment, record, ignore)
            if state not in ADDED:
                left += 1
                continue
            if not define:
                params = experiment.space.check(params)
            if state == "completed" and (lost := [m for m in needed if m not in metrics]):
                there = ", ".join(map(repr, metrics)) or "none"
                raise UsageError(f"there is no value of the metric {lost[0]!r}; the row has {there}")
        except LanistaError as error:
            raise UsageError(f"{path}, {at}: {error}") from None
        rows.append((params, metrics, state))
    experiment._decide(lambda h: imported(h, rows))  # in one piece: all of them, or none
    return len(rows), left


def _records(path: Path) -> list[tuple[str, dict[str, Any]]]:
    """The rows of the file, each with its place in words."""
    if path.suffix.lower() in (".parquet", ".xlsx"):
        raise UsageError(f"{path}: trials are read from csv and json; write the table as one of these")
    text = read_text(path)
    if path.suffix.lower() == ".json":
        try:
            given = json.loads(text)
        except ValueError as error:
            raise UsageError(f"{path}: this is no JSON: {error}") from None
        if not isinstance(given, list) or not all(isinstance(one, dict) for one in given):
            raise UsageError(f"{path}: a JSON file of trials is a list of objects")
        return [(f"trial {i}", one) for i, one in enumerate(given)]
    reader = csv.DictReader(io.StringIO(text, newline=""))
    records = []
    for row in reader:
        if None in row:
            raise UsageError(f"{path}, line {reader.line_num}: more values than the head of the table has columns")
        records.append(
            (f"line {reader.line_num}", {name: value for name, value in row.items() if value not in ("", None)})
        )
    return records


def _row(experiment: Experiment, record: Mapping[str, Any], ignore: Sequence[str]) -> Row:
    """One row, taken apart; fields may be flat (`lr`, `params.lr`) or nested (`params: {lr: ...}`)."""
    params: dict[str, Any] = dict(record["params"]) if isinstance(record.get("params"), Mapping) else {}
    found: dict[str, Any] = dict(record["metrics"]) if isinstance(record.get("metrics"), Mapping) else {}
    metrics = (*experiment.metrics, *experiment.history.constraints)
    names = {*experiment.space.names, *(constant.name for constant in experiment.space.constants)}
    for column, value in record.items():
        prefix, _, rest = column.partition(".")
        if column in ignore or value is None:
            continue
        if prefix == "params" and rest:
            params[rest] = _param(experiment.space, rest, value)
        elif prefix == "metrics" and rest:
            found[rest] = value
        elif column in metrics:
            found[column] = value
        elif column in names:
            params[column] = _param(experiment.space, column, value)
        elif column not in KNOWN and prefix != "notes":
            known = [*names, *metrics, "state"]
            raise UsageError(
                f"the column {column!r} is neither a parameter nor a metric ({near(column, known)}); "
                f"leave it out with --ignore {shlex.quote(column)}"
            )
    values = record.get("values")
    if isinstance(values, list):
        found = {**dict(zip(experiment.metrics, values, strict=False)), **found}
    state = str(record.get("state", "completed"))
    if state not in STATES:
        raise UsageError(f"{state!r} is no state of a trial; {near(state, STATES)}")
    return (
        params,
        {name: number for name, value in found.items() if (number := _number(name, value)) is not None},
        state,
    )


def _param(space: Space, name: str, value: Any) -> Any:
    """A parameter's value; a text from csv is read as what the domain has."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
    except ValueError:
        return value
    domains = [p.domain for p in space.parameters if p.name == name]
    constants = [c.value for c in space.constants if c.name == name]
    as_text = any(d.contains(value) for d in domains) or value in constants
    as_value = any(d.contains(parsed) for d in domains) or parsed in constants
    return value if as_text and not as_value else parsed


def _number(name: str, value: Any) -> float | None:
    """A metric; None where the file has none."""
    try:
        number = float(value) if value is not None else math.nan
    except (TypeError, ValueError):
        raise UsageError(f"metric {name!r} is {value!r}, which is no number") from None
    return None if math.isnan(number) else number
