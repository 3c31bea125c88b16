"""From the names that people write to objects: the one table of them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from lanista.errors import UsageError
from lanista.execute import Inline, Processes, Ray
from lanista.execute._pooled import check_count
from lanista.joint import FreezeThaw
from lanista.schedule import (
    ASHA,
    DEHB,
    FIFO,
    PASHA,
    PB2,
    PBT,
    Budget,
    Combined,
    CurveFitting,
    HyperBand,
    MedianStopping,
    Plateau,
    ResourceChanging,
    Scheduler,
    SuccessiveHalving,
    Threshold,
    TimeSharing,
)
from lanista.search import (
    BOHB,
    CMAES,
    DE,
    DNGO,
    GP,
    NSGA2,
    NSGA3,
    PNAS,
    PPO,
    TPE,
    Anneal,
    Auto,
    Bananas,
    Batch,
    Forest,
    Grid,
    LocalSearch,
    Random,
    RegularizedEvolution,
    Reinforce,
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
    "bohb": BOHB,
    "gp": GP,
    "turbo": TuRBO,
    "forest": Forest,
    "dngo": DNGO,
    "cmaes": CMAES,
    "de": DE,
    "anneal": Anneal,
    "evolution": RegularizedEvolution,
    "local": LocalSearch,
    "bananas": Bananas,
    "pnas": PNAS,
    "reinforce": Reinforce,
    "ppo": PPO,
    "nsga2": NSGA2,
    "nsga3": NSGA3,
}
SCHEDULERS: dict[str, Callable[..., Scheduler]] = {
    "fifo": FIFO,
    "median": MedianStopping,
    "curvefitting": CurveFitting,
    "halving": SuccessiveHalving,
    "hyperband": HyperBand,
    "asha": ASHA,
    "pasha": PASHA,
    "dehb": DEHB,
    "pbt": PBT,
    "pb2": PB2,
    "timesharing": TimeSharing,
    "freezethaw": FreezeThaw,
    "resourcechanging": ResourceChanging,
    "plateau": Plateau,
    "threshold": Threshold,
    "budget": Budget,
}
EXECUTORS: dict[str, Callable[..., Executor]] = {"inline": Inline, "processes": Processes, "ray": Ray}
ALIASES = {
    "smac": "forest",
    "metis": "gp",
    "gridsearch": "grid",
    "annealing": "anneal",
    "regularizedevolution": "evolution",
    "localsearch": "local",
    "policybasedrl": "ppo",
    "differentialevolution": "de",
    **dict.fromkeys(("bo", "bayes", "bayesian", "bayesopt", "gaussianprocess"), "gp"),
    **dict.fromkeys(("bayesianoptimization", "bayesianoptimisation"), "gp"),
    "randomforest": "forest",
    **dict.fromkeys(("ga", "genetic", "geneticalgorithm"), "evolution"),
    "medianstop": "median",
    "medianstopping": "median",
    "nsgaii": "nsga2",
    "nsgaiii": "nsga3",
    "successivehalving": "halving",
    "sha": "halving",
}
"""Names that NNI and others have for what is here, without the ending "Tuner" or "Advisor"."""
LEAST_ALIKE = 0.65
"""How alike a name must be to what was written for it to be what was meant."""
_PRUNERS = "take a scheduler in its place: 'median', 'asha' or 'hyperband' do what pruners of like names do"
_SCHEDULER = "it is a scheduler here: give scheduler={!r}, with any searcher"
_MORPHISM = (
    "it grows networks of its own making, which nothing here does; search your own with evolution, as a "
    "nas.ModelSpace or by mutators, and let one go on from another's weights by nas.widen, nas.deepen or nas.inherit"
)
ELSEWHERE = {
    "searcher": {
        **{name: _SCHEDULER.format(name) for name in ("hyperband", "pbt", "pb2", "dehb")},
        "networkmorphism": _MORPHISM,
        "optuna": "take 'tpe', which is what Optuna does by default, or wrap a sampler of it by "
        "lanista.compat.optuna.FromOptuna(sampler)",
        "hyperopt": "what it does is 'tpe', 'anneal' and 'random' here",
    },
    "scheduler": {
        "bohb": "it is two things here: searcher='bohb' with scheduler='hyperband'",
        "optuna": _PRUNERS,
    },
}
"""Names that people look for in the wrong place, or that are of other systems, and what to take."""

T = TypeVar("T")


def canonical(name: str) -> str:
    """A name as the tables have it: without case, without what joins words, and without NNI's endings.

    >>> canonical("CMA-ES"), canonical("PBTTuner"), canonical("grid_search")
    ('cmaes', 'pbt', 'gridsearch')
    """
    plain = name.lower()
    for mark in "-_ ":
        plain = plain.replace(mark, "")
    return plain.removesuffix("tuner").removesuffix("advisor")


def maker(kind: str, name: str, table: Mapping[str, Callable[..., T]]) -> Callable[..., T]:
    """What makes the object of that name.

    Raises:
        UsageError: no such name, with the nearest one; or it is found elsewhere, with the place.
    """
    key = canonical(name)
    key = key if key in table else ALIASES.get(key, key)
    if key in table:
        return table[key]
    if key in ELSEWHERE.get(kind, ()):
        raise UsageError(f"{kind}={name!r}: {ELSEWHERE[kind][key]}")
    from difflib import get_close_matches

    close = get_close_matches(key, table, 1, LEAST_ALIKE)
    hint = f"did you mean {close[0]!r}? There" if close else "there"
    raise UsageError(f"{kind}={name!r} is not known; {hint} are: {', '.join(sorted(table))}")


def named(kind: str, name: str, table: Mapping[str, Callable[..., T]], arguments: dict[str, Any] | None = None) -> T:
    """Makes the object of that name.

    Raises:
        UsageError: no such name, or it is found elsewhere; or arguments that it does not take.
    """
    make = maker(kind, name, table)
    try:
        return make(**arguments or {})
    except TypeError as error:
        cls = getattr(make, "__name__", name)
        if needed := [each for each in _needed(make) if each not in (arguments or {})]:
            given = ", ".join(f"{each}=..." for each in needed)
            raise UsageError(f"{kind} {name!r} needs {', '.join(needed)}; give an object, {cls}({given})") from None
        raise UsageError(f"{kind} {name!r}: {error}; give an object with its arguments, {cls}(...)") from error


def _needed(make: Callable[..., object]) -> list[str]:
    """The arguments that have no default."""
    import inspect

    parameters = inspect.signature(make).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]


def as_searcher(given: str | Searcher | None) -> Searcher:
    """A searcher from a name or an object; by default `Auto`."""
    return _decider("searcher", "auto" if given is None else given, SEARCHERS, "ask(history, count, rng)")


def as_scheduler(given: str | Scheduler | Sequence[str | Scheduler] | None) -> Scheduler:
    """A scheduler from a name or an object, or one and further rules from a list; by default none (FIFO)."""
    if isinstance(given, Sequence) and not isinstance(given, str):
        if not given:
            raise UsageError(
                "scheduler=[] is an empty list; give a scheduler and rules beside it, such as [ASHA(30), Plateau(5)], "
                "or leave scheduler out to run every trial to its end"
            )
        schedulers = [as_scheduler(one) for one in given]
        return schedulers[0] if len(schedulers) == 1 else Combined(*schedulers)
    return _decider("scheduler", "fifo" if given is None else given, SCHEDULERS, "on(history, event)")


def _decider(kind: str, given: str | T, table: Mapping[str, Callable[..., T]], method: str) -> T:
    if isinstance(given, str):
        return named(kind, given, table)
    if isinstance(given, type) or not callable(getattr(given, method.partition("(")[0], None)):
        names = ", ".join(sorted(table))
        if hint := _OPTUNA.get(_optuna(given)):
            raise UsageError(f"{kind}={given!r} is Optuna's; {hint}")
        if isinstance(given, type) and callable(getattr(given, method.partition("(")[0], None)):
            call = f"{given.__name__}({', '.join(f'{name}=...' for name in _needed(given))})"
            raise UsageError(f"{kind}={given.__name__} is a class; give an object of it: {kind}={call}")
        what = "is a dict, as config files have it" if isinstance(given, dict) else f"has no method {method}"
        raise UsageError(f"{kind}={given!r} {what}; give an object, or a name: {names}")
    return given


_OPTUNA = {
    "samplers": "wrap it: searcher=lanista.compat.optuna.FromOptuna(sampler)",
    "pruners": _PRUNERS,
}


def _optuna(given: Any) -> str:
    """Which part of Optuna an object is of, "" for none."""
    cls = given if isinstance(given, type) else type(given)
    parts = [base.__module__.split(".") for base in cls.__mro__]
    return next((part[1] for part in parts if part[0] == "optuna" and len(part) > 1), "")


def as_executor(given: str | Executor | None, workers: int | None, trial_time: float | None = None) -> Executor:
    """An executor from a name or an object; by default this process for one worker, and processes for more.

    `trial_time` is for those that kill what takes longer; elsewhere the controller sees to it at reports.
    """
    executor = _as_executor(given, workers)
    if isinstance(executor, Processes | Ray) and executor.trial_time is None and trial_time is not None:
        return replace(executor, trial_time=trial_time)
    return executor


def _as_executor(given: str | Executor | None, workers: int | None) -> Executor:
    if workers is not None:
        check_count("workers", workers)
    if given is None:
        return Inline() if workers in (None, 1) else Processes(workers)
    if isinstance(given, str):
        if given == "inline" and workers not in (None, 1):
            raise UsageError(
                f"executor='inline' runs one trial at a time; workers={workers} needs executor='processes'"
            )
        return named("executor", given, EXECUTORS, None if given == "inline" else {"workers": workers})
    if workers is not None:
        raise UsageError(
            f"workers={workers} and an executor object were both given; write the workers into the executor"
        )
    return given
