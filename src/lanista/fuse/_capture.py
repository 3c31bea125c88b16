"""One step of one model, as a flat graph of ATen operators: forward, loss and gradients."""

import contextlib
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.fx import GraphModule

from lanista._frozen import Frozen
from lanista.fuse._dropouts import dropouts, rated
from lanista.fuse._errors import Unfusable
from lanista.fuse._noise import Give, Noise
from lanista.fuse._remains import keeping, remains, undrawn
from lanista.fuse._tracing import Extra, changes, root, trace

Loss = Callable[..., Tensor]
"""loss(output, *targets, smoothing=None) -> the mean over a batch; smoothing is a tensor of one number, or None."""

Kind = Literal["weight", "buffer", "constant", "rate", "smoothing", "noise", "data"]

_LOCK = threading.Lock()
"""For what is set for the whole process while a graph is captured."""

aten = torch.ops.aten

_BATCH_NORM = aten.native_batch_norm.default
"""Changes buffers, as its schema does not tell."""


class Place(Frozen):
    """An input of a captured graph: what kind it is of, and its name among these."""

    kind: Kind
    name: str


_SMOOTHING, _RATE = Place("smoothing", ""), Place("rate", "")


class Captured(Frozen):
    """A graph of one model's step.

    Its inputs are as `places` says. Of a training step it returns the loss and the gradient of each weight, of an
    evaluation the loss and the output; buffers it changes in place, which are named in `changed`. `noise` has the
    shapes of the uniform numbers that it draws; `transposed` names the weights that it multiplies by transposed.
    """

    graph: GraphModule
    places: tuple[Place, ...]
    changed: frozenset[str]
    noise: tuple[torch.Size, ...]
    transposed: frozenset[str]


def capture(
    model: nn.Module,
    loss: Loss,
    inputs: Sequence[Tensor],
    targets: Sequence[Tensor],
    *,
    training: bool,
    smooth: bool = False,
    precision: torch.dtype | None = None,
) -> Captured:
    """Captures a step: of training with gradients, of evaluation without.

    Nothing is computed, and the model is not changed.

    Args:
        model: in the mode that it trains in, or is evaluated in.
        loss: of its output and the targets.
        inputs: of a batch.
        targets: of a batch.
        training: whether gradients are wanted.
        smooth: whether labels are smoothed.
        precision: what is computed in; None for that of the weights.

    Raises:
        Unfusable: what it does depends on the values of its data, or cannot be traced for another reason.
    """
    step = _Step(model, loss, len(inputs), precision, training=training, smooth=smooth)
    noise: list[torch.Size] = []
    changed: set[str] = set()

    def run(flat: Sequence[Tensor], extra: Extra) -> list[Tensor]:
        def give(shape: torch.Size) -> Tensor:
            noise.append(shape)
            return extra(shape)

        before = [part._version for part in flat]
        outputs = step.run(flat, give)
        rows = zip(step.places, flat, before, strict=False)
        changed.update(place.name for place, part, version in rows if part._version != version)
        return outputs

    try:
        with _portable(), remains(model), undrawn():
            graph = trace(run, [*step.tensors(), *inputs, *targets])
    except Unfusable:
        raise
    except Exception as error:
        what = str(error).strip().partition("\n")[0]
        raise Unfusable(f"it cannot be traced: {type(error).__name__}: {what:.300}") from error
    places = [*step.places, *(Place("data", str(i)) for i in range(len(inputs) + len(targets)))]
    places += [Place("noise", str(i)) for i in range(len(noise))]
    changed |= _normalised(graph, places)
    if still := changed & {place.name for place in places if place.kind in ("weight", "constant")}:
        raise Unfusable(f"it changes weights in place: {', '.join(sorted(still))}")
    if any(changes(node) and root(node.args[0]).op == "get_attr" for node in graph.graph.nodes):
        raise Unfusable("it changes a tensor in place that it keeps, which is no buffer")
    return Captured(graph, tuple(places), frozenset(changed), tuple(noise), _transposed(graph, places))


def split(model: nn.Module) -> tuple[dict[str, Tensor], dict[str, Tensor], dict[str, Tensor]]:
    """The weights that are trained, the buffers, and the weights that are not; tied ones under their first name."""
    own = {name: p.detach() for name, p in model.named_parameters() if p.requires_grad}
    still = {name: p.detach() for name, p in model.named_parameters() if not p.requires_grad}
    return own, dict(model.named_buffers()), still


def rehearsed(
    model: nn.Module,
    loss: Loss,
    rows: Sequence[Tensor],
    count: int,
    *,
    weights: Mapping[str, Tensor],
    buffers: dict[str, Tensor],
    noise: Sequence[Tensor],
    smoothing: float,
    precision: torch.dtype | None,
    training: bool,
) -> tuple[list[Tensor], dict[str, Tensor]]:
    """A step by the model's own code: what its graph returns, and the buffers, which it has changed in place.

    Args:
        model: in the mode that it trains in, or is evaluated in.
        loss: of its output and the targets.
        rows: inputs and targets.
        count: how many of these are inputs.
        weights: what stands for those of the model.
        buffers: what stands for those that it changes.
        noise: the uniform numbers that it draws.
        smoothing: of labels.
        precision: what is computed in.
        training: whether gradients are wanted.
    """
    step = _Step(model, loss, count, precision, training=training, smooth=bool(smoothing))
    given = {**weights, **buffers}
    flat = [given.get(place.name, part) for place, part in step.parts]
    if smoothing:
        flat[-1] = torch.full_like(flat[-1], smoothing)
    drawn = iter(noise)
    return step.run([*flat, *rows], lambda _: next(drawn)), buffers


