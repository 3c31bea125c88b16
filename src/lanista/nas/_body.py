"""The body of a graph: its nodes, the modules and tensors that they name, and the values that give them shapes."""

import copy
from collections import ChainMap
from collections.abc import Iterable, Mapping
from typing import Any

import torch
from torch import fx, nn

from lanista.errors import GraphError
from lanista.nas._flow import Flow, alike
from lanista.nas._trace import WHOLE, Traced, prune
from lanista.nas._tracer import reason

Change = tuple[str, Any, tuple[Any, ...], dict[str, Any]]
"""What a node becomes: its opcode, target, arguments and named arguments."""


class Body:
    """Nodes that are changed one at a time, each time with the shapes checked; modules are shared and never changed."""

    def __init__(self, nodes: fx.Graph, parts: dict[str, Any], values: dict[fx.Node, Any], flow: Flow) -> None:
        self.nodes = nodes
        self.parts = parts
        self.values = values
        self.flow = flow
        self.loose = False

    @classmethod
    def of(cls, traced: Traced) -> "Body":
        """Returns the body of a traced model."""
        named = [str(node.target) for node in traced.nodes.nodes if node.op in ("call_module", "get_attr")]
        parts = {path: _find(traced.root, path) for path in dict.fromkeys(named)}
        return cls(traced.nodes, parts, traced.values, traced.flow).copy()

    def copy(self) -> "Body":
        """Returns a body that shares the modules and can be changed for itself."""
        nodes, twins = fx.Graph(), dict[fx.Node, fx.Node]()
        nodes.output(nodes.graph_copy(self.nodes, twins))
        values = {twins[node]: value for node, value in self.values.items() if node in twins}
        return Body(nodes, dict(self.parts), values, self.flow)

    def renewed(self, root: nn.Module) -> "Body | None":
        """Returns a body with the parts of another model; None where they are not built alike."""
        twin = self.copy()
        holder = nn.Module()
        holder.add_module(WHOLE, root)
        for path, part in self.parts.items():
            try:
                twin.parts[path] = _find(holder if path == WHOLE else root, path)
            except AttributeError:
                if isinstance(part, nn.Module) and not any(True for _ in part.parameters()):
                    continue  # made by tracing: a dropout that the model calls as a function
                return None
        same = all(_built(part) == _built(twin.parts[path]) for path, part in self.parts.items())
        return twin if same else None

    def module(self, name: str) -> fx.GraphModule:
        """Returns a module of its own that runs the nodes."""
        twin = self.copy()
        prune(twin.nodes, twin.part)
        twin.tidy()
        parts = copy.deepcopy(twin.parts)
        built = fx.GraphModule({path: _bare(part) for path, part in parts.items()}, twin.nodes, name)
        for path, part in parts.items():
            if isinstance(part, Buffer) and not part.persistent:
                owner, _, field = path.rpartition(".")
                built.get_submodule(owner)._non_persistent_buffers_set.add(field)
        return built

    def part(self, path: str) -> Any:
        """Returns the module or tensor at a path."""
        return _bare(self.parts[path])

    def alone(self, path: str) -> bool:
        """Whether the nodes call the module at a path with the inputs by their names, and do nothing else."""
        *inputs, call, output = self.nodes.nodes
        own = {str(node.target): node for node in inputs}
        return bool(call.target == path and call.kwargs == own and output.args == (call,))

    # Changes

    def put(self, change: Change, after: Iterable[fx.Node], name: str | None = None) -> fx.Node:
        """Adds a node behind all of `after`.

        Raises:
            GraphError: it does not take the values of its inputs.
        """
        last = max(after, key=self.order().__getitem__)
        with self.nodes.inserting_after(last):
            node = self.nodes.create_node(*change, name=name)
        try:
            self.compute([node])
        except GraphError:
            self.nodes.erase_node(node)
            raise
        return node

    def change(self, changes: Mapping[fx.Node, Change]) -> None:
        """Changes nodes, and computes all that follows from them; nothing is changed where that fails.

        Raises:
            GraphError: a node does not take what it would get, or reads what is computed from it.
        """
        before = {node: as_change(node) for node in changes}
        for node, change in changes.items():
            _become(node, change)
        try:
            self._sort(changes)
            self.compute(changes)
        except GraphError:
            for node, change in before.items():
                _become(node, change)
            self._sort(changes)
            raise

    def drop(self, node: fx.Node) -> None:
        """Removes a node that nothing reads, with the nodes that were there for it alone."""
        inputs = node.all_input_nodes
        self.nodes.erase_node(node)
        self.values.pop(node, None)
        for source in inputs:
            if not source.users and source.op != "placeholder":
                self.drop(source)
        self.tidy()

    def tidy(self) -> None:
        """Forgets the parts that no node names."""
        named = {str(node.target) for node in self.nodes.nodes if node.op in ("call_module", "get_attr")}
        for path in self.parts.keys() - named:
            del self.parts[path]

    def order(self) -> dict[fx.Node, int]:
        """Returns the place of each node."""
        return {node: place for place, node in enumerate(self.nodes.nodes)}

    def path(self, wish: str) -> str:
        """Returns a path for a new part: the wish, with a number where it is taken."""
        number, path = 1, wish
        while any(_clash(path, other) for other in self.parts):
            number, path = number + 1, f"{wish}_{number + 1}"
        return path

    def settle(self) -> None:
        """Computes all values anew.

        Raises:
            GraphError: a node does not take what it gets.
        """
        self.compute([node for node in self.nodes.nodes if node.op not in ("placeholder", "output")])

    def compute(self, first: Iterable[fx.Node]) -> None:
        """Computes nodes and what follows from them, as far as shapes change; keeps the old values where one fails."""
        first, fresh, stale = set(first), dict[fx.Node, Any](), set[fx.Node]()
        if self.loose:
            for node in first:
                self.values.pop(node, None)
            return
        known = ChainMap(fresh, self.values)
        for node in self.nodes.nodes:
            if node.op == "output" or (node not in first and stale.isdisjoint(node.all_input_nodes)):
                continue
            try:
                fresh[node] = self.flow.value(self.part, node, known)
            except Exception as error:
                call = self.part(str(node.target)) if node.op == "call_module" else None
                raise _misfit(node, call, known, error) from error
            if node not in self.values or not alike(fresh[node], self.values[node]):
                stale.add(node)
        self.values.update(fresh)

    def _sort(self, moved: Iterable[fx.Node]) -> None:
        """Puts each node behind what it reads."""
        order = self.order()
        if all(order[source] < order[node] for node in moved for source in node.all_input_nodes):
            return
        done: dict[fx.Node, None] = {}
        waiting = list(self.nodes.nodes)
        while waiting:
            ready = [node for node in waiting if all(source in done for source in node.all_input_nodes)]
            if not ready:
                raise GraphError(f"{waiting[0].name!r} would read what is computed from it; choose an earlier input")
            done.update(dict.fromkeys(ready))
            waiting = [node for node in waiting if node not in done]
        output = next(node for node in done if node.op == "output")
        for node in done:
            if node is not output:
                output.prepend(node)


