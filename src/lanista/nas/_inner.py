"""Modules inside a module that stays whole: found in the module tree, replaced where they stand."""

import copy
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
from torch import fx, nn

from lanista.errors import GraphError
from lanista.nas._body import Body, brief, show
from lanista.nas._nodes import Node, plain
from lanista.nas._tracer import layer


class Inner(NamedTuple):
    """A module inside the module of a node."""

    holder: fx.Node
    path: str


def leaves(module: nn.Module) -> Iterator[tuple[str, nn.Module]]:
    """Goes through the modules that do the work, with their paths; containers are passed through."""
    for name, child in module.named_children():
        if layer(child) or not any(True for _ in child.children()):
            yield name, child
        else:
            for path, leaf in leaves(child):
                yield f"{name}.{path}", leaf


def records(body: Body, holder: fx.Node) -> list[Node]:
    """Returns the records of the modules inside; their shapes are those of the last call."""
    owner = str(holder.target)
    module = body.part(owner)
    found = dict(leaves(module))
    values = _seen(body, holder, found) if found else {}
    rows = []
    for path, leaf in found.items():
        name, value = f"{owner}.{path}", values.get(path)
        tensor = value if isinstance(value, torch.Tensor) else None
        rows.append(
            Node(
                name=name,
                kind="module",
                target=name,
                op=plain(type(leaf).__name__),
                call=leaf,
                shape=None if tensor is None else tuple(tensor.shape),
                dtype=None if tensor is None else tensor.dtype,
                within=holder.name,
                text=f"{name} = {brief(leaf)}" + (f"  : {show(value)}" if path in values else ""),
            )
        )
    return rows


def _seen(body: Body, holder: fx.Node, found: dict[str, nn.Module]) -> dict[str, Any]:
    """What each module inside gives, as far as it is called."""
    seen: dict[str, Any] = {}
    if any(source not in body.values for source in holder.all_input_nodes):
        return seen

    def watch(path: str) -> Any:
        return lambda module, args, value: seen.update({path: value})

    hooks = [leaf.register_forward_hook(watch(path)) for path, leaf in found.items()]
    try:
        body.flow.value(body.part, holder, body.values)
    finally:
        for hook in hooks:
            hook.remove()
    return seen


def put(body: Body, place: Inner, new: nn.Module) -> None:
    """Puts a module in the stead of the one inside.

    Raises:
        GraphError: the module around it does not run with it.
    """
    owner = str(place.holder.target)
    before = body.parts[owner]
    whole = copy.deepcopy(before)
    above, _, field = place.path.rpartition(".")
    setattr(whole.get_submodule(above), field, new)
    body.parts[owner] = whole
    try:
        body.compute([node for node in body.nodes.nodes if node.op == "call_module" and node.target == owner])
    except GraphError:
        body.parts[owner] = before
        raise


def refuse(node: Node, wish: str, why: str) -> GraphError:
    """Returns the error for what only nodes of a traced graph can do."""
    return GraphError(
        f"cannot {wish} {node.name!r}: it lies within {node.within!r}, which torch.fx could not take apart ({why}); "
        "replace, wrap or delete it, or insert a module before or after it"
    )
