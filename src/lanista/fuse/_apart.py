"""One model of a stack after the other, each by the captured graph of one."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lanista.fuse._graphs import Graphs
from lanista.fuse._plan import Drawn, Plan
from lanista.fuse._stack import Stack


class Apart:
    """Trains the models of a stack one after the other, without what autograd costs."""

    name = "one by one"

    def __init__(self, graphs: Graphs) -> None:
        self._graphs = graphs

    def train(self, stack: Stack, plan: Plan) -> Tensor:
        """Trains for an epoch; the mean loss of each place, (k,)."""
        total = torch.zeros(stack.size, dtype=torch.float64, device=stack.device)
        drawn, begun = Drawn(stack), stack.rows.steps.tolist()
        source = self._graphs.source(stack, training=True)
        for k in stack.live:
            member = stack.members[k]
            assert member is not None
            order = member.order(len(plan.data)).to(stack.device)
            grads = list(stack.rows.views(stack.rows.grads[k]).values())
            sum_ = torch.zeros((), dtype=torch.float64, device=stack.device)
            for i, span in enumerate(plan.spans(len(plan.data))):
                loss, *found = self.step(stack, source.data.rows(order[span]), drawn, k, parted=source.parted)
                torch._foreach_copy_(grads, found)
                stack.step(plan.factor(begun[k] + i), k)
                sum_.add_(loss, alpha=span.stop - span.start)
            total[k] = sum_
        return total / len(plan.data)

    def trial(self, stack: Stack, plan: Plan) -> Callable[[], object]:
        """A step of one model without the optimiser's, to be timed."""
        source, drawn, k = self._graphs.source(stack, training=True), Drawn(stack), stack.live[0]
        rows = source.data.rows(plan.start)
        return lambda: self.step(stack, rows, drawn, k, parted=source.parted)

    def step(self, stack: Stack, rows: Sequence[Tensor], drawn: Drawn, k: int, *, parted: bool) -> list[Tensor]:
        """The loss and the gradients of place k, on a batch of inputs or, with `parted`, features."""
        captured = self._graphs.captured(len(rows[0]), training=True, parted=parted)
        return captured.graph.forward(*stack.inputs(captured, rows, drawn.one(captured, k), k))  # type: ignore[no-any-return]

    def judge(self, stack: Stack, plan: Plan, *, outputs: bool) -> tuple[Tensor, list[Tensor | None]]:
        """The mean validation loss of each place, (k,), and, where wanted, the outputs of each, (n, ...)."""
        total = torch.zeros(stack.size, dtype=torch.float64, device=stack.device)
        each: list[Tensor | None] = [None] * stack.size
        source, drawn = self._graphs.source(stack, training=False), Drawn(stack)
        for k in stack.live:
            kept = []
            for span in plan.spans(len(plan.valid)):
                rows = source.data.rows(span)
                captured = self._graphs.captured(len(rows[0]), training=False, parted=source.parted)
                loss, output = captured.graph.forward(*stack.inputs(captured, rows, drawn.one(captured, k), k))
                total[k] += loss * (span.stop - span.start)
                kept.append(output)
            each[k] = torch.cat(kept) if outputs else None
        return total / len(plan.valid), each
