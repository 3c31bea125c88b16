"""Three ready mutators: another operator, an inception cell for a pooling layer, normalisation after convolutions."""

from collections.abc import Callable, Mapping, Sequence
from inspect import Parameter, signature
from itertools import pairwise
from typing import Any

from torch import cat, nn

from lanista.errors import GraphError, UsageError
from lanista.nas._graph import Graph
from lanista.nas._mutator import Mutator
from lanista.nas._nodes import Node, What
from lanista.nas._record import Pick

Maker = type[nn.Module] | Callable[[Node], Any]
CONVOLUTIONS = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
POOLING = ("maxpool2d", "avgpool2d")
KEEP = "keep"


class ReplaceOperator(Mutator):
    """Offers other operators in the stead of some nodes.

    Args:
        what: The nodes, as `Graph.find` takes them.
        options: Label to what makes the operator: a class of modules that needs no arguments, or a function that is
            given the node (its `shape`, its `module`) and returns a module or a function. "keep", which is always
            offered first, leaves the node as it is.
        each: Whether each node is a choice of its own; else one choice is made for all of them.
        name: What its choices are called by.

    Example:
        >>> import torch
        >>> from torch import nn
        >>> from lanista import nas
        >>> net = nn.Sequential(nn.Linear(4, 4), nn.ReLU(), nn.Linear(4, 4), nn.ReLU())
        >>> space = nas.MutatedSpace(net, [nas.ReplaceOperator("relu", {"gelu": nn.GELU})], torch.zeros(1, 4))
        >>> space.space.names, space.size
        (('ReplaceOperator/_1', 'ReplaceOperator/_3'), 4)
    """

    def __init__(
        self, what: What, options: Mapping[str, Maker], *, each: bool = True, name: str = "ReplaceOperator"
    ) -> None:
        if not isinstance(options, Mapping):
            raise UsageError(f"options={options!r}; give a label for each: {{'gelu': nn.GELU}}")
        if KEEP in options or not options:
            raise UsageError(f"options of ReplaceOperator are {list(options)}; give one or more, and none named 'keep'")
        for label, make in options.items():
            if isinstance(make, nn.Module) or not callable(make):
                raise UsageError(
                    f"ReplaceOperator: the option {label!r} is {type(make).__name__}; give a class such as nn.GELU, or "
                    "a function that is given the node: lambda node: nn.LeakyReLU(0.1)"
                )
            if isinstance(make, type) and _required(make):
                raise UsageError(
                    f"ReplaceOperator: the option {label!r}, {make.__name__}, cannot be made without "
                    f"{', '.join(_required(make))}; give a function that is given the node and makes it"
                )
        self.what = what
        self.options = options
        self.each = each
        self.name = name

    def mutate(self, graph: Graph, pick: Pick) -> None:
        """Replaces the nodes as picked."""
        for node in graph.find(self.what):
            label = pick(node.name if self.each else "operator", [KEEP, *self.options])
            if label != KEEP:
                make: Any = self.options[label]
                module = isinstance(make, type) and issubclass(make, nn.Module)
                graph.replace(node, make() if module else make(node))


def _required(make: type) -> list[str]:
    """The arguments that a class cannot be made without."""
    kinds = (Parameter.POSITIONAL_ONLY, Parameter.POSITIONAL_OR_KEYWORD, Parameter.KEYWORD_ONLY)
    return [p.name for p in signature(make).parameters.values() if p.default is Parameter.empty and p.kind in kinds]


