"""A stack is held against each of its models before it is trusted."""

from collections.abc import Sequence

import torch

from lanista.fuse._capture import rehearsed
from lanista.fuse._close import close
from lanista.fuse._errors import Unfusable
from lanista.fuse._graphs import Graphs
from lanista.fuse._member import Member
from lanista.fuse._plan import Plan
from lanista.fuse._stack import Stack


def disagreeing(stack: Stack, graphs: Graphs, plan: Plan, members: Sequence[Member]) -> list[Member]:
    """Those of the members whose loss, gradients or outputs, on a batch, are not what their own code gives.

    Raises:
        Unfusable: the models cannot be captured, or not be stacked.
    """
    wrong = list[Member]()
    for training in (True, False):
        rest = [member for member in members if member not in wrong]
        first = _disagreeing(stack, graphs, plan, rest, training=training, last=False)
        # other gradients, once, may be rounding: two numbers are all but equal, and another one is the larger
        doubtful = [member for member, another_loss in first.items() if not another_loss]
        again = _disagreeing(stack, graphs, plan, doubtful, training=training, last=True) if doubtful else {}
        wrong += [member for member, another_loss in first.items() if another_loss or member in again]
    return wrong


def _disagreeing(
    stack: Stack, graphs: Graphs, plan: Plan, members: Sequence[Member], *, training: bool, last: bool
) -> dict[Member, bool]:
    """Those that disagree in training, or in evaluation, on the first examples or the last; whether on the loss."""
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
    wrong = {}
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
        loss, *rest = [part[k] for part in found]
        same_loss, held = close([loss], own[:1], dtype), [part[k] for part in after.values()]
        if not (same_loss and close(rest, own[1:], dtype) and close(held, [buffers[name] for name in after], dtype)):
            wrong[member] = not same_loss
    return wrong
