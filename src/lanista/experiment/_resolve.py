"""From the names that people write to objects: the one table of them."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, TypeVar

from lanista.errors import UsageError
from lanista.execute import Inline, Processes
from lanista.schedule import ASHA, FIFO, MedianStopping, Scheduler
from lanista.search import (
    CMAES,
    DE,
    DNGO,
    GP,
    NSGA2,
    NSGA3,
    TPE,
    Anneal,
    Auto,
    Batch,
    Forest,
    Grid,
    Random,
    RegularizedEvolution,
    Searcher,
    Sobol,
    TuRBO,
)
from lanista.trial import Executor

SEARCHERS: dict[str, Callable[..., Searcher]] = {
    "auto": Auto,
    "random": Random,
    "sobol": Sobol,
    "grid": Grid,
    "batch": Batch,
    "tpe": TPE,
    "gp": GP,
    "turbo": TuRBO,
    "forest": Forest,
    "dngo": DNGO,
    "cmaes": CMAES,
    "de": DE,
    "anneal": Anneal,
    "evolution": RegularizedEvolution,
    "nsga2": NSGA2,
    "nsga3": NSGA3,
}
SCHEDULERS: dict[str, Callable[..., Scheduler]] = {"fifo": FIFO, "median": MedianStopping, "asha": ASHA}
EXECUTORS: dict[str, Callable[..., Executor]] = {"inline": Inline, "processes": Processes}

T = TypeVar("T")


def named(kind: str, name: str, table: dict[str, Callable[..., T]], arguments: dict[str, Any] | None = None) -> T:
    """Makes the object of that name.

    Raises:
        UsageError: no such name, with the nearest one; or arguments that it does not take.
    """
    from difflib import get_close_matches

    maker = table.get(name.lower())
    if maker is None:
        close = get_close_matches(name.lower(), table, 1)
        hint = f"; did you mean {close[0]!r}? There" if close else "; there"
        raise UsageError(f"{kind}={name!r} is not known{hint} are: {', '.join(sorted(table))}")
    try:
        return maker(**arguments or {})
    except TypeError as error:
        cls = getattr(maker, "__name__", name)
        raise UsageError(f"{kind} {name!r}: {error}; give an object with its arguments, {cls}(...)") from error


def as_searcher(given: str | Searcher | None) -> Searcher:
    """A searcher from a name or an object; by default `Auto`."""
    if given is None:
        return Auto()
    if isinstance(given, str):
        return named("searcher", given, SEARCHERS)
    if not isinstance(given, Searcher) or isinstance(given, type):
        raise UsageError(
            f"searcher={given!r} has no method ask(history, count, rng); "
            f"give an object, or a name: {', '.join(sorted(SEARCHERS))}"
        )
    return given


def as_scheduler(given: str | Scheduler | None) -> Scheduler:
    """A scheduler from a name or an object; by default none (FIFO)."""
    if given is None:
        return FIFO()
    if isinstance(given, str):
        return named("scheduler", given, SCHEDULERS)
    if not isinstance(given, Scheduler) or isinstance(given, type):
        raise UsageError(
            f"scheduler={given!r} has no method on(history, event); "
            f"give an object, or a name: {', '.join(sorted(SCHEDULERS))}"
        )
    return given


def as_executor(given: str | Executor | None, workers: int | None, trial_time: float | None = None) -> Executor:
    """An executor from a name or an object; by default this process for one worker, and processes for more.

    `trial_time` is for processes, which kill what takes longer; elsewhere the controller sees to it at reports.
    """
    executor = _as_executor(given, workers)
    if isinstance(executor, Processes) and executor.trial_time is None and trial_time is not None:
        return replace(executor, trial_time=trial_time)
    return executor


def _as_executor(given: str | Executor | None, workers: int | None) -> Executor:
    if workers is not None and (not isinstance(workers, int) or workers < 1):
        raise UsageError(f"workers={workers!r} must be a whole number from 1")
    if given is None:
        return Inline() if workers in (None, 1) else Processes(workers)
    if isinstance(given, str):
        if given == "inline" and workers not in (None, 1):
            raise UsageError(
                f"executor='inline' runs one trial at a time; workers={workers} needs executor='processes'"
            )
        return named("executor", given, EXECUTORS, {"workers": workers} if given == "processes" else None)
    if workers is not None:
        raise UsageError(
            f"workers={workers} and an executor object were both given; write the workers into the executor"
        )
    return given
