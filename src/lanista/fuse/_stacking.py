"""From the graph of one model's step to the graph of many models' step."""

import functools
import operator
from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.fx import GraphModule, Interpreter, Node
from torch.utils._pytree import tree_flatten, tree_unflatten

from lanista.fuse._errors import Unfusable
from lanista.fuse._generic import rule_of
from lanista.fuse._stacked import Stacked, spread
from lanista.fuse._tracing import Extra, changes, root, trace

_CONTIGUOUS = {
    torch.ops.aten._weight_norm_interface.default,
    torch.ops.aten._weight_norm_interface_backward.default,
}
"""Operators that give wrong results, without a word, where their inputs are in another order in memory."""


_MIXED = {
    torch.ops.aten.native_layer_norm.default,
    torch.ops.aten.native_layer_norm_backward.default,
    torch.ops.aten.native_group_norm.default,
    torch.ops.aten.native_group_norm_backward.default,
}
"""Operators that take numbers of few bits beside weights of many, which vmap does not know."""


def stack_graph(graph: GraphModule, stacked: Sequence[bool], count: int, inputs: Sequence[Tensor]) -> GraphModule:
    """The graph of `count` models at once, flat again.

    What depends on no stacked input is computed once for all of them.

    Args:
        graph: of one model.
        stacked: for each input, whether it differs by model: its first dimension is then the model.
        count: how many models there are, k.
        inputs: tensors of the shapes, types and strides that inputs will have.

    Returns:
        A graph all of whose outputs have the model as their first dimension; its `meta` names, as "general", the
        operators that no rule took.

    Raises:
        Unfusable: an operator cannot be run for many models at once.
    """
    many = _Many(graph, stacked, count)

    def run(flat: Sequence[Tensor], extra: Extra) -> list[Tensor]:
        given = [Stacked(part) if own else part for part, own in zip(flat, stacked, strict=True)]
        with torch.no_grad():
            return [spread(output, count) for output in many.run(*given)]

    try:
        made = trace(run, inputs)
    except Unfusable:
        raise
    except Exception as error:
        what = str(error).strip().partition("\n")[0]
        raise Unfusable(f"an operator of it cannot be stacked: {type(error).__name__}: {what:.300}") from error
    made.meta["general"] = tuple(sorted(many.general))
    return made


class _Many(Interpreter):
    """Runs the graph of one model on values of many."""

    def __init__(self, graph: GraphModule, stacked: Sequence[bool], count: int) -> None:
        super().__init__(graph)
        self._count = count
        self._parted = _parted(graph, stacked)
        self.general: set[str] = set()

    def run_node(self, n: Node) -> Any:
        """Runs a node; a shared value that those of many models will change in place becomes one of many."""
        found = super().run_node(n)
        if n in self._parted and isinstance(found, Tensor):
            return Stacked(spread(found, self._count).clone())
        alone = n.meta.get("val")
        if isinstance(found, Stacked) and isinstance(alone, Tensor) and found.tensor.dtype != alone.dtype:
            return Stacked(found.tensor.to(alone.dtype))  # some operators of mixed types, such as layer_norm
        return found

    def call_function(self, target: Any, args: Any, kwargs: Any) -> Any:
        """Runs an operator: once where nothing of many models goes in, by its rule, or by vmap where it has none."""
        flat, form = tree_flatten((args, kwargs))
        if target is operator.getitem or not any(isinstance(part, Stacked) for part in flat):
            return target(*args, **kwargs)
        rule = rule_of(target)
        if rule is not None:
            found = rule(self._count, *args, **kwargs)
            if found is not NotImplemented:
                return found
        self.general.add(str(target))
        return _vmapped(target, _widened(flat) if target in _MIXED else flat, form)


def _parted(graph: GraphModule, stacked: Sequence[bool]) -> set[Node]:
    """The nodes that make what is changed in place by values of many models."""
    many = {node for node, own in zip(graph.graph.find_nodes(op="placeholder"), stacked, strict=True) if own}
    parted: set[Node] = set()
    before = -1
    while before < len(many):
        before = len(many)
        for node in graph.graph.nodes:
            if not many.isdisjoint(node.all_input_nodes):
                many.add(node)
                if changes(node):
                    parted.add(root(node.args[0]))
                    many |= parted
    return parted


def _widened(flat: list[Any]) -> list[Any]:
    """With all numbers of the widest type of them."""
    tensors = [part.tensor if isinstance(part, Stacked) else part for part in flat]
    types = [part.dtype for part in tensors if isinstance(part, Tensor)]
    widest = functools.reduce(torch.promote_types, types)
    return [
        Stacked(part.tensor.to(widest))
        if isinstance(part, Stacked)
        else part.to(widest)
        if isinstance(part, Tensor)
        else part
        for part in flat
    ]


def _vmapped(target: Callable[..., Any], flat: list[Any], form: Any) -> Any:
    where = [i for i, part in enumerate(flat) if isinstance(part, Stacked)]
    made: list[Any] = []

    def call(*parts: Tensor) -> tuple[Tensor, ...]:
        given = list(flat)
        for i, part in zip(where, parts, strict=True):
            given[i] = part
        args, kwargs = tree_unflatten(given, form)
        made[:] = tree_flatten(target(*args, **kwargs))
        return tuple(part for part in made[0] if isinstance(part, Tensor))

    given = (flat[i].tensor.contiguous() if target in _CONTIGUOUS else flat[i].tensor for i in where)
    found = iter(torch.vmap(call, randomness="error")(*given))
    each = [Stacked(next(found)) if isinstance(part, Tensor) else part for part in made[0]]
    return tree_unflatten(each, made[1])
