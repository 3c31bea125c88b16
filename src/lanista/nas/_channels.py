"""How widened channels travel through a graph: what each operation makes of them, and where they cannot go on.

A widened value holds copies of channels that it had before: `Copies.of` says for each new channel whose copy it is.
"""

import operator
from collections import Counter
from typing import Any

import torch
from torch import fx, nn

from lanista._frozen import Frozen
from lanista.nas._body import Body
from lanista.nas._nodes import operation

CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
ACTIVATIONS = frozenset(
    {"relu", "relu6", "leakyrelu", "elu", "selu", "celu", "gelu", "silu", "mish", "sigmoid", "tanh", "hardtanh"}
    | {"hardswish", "hardsigmoid", "softplus", "logsigmoid", "dropout", "abs", "exp", "neg", "sqrt", "square", "clamp"}
)
ELEMENTWISE = ACTIVATIONS | {"identity", "contiguous", "clone", "float", "double", "half", "to"}
POOLS = frozenset(
    f"{kind}pool{n}d" for kind in ("max", "avg", "adaptiveavg", "adaptivemax", "lp") for n in (1, 2, 3)
) | {"dropout1d", "dropout2d", "dropout3d", "interpolate", "upsample"}
JOINING = frozenset({"add", "sub", "mul", "div", "maximum", "minimum"})
BATCH_NORMS = (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d, nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d)
KNOWN = (nn.Linear, *CONVOLUTIONS, *BATCH_NORMS, nn.LayerNorm, nn.GroupNorm, nn.PReLU)


