"""For Python scripts that run as commands, and as well when a person starts them by hand."""

import contextlib
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from lanista.errors import Infeasible, ObjectiveError, StopTrial
from lanista.journal import Params
from lanista.trial._line import Line, Printer
from lanista.trial._protocol import Job
from lanista.trial._trial import Trial
from lanista.trial._values import as_metrics

_current: tuple[Trial, Line | Printer] | None = None
_outer_hook = sys.excepthook


def get_params(defaults: Any = None, **more: Any) -> Params:
    """The trial's parameters over the defaults; only the defaults where the script was started by hand.

    Args:
        defaults: a dict, or an object with attributes such as the Namespace of argparse.
        **more: further defaults.

    >>> get_params({"lr": 0.1}, epochs=3)
    {'lr': 0.1, 'epochs': 3}
    """
    if defaults is None:
        defaults = {}
    elif not isinstance(defaults, Mapping):
        defaults = vars(defaults)
    if in_trial():
        _catch_stops()
        return {**defaults, **more, **read_params()}
    found = {**defaults, **more}
    _session()[0].params.update(found)
    return found


def report(value: float | None = None, step: int | None = None, **metrics: float) -> None:
    """Reports metrics after a step; by hand, prints them.

    Args:
        value: the first objective, when it is not given by name.
        step: which step it was, by default the one after the last; steps count from 1.
        **metrics: metrics by name.

    Raises:
        StopTrial: the trial ends here. Let it pass: the script then ends without a traceback, with exit code 0.
        MetricError: a value is no number.

    >>> report(accuracy=0.9, step=1)
    step 1: accuracy=0.9
    """
    if is_reporter():
        get_trial().report(value, step, **metrics)


def finish(value: float | Mapping[str, float] | None = None, **metrics: float) -> None:
    """Gives the trial's result: a number for the first objective, or metrics by name. The last report serves otherwise.

    Raises:
        MetricError: a value is no number.

    >>> finish(accuracy=0.93)
    result: accuracy=0.93
    """
    if is_reporter():
        trial, link = _session()
        names = trial._job.metrics
        trial.flush()
        link.finish({**as_metrics(value, names), **as_metrics(metrics, names)})


def get_trial() -> Trial:
    """The trial that this script runs for, with `save`, `load`, `directory` and `seed`.

    By hand it is a fresh trial that prints its reports and keeps its files in ./lanista-trial.

    >>> get_trial().number
    0
    """
    return _session()[0]


def in_trial() -> bool:
    """Whether the script runs as a trial's command."""
    return "LANISTA_TRIAL" in os.environ


def is_reporter() -> bool:
    """Whether this process speaks for the trial: of the processes that torchrun starts, only the one of rank 0 does."""
    rank = os.environ.get("RANK", "0")
    return rank == "0" or (in_trial() and rank == _told()["rank"])


def read_params() -> Any:
    """What the trial's file of parameters holds.

    Raises:
        ObjectiveError: the file cannot be read.
    """
    path = os.environ.get("LANISTA_PARAMS_FILE", "")
    try:
        return json.loads(Path(path).read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise ObjectiveError(
            f"the trial's parameters in LANISTA_PARAMS_FILE={path!r} cannot be read: {error}"
        ) from error


def _told() -> dict[str, Any]:
    told: dict[str, Any] = json.loads(os.environ["LANISTA_TRIAL"])
    return told


def _session() -> tuple[Trial, Line | Printer]:
    """The trial of this process and its line, made when first asked for."""
    import atexit

    global _current
    if _current is None:
        _current = _connect() if in_trial() else _by_hand()
        atexit.register(_flush)
    return _current


def _connect() -> tuple[Trial, Line]:
    told = _told()
    params = read_params()
    job = Job(
        number=told["number"],
        params=params if isinstance(params, dict) else {},
        attempt=told["attempt"],
        seed=told["seed"],
        directory=told["directory"],
        metrics=tuple(told["metrics"]),
        step=told["step"],
        checkpoint=told["checkpoint"],
        fidelity=told.get("fidelity"),
        define=told.get("define", False),
        proposal=told.get("proposal", {}),
    )
    link = Line(os.environ["LANISTA_SOCKET"])
    _catch_stops()
    return Trial(job, link, resources=told["resources"]), link


def _by_hand() -> tuple[Trial, Printer]:
    link = Printer()
    job = Job(number=0, params={}, attempt=1, seed=0, directory="lanista-trial", metrics=("value",), define=True)
    return Trial(job, link), link


def _flush() -> None:
    """Hands over a checkpoint that was saved last of all."""
    with contextlib.suppress(OSError):
        get_trial().flush()


def _catch_stops() -> None:
    """Lets a script that passes StopTrial on end as if it had come to its end."""
    global _outer_hook
    if sys.excepthook is not _hook:
        _outer_hook, sys.excepthook = sys.excepthook, _hook


def _hook(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    if issubclass(kind, Infeasible) and is_reporter():
        _session()[1].infeasible(str(error))
    if issubclass(kind, StopTrial | Infeasible):
        raise SystemExit(0)
    _outer_hook(kind, error, trace)