class _Step:
    """A step as a function of a flat list of tensors."""

    def __init__(
        self,
        model: nn.Module,
        loss: Loss,
        count: int,
        precision: torch.dtype | None,
        *,
        training: bool,
        smooth: bool,
    ) -> None:
        self._model, self._loss, self._count, self._precision = model, loss, count, precision
        self._training = training
        weights, buffers, still = split(model)
        self._drops = dropouts(model)
        like = next(iter([*weights.values(), *still.values()]), torch.empty(0))
        rates = like.new_tensor([float(drop.p) for drop in self._drops])  # type: ignore[arg-type]
        self.parts: list[tuple[Place, Tensor]] = [
            *((Place("weight", name), part) for name, part in weights.items()),
            *((Place("buffer", name), part) for name, part in buffers.items()),
            *((Place("constant", name), part) for name, part in still.items()),
            *([(_RATE, rates)] if self._drops else []),
            *([(_SMOOTHING, like.new_zeros(()))] if smooth else []),
        ]
        self.places = [place for place, _ in self.parts]

    def tensors(self) -> list[Tensor]:
        """The inputs that come before noise and data."""
        return [part for _, part in self.parts]

    def run(self, flat: Sequence[Tensor], give: Give) -> list[Tensor]:
        """Runs a step on inputs, in the order of `places`, and data."""
        given = dict(zip(self.places, flat, strict=False))
        named = {place: t for place, t in given.items() if place.kind in ("weight", "buffer", "constant")}
        training = self._training
        if training:
            named |= {place: t.detach().requires_grad_() for place, t in named.items() if place.kind == "weight"}
        weights = [t for place, t in named.items() if place.kind == "weight"] if training else []
        smoothing = given.get(_SMOOTHING)
        call = _Call(self._model, lambda output, *data: self._loss(output, *data, smoothing=smoothing), weights)
        noise = Noise(lambda shape: call.forward_only(give(shape)))
        kept: Any = torch.enable_grad() if training else torch.no_grad()
        held = {place.name: t for place, t in named.items()}
        with kept, noise, self._autocast(), rated(self._drops, given.get(_RATE)), keeping(self._model, held):
            data = flat[len(self.places) :]
            inside = {f"model.{name}": t for name, t in held.items()}
            return functional_call(call, inside, (data[: self._count], data[self._count :]))  # type: ignore[no-any-return]

    @contextlib.contextmanager
    def _autocast(self) -> Iterator[None]:
        if self._precision is None:
            yield
            return
        with torch.autocast(self.tensors()[0].device.type, self._precision, cache_enabled=False):
            yield


class _Call(nn.Module):
    """A model's forward, its loss and its gradients in one: checkpointed parts run again while these are computed."""

    def __init__(self, model: nn.Module, loss: Callable[..., Tensor], weights: Sequence[Tensor]) -> None:
        super().__init__()
        self.model, self._loss, self._weights = model, loss, list(weights)
        self._backward = False

    def forward(self, inputs: Sequence[Tensor], targets: Sequence[Tensor]) -> list[Tensor]:
        """The loss, and the gradients, or the output where there are no weights to train."""
        output = self.model(*inputs)
        loss = self._loss(output, *targets)
        if not isinstance(loss, Tensor) or loss.numel() != 1:
            raise Unfusable(f"its loss is {_kind(loss)}, not one number")
        loss = loss.reshape(())
        if not self._weights:
            if not isinstance(output, Tensor):
                raise Unfusable(f"its output is {_kind(output)}, not a tensor")
            return [loss, output]
        self._backward = True
        grads = torch.autograd.grad(loss, self._weights, allow_unused=True)
        zeros = (torch.zeros_like(w) if g is None else g for g, w in zip(grads, self._weights, strict=True))
        return [loss.detach(), *zeros]

    def forward_only(self, drawn: Tensor) -> Tensor:
        """Random numbers, unless they are drawn once more for gradients: they would be others than before."""
        if self._backward:
            raise Unfusable("it draws random numbers again for its gradients, in a part that is checkpointed")
        return drawn


@contextlib.contextmanager
def _portable() -> Iterator[None]:
    """Keeps operators out of graphs that have no form for many models: oneDNN's LSTM, the attention of inference."""
    mkldnn: Any
    cudnn: Any
    with _LOCK:
        mkldnn, cudnn, fast = torch.backends.mkldnn, torch.backends.cudnn, torch.backends.mha.get_fastpath_enabled()
        before = mkldnn.enabled, cudnn.enabled
        mkldnn.enabled = cudnn.enabled = False
        torch.backends.mha.set_fastpath_enabled(False)
        try:
            yield
        finally:
            mkldnn.enabled, cudnn.enabled = before
            torch.backends.mha.set_fastpath_enabled(fast)


def _transposed(graph: GraphModule, places: Sequence[Place]) -> frozenset[str]:
    """The matrices of weights that are transposed before they are used, and not used as a table besides."""
    found = set()
    for node, place in zip(graph.graph.find_nodes(op="placeholder"), places, strict=True):
        users = {user.target for user in node.users}
        if place.kind == "weight" and aten.t.default in users and aten.embedding.default not in users:
            found.add(place.name)
    return frozenset(found)


def _normalised(graph: GraphModule, places: Sequence[Place]) -> set[str]:
    """The buffers that batch normalisation changes."""
    nodes = dict(zip(graph.graph.find_nodes(op="placeholder"), places, strict=True))
    found = graph.graph.find_nodes(op="call_function", target=_BATCH_NORM)
    held = [root(part) for node in found if node.args[5] for part in node.args[3:5] if part is not None]
    return {nodes[part].name for part in held if part in nodes}


def _kind(value: Any) -> str:
    return f"a tensor of shape {tuple(value.shape)}" if isinstance(value, Tensor) else f"of {type(value).__name__}"
