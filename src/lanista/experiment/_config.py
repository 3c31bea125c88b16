"""Config files: an experiment, its objective and its run in YAML.

There is no list of fields: they are the arguments of `Experiment`, of `Experiment.run` and of the classes they name.
"""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import ConfigError, LanistaError, UsageError
from lanista.experiment._arguments import checked, fitted, hints_of, made, near, parameters
from lanista.experiment._checks import as_bounds
from lanista.experiment._experiment import Experiment
from lanista.experiment._limits import Limits
from lanista.experiment._reference import APART
from lanista.experiment._resolve import EXECUTORS, SCHEDULERS, SEARCHERS, as_scheduler, maker
from lanista.experiment._space_file import Convert, read_space
from lanista.experiment._yaml import Document, Where, read_yaml
from lanista.trial import Command

OWN = ("command", "where", "resources", "retries")
"""Fields that are no argument of their own: a command is an objective, others belong to space, executor, limits."""
CODE_ONLY = ("callbacks", "progress")
"""Arguments of `run` that only code can give."""


class Config(Frozen):
    """What a config file says: arguments for `Experiment`, the objective, and arguments for `run`."""

    path: Path
    experiment: dict[str, Any]
    objective: Any
    run: dict[str, Any]

    def open(self) -> Experiment:
        """Creates the experiment, or opens it where it exists."""
        return Experiment(**self.experiment)


def load_config(path: str | Path, changes: Mapping[str, Any] | None = None) -> Config:
    """Reads and checks a config file.

    Args:
        path: the file.
        changes: fields that take the place of the file's own.

    Raises:
        ConfigError: there is no such file, it is no YAML, or a field is unknown, wrong or missing: with file, line and
            column, and the nearest right name.
    """
    document = read_yaml(Path(path))
    given = document.value
    if not isinstance(given, dict):
        raise document.error(
            (), "a config file is a mapping of fields, such as name: digits; this one is empty or a list"
        )
    given = {**given, **(changes or {})}
    of_experiment = parameters(Experiment)
    of_run = parameters(Experiment.run, CODE_ONLY)
    known = {*of_experiment, *of_run, *OWN}
    for name in given:
        if name not in known and name in parameters(Limits):
            raise document.error((name,), f"{name!r} is one of the limits; write limits: {{{name}: {given[name]}}}")
        if name not in known:
            raise document.error((name,), f"there is no field {name!r}; {near(name, known)}")
    if "name" not in given:
        raise document.error((), "the field 'name' is missing; give the experiment a name")
    experiment = {name: _argument(document, name, given[name], Experiment) for name in given if name in of_experiment}
    run = {name: _argument(document, name, given[name], Experiment.run) for name in given if name in of_run}
    convert = None
    if "space" in given:
        experiment["space"], convert = read_space(document, ("space",), given["space"], given.get("where"))
    elif "where" in given:
        raise document.error(("where",), "conditions need a space")
    if "retries" in given:
        retries = checked(document, (), Limits, {"retries": given["retries"]}, what="limits")
        run["limits"] = made(document, (), run.get("limits", Limits()).updated, {"values": retries})
    _settle_executor(document, given, run)
    run.pop("objective", None)
    return Config(document.path, experiment, _objective(document, given, convert), run)


def _argument(document: Document, name: str, value: Any, call: Callable[..., Any]) -> Any:
    """One field's value, as `Experiment` or `run` takes it."""
    where = (name,)
    if name in ("space", "objective", "executor"):
        return value  # read later, together with what belongs to them
    if name in ("searcher", "scheduler"):
        return _algorithm(document, where, value, SEARCHERS if name == "searcher" else SCHEDULERS)
    if name == "constraints":
        try:
            as_bounds(value)
        except UsageError as error:
            raise document.error(where, error) from None
        return value
    if name == "limits":
        if not isinstance(value, dict):
            raise document.error(
                where, f"limits are a mapping, such as {{trials: 100, trial_time: 10m}}, got {value!r}"
            )
        return made(document, where, Limits, checked(document, where, Limits, value, what="limits"))
    if name in ("store", "checkpoints") and isinstance(value, str) and "://" not in value and value != "memory":
        return str(document.path.parent / Path(value).expanduser())
    return fitted(document, where, value, hints_of(call).get(name, Any))


def _algorithm(document: Document, where: Where, value: Any, table: Mapping[str, Callable[..., Any]]) -> Any:
    """A searcher, scheduler or executor from its name, or from {name: ..., argument: ...}."""
    what = str(where[0])
    if value is None:
        return None
    if what == "scheduler" and isinstance(value, list) and value:
        return as_scheduler([_algorithm(document, (*where, i), one, table) for i, one in enumerate(value)])
    given = {"name": value} if isinstance(value, str) else value
    if not isinstance(given, dict) or not isinstance(given.get("name"), str):
        raise document.error(
            where, f"{value!r} is no {what}; write its name, or {{name: {next(iter(table))}, ...}} with arguments"
        )
    place = (*where, "name") if isinstance(value, dict) else where
    name = given["name"]
    try:
        make = maker(what, name, table)
    except UsageError as error:
        raise document.error(place, str(error).removeprefix(f"{what}=")) from None
    plain = {key: given[key] for key in given if key not in ("name", what)}
    inner = {what: _algorithm(document, (*where, what), given[what], table)} if what in given else {}
    arguments = checked(document, where, make, {**plain, **inner}, what=f"{what} {name!r}", named=name)
    return made(document, where, make, arguments)


