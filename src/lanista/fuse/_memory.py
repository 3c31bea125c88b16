"""How much memory models take, and how many of them fit."""

import torch
from torch import Tensor
from torch.fx import Node
from torch.utils._pytree import tree_leaves

from lanista.fuse._capture import Captured

_SHARE = 0.75
"""Of what is free: the rest is for what operators take besides their results."""


def free(device: torch.device) -> int:
    """Bytes that stacks may take on a device."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0] * _SHARE)
    import psutil

    return int(psutil.virtual_memory().available * _SHARE)


def step_bytes(captured: Captured) -> int:
    """The most bytes that the results of a captured step take at once, each until it is last used."""
    last: dict[Node, Node] = {}
    for node in captured.graph.graph.nodes:
        for given in node.all_input_nodes:
            last[given] = node
    ends: dict[Node, list[Node]] = {}
    for node, at in last.items():
        ends.setdefault(at, []).append(node)
    now = most = 0
    for node in captured.graph.graph.nodes:
        now += _bytes(node)
        most = max(most, now)
        now -= sum(_bytes(other) for other in ends.get(node, ()))
    return most


def _bytes(node: Node) -> int:
    """Of what a node makes anew; views, and picks out of several results, are of memory that counts already."""
    schema = getattr(node.target, "_schema", None)
    if schema is None or any(result.alias_info is not None for result in schema.returns):
        return 0
    parts = tree_leaves(node.meta.get("val"))
    return sum(part.numel() * part.element_size() for part in parts if isinstance(part, Tensor))


def is_exhausted(error: BaseException) -> bool:
    """Whether an error says that there is no memory left."""
    return isinstance(error, MemoryError | torch.OutOfMemoryError) or (
        isinstance(error, RuntimeError) and ("can't allocate memory" in str(error) or "out of memory" in str(error))
    )
