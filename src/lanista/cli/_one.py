"""One trial, as text and as a record."""

import math
from typing import Any

from lanista.cli._tables import cell
from lanista.experiment import Experiment
from lanista.experiment._render import python_params
from lanista.experiment._view import duration, params_line
from lanista.journal import TrialRecord


def trial_lines(experiment: Experiment, record: TrialRecord) -> list[str]:
    """What a trial gave, how it went, what was noted on it, its configuration as Python code, and its error."""
    values = ", ".join(
        f"{name} = {value!r} ({mode})"
        for (name, mode), value in zip(experiment.metrics.items(), record.values, strict=False)  # none before the first
        if not math.isnan(value)
    )
    others = {name: value for name, value in record.metrics.items() if name not in experiment.metrics}
    lines = [f"trial {record.number}: {values or 'no ' + ', '.join(experiment.metrics) + ' so far'}"]
    lines += [f"also: {params_line(others)}"] if others else []
    lines.append(_course(record))
    if record.parent is not None:
        lines.append(f"copied from trial {record.parent[0]} at step {record.parent[1]}")
    lines += [f"{name}: {cell(value)}" for name, value in _notes(experiment, record).items()]
    lines += python_params(record.params)
    return [*lines, *(["", *record.error.rstrip().splitlines()] if record.error else [])]


def trial_json(experiment: Experiment, record: TrialRecord) -> dict[str, Any]:
    """The fields of a trial, and what was noted on it."""
    return {**record.as_dict(), "notes": _notes(experiment, record)}


def _course(record: TrialRecord) -> str:
    steps = f"{record.steps:,} step{'' if record.steps == 1 else 's'}"
    why = f": {record.reason}" if record.reason and record.state != "completed" else ""
    return f"{record.state} after {steps}, {duration(record.seconds)}{why}"


def _notes(experiment: Experiment, record: TrialRecord) -> dict[str, Any]:
    return experiment.history.notes.get(record.number, {})
