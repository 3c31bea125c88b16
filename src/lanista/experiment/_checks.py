"""What is given to an experiment, held against what may be and what the store has."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from lanista._version import __version__
from lanista.errors import ExperimentError, MismatchError, SpaceError, UsageError
from lanista.experiment._arguments import near
from lanista.journal import Bound, Created, Joined, as_bound
from lanista.space import Choice, Space

P = ParamSpec("P")
R = TypeVar("R")
ELSEWHERE = {
    "n_trials": "trials",
    "num_samples": "trials",
    "n_jobs": "workers",
    "timeout": "time_limit",
    "show_progress_bar": "progress",
    "study_name": "name",
    "direction": "mode",
    "directions": "metric",
    "sampler": "searcher",
    "pruner": "scheduler",
    "storage": "store",
}
"""What others call the arguments of `Experiment` and `run`."""


def named(call: Callable[P, R]) -> Callable[P, R]:
    """Has keyword arguments that there are not refused with the name that is meant."""
    import inspect

    known = [name for name in inspect.signature(call).parameters if name != "self"]
    what = call.__qualname__.removesuffix(".__init__")

    @wraps(call)
    def checked(*args: P.args, **kwargs: P.kwargs) -> R:
        for name in kwargs:
            if name not in known:
                meant = ELSEWHERE.get(name)
                hint = f"did you mean {meant!r}?" if meant in known else near(name, known)
                raise UsageError(f"{what}({name}=...): there is no such argument; {hint}")
        return call(*args, **kwargs)

    return checked


def check_name(name: str) -> None:
    """Raises UsageError for a name that cannot name a folder too."""
    if not isinstance(name, str) or not name.strip() or not name.isprintable() or "/" in name or name in (".", ".."):
        raise UsageError(f"the experiment's name {name!r} must be one line of text, not empty and without '/'")


def as_space(space: Mapping[str, Any] | Space | None) -> Space | None:
    """The space that was given; a list in it, which would be a constant, is taken for a mistake."""
    if space is None or isinstance(space, Space):
        return space
    if not isinstance(space, Mapping):
        raise SpaceError(f"the space {space!r} must be a dict of names and domains, such as {{'x': la.Float(0, 1)}}")
    _refuse_lists(space.items(), "")
    return Space(dict(space))


def _refuse_lists(tree: Iterable[tuple[Any, Any]], place: str) -> None:
    """Raises SpaceError for a list where a domain should be, below choices, too."""
    for name, domain in tree:
        if isinstance(domain, list | tuple | set):
            raise SpaceError(
                f"'{place}{name}' is the {type(domain).__name__} {domain!r}; to choose among its values write "
                f"la.Choice({list(domain)!r}), and for a constant list give la.Space({{...}})"
            )
        if isinstance(domain, Choice) and domain.children:
            for option, below in zip(domain.options, domain.children, strict=True):
                _refuse_lists(below, f"{place}{name}={option}/")


def as_directions(metric: str | Mapping[str, str] | None, mode: str | None) -> dict[str, str] | None:
    """The objectives with their directions, None when nothing is said."""
    if metric is None:
        metrics = {} if mode is None else {"value": mode}
    elif isinstance(metric, str):
        metrics = {metric: mode or "min"}
    elif not isinstance(metric, Mapping):
        raise UsageError(f"metric={metric!r} must be a name, or a dict of names with 'min' or 'max' each")
    elif mode is not None:
        raise UsageError(f"mode={mode!r}: metric is a dict, which gives each metric its own direction")
    else:
        metrics = dict(metric)
        if not metrics:
            raise UsageError("metric={} names no metric; write {'loss': 'min'}, or leave it out for 'value'")
    for name, direction in metrics.items():
        if not isinstance(name, str) or not name:
            raise UsageError(f"metric {name!r} must be a text that is not empty")
        if direction not in ("min", "max"):
            meant = [known for known in ("min", "max") if str(direction).lower().startswith(known)]
            hint = f"; did you mean {meant[0]!r}?" if meant else ""
            raise UsageError(f"metric {name!r}: the direction {direction!r} must be 'min' or 'max'{hint}")
    return metrics or None


def as_bounds(constraints: Mapping[str, Bound | str] | None) -> dict[str, list[Any]] | None:
    """The bounds on metrics as the journal keeps them, None when nothing is said."""
    if constraints is None:
        return None
    if not isinstance(constraints, Mapping):
        raise UsageError(f"constraints={constraints!r} must be a dict, such as {{'latency': la.at_most(10)}}")
    for name, bound in constraints.items():
        if not isinstance(name, str) or not name:
            raise UsageError(
                f"constraints={{{name!r}: {bound!r}}}: {name!r} must be the name of a metric, such as 'latency'"
            )
    return {name: list(as_bound(name, given)) for name, given in constraints.items()}


def check_params(place: str, params: object) -> None:
    """Raises SpaceError for what is no configuration; the `place` is where it was given."""
    if not isinstance(params, Mapping):
        raise SpaceError(
            f"{place}: {params!r} is no configuration; give a dict of names and values, such as {{'x': 0.5}}"
        )


def check_end(state: str | None) -> None:
    """Raises UsageError for a state that a person cannot end a trial with; None stands for the usual one."""
    ends = ("completed", "stopped", "failed", "infeasible")
    if state is not None and state not in ends:
        raise UsageError(f"state={state!r} must be one of {', '.join(map(repr, ends))}")


def check_workers(name: str, workers: int, runs: Sequence[Joined]) -> None:
    """Raises ExperimentError where none of the runs that go on can have so many workers."""
    if runs and not any(run.resizable or run.workers == workers for run in runs):
        raise ExperimentError(
            f"workers={workers}: what runs {name!r} now keeps to {runs[0].workers} at a time; "
            f"stop it, and run it again with workers={workers} and executor='processes'"
        )


def first_event(
    name: str,
    space: Space | None,
    metrics: dict[str, str] | None,
    constraints: dict[str, list[Any]] | None,
    seed: int | None,
    deciders: tuple[str, str],
    place: str = "",
) -> Created:
    """The event that creates an experiment, with defaults for what was not given."""
    import secrets

    drawn = secrets.randbits(31) if seed is None else as_seed(seed)
    told = (space or Space({})).to_json()
    named = metrics or {"value": "min"}
    define, bounds = space is None, constraints or {}
    return Created(time.time(), name, told, named, drawn, *deciders, __version__, define, bounds, place)


def as_seed(seed: int) -> int:
    if not isinstance(seed, int) or isinstance(seed, bool) or seed < 0:
        raise UsageError(f"seed={seed!r} must be a whole number from 0")
    return seed


def check_same(
    created: Created,
    space: Space | None,
    metrics: dict[str, str] | None,
    constraints: dict[str, list[Any]] | None,
    seed: int | None,
) -> None:
    """Holds what is given against what the store has."""
    where = f"experiment {created.name!r} exists"
    mend = "give another name, or remove it with: lanista rm " + created.name
    if space is not None:
        old, new = _unbelieved(created.space), _unbelieved(json.loads(json.dumps(space.to_json())))
        if old != new:
            raise MismatchError(f"{where} with another space ({_difference(old, new)}); {mend}")
    if metrics is not None and metrics != created.metrics:
        raise MismatchError(f"{where} with metric {created.metrics}, not {metrics}; {mend}")
    if constraints is not None and constraints != created.constraints:
        raise MismatchError(f"{where} with constraints {created.constraints}, not {constraints}; {mend}")
    if seed is not None and seed != created.seed:
        raise MismatchError(f"{where} with seed {created.seed}, not {seed}; leave the seed out, or {mend}")


def _unbelieved(space: dict[str, Any]) -> dict[str, Any]:
    """A space without its priors, which are what the user believes today and no part of what is searched."""
    return {**space, "parameters": _without_priors(space["parameters"])}


def _without_priors(tree: dict[str, Any]) -> dict[str, Any]:
    plain = {}
    for name, node in tree.items():
        plain[name] = {key: value for key, value in node.items() if key not in ("prior", "confidence", "weights")}
        if "children" in node:
            plain[name]["children"] = [_without_priors(below) for below in node["children"]]
    return plain


def _difference(old: dict[str, Any], new: dict[str, Any]) -> str:
    """Where two spaces differ, by parameter."""
    a, b = old.get("parameters", old), new.get("parameters", new)
    for name in {**a, **b}:
        if name not in a:
            return f"{name!r} is new"
        if name not in b:
            return f"{name!r} is missing"
        if a[name] != b[name]:
            return f"{name!r} was {json.dumps(a[name])}, is {json.dumps(b[name])}"
    return "the conditions differ"
