"""Morphisms: larger networks that compute what the smaller one computes, with its trained weights.

Chen, Goodfellow and Shlens, Net2Net: accelerating learning via knowledge transfer (ICLR 2016); Wei et al., Network
morphism (ICML 2016) for the general form: depth, width, kernel size and subnets.
"""

import copy
from collections.abc import Callable
from typing import Any, TypeVar

import torch
from torch import fx, nn

from lanista.errors import GraphError, UsageError
from lanista.nas._body import show
from lanista.nas._channels import CONVOLUTIONS, POOLS, Copies, Plan, Stuck, copied_channels
from lanista.nas._graph import Graph
from lanista.nas._identity import Mutation
from lanista.nas._inputs import seeded
from lanista.nas._nodes import Node, operation, plain
from lanista.nas._ops import above
from lanista.nas._widen import widened

Model = TypeVar("Model", bound=Graph | nn.Module)
IDEMPOTENT = frozenset({"relu", "relu6", "hardtanh"})
PASSING = frozenset({"dropout", "identity", "flatten", "view", "reshape", "contiguous", "permute", "transpose"})
POSITIVE = (POOLS - {"lppool1d", "lppool2d", "lppool3d", "interpolate", "upsample"}) | {"mean"}
"""What gives nothing below zero where it gets nothing below it; it may leave a smaller range."""


def widen(model: Model, layer: Node | str, width: int, *, example_inputs: Any = None, seed: int = 0) -> Model:
    """Returns a model in which a layer has more channels, and which computes the same in evaluation mode.

    New channels copy old ones, and each layer that reads them shares its weights out among the copies, at random so
    that the copies learn different things. Normalisation, pooling, depthwise convolutions, flattening, residual sums,
    gates and concatenations in between are followed through the graph; a sum widens the layers on its other side, too.

    Args:
        model: A graph, or a module (with `example_inputs`).
        layer: A linear layer or a convolution.
        width: Its new number of outputs. A multiple of the old one copies every channel equally often, which layer and
            group normalisation and grouped convolutions behind it need.
        example_inputs: As `Graph` takes them; for a module.
        seed: For the shares, and for which channels are copied.

    Raises:
        GraphError: the function could not be kept; the message says at which node.
        UsageError: the width is not greater than before.

    Chen et al. (2016), section 2.2 (Net2WiderNet).

    >>> import torch
    >>> from torch import nn
    >>> from lanista import nas
    >>> net = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 2))
    >>> wider = nas.widen(net, "0", 12, example_inputs=torch.zeros(1, 4))
    >>> x = torch.randn(5, 4)
    >>> wider.get_submodule("0").out_features, torch.allclose(net(x), wider(x), atol=1e-6)
    (12, True)
    """
    graph = _graph(model, example_inputs)
    place, module = _layer(graph, layer, "widen")
    _whole_number("width", width)
    now = module.out_features if isinstance(module, nn.Linear) else module.out_channels
    if width <= now:
        raise UsageError(f"width={width!r}: {place.name!r} has {now} outputs already; give a greater number")
    rng = torch.Generator().manual_seed(seed)
    axis = graph._body.values[place].ndim - 1 - (0 if isinstance(module, nn.Linear) else len(module.kernel_size))
    plan: Plan = Plan(graph._body)
    try:
        plan.start(place, Copies(axis, copied_channels(now, width, rng)))
    except Stuck as stuck:
        raise GraphError(f"cannot widen {place.name!r} from {now} to {width} outputs: {stuck}") from None
    child = graph.copy()
    body = child._body
    for path in dict.fromkeys([*plan.outputs, *plan.inputs]):
        body.parts[path] = widened(body.part(path), plan.outputs.get(path), plan.inputs.get(path), rng)
    twins = {node.name: node for node in body.nodes.nodes}
    for node, (old, new) in plan.sizes.items():
        twin = twins[node.name]
        twin.args = tuple(new if isinstance(value, int) and value == old else value for value in twin.args)
    body.settle()
    return _result(model, graph, child, "widen", layer=place.name, width=width, seed=seed)


