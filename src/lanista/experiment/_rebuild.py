"""From what the journal tells of a run back to objects: searcher, scheduler, executor, objective."""

import ast
import importlib
import os
from collections.abc import Mapping
from importlib.machinery import PathFinder
from pathlib import Path
from typing import Any

from lanista.errors import ConfigError, ExperimentError, UsageError
from lanista.execute._pooled import check_count
from lanista.experiment._arguments import near
from lanista.experiment._config import import_objective
from lanista.experiment._limits import Limits
from lanista.experiment._resolve import EXECUTORS, SCHEDULERS, SEARCHERS, as_executor, named
from lanista.schedule import Combined, Fidelity
from lanista.trial import Command, Executor

_CLASSES: dict[str, Any] = {
    cls.__name__: cls for cls in (*SEARCHERS.values(), *SCHEDULERS.values(), Combined, Fidelity)
}
_NUMBERS = {"inf": float("inf"), "nan": float("nan")}


def decider(kind: str, text: str) -> Any:
    """The searcher or scheduler that `describe` has written down, with literal arguments.

    Only calls of Lanista's classes, and of others that have `ask` or `on`, are carried out.

    Raises:
        ExperimentError: it is written in another way, or its class cannot be imported.

    >>> decider("scheduler", "ASHA(max_steps=30, reduction=4)").reduction
    4
    """
    try:
        return _value(ast.parse(text, mode="eval").body)
    except (SyntaxError, ValueError, TypeError, ImportError, UsageError) as error:
        why = "it holds what has no name" if isinstance(error, SyntaxError) else str(error).partition("\n")[0]
        raise ExperimentError(
            f"the {kind} {text} cannot be made again from the journal: {why}; "
            "run the script that uses it on this machine, too: it shares the trials in the same way"
        ) from error


def _value(node: ast.expr) -> Any:
    match node:
        case ast.Call(func=func, args=args, keywords=keywords):
            return _class(func)(*map(_value, args), **{str(one.arg): _value(one.value) for one in keywords})
        case ast.Name(id=name) if name in _NUMBERS:
            return _NUMBERS[name]
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand)
        case ast.Dict(keys=keys, values=values):
            return {
                None if key is None else _value(key): _value(value) for key, value in zip(keys, values, strict=True)
            }
        case ast.List(elts=elements):
            return list(map(_value, elements))
        case ast.Tuple(elts=elements):
            return tuple(map(_value, elements))
    return ast.literal_eval(node)


def _class(node: ast.expr) -> Any:
    """A class by its name, or by module and name."""
    text = ast.unparse(node)
    if text in _CLASSES:
        return _CLASSES[text]
    module, _, name = text.rpartition(".")
    if module in ("", "__main__"):
        raise ValueError(f"{name!r} is in no module that can be imported here")
    found = getattr(importlib.import_module(module), name, None)
    if not isinstance(found, type) or not (hasattr(found, "ask") or hasattr(found, "on")):
        raise ValueError(f"{text!r} is no class of a searcher or scheduler")
    return found


def runner(told: Mapping[str, Any], given: str | None, workers: int | None, limits: Limits) -> Executor:
    """The executor of a helper, by default one of this machine for one trial at a time.

    One of the same kind as the run's gives each trial what that gives it.

    Raises:
        UsageError: there is none of that name, or it does not take so many workers.
    """
    if workers is not None:
        check_count("workers", workers)
    kind, resources = told.get("name"), {name: value for name, value in told.items() if name != "name"}
    if limits.trial_time is not None:
        resources.pop("trial_time", None)  # the limits have the latest word
    if given is not None and given not in EXECUTORS:
        raise UsageError(f"there is no executor {given!r}; {near(given, EXECUTORS)}")
    if given == "inline" or (given is None and workers in (None, 1) and kind not in ("processes", "ray")):
        return as_executor("inline", workers)
    name = given or "processes"
    if name != kind:
        resources = {key: value for key, value in resources.items() if key == "gpus"}
    return named("executor", name, EXECUTORS, {**resources, "workers": workers or (None if name == "ray" else 1)})


def objective(told: Mapping[str, Any], name: str, give: str) -> Any:
    """What the trials of the experiment of that name run.

    Args:
        told: what the plan says of it.
        name: the experiment's.
        give: the command that names an objective, as far as that.

    Raises:
        ExperimentError: the journal does not tell, or names what cannot be had here.
        ConfigError: it cannot be imported.
    """
    if "function" in told:
        try:
            return import_objective(told["function"], home(told))
        except ConfigError as error:
            raise ConfigError(
                f"{error}; start it in the folder that holds the code, or name it: {give} {told['function']}"
            ) from error
    if "command" in told:
        env = {key: os.environ[key] for key in told["env"] if key in os.environ}
        if missing := [key for key in told["env"] if key not in env]:
            raise ExperimentError(
                f"the command of {name!r} wants the variables {', '.join(missing)}, whose values the journal does not "
                f"keep; set them, or name the config file: {give} config.yml"
            )
        options = {"shell": told["shell"], "grace": told["grace"], "cwd": home(told), "env": env}
        return Command(told["command"], **options)
    if "unnamed" not in told:
        raise ExperimentError(
            f"the journal of {name!r} does not tell what a trial runs; name it: {give} train.py:train"
        )
    file = told.get("file")
    mend = f"{Path(file).name}:{told.get('name', 'train')}" if file else "train.py:train"
    mend = "config.yml" if told["unnamed"].startswith("a command") else mend
    place = f" of {file}" if file else ""
    raise ExperimentError(
        f"{name!r} runs {told['unnamed']}{place}, which cannot be imported by name; name what a trial runs, in a "
        f"module, a file or a config file: {give} {mend}"
    )


def home(told: Mapping[str, Any]) -> Path:
    """The folder of the code: where the run had it, if that is here, too, else the current one."""
    folder = Path(told.get("folder") or ".")
    source = str(told.get("function", "")).partition(":")[0]
    if source.endswith(".py"):
        there = (folder / source).is_file()
    elif source:  # a folder of the same name may be here that holds other things
        there = PathFinder.find_spec(source.partition(".")[0], [str(folder)]) is not None
    else:
        there = folder.is_dir()
    return folder.absolute() if there else Path.cwd()
