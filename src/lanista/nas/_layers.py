"""Follows a forward pass from layer to layer."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import Any

from torch import nn

from lanista._frozen import Frozen
from lanista.nas._inputs import tensors


class Layer(Frozen):
    """What one layer of a profiled model is and does by itself, without the layers inside it.

    Attributes:
        name: its path in the model; empty for the model itself.
        kind: the name of its class.
        calls: how often it is called in one forward pass.
        output: the shape of what it gave at its last call; None where it gives no single tensor.
        params: trainable or not, those shared with an earlier layer not counted again.
        macs: multiply-adds of all its calls.
        latency_ms: milliseconds of all its calls, measured in a run of their own; None where nothing was measured.
    """

    name: str
    kind: str
    calls: int
    output: tuple[int, ...] | None
    params: int
    macs: int
    latency_ms: float | None = None


class Layers(tuple[Layer, ...]):
    """The layers of a model, in the order of their first call; prints as a table."""

    __slots__ = ()

    def __str__(self) -> str:
        """A line a layer, columns aligned."""
        timed = any(layer.latency_ms is not None for layer in self)
        header = ["layer", "kind", "calls", "output", "params", "macs", *(["ms"] if timed else [])]
        rows = [header] + [_cells(layer, timed=timed) for layer in self]
        columns = [_aligned(cells, left=cells[0] in _TEXTS) for cells in zip(*rows, strict=True)]
        return "\n".join("  ".join(cells).rstrip() for cells in zip(*columns, strict=True))


_TEXTS = ("layer", "kind", "output")


def _cells(layer: Layer, *, timed: bool) -> list[str]:
    shape = "" if layer.output is None else "×".join(map(str, layer.output))
    cells = [layer.name or "(model)", layer.kind, str(layer.calls), shape, f"{layer.params:,}", f"{layer.macs:,}"]
    return [*cells, *(["" if layer.latency_ms is None else f"{layer.latency_ms:.3f}"] if timed else [])]


def _aligned(cells: tuple[str, ...], *, left: bool) -> list[str]:
    width = max(map(len, cells))
    return [cell.ljust(width) if left else cell.rjust(width) for cell in cells]


@contextmanager
def following(model: nn.Module, enter: Callable[[str], None], leave: Callable[[str, Any], None]) -> Iterator[None]:
    """Calls `enter(name)` before and `leave(name, output)` after every call of every layer of the model."""

    def before(name: str, module: nn.Module, args: Any) -> None:
        enter(name)

    def after(name: str, module: nn.Module, args: Any, output: Any) -> None:
        leave(name, output)

    with ExitStack() as hooks:
        for name, module in model.named_modules():
            hooks.callback(module.register_forward_pre_hook(partial(before, name), prepend=True).remove)
            hooks.callback(module.register_forward_hook(partial(after, name)).remove)
        yield


def shape_of(output: Any) -> tuple[int, ...] | None:
    """The shape of a layer's output, where it is one tensor."""
    found = tensors(output)
    return tuple(found[0].shape) if len(found) == 1 else None