class PoolToInception(Mutator):
    """Generalises pooling layers of images into inception-like cells.

    Those inside a module that stays whole stay as they are, since nothing beside them can be added there.

    The branches read what the pooling layer read; each gives a share of the channels, and they are concatenated. The
    first is the pooling layer itself with a 1×1 convolution; each of the others is picked: such a branch, or a
    convolution of 1×1, 3×3 or 5×5 with the stride of the pooling layer. Convolutions are followed by batch
    normalisation and ReLU.

    Args:
        branches: The least and the most branches; with 1 the pooling layer stays as it is.
        what: The pooling layers, as `Graph.find` takes them.
        name: What its choices are called by.

    Szegedy et al., Going deeper with convolutions (CVPR 2015).
    """

    def __init__(
        self, branches: tuple[int, int] = (2, 5), *, what: What = POOLING, name: str = "PoolToInception"
    ) -> None:
        if not isinstance(branches, tuple | list) or len(branches) != 2 or not 1 <= branches[0] <= branches[1]:
            raise UsageError(f"branches={branches!r}; give the least and the most, such as (2, 5)")
        self.branches = branches
        self.what = what
        self.name = name

    def mutate(self, graph: Graph, pick: Pick) -> None:
        """Replaces the pooling layers as picked."""
        for pool in graph.find(self.what, where=_apart):
            most = min(self.branches[1], pool.shape[1] if pool.shape else 1)
            count = pick(f"{pool.name}.branches", list(range(min(self.branches[0], most), most + 1)))
            if count > 1:
                kinds = [pick(f"{pool.name}.{i}", ["pool", "conv1", "conv3", "conv5"]) for i in range(1, count)]
                self._cell(graph, pool, ["pool", *kinds])

    @staticmethod
    def _cell(graph: Graph, pool: Node, kinds: Sequence[str]) -> None:
        source = graph[pool.inputs[0]]
        if pool.shape is None or source.shape is None or len(pool.shape) != 4 or source.shape[1] != pool.shape[1]:
            raise GraphError(
                f"{pool.name!r} gives {pool.shape} from {source.shape}; "
                "only pooling of images (n, c, h, w) can be an inception cell"
            )
        channels, outputs = pool.shape[1], []
        for i, kind in enumerate(kinds):
            share = channels // len(kinds) + (i < channels % len(kinds))
            size = 1 if kind == "pool" else int(kind.removeprefix("conv"))
            fit = None if kind == "pool" else _stride_and_padding(source.shape, pool.shape, size)
            value = source if fit is not None else graph.twin(pool, source, name=f"{pool.name}_{i}_pool")
            stride, padding = fit or (1, size // 2)
            layer = nn.Conv2d(channels, share, size, stride=stride, padding=padding, bias=False)
            block = nn.Sequential(layer, nn.BatchNorm2d(share), nn.ReLU())
            outputs.append(graph.add(block, value, name=f"{pool.name}_{i}"))
        graph.redirect(pool, graph.add(cat, outputs, dim=1, name=f"{pool.name}_cat"))


def _stride_and_padding(before: Sequence[int], after: Sequence[int], size: int) -> tuple[int, int] | None:
    """What makes a convolution give the height and width that the pooling layer gives."""
    stride = max(1, before[2] // after[2])
    for padding in range(size // 2, -1, -1):
        if all((before[axis] + 2 * padding - size) // stride + 1 == after[axis] for axis in (2, 3)):
            return stride, padding
    return None


class NormAfterConv(Mutator):
    """Offers normalisation after every convolution that has none yet.

    Inside a module that stays whole, a convolution has one if the next module there is one.

    Args:
        options: Among "none", "batch", "group" (of up to 8 groups) and "instance".
        each: Whether each convolution is a choice of its own; else one choice is made for all of them.
        name: What its choices are called by.
    """

    def __init__(
        self, options: Sequence[str] = ("none", "batch"), *, each: bool = True, name: str = "NormAfterConv"
    ) -> None:
        unknown = [option for option in options if option not in ("none", "batch", "group", "instance")]
        if unknown or not options:
            raise UsageError(f"options={list(options)}; choose among 'none', 'batch', 'group' and 'instance'")
        self.options = list(options)
        self.each = each
        self.name = name

    def mutate(self, graph: Graph, pick: Pick) -> None:
        """Inserts what is picked."""
        for conv in graph.find(CONVOLUTIONS, where=lambda node: not _normalised(graph, node)):
            kind = pick(conv.name if self.each else "norm", self.options)
            if kind != "none":
                graph.insert_after(conv, _norm(kind, conv.module))


def _apart(node: Node) -> bool:
    return node.within is None


def _normalised(graph: Graph, conv: Node) -> bool:
    if _apart(conv):
        return any("norm" in graph[user].op for user in conv.users)
    return any("norm" in after.op for node, after in pairwise(graph) if node.name == conv.name and not _apart(after))


def _norm(kind: str, conv: Any) -> nn.Module:
    channels, dims = conv.out_channels, len(conv.kernel_size)
    if kind == "group":
        return nn.GroupNorm(max(groups for groups in range(1, 9) if channels % groups == 0), channels)
    classes = {
        "batch": (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d),
        "instance": (nn.InstanceNorm1d, nn.InstanceNorm2d, nn.InstanceNorm3d),
    }
    made: nn.Module = classes[kind][dims - 1](channels)
    return made
