"""Models of equal graph that are trained together."""

from collections.abc import Iterable, Mapping, Sequence

import torch
from torch import Tensor

from lanista.fuse._capture import Captured, Place, split
from lanista.fuse._member import Member, State
from lanista.fuse._optimizers import Factor, Hypers, Optimizer
from lanista.fuse._rows import Rows


class Stack:
    """The tensors of many models; place k of each is that of the member in place k, or of none.

    Attributes:
        members: the models, None where a place is free.
        rows: weights, gradients and moments.
        buffers: of all models, each (k, ...).
        constants: weights that are not trained, and buffers that never change; those that are equal in all models
            are held once, the others (k, ...).
        shared: the names of those that are held once.
    """

    def __init__(self, rule: Optimizer, members: Sequence[Member], captured: Captured | None) -> None:
        first = members[0]
        weights, buffers, still = split(first.module)
        self._rule = rule
        self._changed = set(buffers) if captured is None else captured.changed
        flipped = frozenset[str]() if captured is None else captured.transposed
        like = next(iter(weights.values()))
        self.device = like.device
        self.members: list[Member | None] = []
        self.rows = Rows({name: part.shape for name, part in weights.items()}, 0, rule.moments, like, flipped=flipped)
        self.buffers = {
            name: part.new_zeros((0, *part.shape)) for name, part in buffers.items() if name in self._changed
        }
        self.constants = {name: part for name, part in {**buffers, **still}.items() if name not in self._changed}
        self.shared = set(self.constants)
        self._smoothing = self._rates = torch.zeros(0)
        self._held: dict[tuple[int, int | None], tuple[Captured, list[Tensor | None]]] = {}
        self.join(members)

    @property
    def live(self) -> list[int]:
        """The places that are taken."""
        return [k for k, member in enumerate(self.members) if member is not None]

    @property
    def size(self) -> int:
        """How many places there are, k."""
        return len(self.members)

    # --- who is in it -------------------------------------------------------------------------------------------------

    def join(self, new: Sequence[Member]) -> None:
        """Puts models in free places, and makes more where these do not suffice."""
        free = [k for k, member in enumerate(self.members) if member is None]
        self._arrange(list(range(self.size)), max(0, len(new) - len(free)))
        free = [k for k, member in enumerate(self.members) if member is None]
        for k, member in zip(free, new, strict=False):
            self.members[k] = member
            self._part_constants(member)
            self.write(k, member.start(self._rule.moments))
            member.epoch = member.epoch if member.state is None else member.state.epoch
            member.state = None
        self._settings()

    def leave(self, members: Iterable[Member]) -> None:
        """Frees the places of models."""
        gone = {id(member): member for member in members}
        self.members = [None if id(member) in gone else member for member in self.members]
        for member in gone.values():
            for weight in member.module.parameters():
                if weight.grad is not None:  # its own code ran on these tensors; who keeps it must not keep all of them
                    weight.data, weight.grad = weight.data.clone(), None
        self._settings()

    def compact(self) -> bool:
        """Where half of the places are free, or more, models move together; whether they did."""
        live = self.live
        if not live or 2 * len(live) > self.size:
            return False
        self._arrange(live, 0)
        self._settings()
        return True

    def place(self, member: Member) -> int:
        """Where a model is."""
        return next(k for k, other in enumerate(self.members) if other is member)

    def _arrange(self, keep: list[int], extra: int) -> None:
        """Keeps these places, in this order, and adds free ones."""
        if len(keep) == self.size and not extra:
            return

        def kept(held: Mapping[str, Tensor]) -> dict[str, Tensor]:
            made = {name: part.new_zeros((len(keep) + extra, *part.shape[1:])) for name, part in held.items()}
            for name, part in held.items():
                made[name][: len(keep)] = part[keep]
            return made

        buffers = kept(self.buffers)
        constants = kept({name: part for name, part in self.constants.items() if name not in self.shared})
        self.rows.keep(keep, extra)  # from here on nothing can fail
        self.members = [*(self.members[k] for k in keep), *[None] * extra]
        self.buffers, self.constants = buffers, {**self.constants, **constants}

    def _part_constants(self, member: Member) -> None:
        """Holds a constant for each model from the first one on that has another; else its own is let go."""
        _, buffers, still = split(member.module)
        k = self.place(member)
        for name, own in {**buffers, **still}.items():
            if name not in self.constants:
                continue
            held = self.constants[name]
            if name in self.shared and not (held is own or torch.equal(held, own)):
                self.constants[name] = held = held.unsqueeze(0).repeat(self.size, *[1] * held.dim())
                self.shared.discard(name)
            if name not in self.shared:
                held[k] = own

    def _settings(self) -> None:
        """Smoothing, dropout rates and hyperparameters of each place; what graphs get is put together anew."""
        self._held = {}
        first = next((member for member in self.members if member is not None), None)
        count = 0 if first is None else len(first.rates)
        rates = [[0.0] * count if member is None else member.rates for member in self.members]
        smoothing = [0.0 if member is None else member.smoothing for member in self.members]
        dtype = self.rows.weights.dtype
        self._rates = torch.tensor(rates, device=self.device, dtype=dtype).view(self.size, count)
        self._smoothing = torch.tensor(smoothing, device=self.device, dtype=dtype)
        self._hypers = Hypers([None if member is None else member.hyper for member in self.members], self.rows.weights)

    # --- their tensors ------------------------------------------------------------------------------------------------

    def write(self, k: int, state: State) -> None:
        """Puts a model's state in a place."""
        for buffer, held in zip((self.rows.weights, *self.rows.moments), (state.weights, *state.moments), strict=True):
            for name, view in self.rows.views(buffer[k]).items():
                view.copy_(held[name])
        member = self.members[k]
        assert member is not None
        own = {**split(member.module)[1], **state.buffers}  # a state has those only that training changed where it was
        for name, part in self.buffers.items():
            part[k] = own[name]
        self.rows.steps[k] = state.step

    def read(self, member: Member) -> State:
        """A copy of a model's state."""
        k = self.place(member)
        weights, *moments = (
            {name: view.clone() for name, view in self.rows.views(buffer[k]).items()}
            for buffer in (self.rows.weights, *self.rows.moments)
        )
        buffers = {name: part[k].clone() for name, part in self.buffers.items()}
        return State(weights, buffers, moments, int(self.rows.steps[k]), member.epoch, member.seed)

    def snapshot(self) -> list[Tensor]:
        """A copy of all that training changes."""
        return [part.clone() for part in self._trained]

    def restore(self, kept: list[Tensor]) -> None:
        """Puts a copy back that was made with the same models in it."""
        for part, before in zip(self._trained, kept, strict=True):
            part.copy_(before)

    @property
    def _trained(self) -> list[Tensor]:
        return [self.rows.weights, *self.rows.moments, self.rows.steps, *self.buffers.values()]

    def inputs(
        self, captured: Captured, data: Sequence[Tensor], noise: Sequence[Tensor], k: int | None = None
    ) -> list[Tensor]:
        """What a graph gets: of all places in one tensor, but for constants that are shared; or of place k alone.

        Args:
            captured: the graph's places.
            data: a batch.
            noise: uniform numbers.
            k: the place.
        """
        key = id(captured), k
        if key not in self._held:
            self._held[key] = captured, [self._input(place, k) for place in captured.places]
        drawn, given = iter(noise), iter(data)
        return [
            part if part is not None else next(drawn if place.kind == "noise" else given)
            for place, part in zip(captured.places, self._held[key][1], strict=True)
        ]

    def _input(self, place: Place, k: int | None) -> Tensor | None:
        """What stays the same from step to step."""
        match place.kind:
            case "weight":
                rows = self.rows.weights
                return self.rows.views(rows if k is None else rows[k])[place.name]
            case "buffer" if place.name in self.buffers:
                part = self.buffers[place.name]
            case "buffer" | "constant":
                part = self.constants[place.name]
                if place.name in self.shared:
                    return part
            case "rate":
                part = self._rates
            case "smoothing":
                part = self._smoothing
            case _:
                return None
        return part if k is None else part[k]

    def stacked(self, captured: Captured, data: bool) -> tuple[bool, ...]:
        """Which inputs of a graph differ by model; `data`: whether that of each model is its own."""
        return tuple(
            data if place.kind == "data" else place.kind == "noise" or place.name not in self.shared
            for place in captured.places
        )

    def step(self, factor: Factor, k: int | None = None) -> None:
        """Makes a step of the optimiser, of place k or of all, by the gradients that are in the rows.

        Args:
            factor: what learning rates are multiplied by.
            k: the place.
        """
        self._rule.update(self.rows, self._hypers, factor, k)
