"""What a model costs: parameters, multiply-adds, memory and time."""

import time
from collections import defaultdict
from collections.abc import Callable, Mapping
from itertools import chain
from statistics import median
from typing import Any

import torch
from torch import nn

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.nas._count import Memory, Watch, macs_of, name_of, plain_attention
from lanista.nas._inputs import Inputs, bind, device_of, duplicate, evaluating, failures, seeded, tensors
from lanista.nas._layers import Layer, Layers, following, shape_of
from lanista.nas._timing import Clock, checked, measure, threads_of


class Profile(Frozen):
    """What one forward pass of a model costs, on the inputs that were given; prints as a table.

    Attributes:
        params: numbers in all parameters, a shared one once.
        trainable: those of them that require gradients.
        buffers: numbers in all buffers, such as running means.
        model_bytes: bytes of parameters and buffers.
        macs: multiply-adds of products, convolutions, attention and recurrent layers, for the whole batch.
        macs_by_operator: the same, by torch's name of the operator, the most first.
        memory_bytes: the most that the inputs and all intermediate results take at one time, without gradients.
        training_bytes: the same for a forward and a backward pass, gradients of the parameters included; None unless
            asked for. The model's own bytes and scratch space inside operators are in neither.
        latency_ms: median milliseconds of a forward pass in evaluation mode; None where nothing was measured.
        latency_range_ms: the quickest and the slowest of the repeats.
        device: where it ran.
        threads: how many threads of the CPU torch used.
        layers: what each layer does by itself.
    """

    params: int
    trainable: int
    buffers: int
    model_bytes: int
    macs: int
    macs_by_operator: Mapping[str, int]
    memory_bytes: int
    training_bytes: int | None
    latency_ms: float | None
    latency_range_ms: tuple[float, float] | None
    device: str
    threads: int
    layers: Layers

    def metrics(self) -> dict[str, float]:
        """Gives the figures as metrics for `trial.report`: those that were measured, in units of a readable size.

        `params_m` and `macs_m` are millions, `memory_mib` and `training_mib` are MiB, `latency_ms` milliseconds.
        """
        found: dict[str, float] = {
            "params_m": self.params / 1e6,
            "macs_m": self.macs / 1e6,
            "memory_mib": self.memory_bytes / 2**20,
        }
        if self.training_bytes is not None:
            found["training_mib"] = self.training_bytes / 2**20
        if self.latency_ms is not None:
            found["latency_ms"] = self.latency_ms
        return found

    def __str__(self) -> str:
        """The layers, and the totals below them."""
        said = [f"{self.params:,} parameters", f"{self.macs:,} multiply-adds"]
        said.append(f"{_mib(self.memory_bytes)} of activations")
        if self.training_bytes is not None:
            said.append(f"{_mib(self.training_bytes)} in training")
        if self.latency_ms is not None:
            said.append(f"{self.latency_ms:.3f} ms on {self.device} ({_threads(self.threads)})")
        return f"{self.layers}\n\n" + ", ".join(said)


def profile(
    model: nn.Module,
    inputs: Inputs,
    *,
    training: bool = False,
    repeats: int = 20,
    warmup: int = 3,
    threads: int | None = None,
    clock: Clock = time.perf_counter,
) -> Profile:
    """Counts and measures what a forward pass of a model costs.

    The model runs in evaluation mode, without gradients, on the device it is on. It is left as it was. Operators are
    counted as torch dispatches them, so that code in `forward` counts as layers do. What depends on the batch is for
    all of it: give one example for figures as papers state them.

    Args:
        model: the built model.
        inputs: a tensor, a tuple of positional arguments, or a mapping of keyword arguments.
        training: also run a copy of it forward and backward, for `training_bytes`.
        repeats: how many passes are timed, after `warmup` others; 0 measures no time.
        warmup: passes before the first that is timed.
        threads: how many threads of the CPU to measure with; as torch is set by default.
        clock: what tells seconds.

    Raises:
        UsageError: the model fails on the inputs, or they are on another device than it.

    >>> import torch
    >>> from torch import nn
    >>> net = nn.Sequential(nn.Linear(10, 20), nn.ReLU(), nn.Linear(20, 5))
    >>> found = profile(net, torch.zeros(1, 10), repeats=0)
    >>> found.params, found.macs, found.memory_bytes
    (325, 300, 200)
    >>> print(found.layers)
    layer    kind        calls  output  params  macs
    (model)  Sequential      1  1×5          0     0
    0        Linear          1  1×20       220   200
    1        ReLU            1  1×20         0     0
    2        Linear          1  1×5        105   100
    """
    checked(repeats, warmup, threads, least=0)
    call = bind(model, inputs)
    device = device_of(model, tensors(inputs)[0].device)
    with evaluating(model), threads_of(threads) as used:
        count = _Count(model, call, inputs)
        times = measure(model, call, device, repeats, warmup, clock)
    params, buffers = _own(model.parameters()), _own(model.buffers())
    return Profile(
        params=sum(tensor.numel() for tensor in params),
        trainable=sum(tensor.numel() for tensor in params if tensor.requires_grad),
        buffers=sum(tensor.numel() for tensor in buffers),
        model_bytes=sum(tensor.numel() * tensor.element_size() for tensor in chain(params, buffers)),
        macs=sum(count.by_operator.values()),
        macs_by_operator=dict(sorted(count.by_operator.items(), key=lambda pair: -pair[1])),
        memory_bytes=count.peak,
        training_bytes=_training(model, inputs) if training else None,
        latency_ms=median(times.passes) if times.passes else None,
        latency_range_ms=(min(times.passes), max(times.passes)) if times.passes else None,
        device=str(device),
        threads=used,
        layers=_layers(model, count, times.layers),
    )


