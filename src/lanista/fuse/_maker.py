"""From a trial to its model."""

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import UninitializedParameter

from lanista.errors import UsageError
from lanista.fuse._hyper import Hyper
from lanista.fuse._member import Member, State

Params = Mapping[str, Any]


class Maker:
    """Makes models, and sees that they can be trained.

    Args:
        hyper: what says their hyperparameters.
        moments: how many the optimiser keeps.
        device: where they are to be.
    """

    def __init__(self, hyper: Hyper, moments: int, device: torch.device) -> None:
        self._hyper, self._moments, self._device = hyper, moments, device
        self._owners: weakref.WeakSet[nn.Module] = weakref.WeakSet()

    def make(self, build: Callable[[], Any], params: Params, *, seed: int, state: State | None = None) -> Member:
        """A model.

        Args:
            build: makes the module.
            params: the parameters of the trial.
            seed: what its weights are drawn from, where nothing else says it.
            state: where it goes on from.

        Raises:
            UsageError: what it makes cannot be trained.
        """
        settings = self._hyper.of(params, seed=seed)
        init = settings.init_seed if state is None else state.seed
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(init)
            module = build()
        self._check(module, params)
        member = Member(
            module.to(self._device),
            settings.hyper,
            smoothing=settings.smoothing,
            seed=init,
            order_seed=settings.order_seed,
        )
        if state is not None:
            _check_state(member, state, self._moments)
            member.state, member.epoch = state, state.epoch
        return member

    def _check(self, module: Any, params: Params) -> None:
        """Raises UsageError for what cannot be trained."""
        if not isinstance(module, nn.Module):
            raise UsageError(
                f"model= gave {module!r:.100} for {dict(params)}; it must return a torch module, a new one at each call"
            )
        name = type(module).__name__
        if any(isinstance(weight, UninitializedParameter) for weight in module.parameters()):
            raise UsageError(f"model= gave a {name} with lazy layers; call it once on an example before returning it")
        trained = [weight for weight in module.parameters() if weight.requires_grad]
        if not trained:
            raise UsageError(f"model= gave a {name} without weights to train")
        if len(dtypes := {weight.dtype for weight in trained}) > 1:
            raise UsageError(f"model= gave a {name} whose weights have several types: {', '.join(map(str, dtypes))}")
        for part in module.modules():
            if any(weight is not None and weight.requires_grad for weight in part._parameters.values()):
                if part in self._owners:
                    raise UsageError(
                        f"model= gave a {name} with a {type(part).__name__} that it gave before; "
                        "make new layers at each call, or freeze those that are shared: requires_grad_(False)"
                    )
                self._owners.add(part)


def _check_state(member: Member, state: State, moments: int) -> None:
    """Raises UsageError for a state of another model, or another optimiser."""
    own = {name: weight.shape for name, weight in member.module.named_parameters() if weight.requires_grad}
    held = {name: weight.shape for name, weight in state.weights.items()}
    if wrong := [name for name in {**own, **held} if own.get(name) != held.get(name)]:
        there, here = (tuple(shapes[wrong[0]]) if wrong[0] in shapes else "missing" for shapes in (held, own))
        raise UsageError(
            f"the trial goes on from the weights of another model: {wrong[0]!r} is {there} there and {here} here; "
            "what makes the model must stay the same in a trial, and in copies of it"
        )
    if len(state.moments) != moments:
        raise UsageError("the trial goes on from a checkpoint of another optimizer=; give the one that it began with")
