"""A view as text: the live picture for a terminal, the closing lines, the line of a finished trial."""

import math
import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from lanista._words import counted
from lanista.experiment._view import View, duration, first_line, number, params_line
from lanista.journal import CODES, History, TrialRecord, home

if TYPE_CHECKING:
    from rich.console import RenderableType

_FULL = re.compile("(all .* trials are|its only trial is) done(; .*)?")
"""The reason of a run that the same call again would not carry any further."""

FRONT = 5
"""Trials of a front that the closing lines name."""

SHOWN = 20
"""Parameters that the closing lines show."""

STYLES = {"completed": "green", "stopped": "yellow", "failed": "bold red", "running": "cyan", "infeasible": "magenta"}


def render(view: View) -> "RenderableType":
    """The live picture: bar to the binding limit, best so far, running trials, last events."""
    from rich.console import Group
    from rich.text import Text

    parts: list[RenderableType] = [_head(view), _counts(view)]
    parts += _best(view)
    if view.running:
        parts += [Text("running", style="bold"), _running(view)]
    if view.events:
        parts.append(Text("events", style="bold"))
        parts += [Text("  " + line, no_wrap=True, overflow="ellipsis", style="dim") for line in view.events]
    return Group(*parts)


def _head(view: View) -> "RenderableType":
    from rich.progress_bar import ProgressBar
    from rich.table import Table
    from rich.text import Text

    speed = "" if view.rate is None else rate(view.rate)
    left = "" if not view.eta else f"about {duration(view.eta)} left"
    grid = Table.grid(padding=(0, 2))
    cells: list[RenderableType] = [Text(view.name, style="bold")]
    if view.fraction is not None:
        cells.append(ProgressBar(total=1.0, completed=view.fraction, width=30))
    cells += [Text(view.limit or counted(view.done, "trial")), Text(speed), Text(left)]
    grid.add_row(*cells)
    return grid


def _counts(view: View) -> "RenderableType":
    from rich.text import Text

    line = Text("  ")
    for i, (state, count) in enumerate(view.counts.items()):
        line.append("  " if i else "")
        line.append(f"{count:,} {state}", style=STYLES.get(state, ""))
    return line


def _best(view: View) -> "list[RenderableType]":
    from rich.text import Text

    if view.best is None:
        told = f"no trial keeps the constraints yet; {view.nearest}" if view.nearest else "no best trial yet"
        return [Text("  " + told, style="dim", overflow="fold")]
    line = Text.assemble(("best", "bold"), f"  {view.metric} ", (number(view.best.value), "bold green"))
    age = "" if view.best_age is None else f", {duration(view.best_age)} ago"
    line.append(f"  trial {view.best.number}{age}", style="dim")
    lines: list[RenderableType] = [line, Text("  " + params_line(view.best.params), overflow="fold")]
    if view.front_count:
        front = counted(view.front_count, "trial")
        lines.append(Text.assemble(("front", "bold"), f" {front} that no other one beats in all"))
    return lines


def _running(view: View) -> "RenderableType":
    from rich.console import Group
    from rich.text import Text

    rows = []
    for trial in view.running:
        gap = "" if trial.gap is None else f"{trial.gap:+.4g} to best"
        step = f"step {trial.step}" if trial.step else ""
        value = number(trial.value) if trial.value is not None else ""
        rows.append((f"trial {trial.number}", step, value, gap, duration(trial.seconds)))
    widths = [max(len(cell) for cell in column) for column in zip(*rows, strict=True)]
    lines = []
    for trial, (name, *others) in zip(view.running, rows, strict=True):
        cells = [name.ljust(widths[0]), *(cell.rjust(width) for cell, width in zip(others, widths[1:], strict=True))]
        line = Text("  " + "  ".join(cells), no_wrap=True, overflow="ellipsis")
        lines.append(line.append("  " + params_line(trial.params), style="dim"))
    if view.running_count > len(view.running):
        lines.append(Text(f"  and {view.running_count - len(view.running)} more"))
    return Group(*lines)


def rate(per_second: float) -> str:
    """Trials a second as people write it.

    >>> rate(4900.2), rate(2.5), rate(0.05)
    ('4,900 trials/s', '2.5 trials/s', '3.0 trials/min')
    """
    if per_second >= 100:
        return f"{per_second:,.0f} trials/s"
    return f"{per_second:.1f} trials/s" if per_second >= 0.5 else f"{per_second * 60:.1f} trials/min"


def trial_line(record: TrialRecord, metric: str, best: tuple[int, float] | None) -> str:
    """The line of a finished trial: number, state, value, best so far, seconds; why it is no good, if it is not."""
    value = f"{metric} {number(record.value) if not math.isnan(record.value) else '-'}"
    parts = [f"trial {record.number:<4}", f"{record.state:<10}", f"{value:<{len(metric) + 11}}"]
    parts.append(f"best {number(best[1])} (trial {best[0]})" if best else "best -")
    parts.append(duration(record.seconds))
    if record.state != "completed" and record.reason:
        parts.append(first_line(record.reason))
    if record.state == "completed" and not record.feasible:
        parts.append("breaks a constraint")
    return "  ".join(parts)