def deepen(
    model: Model,
    after: Node | str,
    *,
    activation: Callable[[], nn.Module] | None = None,
    norm: bool = False,
    kernel: int = 3,
    example_inputs: Any = None,
) -> Model:
    """Returns a model with one more layer, which begins as the identity; it computes the same in evaluation mode.

    The layer is a convolution or a linear layer, as the one before it, with as many outputs as inputs.

    Args:
        model: A graph, or a module (with `example_inputs`).
        after: The node behind which the layer goes: an activation, mostly.
        activation: What follows the layer, such as `nn.ReLU`. It must not change what `after` gives, so it is ReLU,
            ReLU6 or Hardtanh behind the same.
        norm: Whether batch normalisation comes between them. It begins as the identity in evaluation mode; in training
            the batch's own statistics count at once.
        kernel: The size of a convolution; odd.
        example_inputs: As `Graph` takes them; for a module.

    Raises:
        GraphError: no layer comes before, or the activation would change the values.
        UsageError: the kernel size is even, or the activation is no class.

    Chen et al. (2016), section 2.3 (Net2DeeperNet).
    """
    graph = _graph(model, example_inputs)
    place = graph._node(after, "deepen after")
    _whole_number("kernel", kernel)
    if kernel % 2 == 0:
        raise UsageError(f"kernel={kernel!r}; only a convolution of odd size can be the identity")
    if isinstance(activation, nn.Module) or not (activation is None or callable(activation)):
        raise UsageError(f"activation={activation!r}; give a class of modules, such as nn.ReLU")
    act = activation() if activation is not None else None
    if act is not None:
        _check_idempotent(graph, place, act)
    before, value = _layer_before(graph, place), _tensor(graph, place)
    dims = value.ndim - 2 if isinstance(before, CONVOLUTIONS) else 0
    if not 0 <= dims <= 3:
        raise GraphError(f"{place.name!r} gives {show(value)}, of which no layer is the identity; choose another node")
    channels = value.shape[1 if dims else -1]
    new: list[nn.Module] = [_identity_layer(dims, channels, kernel, before.weight.dtype)]
    if norm:
        new.append(_identity_norm(dims, value, before.weight.dtype))
    if act is not None:
        new.append(act)
    child = graph.copy()
    last: Any = place.name
    for module in new:
        last = child.insert_after(last, module.to(before.weight.device))
    settings = {"after": place.name, "norm": norm, "kernel": kernel, "activation": type(act).__name__ if act else None}
    return _result(model, graph, child, "deepen", **settings)