class Buffer:
    """A tensor that is no parameter, and whether the state dictionary has it."""

    def __init__(self, tensor: torch.Tensor, *, persistent: bool) -> None:
        self.tensor = tensor
        self.persistent = persistent


def as_change(node: fx.Node) -> Change:
    """Returns what a node is now."""
    return node.op, node.target, node.args, node.kwargs


def show(value: Any) -> str:
    """Returns the types and shapes of a value as text."""
    if isinstance(value, torch.Tensor):
        return f"{str(value.dtype).removeprefix('torch.')}{list(value.shape)}"
    if isinstance(value, tuple | list) and not isinstance(value, torch.Size):
        return f"({', '.join(map(show, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {show(item)}' for key, item in value.items())}}}"
    return str(value)


def brief(module: nn.Module) -> str:
    """Returns a module on one line."""
    return f"{type(module).__name__}[{module.extra_repr()}]" if module.extra_repr() else type(module).__name__


def _misfit(node: fx.Node, call: Any, known: Mapping[fx.Node, Any], error: Exception) -> GraphError:
    missing = [source.name for source in node.all_input_nodes if source not in known]
    if missing:
        return GraphError(f"{node.name!r} reads {missing[0]!r}, whose value is not known; compute that first")
    given = ", ".join(f"{source.name} {show(known[source])}" for source in node.all_input_nodes) or "nothing"
    does = f" ({brief(call)})" if call is not None else ""
    return GraphError(
        f"{node.name!r}{does} does not take what it would get, {given} ({reason(error)}); choose one that fits, "
        "or make several changes that fit together in `with graph.together():`"
    )


def _become(node: fx.Node, change: Change) -> None:
    node.op, node.target, node.args, node.kwargs = change


def _built(part: Any) -> str:
    if isinstance(part, nn.Module):
        return f"{part} {[tensor.shape for tensor in part.state_dict().values() if isinstance(tensor, torch.Tensor)]}"
    return f"{type(part)} {_bare(part).shape} {_bare(part).dtype}"


def _find(root: nn.Module, path: str) -> Any:
    owner, _, field = path.rpartition(".")
    holder = root.get_submodule(owner)
    found = getattr(holder, field)
    if isinstance(found, torch.Tensor) and not isinstance(found, nn.Parameter):
        return Buffer(found, persistent=field in holder._buffers and field not in holder._non_persistent_buffers_set)
    return found


def _bare(part: Any) -> Any:
    return part.tensor if isinstance(part, Buffer) else part


def _clash(one: str, other: str) -> bool:
    return one == other or one.startswith(f"{other}.") or other.startswith(f"{one}.")
