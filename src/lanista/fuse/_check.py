"""A stack is held against each of its models before it is trusted."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from lanista.fuse._capture import rehearsed
from lanista.fuse._errors import Unfusable
from lanista.fuse._graphs import Graphs
from lanista.fuse._member import Member
from lanista.fuse._plan import Plan
from lanista.fuse._stack import Stack

_TOLERANCE = {
    torch.float64: (1e-8, 1e-12),
    torch.float32: (2e-3, 1e-5),
    torch.bfloat16: (0.1, 0.02),
    torch.float16: (0.05, 0.005),
}
"""How far numbers may be apart: as a share of the largest of their tensor, and of the largest of all that are its like.

The second is for what should be nought and is the rest of larger numbers, such as the gradient of a bias before batch
normalisation.
"""


def disagreeing(stack: Stack, graphs: Graphs, plan: Plan, members: Sequence[Member]) -> list[Member]:
    """Those of the members whose loss, gradients or outputs, on a batch, are not what their own code gives.

    Raises:
        Unfusable: the models cannot be captured, or not be stacked.
    """
    wrong = list[Member]()
    for training in (True, False):
        rest = [member for member in members if member not in wrong]
        first = _disagreeing(stack, graphs, plan, rest, training=training, last=False)
        # once may be rounding: two numbers that are all but equal, of which another one is the larger
        wrong += _disagreeing(stack, graphs, plan, first, training=training, last=True) if first else []
    return wrong


def _disagreeing(
    stack: Stack, graphs: Graphs, plan: Plan, members: Sequence[Member], *, training: bool, last: bool
) -> list[Member]:
    """Those that disagree in training, or in evaluation, on the first examples or on the last ones."""
    data, source = plan.data if training else plan.valid, graphs.source(stack, training=training)
    count = min(plan.batch, len(data))
    start = slice(len(data) - count, len(data)) if last else slice(0, count)
    given = source.data.rows(start)
    captured, graph = graphs.stacked(stack, given, own=False, training=training, parted=source.parted)
    if lost := captured.changed & set(stack.constants):
        raise Unfusable(f"it changes buffers while it is evaluated, and only then: {', '.join(sorted(lost))}")
    generator = torch.Generator(stack.device).manual_seed(int(last))
    noise = [torch.rand((stack.size, *shape), generator=generator, device=stack.device) for shape in captured.noise]
    before = {name: part.clone() for name, part in stack.buffers.items()}
    found = graph(*stack.inputs(captured, given, noise))
    after = {name: part.clone() for name, part in stack.buffers.items()}
    for name, part in before.items():
        stack.buffers[name].copy_(part)
    dtype = plan.precision or stack.rows.weights.dtype
    wrong = []
    for member in members:
        k = stack.place(member)
        own, buffers = rehearsed(
            member.train(training),
            plan.loss,
            data.rows(start),
            len(data.inputs),
            weights=stack.rows.views(stack.rows.weights[k]),
            buffers={name: part[k].clone() for name, part in before.items()},
            noise=[part[k] for part in noise],
            smoothing=member.smoothing if training else 0.0,
            precision=plan.precision,
            training=training,
        )
        fine = alike([part[k] for part in found], own, dtype)
        if not (fine and _close([part[k] for part in after.values()], [buffers[name] for name in after], dtype)):
            wrong.append(member)
    return wrong


def alike(ours: Sequence[Tensor], theirs: Sequence[Tensor], dtype: torch.dtype) -> bool:
    """Whether losses are the same up to rounding in numbers of a type, and so is what comes after the loss."""
    return _close(ours[:1], theirs[:1], dtype) and _close(ours[1:], theirs[1:], dtype)


def _close(ours: Sequence[Tensor], theirs: Sequence[Tensor], dtype: torch.dtype) -> bool:
    """Whether tensors are alike; what is no number must be none in both."""
    share, rest = _TOLERANCE[dtype]
    largest = [_largest(part) for part in theirs]
    room = rest * max(largest, default=0.0)
    return all(_far(a, b) <= share * own + room for a, b, own in zip(ours, theirs, largest, strict=True))


def _largest(part: Tensor) -> float:
    fine = part[torch.isfinite(part)]
    return float(fine.abs().max()) if fine.numel() else 0.0


def _far(a: Tensor, b: Tensor) -> float:
    """The largest difference."""
    fine = torch.isfinite(b)
    if not torch.equal(fine, torch.isfinite(a)):
        return math.inf
    return float((a[fine] - b[fine]).abs().max()) if bool(fine.any()) else 0.0
