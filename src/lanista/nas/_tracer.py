"""A tracer of `torch.fx` that knows the example: shapes decide Python's branches, what cannot be traced stays whole."""

import inspect
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import fx, nn

from lanista.nas._flow import Flow, parts_of

CONTAINERS = (nn.Module, nn.Sequential, nn.ModuleList, nn.ModuleDict)


class Hinted(fx.Proxy):
    """A proxy that answers Python's questions about shapes and counts from the example, and none about numbers."""

    tracer: "Tracer"

    @property
    def _hint(self) -> Any:
        return self.tracer.values[self.node]

    def __getattr__(self, name: str) -> Any:
        if name in ("ndim", "is_cuda", "is_sparse", "is_quantized", "names", "layout"):
            return getattr(self._hint, name)
        if callable(getattr(self._hint, name)):
            return fx.proxy.Attribute(self, name)
        return self.tracer.create_proxy("call_function", getattr, (self, name), {})

    def dim(self) -> int:
        """Returns the number of axes."""
        return int(self._hint.dim())

    ndimension = dim

    def __len__(self) -> int:
        return len(self._hint)

    def __setitem__(self, index: Any, value: Any) -> None:
        raise fx.proxy.TraceError("it writes into a part of a tensor, x[...] = y, which torch.fx does not record")

    def __contains__(self, item: Any) -> bool:
        return item in self._plain()

    def __index__(self) -> int:
        return int(self._plain().__index__())

    def __int__(self) -> int:
        return int(self._plain())

    def __float__(self) -> float:
        return float(self._plain())

    def _plain(self) -> Any:
        if isinstance(self._hint, torch.Tensor):
            raise fx.proxy.TraceError("Python asks for the numbers in a tensor, which differ from input to input")
        return self._hint


class Tracer(fx.Tracer):
    """Traces a model for one example. A module whose inside cannot be traced is one node, and `opaque` says why."""

    proxy_buffer_attributes = True

    def __init__(self, flow: Flow, given: Mapping[str, Any], leaves: Mapping[str, str]) -> None:
        super().__init__()
        self.flow = flow
        self.given = given
        self.leaves = leaves
        self.opaque: dict[str, str] = {}
        self.values: dict[fx.Node, Any] = {}
        self.owners: dict[fx.Node, str] = {}
        self._stack = [""]
        self._busy = False

    def proxy(self, node: fx.Node) -> Hinted:
        """Returns the proxy of a node."""
        return Hinted(node, self)

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        """Whether a module is one node."""
        return module_qualified_name in self.leaves or layer(m) or super().is_leaf_module(m, module_qualified_name)

    def create_proxy(self, kind: str, target: Any, args: Any, kwargs: Any, *rest: Any, **named: Any) -> Any:
        """Adds a node, and computes its value for the example."""
        if kind == "placeholder" and target not in self.given:
            if not args:
                raise fx.proxy.TraceError(f"the forward method takes {target}, which cannot be traced")
            super().create_proxy(kind, target, args, kwargs, *rest, **named)
            return args[0]  # an input that the example leaves out keeps its default, and control flow may read it
        proxy = super().create_proxy(kind, target, args, kwargs, *rest, **named)
        self.owners[proxy.node] = self._stack[-1]
        self._busy = True
        try:
            if kind == "placeholder":
                self.values[proxy.node] = self.flow.given(self.given[target])
            else:
                self.values[proxy.node] = self.flow.value(parts_of(self.root), proxy.node, self.values)
        finally:
            self._busy = False
        return proxy

    def call_module(self, m: nn.Module, forward: Any, args: Any, kwargs: Any) -> Any:
        """Traces a module's inside; one that cannot be traced becomes a single node."""
        if self._busy:
            return forward(*args, **kwargs)
        path, last, depth = self.path_of_module(m), next(iter(reversed(self.graph.nodes)), None), len(self.module_stack)
        self._stack.append(path)
        try:
            return super().call_module(m, forward, args, kwargs)
        except Exception as error:
            if self.is_leaf_module(m, path):
                raise
            self._forget(last, depth)
            self.opaque[path] = reason(error)
            return self.create_proxy("call_module", path, args, kwargs)
        finally:
            self._stack.pop()

    def getattr(self, attr: str, attr_val: Any, parameter_proxy_cache: dict[str, Any]) -> Any:
        """Returns a parameter as a node while tracing, and as it is while a value is computed."""
        return attr_val if self._busy else super().getattr(attr, attr_val, parameter_proxy_cache)

    def _forget(self, last: fx.Node | None, depth: int) -> None:
        """Takes back the nodes after `last`."""
        for node in reversed(self.graph.nodes):
            if node is last:
                break
            self.graph.erase_node(node)
        while len(self.module_stack) > depth:
            self.module_stack.popitem(last=True)

    def to_bool(self, obj: Any) -> bool:
        """Decides a branch that depends on shapes."""
        if isinstance(obj._hint, torch.Tensor):
            raise fx.proxy.TraceError("a branch depends on the numbers in a tensor, which differ from input to input")
        return bool(obj._hint)

    def iter(self, obj: Any) -> Iterator[Any]:
        """Goes through a sequence, or along a tensor's first axis."""
        return iter([obj[i] for i in range(len(obj._hint))])

    def keys(self, obj: Any) -> Any:
        """Returns the keys of a dictionary."""
        return obj._hint.keys()


def layer(module: nn.Module) -> bool:
    """Whether a module is one of torch's layers, or of a class made from one."""
    kinds = [kind for kind in type(module).__mro__ if kind.__module__.startswith("torch.nn")]
    return any(kind not in CONTAINERS for kind in kinds)


def reason(error: BaseException) -> str:
    """Returns an error as one line."""
    lines = str(error).strip().splitlines() or ["no message"]
    text = lines[0] if len(lines[0]) <= 200 else lines[0][:197] + "..."
    return f"{type(error).__name__}: {text}"


def bind(model: nn.Module, inputs: Any) -> dict[str, Any]:
    """Returns example inputs by the names of the forward method's parameters.

    Raises:
        TypeError: the forward method does not take them.
    """
    args, kwargs = arguments(inputs)
    bound = inspect.signature(model.forward).bind(*args, **kwargs)
    return dict(bound.arguments)


def arguments(inputs: Any) -> tuple[tuple[Any, ...], dict[str, Any]]:
    """Returns example inputs as positional and named arguments."""
    if isinstance(inputs, Mapping):
        return (), dict(inputs)
    return (tuple(inputs), {}) if isinstance(inputs, tuple | list) else ((inputs,), {})
