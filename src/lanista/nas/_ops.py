"""Operations as primitives are given them."""

from collections.abc import Callable, Mapping
from typing import Any

from torch import fx, nn

from lanista.errors import GraphError

Op = nn.Module | Callable[..., Any] | str
"""What a new node does: a module, a function such as `torch.cat`, or the name of a tensor's method."""

OPERATIONS = ("call_module", "call_function", "call_method")
KIND_NAMES = {"placeholder": "input", "get_attr": "parameter or buffer", "output": "output"}


def as_module(op: Op, name: str | None = None, settings: Mapping[str, Any] | None = None) -> nn.Module:
    """Returns the operation, which must be a module, and is called without settings.

    Raises:
        GraphError: it is none, or has a name or settings, which mean nothing inside a module that stays whole.
    """
    if not isinstance(op, nn.Module):
        raise GraphError(f"{op!r} is no module; only a module can stand here")
    given = [*(["name"] if name is not None else []), *(settings or ())]
    if given:
        raise GraphError(f"{', '.join(given)} cannot be given to a module inside one that stays whole; leave it out")
    return op


def called(op: Op) -> str:
    """Returns the name of an operation."""
    if isinstance(op, nn.Module):
        return type(op).__name__
    return op if isinstance(op, str) else getattr(op, "__name__", "op")


def path_of(node: fx.Node) -> str:
    """Returns the path of a node's module, or else its name."""
    return str(node.target) if node.op == "call_module" else node.name


def above(node: fx.Node) -> set[fx.Node]:
    """The node and all that it is computed from."""
    found, waiting = set[fx.Node](), [node]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(one.all_input_nodes)
    return found