class _Count:
    """One watched pass: multiply-adds by operator and by layer, calls and shapes, peak memory."""

    def __init__(self, model: nn.Module, call: Callable[[], Any], inputs: Inputs) -> None:
        self.by_operator: dict[str, int] = defaultdict(int)
        self.by_layer: dict[str, int] = defaultdict(int)
        self.calls: dict[str, int] = defaultdict(int)
        self.shapes: dict[str, tuple[int, ...] | None] = {}
        self._inside = [""]
        self._memory = Memory(chain(model.parameters(), model.buffers()), tensors(inputs))
        with plain_attention(), following(model, self._enter, self._leave), Watch(self._run):
            call()
        self.peak = self._memory.peak

    def _enter(self, name: str) -> None:
        self.calls[name] += 1
        self._inside.append(name)

    def _leave(self, name: str, output: Any) -> None:
        self._inside.pop()
        self.shapes[name] = shape_of(output)

    def _run(self, operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = operator(*args, **kwargs)
        self._memory.see(result)
        macs = macs_of(operator, args, kwargs, result)
        if macs:
            self.by_operator[name_of(operator)] += macs
            self.by_layer[self._inside[-1]] += macs
        return result


def _layers(model: nn.Module, count: _Count, times: Mapping[str, list[float]]) -> Layers:
    """The layers that are called or own parameters; the others are but names for groups."""
    kinds = {name: type(module).__name__ for name, module in model.named_modules()}
    own, seen = {}, set[int]()
    for name, module in model.named_modules():
        fresh = [param for param in module.parameters(recurse=False) if id(param) not in seen]
        seen.update(id(param) for param in fresh)
        own[name] = sum(param.numel() for param in fresh)
    order = chain(count.calls, (name for name in kinds if own[name] and name not in count.calls))
    return Layers(
        Layer(
            name=name,
            kind=kinds[name],
            calls=count.calls.get(name, 0),
            output=count.shapes.get(name),
            params=own[name],
            macs=count.by_layer.get(name, 0),
            latency_ms=median(times[name]) if times.get(name) else None,
        )
        for name in order
    )


def _training(model: nn.Module, inputs: Inputs) -> int:
    """Peak bytes of a forward and a backward pass of a copy of the model in training mode."""
    twin = duplicate(model).train()
    memory = Memory(chain(twin.parameters(), twin.buffers()), tensors(inputs))

    def run(operator: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        result = operator(*args, **kwargs)
        memory.see(result)
        return result

    call = bind(twin, inputs)
    with seeded(0, twin), torch.inference_mode(False), torch.enable_grad(), Watch(run):
        outputs = [tensor for tensor in tensors(call()) if tensor.requires_grad]
        if not outputs:
            raise UsageError("training=True needs an output that has a gradient: nothing in the model requires one")
        with failures(tensors(inputs)):
            torch.autograd.backward(outputs, [torch.ones_like(tensor) for tensor in outputs])
    return memory.peak


def _own(values: Any) -> list[torch.Tensor]:
    """Each tensor once."""
    return list({id(tensor): tensor for tensor in values}.values())


def _mib(size: int) -> str:
    return f"{size / 2**20:.1f} MiB"


def _threads(count: int) -> str:
    return f"{count} thread" + "s" * (count != 1)
