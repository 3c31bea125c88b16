"""One ask-and-tell adapter an optimiser, and the table from names to them.

A spec is `NAME`, `NAME(argument=value)` or `LABEL=NAME(...)`; the label is what results are kept under. `lanista:NAME`
is any searcher of ours, `lanista:MODULE:CLASS` any class with `ask`. Lanista runs in this interpreter, and each peer in
an environment, `benchmarks/.venv-NAME`, made from `benchmarks/requirements-NAME.txt`.
"""

import ast
from importlib import import_module
from typing import Any, NamedTuple

from benchmarks.search.optimizers.base import Agent, Setting

__all__ = ["Agent", "Optimizer", "Setting", "parse", "split"]

# name -> environment ("" is this interpreter), module, class, arguments
NAMES: dict[str, tuple[str, str, str, dict[str, Any]]] = {
    "random": ("", "ours", "Ours", {"searcher": "random"}),
    "optuna:tpe": ("search", "optunas", "Optuna", {"sampler": "tpe"}),
    "optuna:tpe-mv": ("search", "optunas", "Optuna", {"sampler": "tpe-mv"}),
    "optuna:tpe-single": ("search", "optunas", "Optuna", {"sampler": "tpe-single"}),
    "optuna:gp": ("search", "optunas", "Optuna", {"sampler": "gp"}),
    "optuna:cma": ("search", "optunas", "Optuna", {"sampler": "cma"}),
    "optuna:nsga2": ("search", "optunas", "Optuna", {"sampler": "nsga2"}),
    "optuna:random": ("search", "optunas", "Optuna", {"sampler": "random"}),
    "hyperopt": ("search", "hyperopts", "Hyperopt", {}),
    "nevergrad": ("search", "nevergrads", "Nevergrad", {}),
    "smac": ("smac", "smacs", "Smac", {}),
    "hebo": ("hebo", "hebos", "Hebo", {}),
    "ax": ("ax", "axs", "Ax", {}),
}


class Optimizer(NamedTuple):
    """An optimiser that a spec names."""

    label: str
    environment: str
    module: str
    cls: str
    arguments: dict[str, Any]

    def start(self, setting: Setting) -> Agent:
        """A fresh one for one run; its packages are imported here."""
        module = import_module(f"benchmarks.search.optimizers.{self.module}")
        agent: Agent = getattr(module, self.cls)(setting, **self.arguments)
        return agent


def parse(spec: str) -> Optimizer:
    """The optimiser of a spec.

    Raises:
        SystemExit: it is not written as a spec, or names none.
    """
    head = spec.partition("(")[0]
    label, _, rest = spec.partition("=") if "=" in head else (spec, "", spec)
    name, bracket, inside = rest.partition("(")
    arguments: dict[str, Any] = {}
    if bracket:
        try:
            call = ast.parse(f"f({inside}", mode="eval").body
            assert isinstance(call, ast.Call)
            arguments = {str(word.arg): ast.literal_eval(word.value) for word in call.keywords}
        except (SyntaxError, ValueError, AssertionError):
            raise SystemExit(f"{spec!r}: write the arguments as in lanista:tpe(startup=20)") from None
    if name.startswith("lanista:"):
        searcher = name.removeprefix("lanista:")
        return Optimizer(label, "", "ours", "Ours", {"searcher": searcher, "arguments": arguments})
    if name not in NAMES:
        raise SystemExit(f"optimizer {name!r} is not known; there are lanista:NAME, {', '.join(NAMES)}")
    environment, module, cls, given = NAMES[name]
    return Optimizer(label, environment, module, cls, {**given, **arguments})


def split(specs: str) -> list[str]:
    """The specs of a list with commas between, which may stand inside brackets too."""
    found, depth = [""], 0
    for character in specs:
        depth += (character in "([{") - (character in ")]}")
        if character == "," and depth == 0:
            found.append("")
        else:
            found[-1] += character
    return [spec.strip() for spec in found if spec.strip()]
