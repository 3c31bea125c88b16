"""Trains stacked models beside each of them alone by plain torch, and says how far they are apart."""

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor, nn
from torch.utils._python_dispatch import TorchDispatchMode

from lanista.fuse._check import disagreeing
from lanista.fuse._data import Data
from lanista.fuse._errors import Unfusable
from lanista.fuse._graphs import Graphs
from lanista.fuse._losses import as_loss
from lanista.fuse._member import Member
from lanista.fuse._optimizers import optimizer
from lanista.fuse._plan import Plan
from lanista.fuse._schedules import as_schedule
from lanista.fuse._signature import signature
from lanista.fuse._stack import Stack
from lanista.fuse._together import Together

HYPER = (
    {"lr": 0.003, "momentum": 0.9, "weight_decay": 0.0, "nesterov": 0.0},
    {"lr": 0.006, "momentum": 0.5, "weight_decay": 0.01, "nesterov": 1.0},
    {"lr": 0.01, "momentum": 0.0, "weight_decay": 0.0, "nesterov": 0.0},
)
"""Of each model."""

BATCH, STEPS = 4, 100


@dataclass(frozen=True)
class Case:
    """What is trained.

    Attributes:
        name: in the docs.
        build: the model of place k.
        shape: of an example.
        classes: the examples are integers below it.
        loss: of output and target; by default a square of a weighed sum of the outputs.
        target: the targets' kind: "number", "class" or "numbers" (as many as an example has).
        smoothing: of labels, of place k.
        why: a part of the reason for which it is not fused.
        examples: of which a step takes four; the last step of an epoch takes the rest.
    """

    name: str
    build: Callable[[int], nn.Module]
    shape: tuple[int, ...] = (6,)
    classes: int | None = None
    loss: str | Callable[..., Tensor] | None = None
    target: str = "number"
    smoothing: tuple[float, ...] = (0.0, 0.0, 0.0)
    why: str | None = None
    examples: int = 8

    @property
    def epochs(self) -> int:
        return -(-STEPS // -(-self.examples // BATCH))


class Outcome(NamedTuple):
    """The largest difference of weights, buffers and outputs, and the operators that have no rule."""

    apart: float
    general: tuple[str, ...]


class Weighed(nn.Module):
    """Multiplies an example by weights: so that gradients flow through a layer that follows."""

    def __init__(self, *shape: int, dtype: torch.dtype | None = None) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(shape, dtype=dtype) + 0.5)

    def forward(self, x: Tensor) -> Tensor:
        return x * self.weight


class Does(nn.Module):
    """A function as a layer."""

    def __init__(self, function: Callable[..., Tensor]) -> None:
        super().__init__()
        self.function = function

    def forward(self, x: Tensor) -> Tensor:
        return self.function(x)


def of(layer: Callable[[], nn.Module], *shape: int) -> Callable[[int], nn.Module]:
    """Weights for each part of an example, and a layer."""
    return lambda k: nn.Sequential(Weighed(*shape), layer())


def spread_out(output: Tensor, target: Tensor) -> Tensor:
    """The square of how far a weighed sum of the outputs is from a number."""
    flat = output.flatten(1)
    weights = torch.linspace(-1.0, 1.5, flat.shape[1], dtype=flat.dtype)
    return ((flat * weights).sum(1) / flat.shape[1] ** 0.5 - target).square().mean()


def data_of(case: Case) -> Data:
    generator = torch.Generator().manual_seed(7)
    if case.classes is not None:
        x = torch.randint(case.classes, (case.examples, *case.shape), generator=generator)
    else:
        x = torch.randn((case.examples, *case.shape), generator=generator, dtype=torch.float64)
    if case.target == "class":
        return Data((x,), (torch.randint(3, (case.examples,), generator=generator),))
    wide = case.shape if case.target == "numbers" else ()
    return Data((x,), (torch.rand((case.examples, *wide), generator=generator, dtype=torch.float64),))


def built(case: Case, k: int) -> nn.Module:
    torch.manual_seed(k)
    return case.build(k).double()


def member_of(case: Case, k: int) -> Member:
    return Member(built(case, k), dict(HYPER[k]), smoothing=case.smoothing[k], seed=10 + k)


def run(case: Case) -> Outcome:
    """Trains three models, the batches of which are the same for all in the first half and differ in the second.

    Raises:
        Unfusable: they cannot be stacked.
    """
    data, loss = data_of(case), as_loss(case.loss or spread_out)
    plan = Plan(data, data, batch=BATCH, loss=loss, schedule=as_schedule(None), epochs=case.epochs)
    members = [member_of(case, k) for k in range(len(HYPER))]
    assert len({signature(member.module) for member in members}) == 1
    graphs = Graphs(members[0], plan)
    captured = graphs.captured(BATCH, training=True)
    stack = Stack(optimizer("sgd"), members, captured)
    together = Together(graphs)
    if disagreeing(stack, graphs, plan, members):
        raise Unfusable("its own code gives another loss or other gradients than the graph")
    for epoch in range(case.epochs):
        for k, member in enumerate(members):
            member.order_seed, member.epoch = _order(case, epoch, k), epoch
        together.train(stack, plan)
    _, outputs = together.judge(stack, plan, outputs=True)
    source = graphs.source(stack, training=True)
    rows = source.data.rows(plan.start)
    general = graphs.stacked(stack, rows, own=False, training=True, parted=source.parted)[1].meta["general"]
    apart = 0.0
    for k, member in enumerate(members):
        model, output = alone(case, k, data, random=bool(captured.noise))
        state, found = stack.read(member), outputs[k]
        mine = {**{name: p for name, p in model.named_parameters() if p.requires_grad}, **dict(model.named_buffers())}
        held = {**dict(built(case, k).named_buffers()), **state.weights, **state.buffers}
        assert held.keys() == mine.keys()
        for name, part in mine.items():
            apart = max(apart, _far(held[name], part))
        apart = max(apart, _far(found, output))
    return Outcome(apart, general)


