"""All models of a stack in one graph."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from lanista.fuse._graphs import Graphs
from lanista.fuse._plan import Drawn, Plan
from lanista.fuse._stack import Stack


class Together:
    """Trains all models of a stack by one graph, with one step of the optimiser for all.

    Args:
        graphs: of the models.
        compiled: whether training runs what torch compiles of the graph.

    Attributes:
        refused: why the last step that was to be compiled was not; "" where it was.
    """

    def __init__(self, graphs: Graphs, *, compiled: bool = False) -> None:
        self._graphs, self._compiled, self.refused = graphs, compiled, ""
        self.name = "stacked and compiled" if compiled else "stacked"

    def train(self, stack: Stack, plan: Plan) -> Tensor:
        """Trains for an epoch; the mean loss of each place, (k,)."""
        drawn = Drawn(stack)
        total = torch.zeros(stack.size, dtype=torch.float64, device=stack.device)
        order, own = _orders(stack, len(plan.data))
        steps, live = stack.rows.steps.tolist(), stack.live
        begun = [steps[k if member else live[0]] for k, member in enumerate(stack.members)]
        grads = list(stack.rows.views(stack.rows.grads).values())
        source = self._graphs.source(stack, training=True)
        for i, span in enumerate(plan.spans(len(plan.data))):
            rows = source.data.rows(order[..., span])
            loss, *found = self.step(stack, rows, drawn, own=own, parted=source.parted)
            torch._foreach_copy_(grads, found)
            stack.step(plan.factors(begun, i))
            total.add_(loss, alpha=span.stop - span.start)
        return total / len(plan.data)

    def trial(self, stack: Stack, plan: Plan) -> Callable[[], list[Tensor]]:
        """A step of all models without the optimiser's, to be timed."""
        source, drawn = self._graphs.source(stack, training=True), Drawn(stack)
        order, own = _orders(stack, len(plan.data))
        rows = source.data.rows(order[..., plan.start])
        return lambda: self.step(stack, rows, drawn, own=own, parted=source.parted)

    def step(self, stack: Stack, rows: Sequence[Tensor], drawn: Drawn, *, own: bool, parted: bool) -> list[Tensor]:
        """The loss and the gradients of each place, on a batch as `Graphs.stacked` takes it."""
        captured, graph = self._graphs.stacked(stack, rows, own=own, training=True, parted=parted)
        given = stack.inputs(captured, rows, drawn.all(captured))
        if not self._compiled:
            return graph.forward(*given)  # type: ignore[no-any-return]
        run = self._graphs.compiled(captured, graph)
        found = run(*given)
        self.refused = run.refused
        return found

    def judge(self, stack: Stack, plan: Plan, *, outputs: bool) -> tuple[Tensor, list[Tensor | None]]:
        """The mean validation loss of each place, (k,), and, where wanted, the outputs of each, (n, ...)."""
        total = torch.zeros(stack.size, dtype=torch.float64, device=stack.device)
        kept, drawn = list[Tensor](), Drawn(stack)
        source = self._graphs.source(stack, training=False)
        for span in plan.spans(len(plan.valid)):
            rows = source.data.rows(span)
            captured, graph = self._graphs.stacked(stack, rows, own=False, training=False, parted=source.parted)
            loss, output = graph.forward(*stack.inputs(captured, rows, drawn.all(captured)))
            total.add_(loss, alpha=span.stop - span.start)
            if outputs:
                kept.append(output)
        each: list[Tensor | None] = [*torch.cat(kept, 1).unbind()] if kept else [None] * stack.size
        return total / len(plan.valid), each


def _orders(stack: Stack, count: int) -> tuple[Tensor, bool]:
    """The order of the data: one for all, (n,), where all have the same, else of each place, (k, n)."""
    members = {(m.order_seed, m.epoch): m for m in stack.members if m is not None}
    if len(members) == 1:
        return next(iter(members.values())).order(count).to(stack.device), False
    found = {key: member.order(count) for key, member in members.items()}
    rest = next(iter(found.values()))
    each = [rest if m is None else found[m.order_seed, m.epoch] for m in stack.members]
    return torch.stack(each).to(stack.device), True