class Copies(Frozen):
    """The channels of a widened value: their axis, and for each the channel that it copies."""

    axis: int
    of: tuple[int, ...]

    @property
    def even(self) -> bool:
        """Whether all channels have equally many copies, next to each other: means, variances and groups stay."""
        times = len(self.of) // len(set(self.of))
        return self.of == tuple(channel for channel in range(len(self.of) // times) for _ in range(times))


class Stuck(Exception):
    """Widened channels cannot go on; the text says where and why."""


class Plan:
    """Carries copies through the graph until all that reads them is found.

    Attributes:
        given: The copies in the value of each node.
        outputs: The modules whose outputs are widened, by path.
        inputs: The modules whose inputs are widened, by path.
        sizes: Numbers among the arguments of a node that count widened channels, with the new number.
    """

    def __init__(self, body: Body) -> None:
        self._body = body
        self._order = body.order()
        self._calls = Counter(str(node.target) for node in body.nodes.nodes if node.op == "call_module")
        parts = [body.part(path) for path in body.parts]
        modules = [part for part in parts if isinstance(part, nn.Module)]
        self._owners = Counter(id(weight) for module in modules for weight in module.parameters())
        self._owners.update(id(part) for part in parts if not isinstance(part, nn.Module))
        self.given: dict[fx.Node, Copies] = {}
        self.outputs: dict[str, Copies] = {}
        self.inputs: dict[str, Copies] = {}
        self.sizes: dict[fx.Node, tuple[int, int]] = {}
        self._waiting: set[fx.Node] = set()

    def start(self, layer: fx.Node, copies: Copies) -> None:
        """Widens the outputs of a layer, and all that follows from it.

        Raises:
            Stuck: somewhere they cannot go on.
        """
        self._widen(layer, copies)
        while self._waiting:
            node = min(self._waiting, key=self._order.__getitem__)
            self._waiting.remove(node)
            self._visit(node)

    # Nodes

    def _visit(self, node: fx.Node) -> None:
        """Sees what a node makes of its widened inputs."""
        found = [source for source in node.all_input_nodes if source in self.given]
        copies = self.given[found[0]]
        kind, module = self._operation(node)
        if node.op == "output":
            raise Stuck(f"they reach the output of the model by way of {found[0].name!r}")
        if isinstance(module, CONVOLUTIONS):
            self._conv(node, module, copies)
        elif isinstance(module, nn.Linear):
            self._at(copies, self._rank(found[0]) - 1, node)
            self._take(node, copies)
        elif module is not None and any(True for _ in module.children()):
            raise Stuck(f"{node.name!r} ({type(module).__name__}) is not known to keep channels apart")
        else:
            self._pass(node, kind, module, copies, found)

    def _pass(self, node: fx.Node, kind: str, module: nn.Module | None, copies: Copies, found: list[fx.Node]) -> None:
        if isinstance(module, BATCH_NORMS):
            self._at(copies, 1, node)
            self._adapt(node, copies)
        elif isinstance(module, nn.LayerNorm | nn.GroupNorm):
            self._norm(node, module, copies)
        elif isinstance(module, nn.PReLU):
            if module.num_parameters > 1:
                self._at(copies, 1, node)
            self._adapt(node, copies)
        elif kind in ELEMENTWISE:
            self._give(node, copies)
        elif kind in POOLS:
            if copies.axis >= 2:
                raise Stuck(f"{node.name!r} pools over their axis")
            self._give(node, copies)
        elif kind in JOINING:
            self._join(node, copies)
        elif kind == "cat":
            self._concatenate(node, found)
        else:
            self._move(node, kind, module, copies)

    def _move(self, node: fx.Node, kind: str, module: nn.Module | None, copies: Copies) -> None:
        """Operations that move or drop axes."""
        arguments: list[Any] = list(node.args[1:])
        if kind in ("flatten", "view", "reshape"):
            self._flatten(node, copies)
        elif kind in ("mean", "sum", "amax", "amin"):
            rank = self._rank(node.all_input_nodes[0])
            dims: Any = node.kwargs.get("dim", arguments[0] if arguments else None)
            if dims is None or copies.axis in {d % rank for d in _listed(dims)}:
                raise Stuck(f"{node.name!r} takes the {kind} over their axis")
            kept = node.kwargs.get("keepdim", arguments[1] if len(arguments) > 1 else False)
            gone = 0 if kept else sum(d % rank < copies.axis for d in _listed(dims))
            self._give(node, Copies(copies.axis - gone, copies.of))
        elif kind in ("transpose", "permute"):
            rank = self._rank(node.all_input_nodes[0])
            order = list(range(rank))
            arguments += [value for name, value in node.kwargs.items() if name != "input"]  # by name: in their order
            if kind == "permute":
                order = [d % rank for d in _listed(arguments[0] if len(arguments) == 1 else arguments)]
            else:
                one, other = (d % rank for d in arguments)
                order[one], order[other] = order[other], order[one]
            self._give(node, Copies(order.index(copies.axis), copies.of))
        elif kind in ("getattr", "size", "dim"):
            self._shape(node, kind, copies)
        else:
            raise Stuck(f"{node.name!r} ({kind}) is not known to keep channels apart")

    def _conv(self, node: fx.Node, conv: Any, copies: Copies) -> None:
        self._at(copies, 1, node)
        if depthwise(conv):
            self._depthwise(node, conv, copies)
        elif conv.groups == 1 or copies.even:
            self._take(node, copies)
        else:
            raise Stuck(
                f"{node.name!r} has {conv.groups} groups, which take channels next to each other; "
                f"widen to a multiple of {len(set(copies.of))}"
            )

    def _depthwise(self, node: fx.Node, conv: Any, copies: Copies) -> None:
        times = conv.out_channels // conv.groups
        self._adapt(node, copies)
        self._give(node, Copies(1, tuple(times * channel + i for channel in copies.of for i in range(times))))

    def _norm(self, node: fx.Node, norm: Any, copies: Copies) -> None:
        rank = self._rank(node.all_input_nodes[0])
        if isinstance(norm, nn.LayerNorm):
            if copies.axis < rank - len(norm.normalized_shape):
                self._give(node, copies)
                return
            if len(norm.normalized_shape) > 1:
                raise Stuck(f"{node.name!r} normalises over several axes; only one, the channels, is known")
        else:
            self._at(copies, 1, node)
        if not copies.even:
            raise Stuck(
                f"{node.name!r} normalises over channels, and its mean and variance stay only where each channel "
                f"has as many copies: widen to a multiple of {len(set(copies.of))}"
            )
        self._adapt(node, copies)

    def _join(self, node: fx.Node, copies: Copies) -> None:
        """Operands that are added or multiplied must have the same copies; the one that has none is widened, too."""
        axis = copies.axis - self._rank(next(n for n in node.all_input_nodes if n in self.given))
        for source in node.all_input_nodes:
            value = self._body.values[source]
            if not isinstance(value, torch.Tensor) or value.ndim < -axis or value.shape[axis] == 1:
                continue
            own = Copies(value.ndim + axis, copies.of)
            if source in self.given and self.given[source] != own:
                raise Stuck(f"{node.name!r} joins {source.name!r} with a value whose channels have other copies")
            if source not in self.given:
                self._demand(source, own, node)
        self._give(node, Copies(self._rank(node) + axis, copies.of))

    def _concatenate(self, node: fx.Node, found: list[fx.Node]) -> None:
        given: Any = node.kwargs.get("dim", node.kwargs.get("axis", node.args[1] if len(node.args) > 1 else 0))
        axis = int(given) % self._rank(node)
        of: list[int] = []
        total = 0
        for source in _listed(node.args[0] if node.args else node.kwargs["tensors"]):
            size = self._body.values[source].shape[axis]
            copies = self.given.get(source, Copies(axis, tuple(range(size))))
            if copies.axis != axis:
                raise Stuck(f"{node.name!r} concatenates along another axis")
            of += [total + channel for channel in copies.of]
            total += size
        self._give(node, Copies(axis, tuple(of)))

    def _flatten(self, node: fx.Node, copies: Copies) -> None:
        """Channels and the axes behind them become one axis, or what is behind is 1 and goes."""
        source = node.all_input_nodes[0]
        before, after = self._body.values[source].shape, self._body.values[node].shape
        behind = int(torch.tensor(before[copies.axis + 1 :]).prod()) if len(before) > copies.axis + 1 else 1
        known = tuple(before[: copies.axis]), before[copies.axis] * behind
        if (tuple(after[:-1]), after[-1]) != known:
            raise Stuck(f"{node.name!r} gives {list(after)} from {list(before)}, where channels are not known apart")
        total = known[1]
        new = len(copies.of) * behind
        if any(argument == total for argument in node.args[1:]):
            self.sizes[node] = total, new
        elif any(total in argument for argument in node.args[1:] if isinstance(argument, tuple | list)):
            raise Stuck(f"{node.name!r} is given their number in a list; write it as -1")
        self._give(node, Copies(copies.axis, tuple(c * behind + i for c in copies.of for i in range(behind))))

    def _shape(self, node: fx.Node, kind: str, copies: Copies) -> None:
        """The shape of a widened value may be read, save for the number of its channels."""
        if kind == "getattr" and node.args[1] != "shape":
            if isinstance(self._body.values[node], torch.Tensor):
                raise Stuck(f"{node.name!r} ({node.args[1]}) is not known to keep channels apart")
            return
        if kind == "size" and len(node.args) > 1:
            asked: Any = node.args[1]
            if asked % self._rank(node.all_input_nodes[0]) == copies.axis:
                raise Stuck(f"{node.name!r} reads the number of channels")
            return
        for user in node.users:
            index = user.args[1] if user.target is operator.getitem else None
            other = isinstance(index, int) and index % self._rank(node.all_input_nodes[0]) != copies.axis
            if not other and user.users:
                raise Stuck(f"{user.name!r} reads the number of channels")

    # What follows

    def _demand(self, node: fx.Node, copies: Copies, reader: fx.Node) -> None:
        """Widens a value that is joined with one that has copies, back to the layer that makes it."""
        kind, module = self._operation(node)
        if node.op == "placeholder":
            raise Stuck(f"{reader.name!r} joins them with {node.name!r}, which is an input of the model")
        if isinstance(module, nn.Linear) or (isinstance(module, CONVOLUTIONS) and not depthwise(module)):
            self._widen(node, copies)
        elif isinstance(module, BATCH_NORMS) or kind in ELEMENTWISE | POOLS or depthwise(module):
            if depthwise(module) and module.out_channels != module.in_channels:  # type: ignore[union-attr]
                raise Stuck(f"{reader.name!r} joins them with {node.name!r}, whose groups give several channels each")
            self._demand(node.all_input_nodes[0], copies, reader)
        elif kind in JOINING:
            widest = [n for n in node.all_input_nodes if self._body.values[n].shape == self._body.values[node].shape]
            self._demand(widest[0], copies, reader)
        else:
            raise Stuck(f"{reader.name!r} joins them with {node.name!r} ({kind}), which is not known how to widen")

    def _widen(self, layer: fx.Node, copies: Copies) -> None:
        """A layer gives copies of its channels."""
        module = self._operation(layer)[1]
        if depthwise(module):
            raise Stuck(f"{layer.name!r} gives as many channels as it takes; widen the layer before it")
        if isinstance(module, CONVOLUTIONS) and module.groups > 1 and not copies.even:
            raise Stuck(f"{layer.name!r} has {module.groups} groups; widen to a multiple of {len(set(copies.of))}")
        self._once(layer, self.outputs, copies)
        self._give(layer, copies)

    def _adapt(self, node: fx.Node, copies: Copies) -> None:
        """A module with settings for each channel copies them."""
        self._once(node, self.outputs, copies)
        self._give(node, copies)

    def _take(self, node: fx.Node, copies: Copies) -> None:
        """A layer takes the copies together again; what it gives stays."""
        self._once(node, self.inputs, copies)

    def _once(self, node: fx.Node, plans: dict[str, Copies], copies: Copies) -> None:
        """Notes what becomes of a module."""
        path = str(node.target)
        module = self._body.part(path)
        if type(module) not in KNOWN:
            raise Stuck(
                f"{node.name!r} is of the class {type(module).__name__}, which may do more than torch's own layers"
            )
        if module._forward_pre_hooks or module._forward_hooks:
            raise Stuck(f"{node.name!r} has hooks, which may do more than the layer")
        if self._calls[path] > 1 or any(self._owners[id(weight)] > 1 for weight in module.parameters()):
            raise Stuck(f"{node.name!r} shares its weights with another place")
        if plans.setdefault(path, copies) != copies:
            raise Stuck(f"{node.name!r} would need two kinds of copies")

    def _give(self, node: fx.Node, copies: Copies) -> None:
        if self.given.get(node) == copies:
            return
        if node in self.given:
            raise Stuck(f"{node.name!r} would have two kinds of copies")
        self.given[node] = copies
        self._waiting.update(node.users)

    def _at(self, copies: Copies, axis: int, node: fx.Node) -> None:
        if copies.axis != axis:
            raise Stuck(f"{node.name!r} has them on axis {copies.axis}, where they are no channels to it")

    def _rank(self, node: fx.Node) -> int:
        return int(self._body.values[node].ndim)

    def _operation(self, node: fx.Node) -> tuple[str, nn.Module | None]:
        module = self._body.part(str(node.target)) if node.op == "call_module" else None
        return operation(node, module), module


def depthwise(module: Any) -> bool:
    return isinstance(module, CONVOLUTIONS) and module.groups > 1 and module.groups == module.in_channels


def _listed(value: Any) -> list[Any]:
    return list(value) if isinstance(value, tuple | list) else [value]


def copied_channels(width: int, new: int, rng: "torch.Generator") -> tuple[int, ...]:
    """Whose copies the channels are: all copied equally often where that comes out even, else random ones again."""
    if new % width == 0:
        return tuple(channel for channel in range(width) for _ in range(new // width))
    again = torch.randint(width, (new - width,), generator=rng)
    return (*range(width), *map(int, again))