def alone(case: Case, k: int, data: Data, *, random: bool) -> tuple[nn.Module, Tensor]:
    """A model trained by plain torch, and its outputs after that; the random numbers are those of the stack."""
    member, hyper = member_of(case, k), HYPER[k]
    model = built(case, k)
    weights = [p for p in model.parameters() if p.requires_grad]
    given = {**hyper, "nesterov": bool(hyper["nesterov"])}
    optim = torch.optim.SGD(weights, **given)
    for epoch in range(case.epochs):
        member.order_seed, member.epoch = _order(case, epoch, k), epoch
        order = member.order(case.examples)
        with _drawing(member, random):
            for at in range(0, case.examples, BATCH):
                x, y = data.rows(order[at : at + BATCH])
                optim.zero_grad()
                _loss(case, model(x), y, case.smoothing[k]).backward()
                optim.step()
    outputs = []
    with torch.no_grad(), _drawing(member, random):
        model.eval()
        for at in range(0, case.examples, BATCH):
            outputs.append(model(data.inputs[0][at : at + BATCH]))
    return model, torch.cat(outputs)


def _order(case: Case, epoch: int, k: int) -> int:
    return 0 if epoch < case.epochs // 2 else k


def _loss(case: Case, output: Tensor, target: Tensor, smoothing: float) -> Tensor:
    match case.loss:
        case None:
            return spread_out(output, target)
        case "cross_entropy":
            return nn.functional.cross_entropy(output, target, label_smoothing=smoothing)
        case "mse":
            return nn.functional.mse_loss(output, target)
        case "bce":
            return nn.functional.binary_cross_entropy_with_logits(output, target * (1 - smoothing) + smoothing / 2)
        case own:
            assert callable(own)
            return own(output, target)


def _far(a: Tensor, b: Tensor) -> float:
    assert a.shape == b.shape
    assert a.dtype == b.dtype
    assert bool(torch.isfinite(b).all())
    return float((a.detach() - b.detach()).abs().max()) if b.numel() else 0.0


def _drawing(member: Member, random: bool) -> AbstractContextManager[Any]:
    """Lets torch's random operators draw uniform numbers, and make theirs of these."""
    return _Drawing(member.noise(torch.device("cpu"))) if random else nullcontext()


class _Drawing(TorchDispatchMode):
    def __init__(self, generator: torch.Generator) -> None:
        super().__init__()
        self._generator = generator

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        name, kwargs = str(func), kwargs or {}
        if name == "aten.bernoulli_.float":
            return args[0].copy_(self._uniform(args[0]) >= 1 - (*args, 0.5)[1])
        if name == "aten.native_dropout.default":
            keep = self._uniform(args[0]) >= args[1]
            return args[0] * keep / (1 - args[1]), keep
        if name == "aten.uniform_.default":
            low, high = (*args[1:], 0.0, 1.0)[:2] if args[1:] else (0.0, 1.0)
            return args[0].copy_(self._uniform(args[0]) * (high - low) + low)
        if name == "aten.rrelu_with_noise.default":
            return self._rrelu(*args, **kwargs)
        if name == "aten.randn_like.default":
            return torch.special.ndtri(self._uniform(args[0])).to(args[0].dtype)
        if name == "aten.rand.default":
            return self._uniform(torch.empty(args[0])).to(kwargs.get("dtype") or torch.float32)
        assert torch.Tag.nondeterministic_seeded not in func.tags or "attention" in name, name
        return func(*args, **kwargs)

    def _rrelu(
        self, x: Tensor, noise: Tensor, low: float = 1 / 8, high: float = 1 / 3, training: bool = False, *rest: Any
    ) -> Tensor:
        if not training:
            return nn.functional.leaky_relu(x, (low + high) / 2)
        noise.copy_(torch.where(x <= 0, self._uniform(x) * (high - low) + low, 1.0))
        return x * noise

    def _uniform(self, like: Tensor) -> Tensor:
        return torch.rand(like.shape, generator=self._generator)


def how(outcome: Outcome) -> str:
    """How a case ran, as the docs tell it."""
    names = dict.fromkeys(name.removeprefix("aten.").partition(".")[0] for name in outcome.general)
    return "rules; in general: " + ", ".join(f"`{name}`" for name in names) if names else "rules"
