"""Nodes as records: what a graph tells of itself, and how it prints."""

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import torch
from torch import fx, nn

from lanista._frozen import Frozen
from lanista.nas._body import Body, brief, show

KINDS = {
    "placeholder": "input",
    "get_attr": "constant",
    "call_function": "function",
    "call_method": "method",
    "call_module": "module",
    "output": "output",
}


class Node(Frozen):
    """A node of a graph as it was when asked for; every primitive takes it, or its name.

    Fields:
        name: The one name of the node; in a module that stays whole, the path of the module inside.
        kind: input, constant, function, method, module or output.
        target: The path of the module or tensor, or the name of the function or method.
        op: The operation in small letters, however it is written: nn.ReLU, torch.relu and x.relu() are all "relu".
        call: The module or function; None for others. Do not change a module in place: put another in its stead.
        shape, dtype: Of the value, for the example inputs; None where it is no tensor, or unknown.
        inputs, users: The names of the nodes that it reads, and of those that read it.
        whole: The reason, in a node that `torch.fx` could not take apart.
        within: The name of the whole node that this module lies in; None for the nodes that can be rewired.
    """

    name: str
    kind: str
    target: str
    op: str
    call: Any = None
    shape: tuple[int, ...] | None = None
    dtype: torch.dtype | None = None
    inputs: tuple[str, ...] = ()
    users: tuple[str, ...] = ()
    whole: str | None = None
    within: str | None = None
    text: str = ""

    @property
    def module(self) -> nn.Module | None:
        """The module, of a node that calls one."""
        return self.call if isinstance(self.call, nn.Module) else None

    @property
    def path(self) -> str | None:
        """The path of the module or tensor; None of others."""
        return self.target if self.kind in ("module", "constant") else None

    def __repr__(self) -> str:
        return f"<{self.text}>"


def record(body: Body, node: fx.Node, whole: Mapping[str, str]) -> Node:
    """Returns the record of a node."""
    target: Any = node.target
    call = body.part(target) if node.op == "call_module" else target if node.op == "call_function" else None
    value = body.values.get(node)
    tensor = value if isinstance(value, torch.Tensor) else None
    return Node(
        name=node.name,
        kind=KINDS[node.op],
        target=target if isinstance(target, str) else getattr(target, "__name__", str(target)),
        op=operation(node, call),
        call=call,
        shape=None if tensor is None else tuple(tensor.shape),
        dtype=None if tensor is None else tensor.dtype,
        inputs=tuple(source.name for source in node.all_input_nodes),
        users=tuple(user.name for user in node.users),
        whole=whole.get(target) if node.op == "call_module" else None,
        text=line(node, call, show(value) if node in body.values else ""),
    )


def operation(node: fx.Node, call: Any) -> str:
    """Returns the operation in small letters."""
    if isinstance(call, nn.Module):
        return plain(type(call).__name__)
    if node.op in ("call_function", "call_method"):
        return plain(
            node.target if isinstance(node.target, str) else getattr(node.target, "__name__", str(node.target))
        )
    return KINDS[node.op]


def plain(name: str) -> str:
    """Returns the name of an operation without what sets its ways of writing apart: `max_pool2d`, `MaxPool2d`."""
    found = name.lower().replace("_", "")
    return {"iadd": "add", "isub": "sub", "imul": "mul", "itruediv": "div", "truediv": "div", "concat": "cat"}.get(
        found, found
    )


def line(node: fx.Node, call: Any, value: str) -> str:
    """Returns one node as a line: its name, what it does to what, and the type and shape of what it gives."""
    if node.op == "output":
        return f"return {_written(node.args[0])}"
    if node.op == "placeholder":
        text = node.name
    elif node.op == "get_attr":
        text = f"{node.name} = self.{node.target}"
    else:
        does = brief(call) if isinstance(call, nn.Module) else operation_text(node)
        text = f"{node.name} = {does}({_arguments(node)})"
    return f"{text}  : {value}" if value else text


def operation_text(node: fx.Node) -> str:
    """Returns the name of a function, or of a method with its dot."""
    return f".{node.target}" if node.op == "call_method" else getattr(node.target, "__name__", str(node.target))


def _arguments(node: fx.Node) -> str:
    named = [
        f"{key}={_written(value)}" for key, value in node.kwargs.items() if value is not None and value is not False
    ]
    return ", ".join([*map(_written, node.args), *named])


def _written(value: Any) -> str:
    if isinstance(value, tuple | list):
        items = ", ".join(map(_written, value))
        return f"[{items}]" if isinstance(value, list) else f"({items})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_written(item)}' for key, item in value.items())}}}"
    return value.name if isinstance(value, fx.Node) else str(value) if not isinstance(value, str) else repr(value)


What = type[nn.Module] | Callable[..., Any] | str | tuple[Any, ...]
"""What to look for: a module's class, a function, the name of an operation, or several of them."""


def fits(node: Node, what: What | None, *, name: str | None, where: Callable[[Node], bool] | None) -> bool:
    """Whether a node is one that is looked for."""
    return (
        (what is None or does(node, what))
        and (name is None or any(glob(name, own or "") for own in (node.name, node.path)))
        and (where is None or where(node))
    )


def does(node: Node, what: What) -> bool:
    """Whether a node does what is looked for."""
    if isinstance(what, tuple):
        return any(does(node, one) for one in what)
    if isinstance(what, str):
        return node.op == plain(what)
    if isinstance(what, type):
        return isinstance(node.call, what)
    return node.call is what


def glob(pattern: str, name: str) -> bool:
    """Whether a name fits a pattern in which `*` stands for anything."""
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), name) is not None


def listed(names: Iterable[str]) -> str:
    """Returns names for a message, the first twelve of them."""
    found = list(names)
    return ", ".join(found[:12]) + (f" and {len(found) - 12} more" if len(found) > 12 else "") or "none"