def _settle_executor(document: Document, given: dict[str, Any], run: dict[str, Any]) -> None:
    """Turns executor, resources and workers into what `run` takes: plain words where they do, else an executor."""
    value, resources = run.get("executor"), given.get("resources")
    if resources is not None and not isinstance(resources, dict):
        raise document.error(
            ("resources",), f"resources are a mapping, such as {{cpus: 2, gpus: 0.5}}, got {resources!r}"
        )
    if value is None and resources is None:
        return
    if isinstance(value, str) and resources is None:
        if value not in EXECUTORS:
            raise document.error(("executor",), f"there is no executor {value!r}; {near(value, EXECUTORS)}")
        return
    chosen = value if value is not None else "processes"
    merged = {"name": chosen} if isinstance(chosen, str) else dict(chosen) if isinstance(chosen, dict) else chosen
    if isinstance(merged, dict) and isinstance(merged.get("name"), str) and merged["name"].lower() in EXECUTORS:
        maker = EXECUTORS[merged["name"].lower()]
        what = f"executor {merged['name']!r}"
        merged.update(checked(document, ("resources",), maker, resources or {}, what=what))
        if "workers" in run:
            if "workers" not in parameters(maker):
                raise document.error(
                    ("workers",), f"{what} takes no workers; leave them out, or use executor: processes"
                )
            merged.setdefault("workers", run.pop("workers"))
    run["executor"] = _algorithm(document, ("executor",), merged, EXECUTORS)


def _objective(document: Document, given: dict[str, Any], convert: Convert | None) -> Any:
    """The command, or the function that `objective` names."""
    if ("command" in given) == ("objective" in given):
        word = (
            "both 'command' and 'objective' stand here"
            if "command" in given
            else "neither 'command' nor 'objective' stands here"
        )
        raise document.error(("command",) if "command" in given else (), f"{word}; give one of them, what a trial runs")
    folder = document.path.absolute().parent
    if "objective" in given:
        return load_objective(document, ("objective",), given["objective"], folder)
    value = given["command"]
    where: Where = ("command",)
    arguments = dict(value) if isinstance(value, dict) else {"template": value}
    arguments = checked(document, where, Command, arguments, what="command", leave=("convert",))
    template = arguments["template"]
    words = [template] if isinstance(template, str) else template
    if not isinstance(words, list) or not all(isinstance(word, str | int | float) for word in words):
        raise document.error(where, f"{template!r} is no command; write a text, or a list of words")
    if not isinstance(template, str):
        arguments["template"] = [str(word) for word in words]
    arguments.update(cwd=str(folder / arguments.get("cwd", ".")), convert=convert)
    return made(document, where, Command, arguments)


def load_objective(document: Document, where: Where, text: Any, folder: Path) -> Any:
    """Imports "module:function" or "file.py:function", from the config file's folder too.

    Raises:
        ConfigError: it cannot be imported, or has no such function.
    """
    try:
        return import_objective(text, folder)
    except ConfigError as error:
        raise document.error(where, str(error)) from error.__cause__


def import_objective(text: Any, folder: Path) -> Any:
    """Imports "module:function" or "file.py:function", from the folder too.

    Raises:
        ConfigError: it cannot be imported, or has no such function.
    """
    source, colon, name = str(text).rpartition(":")
    if not isinstance(text, str) or not colon or not source or not name:
        raise ConfigError(f"{text!r} names no objective; write 'module:function' or 'file.py:function'")
    path = str(folder)
    if path not in sys.path:
        sys.path.insert(0, path)  # workers, too, must find it
    try:
        module = _file(folder / source) if source.endswith(".py") else importlib.import_module(source)
    except LanistaError:
        raise
    except Exception as error:
        raise ConfigError(f"importing {source!r} failed with {type(error).__name__}: {error}") from error
    target: Any = module
    for part in name.split("."):
        if not hasattr(target, part):
            names = [each for each in vars(target) if callable(getattr(target, each)) and not each.startswith("_")]
            raise ConfigError(f"{source!r} has no {part!r}; {near(part, names) if names else 'it has no functions'}")
        target = getattr(target, part)
    return target


def _file(path: Path) -> ModuleType:
    """A file as a module, under its own name and from its own folder, so that workers can import it as well."""
    if not path.is_file():
        raise ConfigError(f"there is no file {path}")
    folder, name = str(path.parent.resolve()), path.stem
    if folder not in sys.path:
        sys.path.insert(0, folder)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) and Path(str(known.__file__)).resolve() == path.resolve():
        return known
    if known is None and name.isidentifier():
        importlib.invalidate_caches()
        module = importlib.import_module(name)
        if module.__file__ is not None and Path(module.__file__).resolve() == path.resolve():
            return module
        del sys.modules[name]
    return _apart(path, name)


def _apart(path: Path, name: str) -> ModuleType:
    """A file whose name another module has taken; its functions travel to workers by value."""
    import cloudpickle

    spec = importlib.util.spec_from_file_location(f"{APART}{name}", path)
    if spec is None or spec.loader is None:
        raise ConfigError(f"{path} cannot be imported as Python")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    cloudpickle.register_pickle_by_value(module)
    return module
