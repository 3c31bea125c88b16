"""The graphs of models that are alike: captured when first needed, and kept."""

from collections.abc import Sequence
from typing import Any

from torch import Tensor
from torch.fx import GraphModule

from lanista._frozen import Frozen
from lanista.fuse._capture import Captured, capture
from lanista.fuse._compiled import Compiled
from lanista.fuse._data import Data
from lanista.fuse._member import Member
from lanista.fuse._plan import Drawn, Plan
from lanista.fuse._prefix import Parted, part
from lanista.fuse._stack import Stack
from lanista.fuse._stacking import stack_graph


class Source(Frozen):
    """Data as graphs take them: as they were given, or with features in the place of inputs."""

    data: Data
    parted: bool


class Graphs:
    """Captures the step of one of several models that are alike, and stacks it for as many as are wanted.

    Args:
        pattern: one of these models.
        plan: what is trained how.
    """

    def __init__(self, pattern: Member, plan: Plan) -> None:
        self._pattern, self._plan = pattern, plan
        self._captured: dict[Any, Captured] = {}
        self._parted: dict[Any, Parted | None] = {}
        self._stacked: dict[Any, GraphModule] = {}
        self._compiled: dict[GraphModule, Compiled] = {}

    def source(self, stack: Stack, *, training: bool) -> Source:
        """What the graphs of a stack take: features, where all its models compute the same ones of their inputs."""
        data = self._plan.data if training else self._plan.valid
        batch = min(self._plan.batch, len(data))
        parted, last = self._part(batch, training), self._part(len(data) % batch or batch, training)
        if parted is None or last is None or last.edge != parted.edge:  # the last batch would get other features
            return Source(data, False)
        if any(place.kind != "data" and place.name not in stack.shared for place in parted.places):
            return Source(data, False)
        features = self._plan.features.of(parted, stack.constants, data)
        return Source(data, False) if features is None else Source(features, True)

    def captured(self, count: int, *, training: bool, parted: bool = False) -> Captured:
        """The graph of one model for a batch of so many examples.

        Raises:
            Unfusable: it cannot be captured.
        """
        if parted:
            found = self._part(count, training)
            assert found is not None  # as that of a whole batch is not
            return found.rest
        key = count, training
        if key not in self._captured:
            rows = (self._plan.data if training else self._plan.valid).rows(slice(0, count))
            inputs = len(self._plan.data.inputs)
            self._captured[key] = capture(
                self._pattern.train(training),
                self._plan.loss,
                rows[:inputs],
                rows[inputs:],
                training=training,
                smooth=training and bool(self._pattern.smoothing),
                precision=self._plan.precision,
            )
        return self._captured[key]

    def stacked(
        self, stack: Stack, rows: Sequence[Tensor], *, own: bool, training: bool, parted: bool
    ) -> tuple[Captured, GraphModule]:
        """The graph of all models of a stack.

        Args:
            stack: the models.
            rows: a batch, as the source gives it.
            own: whether the batch of each model is its own, (k, b, ...).
            training: whether it is to be trained on, or to be judged by.
            parted: whether the source gives features.

        Raises:
            Unfusable: it cannot be captured, or not be stacked.
        """
        captured = self.captured(rows[0].shape[own], training=training, parted=parted)
        which = stack.stacked(captured, own)
        key = training, parted, tuple(part.shape for part in rows), stack.size, which
        if key not in self._stacked:
            given = stack.inputs(captured, rows, Drawn(stack).all(captured))
            self._stacked[key] = stack_graph(captured.graph, which, stack.size, given)
        return captured, self._stacked[key]

    def compiled(self, captured: Captured, graph: GraphModule) -> Compiled:
        """What torch compiles of a stacked graph of training, at the first call."""
        if graph not in self._compiled:
            changed = [i for i, place in enumerate(captured.places) if place.name in captured.changed]
            weights = next(part for part in self._pattern.module.parameters() if part.requires_grad)
            self._compiled[graph] = Compiled(graph, changed, self._plan.precision or weights.dtype)
        return self._compiled[graph]

    def _part(self, count: int, training: bool) -> Parted | None:
        key = count, training
        if key not in self._parted:
            self._parted[key] = part(self.captured(count, training=training), len(self._plan.data.inputs))
        return self._parted[key]
