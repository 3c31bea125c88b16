"""What a run tells of itself in the journal, so that a process elsewhere can help it.

All of it is names and arguments: nothing is pickled, and reading it runs nothing.
"""

import json
import os
import sys
from dataclasses import fields
from pathlib import Path
from typing import Any

from lanista.execute import Inline, Processes, Ray
from lanista.schedule import Scheduler
from lanista.search import Searcher, describe
from lanista.space import Groups
from lanista.trial import Command, Executor

APART = "lanista_objective_"
"""How the module of a file begins whose own name another module has taken."""


def plan_of(
    objective: Any,
    executor: Executor,
    cohort: int,
    deciders: tuple[Searcher, Scheduler],
    *,
    checkpoints: str | None,
    groups: Groups,
) -> dict[str, Any]:
    """What `Joined` keeps of a run, as JSON has it."""
    searcher, scheduler = deciders
    told = {
        "objective": reference(objective),
        "executor": _executor(executor),
        "cohort": cohort,
        "checkpoints": checkpoints,
        "searcher": describe(searcher, full=True),
        "scheduler": describe(scheduler, full=True),
        "groups": [place.name for place in groups.places],
    }
    plain: dict[str, Any] = json.loads(json.dumps(told, default=repr))
    return plain


def reference(objective: Any) -> dict[str, Any]:
    """The name by which another process can import an objective, or the command that it is.

    >>> from json import dumps
    >>> reference(dumps)
    {'function': 'json:dumps', 'folder': ''}
    >>> reference(lambda trial: 0.0)["unnamed"]
    'a lambda'
    """
    if isinstance(objective, Command):
        return _command(objective)
    name, home = str(getattr(objective, "__qualname__", "")), str(getattr(objective, "__module__", ""))
    module = sys.modules.get(home)
    found: Any = module
    for part in name.split("."):
        found = getattr(found, part, None)
    if module is None or found is not objective or home == "__main__":
        return {"unnamed": _told(objective, name), **_hint(module, name, same=found is objective)}
    file = getattr(module, "__file__", None)
    if file is None:
        return {"function": f"{home}:{name}", "folder": ""}
    path = Path(file).absolute()
    if home.startswith(APART):
        return {"function": f"{path.name}:{name}", "folder": str(path.parent)}
    above = home.count(".") + (path.name == "__init__.py")
    folder = path.parents[min(above, len(path.parents) - 1)]
    if _installed(folder):
        return {"function": f"{home}:{name}", "folder": ""}
    plain = "." not in home and path.suffix == ".py" and path.name != "__init__.py"
    return {"function": f"{path.name if plain else home}:{name}", "folder": str(folder)}


def _told(objective: Any, name: str) -> str:
    """An objective that cannot be imported, in words."""
    if name.endswith("<lambda>"):
        return "a lambda"
    if not name:
        return f"an object of class {type(objective).__name__}"
    return f"{name.rpartition('.')[2]}, a function within a function" if "<locals>" in name else name


def _hint(module: Any, name: str, *, same: bool) -> dict[str, str]:
    """Where the objective stands, if that is a script: importing it as a module may do."""
    file = getattr(module, "__file__", None)
    if file is None:
        return {}
    return {"file": str(Path(file).absolute()), **({"name": name} if same else {})}


def _installed(folder: Path) -> bool:
    """Whether it belongs to a Python, which on another machine has its own."""
    import sysconfig

    return str(folder) in sysconfig.get_paths().values()


def _command(command: Command) -> dict[str, Any]:
    """A command, with the names of its variables: their values may be secrets."""
    if command.convert is not None:
        return {"unnamed": "a command with parameters in NNI's form"}
    template = command.template if isinstance(command.template, str) else list(command.template)
    told: dict[str, Any] = {"command": template, "folder": os.path.abspath(command.cwd or os.getcwd())}
    told |= {"shell": command.shell, "grace": command.grace, "env": sorted(command.env or {})}
    return told


def _executor(executor: Executor) -> dict[str, Any]:
    """The name of the executor with what it gives each trial; {} for one that is not ours."""
    if isinstance(executor, Inline):
        return {"name": "inline"}
    if not isinstance(executor, Processes | Ray):
        return {}
    told = {"name": type(executor).__name__.lower()}
    left = ("workers", "runtime_env")  # each process has its own; may hold secrets
    for field in fields(executor):
        value = getattr(executor, field.name)
        if field.init and field.name not in left and value != field.default:
            told[field.name] = value
    return told
