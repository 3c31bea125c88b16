"""From a model to a graph: traced twice, so that only what holds in general is taken apart."""

import copy
import inspect
import operator
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from torch import fx, nn
from torch.nn import functional

from lanista.errors import UsageError
from lanista.nas._flow import Flow, double, parts_of, same
from lanista.nas._inputs import seeded
from lanista.nas._tracer import Tracer, arguments, bind, reason

DROPOUTS: dict[Any, type[nn.Module]] = {
    functional.dropout: nn.Dropout,
    functional.dropout1d: nn.Dropout1d,
    functional.dropout2d: nn.Dropout2d,
    functional.dropout3d: nn.Dropout3d,
    functional.alpha_dropout: nn.AlphaDropout,
}
INPLACE = (operator.setitem, operator.iadd, operator.isub, operator.imul, operator.itruediv)
WHOLE = "model"  # what the model is called in the graph of a model that cannot be traced
DIFFERS = "it does something else in training than in evaluation, or for another batch size"
ROUNDS = 10


class Traced(NamedTuple):
    """A model's modules, its nodes, what they give for the example, and what stayed whole for which reason."""

    root: nn.Module
    nodes: fx.Graph
    flow: Flow
    values: dict[fx.Node, Any]
    opaque: dict[str, str]


def trace(model: nn.Module, inputs: Any) -> Traced:
    """Traces a copy of a model; modules that cannot be traced stay whole, in the worst case the model itself.

    Raises:
        UsageError: it is no module, cannot be copied, or does not run on the example inputs.
    """
    if not isinstance(model, nn.Module):
        what = f"the class {model.__name__}" if isinstance(model, type) else type(model).__name__
        raise UsageError(f"a graph is made of a module, got {what}; give the built model, such as Net()")
    name = type(model).__name__
    try:
        root = copy.deepcopy(model)
    except Exception as error:
        raise UsageError(f"{name} cannot be copied ({reason(error)}); give a model that deepcopy takes") from error
    try:
        bind(root, inputs)
        wanted = _result(copy.deepcopy(root), inputs)
    except Exception as error:
        raise UsageError(
            f"{name} does not run on the example inputs ({reason(error)}); give inputs that it takes: a tensor, "
            "a tuple of arguments or a dictionary of named ones"
        ) from error
    with seeded(1, root):  # not the seed of the results: what is drawn once, while tracing, has to show
        found = _attempt(root, inputs, wanted, Flow(real=False))
        if all(why == DIFFERS or why.startswith(fx.proxy.TraceError.__name__) for why in found.opaque.values()):
            return found
        again = _attempt(root, inputs, wanted, Flow(real=True))  # an operator may lack a form without numbers
        return again if "" in found.opaque or len(again.opaque) < len(found.opaque) else found


def _result(model: nn.Module, inputs: Any) -> Any:
    """What a model gives in evaluation mode; None for one without numbers."""
    if any(tensor.is_meta for tensor in (*model.parameters(), *model.buffers())):
        return None
    args, kwargs = arguments(inputs)
    with seeded(0, model):  # the model and its graph draw the same numbers
        return Flow(real=True).call(model, *args, **kwargs)


def _attempt(root: nn.Module, inputs: Any, wanted: Any, flow: Flow) -> Traced:
    if root._forward_hooks or root._forward_pre_hooks:
        return _whole(root, inputs, flow, "the model itself has hooks")
    try:
        traced = _parts(copy.deepcopy(root), inputs, flow)  # some models keep what they compute, proxies too
        if wanted is None or same(wanted, _result(fx.GraphModule(traced.root, traced.nodes), inputs)):
            return traced
        why = "the traced graph gives another result than the model"
    except Exception as error:
        why = reason(error)
    return _whole(root, inputs, flow, why)


def _parts(root: nn.Module, inputs: Any, flow: Flow) -> Traced:
    """Traces in training mode, and in evaluation mode for twice the batch: modules that differ stay whole."""
    leaves: dict[str, str] = {}
    modes = {module: module.training for module in root.modules()}
    given = bind(root, inputs)
    doubled = {name: double(value) for name, value in given.items()}
    try:
        for _ in range(ROUNDS):
            tracer, nodes = _once(root.train(), flow, given, leaves)
            other = _twin(root.eval(), flow, given, doubled, leaves)
            new = other[0].opaque | tracer.opaque
            if not new.keys() - tracer.opaque.keys():
                new = new | _differing(tracer, nodes, *other)
            if not new.keys() - leaves.keys() - tracer.opaque.keys():
                leaves |= tracer.opaque
                _dropouts(root, tracer, nodes, other[1])
                prune(nodes, parts_of(root))
                values = {node: tracer.values[node] for node in nodes.nodes if node in tracer.values}
                return Traced(root, nodes, flow, values, leaves)
            leaves |= new
        raise RuntimeError("it takes another way at each call")
    finally:
        for module, mode in modes.items():
            module.training = mode


