"""What the pages show of an experiment: summaries, the detail, progress to each limit."""

import math
import time
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import numpy as np

from lanista.errors import LanistaError
from lanista.experiment import Status
from lanista.experiment._proposals import explained
from lanista.experiment._view import trials_had
from lanista.journal import History
from lanista.plot import FIGURES
from lanista.plot._frame import Frame
from lanista.space import Space
from lanista.web._shelf import Book

SPARK = 40
"""Points of the small line beside an experiment in a list."""


def summary(book: Book) -> dict[str, Any]:
    """How an experiment stands, in a list of them."""
    with book.read() as history:
        status = book.status()
        notes = history.notes.get(None, {})
        assert history.created is not None
        return {
            "name": status.name,
            "state": status.state,
            "metrics": [{"name": name, "direction": way} for name, way in history.created.metrics.items()],
            "trials": len(history),
            "counts": status.counts,
            "best": None if status.best is None else {"number": status.best.number, "value": status.best.value},
            "created": status.created,
            "updated": book.updated(),
            "owners": [{**asdict(owner), "host": owner.host.partition("/")[0]} for owner in status.owners],
            "tags": tags_of(notes),
            "note": str(notes.get("note", "")),
            "binding": max(progress(history, status, time.time()), key=_share, default=None),
            "spark": spark(history),
        }


def detail(book: Book) -> dict[str, Any]:
    """All about an experiment but its trials."""
    with book.read() as history:
        created, status = history.created, book.status()
        assert created is not None
        return {
            **summary(book),
            "seq": history.seq,
            "space": history.space.to_json(),
            "searcher": created.searcher,
            "scheduler": created.scheduler,
            "searcher_says": _says(book, history),
            "limits": _limits(history, status),
            "progress": list(progress(history, status, time.time())),
            "parameters": parameters(history.space),
            "constraints": {name: str(bound) for name, bound in history.constraints.items()},
            "columns": [*book.table.columns.names(), *book.table.columns.short()],
            "seed": created.seed,
            "store": book.experiment.store.url,
            "version": created.version,
            "resizable": any(run.resizable for run in history.owners.values()),
            "define": created.define,
            "figures": [name for name in FIGURES if name not in _left_out(history)],
        }


def _says(book: Book, history: History) -> str:
    """What the searcher says of itself, where it is asked: only of the default one is known here that it runs."""
    created = history.created
    if not created or not created.searcher.startswith("Auto") or "FreezeThaw(" in created.scheduler:
        return ""
    try:
        return explained(history, book.experiment.searcher)
    except LanistaError:
        return ""


def _left_out(history: History) -> set[str]:
    """Figures that have nothing to show for this experiment: those of several objectives, or of models."""
    fronts = set[str]() if len(history.metrics) > 1 else {"pareto", "hypervolume"}
    models = set[str]() if any(sign in name for name in history.space.names for sign in "./") else {"architecture"}
    return {"compare"} | fronts | models


def tags_of(notes: dict[str, Any]) -> list[str]:
    """The tags among remarks, whoever wrote them."""
    tags = notes.get("tags", [])
    return [str(tag) for tag in tags] if isinstance(tags, list) else [str(tags)]


def progress(history: History, status: Status, now: float) -> Iterator[dict[str, Any]]:
    """How much of each limit of the run that goes on, or went last, is used."""
    limits = _limits(history, status)
    if (most := limits.get("trials")) is not None:
        yield _used("trials", trials_had(history), most, "trials")
    starts = [run.time for run in history.owners.values() if not run.helps]
    if (most := limits.get("time")) is not None and starts:
        yield _used("time", max(0.0, now - min(starts)), most, "seconds")
    if (most := limits.get("cost")) is not None:
        yield _used("cost", history.total_cost, most, "cost")
    if (most := limits.get("plateau")) is not None:
        yield _used("plateau", _stalled(history, most[1]), most[0], "trials without a better one")
    if (most := limits.get("target")) is not None and history.best is not None:
        value = history.trial(history.best).value
        if math.isfinite(value):
            yield _used("target", value, most, history.metrics[0])


def _limits(history: History, status: Status) -> dict[str, Any]:
    """The limits of the run that goes on, or went last."""
    return status.limits or (dict(history.begun.limits) if history.begun is not None else {})


def _share(used: dict[str, Any]) -> float:
    """How near a limit is; a target is a value to reach, of which no share is used."""
    return 0.0 if used["limit"] == "target" else float(used["used"] / used["total"])


def spark(history: History) -> list[float]:
    """The best so far by the first metric, at evenly spread trials.

    >>> import lanista as la
    >>> exp = la.Experiment("sparked", {"x": la.Float(0, 1)}, metric="loss", store="memory")
    >>> spark(exp.add({"x": 0.1}, 3.0).add({"x": 0.2}, 5.0).add({"x": 0.3}, 2.0).history)
    [3.0, 3.0, 2.0]
    """
    if not history.metrics:
        return []
    frame = Frame(history)
    best = np.minimum.accumulate(frame.minimised()[frame.contenders()])
    shown = np.unique(np.linspace(0, len(best) - 1, min(SPARK, len(best))).round().astype(np.intp))
    found: list[float] = (-best if frame.direction == "max" else best)[shown].tolist()
    return found


def _used(limit: str, used: float, total: float, unit: str) -> dict[str, Any]:
    return {"limit": limit, "used": used, "total": total, "unit": unit}


def _stalled(history: History, delta: float) -> int:
    """How many trials ended since one was better than all before by more than delta."""
    best, since = math.inf, 0
    for value in map(history.first, history.finished):
        best, since = (value, 0) if value < best - delta else (best, since + 1)
    return since


def parameters(space: Space) -> list[dict[str, Any]]:
    """The parameters for a form: name, kind, range or options, and the parent with the options under which it applies.

    >>> import lanista as la
    >>> parameters(la.Space({"lr": la.Float(0.1, 1)}))[0]["kind"]
    'float'
    """
    found = []
    for parameter in space.parameters:
        shape = parameter.domain.to_json()
        shape.pop("children", None)
        told = {"name": parameter.name, "path": parameter.path, "kind": shape.pop("type"), **shape}
        told["start"] = parameter.domain.start
        if parameter.parent is not None:
            parent: Any = space.parameters[parameter.parent]
            told["parent"] = parent.name
            told["when"] = [parent.domain.options[index] for index in sorted(parameter.options)]
        found.append(told)
    return [*found, *({"name": c.name, "path": c.path, "kind": "constant", "value": c.value} for c in space.constants)]
