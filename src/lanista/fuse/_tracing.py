"""Records the ATen operators that a function runs, as a flat graph; on shadows, so that nothing is computed."""

import contextlib
import logging
import operator
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import (
    DataDependentOutputException,
    DynamicOutputShapeException,
    FakeTensorMode,
)
from torch.fx import Graph, GraphModule, Node
from torch.utils._python_dispatch import TorchDispatchMode, _disable_current_modes
from torch.utils._pytree import tree_map_only

from lanista.fuse._errors import Unfusable

aten = torch.ops.aten

Extra = Callable[[torch.Size], Tensor]
"""Makes a further input of a shape, in the type that is default."""


def trace(function: Callable[[Sequence[Tensor], Extra], Sequence[Tensor]], inputs: Sequence[Tensor]) -> GraphModule:
    """The graph of the operators that a function of tensors runs.

    Args:
        function: of shadows of the inputs, and of what makes further inputs; it returns tensors.
        inputs: tensors of the shapes, types, strides and devices that the graph's inputs will have.

    Returns:
        A graph of the inputs, and then of the further ones, without what has no part in its outputs.

    Raises:
        Unfusable: what it does depends on the values of its inputs, or cannot be recorded.
    """
    fake, recorder = FakeTensorMode(allow_non_fake_inputs=True), _Recorder()

    def entered(part: Tensor) -> Tensor:
        return recorder.input(fake.from_tensor(part))

    def extra(shape: torch.Size) -> Tensor:
        with _disable_current_modes():
            return entered(torch.empty(shape, device=inputs[0].device))

    shadows = [entered(part) for part in inputs]
    try:
        with _quiet(), fake, recorder:
            outputs = function(shadows, extra)
    except DataDependentOutputException as error:
        raise Unfusable(
            f"what it does depends on the values of its tensors, by if, float() or item() ({error.func})"
        ) from error
    except DynamicOutputShapeException as error:
        raise Unfusable(f"the shape of a result depends on the values of its tensors ({error.func})") from error
    return recorder.graph_of(outputs)


def changes(node: Node) -> bool:
    """Whether an operator changes its first argument in place."""
    schema = getattr(node.target, "_schema", None)
    return schema is not None and schema.is_mutable and bool(node.args) and isinstance(node.args[0], Node)


def root(node: Any) -> Any:
    """The node that a node is a view of, or itself."""
    while node.target is operator.getitem or _is_view(node):
        node = node.args[0]
    return node


def _is_view(node: Node) -> bool:
    schema = getattr(node.target, "_schema", None)
    return schema is not None and any(result.alias_info is not None for result in schema.returns)


_warns_of_fallbacks: Callable[[bool], None] = torch._C._functorch._set_vmap_fallback_warning_enabled  # type: ignore[attr-defined]


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps to itself what torch logs, or warns of, about operators that fail, or have no form for many models."""
    log, warn = logging.getLogger("torch._subclasses.fake_tensor"), _warns_of_fallbacks
    before, log.disabled = log.disabled, True
    warn(False)
    try:
        yield
    finally:
        warn(True)
        log.disabled = before


class _Recorder(TorchDispatchMode):
    """Writes each operator down that reaches it."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._graph, self._root = Graph(), nn.Module()
        self._nodes: dict[int, Node] = {}
        self._known: list[Tensor] = []
        self._last: Node | None = None

    def input(self, tensor: Tensor) -> Tensor:
        """Makes a tensor an input, after those that there are."""
        place = self._graph.inserting_after(self._last) if self._last else self._graph.inserting_before()
        with place:
            node = self._last = self._graph.placeholder(f"in_{len(self._graph.find_nodes(op='placeholder'))}")
        node.meta["val"] = tensor
        self._keep(tensor, node)
        return tensor

    def graph_of(self, outputs: Sequence[Tensor]) -> GraphModule:
        """All that is recorded."""
        self._graph.output([self._node(output) for output in outputs])
        for node in self._graph.find_nodes(op="call_function", target=aten.detach.default):
            node.replace_all_uses_with(node.args[0])
        for node in self._graph.find_nodes(op="call_function", target=aten.view.default):
            node.target = aten.reshape.default  # kernels may order memory in another way than their shadows do
        self._graph.eliminate_dead_code()
        return GraphModule(self._root, self._graph)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operator, and writes it down."""
        kwargs = kwargs or {}
        if func.namespace == "prim":  # tells of a tensor, and gives none
            return func(*args, **kwargs)
        held = tree_map_only(Tensor, self._node, (args, kwargs))
        found = func(*args, **kwargs)
        target = aten.clone.default if func is aten.lift_fresh.default else func
        node = self._graph.call_function(target, *held)
        node.meta["val"] = found
        if isinstance(found, Tensor):
            self._keep(found, node)
        elif isinstance(found, tuple | list):
            for i, part in enumerate(found):
                if isinstance(part, Tensor):
                    pick = self._graph.call_function(operator.getitem, (node, i))
                    pick.meta["val"] = part
                    self._keep(part, pick)
        return found

    def _keep(self, tensor: Tensor, node: Node) -> None:
        """Knows a tensor again: by its identity, for which it has to stay."""
        self._nodes[id(tensor)] = node
        self._known.append(tensor)

    def _node(self, tensor: Tensor) -> Node:
        if id(tensor) not in self._nodes:  # made outside, such as one that a module holds without having registered it
            name = f"constant_{len(self._known)}"
            self._root.register_buffer(name, tensor)
            node = self._graph.get_attr(name)
            node.meta["val"] = tensor
            self._keep(tensor, node)
        return self._nodes[id(tensor)]
