"""One model of a stack after the other, as its own code says."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import torch
from torch import Tensor, nn

from lanista.fuse._member import Member
from lanista.fuse._plan import Plan
from lanista.fuse._stack import Stack


class Plain:
    """Trains models that cannot be captured, on the tensors of their stack."""

    name = "as they are"

    def train(self, stack: Stack, plan: Plan) -> Tensor:
        """Trains for an epoch; the mean loss of each place, (k,)."""
        total = torch.zeros(stack.size, dtype=torch.float64, device=stack.device)
        begun = stack.rows.steps.tolist()
        for k in stack.live:
            member = stack.members[k]
            assert member is not None
            order = member.order(len(plan.data)).to(stack.device)
            smoothing = torch.tensor(member.smoothing, device=stack.device) if member.smoothing else None
            sum_ = torch.zeros((), dtype=torch.float64, device=stack.device)
            with _alone(stack, k, member) as model:
                member.train(True)
                for i, span in enumerate(plan.spans(len(plan.data))):
                    stack.rows.grads[k].zero_()
                    loss, _ = _run(model, plan, plan.data.rows(order[span]), smoothing)
                    loss.backward()
                    stack.step(plan.factor(begun[k] + i), k)
                    sum_.add_(loss.detach(), alpha=span.stop - span.start)
            total[k] = sum_
        return total / len(plan.data)

    def trial(self, stack: Stack, plan: Plan) -> Callable[[], object]:
        """A step of one model without the optimiser's, to be timed."""
        rows, k = plan.data.rows(plan.start), stack.live[0]
        member = stack.members[k]
        assert member is not None
        member.train(True)
        with _alone(stack, k, member) as model:  # bound to its place from here on
            pass

        def step() -> None:
            stack.rows.grads[k].zero_()
            _run(model, plan, rows)[0].backward()

        return step

    def judge(self, stack: Stack, plan: Plan, *, outputs: bool) -> tuple[Tensor, list[Tensor | None]]:
        """The mean validation loss of each place, (k,), and, where wanted, the outputs of each, (n, ...)."""
        total = torch.zeros(stack.size, dtype=torch.float64, device=stack.device)
        each: list[Tensor | None] = [None] * stack.size
        for k in stack.live:
            member, kept = stack.members[k], []
            assert member is not None
            with _alone(stack, k, member) as model, torch.no_grad():
                member.train(False)
                for span in plan.spans(len(plan.valid)):
                    loss, output = _run(model, plan, plan.valid.rows(span))
                    total[k] += loss * (span.stop - span.start)
                    kept.append(output)
            each[k] = torch.cat(kept) if outputs else None
        return total / len(plan.valid), each


def _run(
    model: nn.Module, plan: Plan, rows: Sequence[Tensor], smoothing: Tensor | None = None
) -> tuple[Tensor, Tensor]:
    count = len(plan.data.inputs)
    with torch.autocast(rows[0].device.type, plan.precision, enabled=plan.precision is not None):
        output = model(*rows[:count])
        return plan.loss(output, *rows[count:], smoothing=smoothing), output


@contextmanager
def _alone(stack: Stack, k: int, member: Member) -> Iterator[nn.Module]:
    """The model of place k on the tensors of that place, with random numbers that are the model's own."""
    model = member.module
    views, grads = stack.rows.views(stack.rows.weights[k]), stack.rows.views(stack.rows.grads[k])
    for name, weight in model.named_parameters():
        if name in views:
            weight.data, weight.grad = views[name], grads[name]
    for name, buffer in model.named_buffers():
        if name in stack.buffers:
            buffer.data = stack.buffers[name][k]
    devices = [stack.device] if stack.device.type == "cuda" else []
    with torch.random.fork_rng(devices):
        torch.manual_seed(member.noise(torch.device("cpu")).initial_seed())
        yield model
    for name, buffer in model.named_buffers():  # some models put a new tensor in its place
        if name in stack.buffers:
            stack.buffers[name][k] = buffer