def python_params(params: dict[str, Any]) -> list[str]:
    r"""A configuration as Python code.

    >>> print(*python_params({"lr": 0.01, "act": "relu"}), sep="\n")
    params = {
        "lr": 0.01,
        "act": "relu",
    }
    """
    if not params:
        return ["params = {}"]
    return ["params = {", *_items(params), "}"]


def _items(params: dict[str, Any]) -> list[str]:
    return [f"    {_quoted(name)}: {_literal(value)}," for name, value in params.items()]


def _quoted(text: str) -> str:
    return f'"{text}"' if text.isprintable() and '"' not in text and "\\" not in text else repr(text)


def _literal(value: Any) -> str:
    if isinstance(value, str):
        return _quoted(value)
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(str(name))}: {_literal(below)}" for name, below in value.items()) + "}"
    return repr(value)


def last_failure(history: History) -> TrialRecord | None:
    """The trial that failed last."""
    if not history.counts[CODES["failed"]]:
        return None
    ended = map(history.trial, reversed(history.finished))
    return next((record for record in ended if record.state == "failed"), None)


def failure_lines(record: TrialRecord, most: int = 20) -> list[str]:
    """What to say of a trial that failed: its reason, and the end of its traceback."""
    told = (record.error or "").rstrip().splitlines()
    cut = ["    ..."] if len(told) > most else []
    lines = [f"trial {record.number} failed: {first_line(record.reason)}"]
    return [*lines, *cut, *(f"    {line}" for line in told[-most:])]


def closing(view: View, reason: str, *, url: str, resume: str, failure: TrialRecord | None = None) -> list[str]:
    """What is said at the end of a run: why it ended, the best configuration as code, where it is, how to go on.

    Args:
        view: the last view.
        reason: why the run ended.
        url: the store's.
        resume: how to run it again.
        failure: the trial that failed last, to be told of where none came to a value.
    """
    import shlex

    counts = ", ".join(f"{count:,} {state}" for state, count in view.counts.items()) or "no trials"
    lines = [f"{view.name}: {reason or 'ended'} ({counts})"]
    name = f"{shlex.quote(view.name)}{store_option(url)}"
    lines += _found(view, failure, "" if url == "memory" else f"lanista best {name}")
    if url == "memory":
        lines.append("journal: in the memory of this process; give store=PATH to keep it")
        return lines
    lines.append(f"journal: {url}, experiment {view.name!r}")
    if _FULL.fullmatch(reason) and resume.startswith("lanista ") and "--trials" not in resume:
        resume += f" --trials {2 * sum(view.counts.values())}"
    lines.append(f"to go on: {resume}")
    lines.append(f"to look further: lanista show {name}  (trials, best and top in place of show)")
    return lines


def _found(view: View, failure: TrialRecord | None, command: str) -> list[str]:
    """What the closing lines say of the trials: the front, and the best as code; or why there is none.

    `command` is what shows all of the front and of the best; "": there is none, code has to.
    """
    if view.best is None and view.nearest:
        return [f"no trial keeps the constraints {view.constraints}; {view.nearest}"]
    if view.best is None:
        return ["no trial ended with a value", *(failure_lines(failure) if failure is not None else [])]
    lines = []
    if view.front_count:
        many = counted(view.front_count, "trial")
        lines.append(f"front: {many} that no other one beats in every metric (all of them: {command or 'exp.pareto'})")
        lines += [f"    trial {record.number}: {values_line(record, view.metrics)}" for record in view.front[:FRONT]]
        more = view.front_count - len(view.front[:FRONT])
        lines += [f"    and {more:,} more"] if more else []
    best = f"best by {view.metric}" if len(view.metrics) > 1 else "best"
    step = f", {counted(view.best.steps, 'step')}" if view.best.steps else ""
    lines.append(f"{best}: trial {view.best.number}, {view.metric} = {view.best.value!r} ({view.mode}){step}")
    if len(view.best.params) <= SHOWN:
        return [*lines, *python_params(view.best.params)]
    hint = f"    # and {len(view.best.params) - SHOWN} more; all of them: {command or 'exp.best.params'}"
    return [*lines, "params = {", *_items(view.best.params)[:SHOWN], hint, "}"]


def values_line(record: TrialRecord, metrics: Iterable[str]) -> str:
    """The objectives of a trial on one line."""
    return ", ".join(f"{name} {number(value)}" for name, value in zip(metrics, record.values, strict=True))


def store_option(url: str) -> str:
    """What a command of `lanista` needs to find the store; "" for the default one."""
    import shlex

    if url == f"sqlite:///{home() / 'lanista.db'}":
        return ""
    return " --store " + shlex.quote(url.removeprefix("sqlite:///") if url.startswith("sqlite:") else url)
