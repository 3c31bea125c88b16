"""What models of equal graph share; it outlives the cohorts that they are trained in."""

import copy
from collections.abc import Hashable

import torch

from lanista.fuse._choose import Choice
from lanista.fuse._graphs import Graphs
from lanista.fuse._member import Member
from lanista.fuse._memory import free, step_bytes
from lanista.fuse._optimizers import Optimizer
from lanista.fuse._plan import Plan
from lanista.fuse._signature import signature

_KEPT = 64
"""Of how many kinds the graphs are kept: those met last."""


class Kind:
    """Models of equal graph.

    Attributes:
        name: of their class.
        plan: what is trained how, with data of the type of their weights.
        graphs: of their steps.
        refused: why they are trained as their code says; "" where their graphs serve.
        limit: how many the memory was found to hold; None where it was never too small.
        choices: the fastest way, by how many places a stack has, and how many models.
    """

    def __init__(self, pattern: Member, plan: Plan, refused: str) -> None:
        self.name = type(pattern.module).__name__
        self.plan, self.refused = plan, refused
        self.graphs = Graphs(pattern, plan)
        self.limit: int | None = None
        self.choices: dict[tuple[int, int], Choice] = {}
        weights = [part for part in pattern.module.parameters() if part.requires_grad]
        self._bytes = sum(part.numel() * part.element_size() for part in weights)

    def room(self, rule: Optimizer, memory: int) -> int:
        """How many can be trained at once in so many bytes, at least 1.

        Raises:
            Unfusable: they cannot be captured.
        """
        captured = self.graphs.captured(self.plan.start.stop, training=True)
        rows = 3 + 2 * rule.moments  # weights, gradients, moments; and what an epoch can be begun again from
        fit = memory // max(1, step_bytes(captured) + self._bytes * rows)
        return max(1, int(fit) if self.limit is None else min(int(fit), self.limit))


class Kinds:
    """The kinds that were met.

    Args:
        plan: what is trained how, with the data as they were given.
        rule: the optimiser.
        device: where.
        memory: bytes that a team may take; None for what is free.
        fuse: False trains each model as its code says.
    """

    def __init__(self, plan: Plan, rule: Optimizer, *, device: torch.device, memory: int | None, fuse: bool) -> None:
        self.rule = rule
        self._plan, self._device, self._memory, self._fuse = plan, device, memory, fuse
        self._plans: dict[torch.dtype, Plan] = {}
        self._kinds: dict[Hashable, Kind] = {}

    def of(self, member: Member) -> Kind:
        """The kind of a model."""
        key = signature(member.module), tuple(member.modes), bool(member.smoothing)
        kind = self._kinds.pop(key, None)
        if kind is None:
            kind = Kind(member, self._cast(member), "" if self._fuse else "How(fuse=False)")
        self._kinds[key] = kind
        for old in list(self._kinds)[:-_KEPT]:
            del self._kinds[old]
        return kind

    def room(self, kind: Kind) -> int:
        """How many of a kind can be trained at once.

        Raises:
            Unfusable: they cannot be captured.
        """
        return kind.room(self.rule, free(self._device) if self._memory is None else self._memory)

    def _cast(self, member: Member) -> Plan:
        """The plan with data for a model."""
        dtype = next(part.dtype for part in member.module.parameters() if part.requires_grad)
        if dtype not in self._plans:
            plan = self._plans[dtype] = copy.copy(self._plan)
            plan.data, plan.valid = (part.to(self._device, dtype) for part in (plan.data, plan.valid))
        return self._plans[dtype]