def grow_kernel(model: Model, layer: Node | str, size: int, *, example_inputs: Any = None) -> Model:
    """Returns a model in which a convolution has a larger kernel, with zeros around the old one; it computes the same.

    Args:
        model: A graph, or a module (with `example_inputs`).
        layer: A convolution.
        size: The new size along each axis, larger than the old one by an even number.
        example_inputs: As `Graph` takes them; for a module.

    Raises:
        GraphError: the node is no convolution.
        UsageError: the size is not larger by an even number along each axis.

    Wei et al. (2016), section 3 (kernel size morphing).
    """
    graph = _graph(model, example_inputs)
    place, module = _layer(graph, layer, "enlarge the kernel of", CONVOLUTIONS)
    _whole_number("size", size)
    more = [size - old for old in module.kernel_size]
    if min(more) < 0 or any(extra % 2 for extra in more) or not any(more):
        raise UsageError(f"size={size!r}: the kernel is {module.kernel_size}; give a size larger by an even number")
    new = copy.deepcopy(module)
    pads = [pad for extra in reversed(more) for pad in (extra // 2, extra // 2)]
    new.weight = nn.Parameter(nn.functional.pad(module.weight.detach(), pads), module.weight.requires_grad)
    new.kernel_size = (size,) * len(more)
    if module.padding != "same":
        given = (0,) * len(more) if module.padding == "valid" else module.padding
        new.padding = tuple(p + d * extra // 2 for p, d, extra in zip(given, module.dilation, more, strict=True))
        new._reversed_padding_repeated_twice = [p for p in reversed(new.padding) for _ in range(2)]
    else:
        grown = [d * extra // 2 for d, extra in zip(module.dilation, more, strict=True)]
        old = module._reversed_padding_repeated_twice
        new._reversed_padding_repeated_twice = [p + grown[-1 - i // 2] for i, p in enumerate(old)]
    child = graph.copy()
    child.replace(place.name, new)
    return _result(model, graph, child, "grow_kernel", layer=place.name, size=size)


def add_branch(
    model: Model,
    start: Node | str,
    end: Node | str,
    module: nn.Module | None = None,
    *,
    example_inputs: Any = None,
) -> Model:
    """Returns a model in which a branch from `start` is added to what `end` gives; it begins with zeros.

    Args:
        model: A graph, or a module (with `example_inputs`).
        start: The node that the branch reads.
        end: The node to whose value it is added; not before `start`.
        module: The branch. Its last layer with weights is set to zero. By default a convolution of 1×1 (with the
            stride that fits), or a linear layer: a skip connection.
        example_inputs: As `Graph` takes them; for a module.

    Raises:
        GraphError: the branch does not give the shape of `end`, gives other values than zero all the same, or could
            never learn, since what comes after its last weights, such as ReLU, holds back their gradients.

    Wei et al. (2016), section 3 (subnet morphing).
    """
    graph = _graph(model, example_inputs)
    source, target = graph._node(start, "branch from"), graph._node(end, "add to")
    if source is not target and target in above(source):
        raise GraphError(f"{source.name!r} is computed from {target.name!r}; a branch begins before it ends")
    child = graph.copy()
    before, after = (_tensor(graph, node) for node in (source, target))
    branch = copy.deepcopy(module) if module is not None else _projection(graph, source, target)
    silent = _silence(branch)
    value = child.add(branch, child[source.name], name=f"{target.name}_branch")
    if value.shape != tuple(after.shape) or value.dtype != after.dtype:
        raise GraphError(
            f"the branch gives {value.dtype} {value.shape} from {tuple(before.shape)}, and {target.name!r} is "
            f"{after.dtype} {tuple(after.shape)}; give a module whose output has that shape"
        )
    _check_silent(branch, silent, before)
    total = child.add(torch.add, child[target.name], value, name=f"{target.name}_sum")
    child.redirect(target.name, total)
    return _result(model, graph, child, "add_branch", start=source.name, end=target.name, module=str(branch))


def inherit(child: nn.Module, parent: nn.Module) -> list[str]:
    """Copies the weights and buffers of the same name and shape; returns the names of the child's others.

    >>> from torch import nn
    >>> from lanista import nas
    >>> nas.inherit(nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 3)), nn.Sequential(nn.Linear(4, 8), nn.Linear(8, 2)))
    ['1.weight', '1.bias']
    """
    old, new = parent.state_dict(), child.state_dict()
    fitting = {name: old[name] for name in new if name in old and old[name].shape == new[name].shape}
    child.load_state_dict(fitting, strict=False)
    return [name for name in new if name not in fitting]


# How


def _graph(model: Graph | nn.Module, example_inputs: Any) -> Graph:
    if isinstance(model, Graph):
        return model
    if example_inputs is None:
        raise UsageError("a module needs example_inputs=..., from which its graph is made; or give a nas.Graph")
    return Graph(model, example_inputs)


def _result(model: Model, graph: Graph, child: Graph, morphism: str, **settings: Any) -> Model:
    child._identity = graph.identity.after(Mutation(f"lanista.nas.{morphism}", settings))
    made: Any = child if isinstance(model, Graph) else child.module()
    return made  # type: ignore[no-any-return]


def _layer(graph: Graph, layer: Node | str, wish: str, kinds: Any = (nn.Linear, *CONVOLUTIONS)) -> tuple[fx.Node, Any]:
    place = graph._node(layer, wish)
    module = graph._body.part(str(place.target)) if place.op == "call_module" else None
    if not isinstance(module, kinds):
        names = ", ".join(kind.__name__ for kind in kinds)
        raise GraphError(f"cannot {wish} {place.name!r}, which is {graph[place.name].op}; choose one of {names}")
    return place, module


def _layer_before(graph: Graph, place: fx.Node) -> Any:
    """The convolution or linear layer that a value comes from."""
    node = place
    while node.all_input_nodes:
        module = graph._body.part(str(node.target)) if node.op == "call_module" else None
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.Conv3d):
            return module
        node = node.all_input_nodes[0]
    raise GraphError(f"no convolution or linear layer comes before {place.name!r}; choose a later node")


def _identity_layer(dims: int, channels: int, kernel: int, dtype: torch.dtype) -> nn.Module:
    """A convolution over so many dimensions, or with none a linear layer, that gives what it gets."""
    layer: Any
    if dims == 0:
        layer = nn.Linear(channels, channels, dtype=dtype)
        nn.init.eye_(layer.weight)
    else:
        classes = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
        layer = classes[dims](channels, channels, kernel, padding=kernel // 2, dtype=dtype)
        nn.init.dirac_(layer.weight)
    nn.init.zeros_(layer.bias)
    made: nn.Module = layer
    return made


def _identity_norm(dims: int, value: torch.Tensor, dtype: torch.dtype) -> nn.Module:
    """Batch normalisation that gives what it gets as long as its running statistics are those of the start."""
    if dims == 0 and value.ndim != 2:
        raise GraphError(f"batch normalisation does not take values of shape {tuple(value.shape)}; leave norm=False")
    classes = {0: nn.BatchNorm1d, 1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
    norm: Any = classes[dims](value.shape[1], dtype=dtype)
    nn.init.constant_(norm.weight, (1 + norm.eps) ** 0.5)
    made: nn.Module = norm
    return made


def _check_idempotent(graph: Graph, place: fx.Node, act: nn.Module) -> None:
    node, kind = place, plain(type(act).__name__)
    passing = PASSING | POSITIVE if kind == "relu" else PASSING
    while True:
        module = graph._body.part(str(node.target)) if node.op == "call_module" else None
        found = operation(node, module)
        if found == kind and kind in IDEMPOTENT and _range(act) in (_range(module), ()):
            return
        if found not in passing or not node.all_input_nodes:
            break
        node = node.all_input_nodes[0]
    raise GraphError(
        f"{type(act).__name__} would change what {place.name!r} gives; it leaves alone only what comes from a "
        f"{type(act).__name__} (ReLU, ReLU6, Hardtanh); leave it out, or use nas.add_branch, which takes any"
    )


def _range(act: nn.Module | None) -> tuple[float, float] | tuple[()]:
    """The bounds that an activation has as settings; those of ReLU and ReLU6 are in their names."""
    return (act.min_val, act.max_val) if isinstance(act, nn.Hardtanh) and not isinstance(act, nn.ReLU6) else ()


def _whole_number(name: str, value: Any) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{name}={value!r}; give a whole number from 1")


def _tensor(graph: Graph, node: fx.Node) -> torch.Tensor:
    value = graph._body.values[node]
    if not isinstance(value, torch.Tensor):
        raise GraphError(f"{node.name!r} gives {show(value)}; choose a node that gives one tensor")
    return value


def _projection(graph: Graph, source: fx.Node, target: fx.Node) -> nn.Module:
    before, after = (graph._body.values[node] for node in (source, target))
    layer = _layer_before(graph, target)
    weight = layer.weight
    if isinstance(layer, nn.Linear):
        return nn.Linear(before.shape[-1], after.shape[-1], bias=False, dtype=weight.dtype, device=weight.device)
    if before.ndim != after.ndim:
        raise GraphError(f"no convolution leads from {show(before)} to {show(after)}; give the branch as `module`")
    stride = tuple(-(-b // a) for b, a in zip(before.shape[2:], after.shape[2:], strict=True))
    kind: Any = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}[len(layer.kernel_size)]
    made: nn.Module = kind(
        before.shape[1], after.shape[1], 1, stride=stride, bias=False, dtype=weight.dtype, device=weight.device
    )
    return made


def _silence(branch: nn.Module) -> list[nn.Parameter]:
    """Sets the last layer with weights to zero; returns what was set."""
    layers = [module for module in branch.modules() if isinstance(getattr(module, "weight", None), nn.Parameter)]
    if not layers:
        raise GraphError(
            f"the branch {type(branch).__name__} has no layer with weights that could begin with zeros; add one"
        )
    silent = list(layers[-1].parameters(recurse=False))
    for weight in silent:
        nn.init.zeros_(weight)
    return silent


def _check_silent(branch: nn.Module, silent: list[nn.Parameter], before: torch.Tensor) -> None:
    """Refuses a branch that gives other values than zero, or whose zeros would stay for ever."""
    memo: dict[int, Any] = {}
    twin = copy.deepcopy(branch, memo).cpu()
    held = [memo[id(weight)].requires_grad_() for weight in silent]
    with seeded(0), torch.inference_mode(False), torch.enable_grad():
        real = before.is_floating_point()
        given = torch.randn(before.shape, dtype=before.dtype) if real else torch.zeros(before.shape, dtype=before.dtype)
        output = twin.eval()(given)
        if output.any():
            raise GraphError(
                f"{type(branch).__name__} gives other values than zero; let its last layer be linear or a norm"
            )
        slopes = torch.autograd.grad(output.sum(), held, allow_unused=True)
    if not any(slope is not None and slope.any() for slope in slopes):
        raise GraphError(
            f"{type(branch).__name__} could never learn: what comes after its last weights gives no gradient where all "
            "is zero, as ReLU does; end the branch with a linear layer, a convolution or a norm"
        )
