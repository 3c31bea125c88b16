"""All proxies by name, and members of a space in the order of one of them."""

from collections.abc import Callable, Iterable, Mapping
from inspect import signature
from math import isnan
from typing import Any

from torch import nn
from torch.nn.functional import cross_entropy

from lanista._frozen import Frozen
from lanista.errors import UsageError
from lanista.nas._inputs import Inputs, seeded
from lanista.nas._members import Members, drawn
from lanista.nas._profile import profile
from lanista.nas.proxies._geometry import jacob_cov, naswot, zen
from lanista.nas.proxies._gradients import grad_norm, grasp, snip, synflow
from lanista.nas.proxies._sandbox import Loss

Batch = tuple[Inputs, Any]


def params(model: nn.Module) -> float:
    """Counts the numbers in all parameters, a shared one once.

    >>> import torch
    >>> params(torch.nn.Linear(2, 3))
    9.0
    """
    return float(sum(param.numel() for param in model.parameters()))


def flops(model: nn.Module, inputs: Inputs) -> float:
    """Counts the operations of a forward pass of one batch: two for each multiply-add of `nas.profile`.

    >>> import torch
    >>> flops(torch.nn.Linear(2, 3), torch.zeros(1, 2))
    12.0
    """
    return 2.0 * profile(model, inputs, repeats=0).macs


NAMES: dict[str, Callable[..., float]] = {
    "synflow": synflow,
    "snip": snip,
    "grasp": grasp,
    "grad_norm": grad_norm,
    "jacob_cov": jacob_cov,
    "naswot": naswot,
    "zen": zen,
    "params": params,
    "flops": flops,
}


def score(
    model: nn.Module, batch: Batch, names: Iterable[str] | None = None, *, loss: Loss = cross_entropy, seed: int = 0
) -> dict[str, float]:
    """Computes several proxies of a model, each on a fresh copy of it.

    The model keeps its weights, buffers, gradients, mode and hooks, and torch its random numbers. The same model, batch
    and seed give the same scores.

    Args:
        model: the built model.
        batch: inputs and targets; None as the targets will do for the proxies that need none.
        names: which proxies, of `nas.proxies.NAMES`, or one of them; by default all that the batch allows.
        loss: a function of the model's output and the targets that gives one number.
        seed: of what is drawn.

    Raises:
        UsageError: a name is unknown, a proxy needs targets and there are none, or one cannot be computed.

    >>> import torch
    >>> net = torch.nn.Sequential(torch.nn.Linear(4, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
    >>> batch = torch.randn(16, 4), torch.randint(2, (16,))
    >>> sorted(score(net, batch, ["params", "snip"]))
    ['params', 'snip']
    """
    if not isinstance(batch, tuple) or len(batch) != 2:
        raise UsageError(f"the batch is a {type(batch).__name__}: give a pair (inputs, targets), or (inputs, None)")
    inputs, targets = batch
    able = [name for name in NAMES if targets is not None or not _needs(name, "targets")]
    chosen = able if names is None else [names] if isinstance(names, str) else list(names)
    for name in chosen:
        if name not in NAMES:
            raise UsageError(f"there is no proxy {name!r}: the names are {', '.join(NAMES)}")
        if targets is None and _needs(name, "targets"):
            raise UsageError(f"{name} needs targets: give batch=(inputs, targets), or leave it out of names")
    values = {"inputs": inputs, "targets": targets, "loss": loss, "seed": seed}
    return {name: NAMES[name](model, **{key: values[key] for key in values if _needs(name, key)}) for name in chosen}


def _needs(name: str, argument: str) -> bool:
    return argument in signature(NAMES[name]).parameters


class Ranked(Frozen):
    """A member of a space and its score.

    Attributes:
        params: its parameters, by their names in the space.
        score: what the proxy says of it.
    """

    params: Mapping[str, Any]
    score: float


def rank(
    space: Members, batch: Batch, name: str, *, members: int, loss: Loss = cross_entropy, seed: int = 0
) -> list[Ranked]:
    """Draws members of a space and orders them by a proxy, the highest score first, NaN last.

    Enqueue the first few of them as a warm start. Scores depend on the weights that a member is built with, which are
    drawn by `seed`. A member that is drawn again is left out.

    Args:
        space: a `nas.ModelSpace`.
        batch: inputs and targets, as for `score`.
        name: the proxy.
        members: how many to draw.
        loss: as for `score`.
        seed: of the draw, and of the weights.

    Raises:
        UsageError: there are no members to rank, or the proxy cannot be computed for one.
    """
    found = drawn(space, members, seed)
    ranked = [Ranked(params, _scored(space, params, batch, name, loss, seed)) for params in found]
    return sorted(ranked, key=lambda member: (isnan(member.score), -member.score))


def _scored(space: Members, params: Mapping[str, Any], batch: Batch, name: str, loss: Loss, seed: int) -> float:
    with seeded(seed):
        model = space.build(params)
    return score(model, batch, [name], loss=loss, seed=seed)[name]