def _once(root: nn.Module, flow: Flow, given: Mapping[str, Any], leaves: Mapping[str, str]) -> tuple[Tracer, fx.Graph]:
    tracer = Tracer(flow, given, leaves)
    return tracer, tracer.trace(root)


def _twin(
    root: nn.Module, flow: Flow, given: Mapping[str, Any], doubled: Mapping[str, Any], leaves: Mapping[str, str]
) -> tuple[Tracer, fx.Graph]:
    """Traces for twice the batch, or for the same one where the model takes no other."""
    try:
        flow.call(root, **{name: flow.given(value) for name, value in doubled.items()})
    except Exception:
        return _once(root, flow, given, leaves)
    return _once(root, flow, doubled, leaves)


def _differing(one: Tracer, nodes: fx.Graph, other: Tracer, others: fx.Graph) -> dict[str, str]:
    """The innermost modules whose inside differs between the two traces; what is around them may differ for their sake.

    Raises:
        RuntimeError: the forward method of the model itself differs.
    """
    first, second = _signatures(one, nodes), _signatures(other, others)
    found = {path: DIFFERS for path in first.keys() | second.keys() if first.get(path) != second.get(path)}
    inner = {path: why for path, why in found.items() if not any(_within(other, path) for other in found)}
    if "" in inner:
        raise fx.proxy.TraceError(DIFFERS)
    return inner


def _within(inner: str, outer: str) -> bool:
    return inner != outer and (not outer or inner.startswith(f"{outer}."))


def _signatures(tracer: Tracer, nodes: fx.Graph) -> dict[str, list[Any]]:
    """What each module's own nodes do; nodes of others that they read are all alike here."""
    found: dict[str, list[Any]] = {}
    place: dict[fx.Node, tuple[str, int]] = {}
    for node in nodes.nodes:
        owner = tracer.owners.get(node, "")
        rows = found.setdefault(owner, [])
        place[node] = owner, len(rows)

        def read(source: fx.Node, owner: str = owner) -> Any:
            return f"%{place[source][1]}" if place[source][0] == owner else "%"

        args, kwargs = fx.map_arg((node.args, node.kwargs), read)
        if node.target in DROPOUTS:
            args, kwargs = args[:1], {}
        rows.append((node.op, str(node.target), repr(args), repr(kwargs)))
    return found


def prune(nodes: fx.Graph, part: Callable[[str], Any]) -> None:
    """Removes the nodes that nothing reads, save those that write in place."""
    for node in reversed(nodes.nodes):
        if not node.users and node.op not in ("placeholder", "output") and not writes(node, part):
            nodes.erase_node(node)


def writes(node: fx.Node, part: Callable[[str], Any]) -> bool:
    """Whether a node changes what it reads."""
    if node.op == "call_module":
        return bool(getattr(part(str(node.target)), "inplace", False))
    if node.op not in ("call_function", "call_method"):
        return False
    name = str(node.target) if node.op == "call_method" else getattr(node.target, "__name__", "")
    named = name.endswith("_") and not name.endswith("__")
    return named or node.kwargs.get("inplace") is True or node.target in INPLACE or node.is_impure()


def _dropouts(root: nn.Module, tracer: Tracer, nodes: fx.Graph, others: fx.Graph) -> None:
    """Makes modules of the dropout functions that are on in training alone."""
    for node, other in zip(list(nodes.nodes), others.nodes, strict=True):
        if node.target in DROPOUTS and _settings(node)["training"] and not _settings(other)["training"]:
            name = f"{node.name}_module" if hasattr(root, node.name) else node.name
            root.add_module(name, DROPOUTS[node.target](_settings(node)["p"]))
            with nodes.inserting_before(node):
                module = nodes.call_module(name, (node.args[0] if node.args else node.kwargs["input"],))
            node.replace_all_uses_with(module)
            tracer.values[module] = tracer.values[node]
            nodes.erase_node(node)


def _settings(node: fx.Node) -> dict[str, Any]:
    target: Callable[..., Any] = node.target  # type: ignore[assignment]
    bound = inspect.signature(target).bind(*node.args, **node.kwargs)
    bound.apply_defaults()
    return bound.arguments


def _whole(root: nn.Module, inputs: Any, flow: Flow, why: str) -> Traced:
    """The graph of a model that is one node."""
    holder = nn.Module()
    holder.add_module(WHOLE, root)
    nodes = fx.Graph()
    given = {nodes.placeholder(name): value for name, value in bind(root, inputs).items()}
    call = nodes.call_module(WHOLE, (), {str(node.target): node for node in given})
    nodes.output(call)
    for way in (flow, Flow(real=True)):
        values = {node: way.given(value) for node, value in given.items()}
        try:
            values[call] = way.value(parts_of(holder), call, values)
        except Exception:
            if way.real:
                raise
        else:
            break
    return Traced(holder, nodes, way, values, {"": why})
