"""What a graph computes, as a hash that does not depend on names, weights or the order of independent nodes."""

import hashlib
from collections import Counter
from collections.abc import Sequence
from typing import Any

import torch
from torch import fx, nn

from lanista.nas._body import Body
from lanista.nas._nodes import operation, plain
from lanista.nas._told import qualified, told
from lanista.nas._trace import writes

COMMUTATIVE = frozenset({"add", "mul"})
_OF_ALL = frozenset(vars(nn.Module()))
"""What every module has, whatever it does; its mode among it."""


def structure(body: Body) -> str:
    """Returns the hash of a graph, from its output upwards: 32 letters."""
    reader, nodes = _Reader(body), list(body.nodes.nodes)
    computed = reader.read(nodes[-1])
    if not any(writes(node, body.part) and _seen_elsewhere(node) for node in nodes):
        return computed
    return _hash([computed, *map(reader.read, nodes)])  # what is written in place is seen by all that comes later


class _Reader:
    """Hashes nodes; a module that is called twice, or shares a weight, is told from two equal ones."""

    def __init__(self, body: Body) -> None:
        self._body = body
        self._done: dict[fx.Node, str] = {}
        self._places = {node: place for place, node in enumerate(n for n in body.nodes.nodes if n.op == "placeholder")}
        owners = Counter(node.target for node in body.nodes.nodes if node.op in ("call_module", "get_attr"))
        weights = Counter(key for path, count in owners.items() for key in _weights(body.part(str(path))) * count)
        self._shared = {key for key, count in weights.items() if count > 1}
        self._seen: dict[int, int] = {}

    def read(self, output: fx.Node) -> str:
        """Returns the hash of a node."""
        waiting = [output]
        while waiting:
            node = waiting[-1]
            missing = [source for source in node.all_input_nodes if source not in self._done]
            if missing:
                waiting.append(missing[0])
                continue
            self._done.setdefault(waiting.pop(), self._digest(node))
        return self._done[output]

    def _digest(self, node: fx.Node) -> str:
        call = self._body.part(str(node.target)) if node.op == "call_module" else None
        kind = operation(node, call)
        args, kwargs = fx.map_arg((node.args, node.kwargs), lambda source: f"%{self._done[source]}")
        inputs = [told(args), told(kwargs)]
        if call is None and kind in COMMUTATIVE and len(args) == 2 and not kwargs:
            inputs = sorted(map(told, args))
        if node.op == "placeholder":
            does = f"input {self._places[node]}"
        elif node.op == "get_attr":
            tensor = self._body.part(str(node.target))
            does = f"{type(tensor).__name__} {tensor.dtype} {tuple(tensor.shape)} {self._sharing([id(tensor)])}"
        elif call is not None:
            does = f"{describe(call)} {self._sharing(_weights(call))}"
        else:
            does = kind if kind in COMMUTATIVE else plain(_target(node.target))
        return _hash([does, *inputs])

    def _sharing(self, keys: list[int]) -> list[int]:
        return [self._seen.setdefault(key, len(self._seen)) for key in keys if key in self._shared]


def describe(module: nn.Module) -> str:
    """Returns a module's class, settings and the shapes of its tensors, and those of the modules inside."""
    settings = {
        key: told(value)
        for key, value in sorted(vars(module).items())
        if key not in _OF_ALL
        and (isinstance(value, int | float) if key.startswith("_") else not isinstance(value, torch.Tensor))
    }
    tensors = [
        (name, str(tensor.dtype), tuple(tensor.shape))
        for named in (module.named_parameters(recurse=False), module.named_buffers(recurse=False))
        for name, tensor in named
    ]
    children = [f"{name}: {describe(child)}" for name, child in module.named_children()]
    return f"{qualified(type(module))} {settings} {tensors} {children}"


def _target(target: Any) -> str:
    """Returns a method with its dot, or a function with what it does, where its name does not say it."""
    return qualified(target) if isinstance(target, str) else told(target)


def _seen_elsewhere(node: fx.Node) -> bool:
    """Whether what a node reads is read by others, too."""
    return any(len(source.users) > 1 for source in node.all_input_nodes)


def _hash(parts: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


def _weights(part: Any) -> list[int]:
    """The identities of the weights of a part, or of the part itself where it has none but a state of its own."""
    if isinstance(part, nn.Module):
        return [id(weight) for weight in part.parameters()]
    return [id(part)]
