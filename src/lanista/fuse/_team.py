"""Models that are trained side by side."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from torch import Tensor

from lanista._frozen import Frozen
from lanista.fuse._check import disagreeing
from lanista.fuse._choose import choose
from lanista.fuse._kinds import Kind
from lanista.fuse._member import Member
from lanista.fuse._plain import Plain
from lanista.fuse._plan import Way
from lanista.fuse._stack import Stack


class Outcome(Frozen):
    """What an epoch of a model gave: its mean losses, and its outputs for the validation data, where wanted."""

    train_loss: float
    loss: float
    outputs: Tensor | None


@dataclass(eq=False)
class Team:
    """A stack, and the way that its models are trained.

    Attributes:
        kind: what its models have in common.
        stack: their tensors.
        way: how they are trained.
        reason: why so.
        alone: whether it is of one model that is trained as its own code says, whatever its kind.
    """

    kind: Kind
    stack: Stack
    way: Way = field(default_factory=Plain)
    reason: str = ""
    alone: bool = False

    def __len__(self) -> int:
        return len(self.stack.live)

    @property
    def told(self) -> str:
        """How its models are trained, in words."""
        others = len(self) - 1
        beside = f" with {others} other{'s' if others > 1 else ''}" if others else ""
        return f"{self.way.name}{beside}: {self.reason}"

    @property
    def members(self) -> list[Member]:
        """Its models."""
        return [member for member in self.stack.members if member is not None]

    def epoch(self, *, outputs: bool) -> dict[Member, Outcome]:
        """Trains for an epoch, and judges; where that fails, all is as it was before, but for one that is alone."""
        kept = [] if self.alone else self.stack.snapshot()
        try:
            trained = self.way.train(self.stack, self.kind.plan).tolist()
            judged, found = self.way.judge(self.stack, self.kind.plan, outputs=outputs)
        except Exception:
            if not self.alone:
                self.stack.restore(kept)
            raise
        outcomes = {}
        for k, loss in enumerate(judged.tolist()):
            if (member := self.stack.members[k]) is not None:
                member.epoch += 1
                outcomes[member] = Outcome(trained[k], loss, found[k])
        return outcomes

    def settle(self, new: Sequence[Member]) -> list[Member]:
        """Holds new models against their own code, and finds the fastest way; where that fails, all is as before.

        Returns:
            Those whose own code says something else than their graph; they have left.

        Raises:
            Unfusable: they cannot be captured or stacked.
        """
        kept = self.stack.snapshot()
        try:
            wrong = disagreeing(self.stack, self.kind.graphs, self.kind.plan, new)
            self.take(wrong)
            if len(self):
                self.choose()
        except Exception:
            self.stack.restore(kept)
            raise
        return wrong

    def choose(self) -> None:
        """Finds the fastest way; what was found for as many models of this kind holds again."""
        key = self.stack.size, len(self)
        if key not in self.kind.choices:
            self.kind.choices[key] = choose(self.stack, self.kind.graphs, self.kind.plan)
        self.way, self.reason = self.kind.choices[key].way, self.kind.choices[key].reason

    def take(self, members: Sequence[Member]) -> None:
        """Takes models out; they remember where they stand."""
        for member in members:
            member.state = self.stack.read(member)
        self.stack.leave(members)
