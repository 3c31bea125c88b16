"""What a graph computes, as a hash that does not depend on names, weights or the order of independent nodes."""

import hashlib
from collections import Counter
from collections.abc import Mapping
from typing import Any

import torch
from torch import fx, nn

from lanista.nas._body import Body
from lanista.nas._nodes import operation, plain

COMMUTATIVE = frozenset({"add", "mul"})


def structure(body: Body) -> str:
    """Returns the hash of a graph, from its output upwards: 32 letters."""
    output = next(node for node in body.nodes.nodes if node.op == "output")
    return _Reader(body).read(output)


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
        inputs = [_plain(args), _plain(kwargs)]
        if kind in COMMUTATIVE and len(args) == 2 and not kwargs:
            inputs = sorted(map(_plain, args))
        if node.op == "placeholder":
            does = f"input {self._places[node]}"
        elif node.op == "get_attr":
            tensor = self._body.part(str(node.target))
            does = f"{type(tensor).__name__} {tensor.dtype} {tuple(tensor.shape)} {self._sharing([id(tensor)])}"
        elif call is not None:
            does = f"{describe(call)} {self._sharing(_weights(call))}"
        else:
            does = kind if kind in COMMUTATIVE else plain(_qualified(node.target))
        return hashlib.sha256("\n".join([does, *inputs]).encode()).hexdigest()[:32]

    def _sharing(self, keys: list[int]) -> list[int]:
        return [self._seen.setdefault(key, len(self._seen)) for key in keys if key in self._shared]


def describe(module: nn.Module) -> str:
    """Returns a module's class, settings and the shapes of its tensors, and those of the modules inside."""
    settings = {
        key: _plain(value)
        for key, value in sorted(vars(module).items())
        if not key.startswith("_") and key != "training" and not isinstance(value, torch.Tensor)
    }
    tensors = [
        (name, str(tensor.dtype), tuple(tensor.shape))
        for named in (module.named_parameters(recurse=False), module.named_buffers(recurse=False))
        for name, tensor in named
    ]
    children = [f"{name}: {describe(child)}" for name, child in module.named_children()]
    return f"{_qualified(type(module))} {settings} {tensors} {children}"


def _weights(part: Any) -> list[int]:
    """The identities of the weights of a part, or of the part itself where it has none but a state of its own."""
    if isinstance(part, nn.Module):
        return [id(weight) for weight in part.parameters()]
    return [id(part)]


def _qualified(thing: Any) -> str:
    if isinstance(thing, str):
        return f".{thing}"
    return f"{getattr(thing, '__module__', '')}.{getattr(thing, '__qualname__', thing)}"


def _plain(value: Any) -> str:
    """Returns a setting as text without addresses in memory."""
    if isinstance(value, tuple | list):
        return f"({', '.join(map(_plain, value))})"
    if isinstance(value, Mapping):
        return f"{{{', '.join(f'{key}: {_plain(item)}' for key, item in value.items())}}}"
    if isinstance(value, slice):
        return f"slice({_plain(value.start)}, {_plain(value.stop)}, {_plain(value.step)})"
    if value is None or isinstance(value, bool | int | float | complex | str | torch.dtype | torch.device | torch.Size):
        return repr(value)
    return _qualified(value if callable(value) else type(value))
