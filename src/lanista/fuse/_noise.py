"""Random numbers of a model that come from outside: so that a model sees the same ones in a stack and alone."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from lanista.fuse._errors import Unfusable

aten = torch.ops.aten

Give = Callable[[torch.Size], Tensor]
"""Uniform numbers in [0, 1) of a shape."""


class Noise(TorchDispatchMode):
    """While it is on, random operators make their numbers of the uniform ones that `give` gives, call after call."""

    def __init__(self, give: Give) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._give = give

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Runs an operator."""
        kwargs = kwargs or {}
        if (own := _OWN.get(func)) is not None:
            return own(self._give, *args, **kwargs)
        if torch.Tag.nondeterministic_seeded in func.tags and func not in _HARMLESS:
            raise Unfusable(f"it draws random numbers by {func}, which cannot be drawn for each model apart")
        return func(*args, **kwargs)


def _as(drawn: Tensor, dtype: torch.dtype) -> Tensor:
    return drawn if drawn.dtype == dtype else drawn.to(dtype)


def _bernoulli_(give: Give, x: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    return x.copy_(give(x.shape) >= 1 - p)


def _bernoulli_p(give: Give, x: Tensor, p: float = 0.5, *, generator: Any = None) -> Tensor:
    return _as(give(x.shape) >= 1 - p, x.dtype)


def _bernoulli(give: Give, x: Tensor, *, generator: Any = None) -> Tensor:
    return _as(give(x.shape) >= 1 - x, x.dtype)


def _native_dropout(give: Give, x: Tensor, p: float, train: bool | None) -> tuple[Tensor, Tensor]:
    if train is False:
        return x.clone(), torch.ones_like(x, dtype=torch.bool)
    keep = give(x.shape) >= p
    return x * keep * (1 / (1 - p) if p < 1 else 0.0), keep


def _rrelu(
    give: Give,
    x: Tensor,
    noise: Tensor,
    low: float = 1 / 8,
    high: float = 1 / 3,
    training: bool = False,
    generator: Any = None,
) -> Tensor:
    if not training:
        return torch.nn.functional.leaky_relu(x, (low + high) / 2)
    noise.copy_(torch.where(x <= 0, give(x.shape) * (high - low) + low, 1.0))
    return x * noise


def _rrelu_(give: Give, x: Tensor, *rest: Any) -> Tensor:
    return x.copy_(_rrelu(give, x, *rest))


def _uniform_(give: Give, x: Tensor, low: float = 0.0, high: float = 1.0, *, generator: Any = None) -> Tensor:
    return x.copy_(give(x.shape) * (high - low) + low)


def _normal_(give: Give, x: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Any = None) -> Tensor:
    return x.copy_(_gaussian(give(x.shape)) * std + mean)


def _gaussian(uniform: Tensor) -> Tensor:
    """By the inverse of the distribution; the smallest number is kept off its infinite end."""
    gaussian: Tensor = torch.special.ndtri(uniform.clamp(min=torch.finfo(uniform.dtype).eps / 2))
    return gaussian


def _like(draw: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def like(give: Give, x: Tensor, *, dtype: Any = None, **_: Any) -> Tensor:
        return _as(draw(give(x.shape)), dtype or x.dtype)

    return like


def _new(draw: Callable[[Tensor], Tensor]) -> Callable[..., Tensor]:
    def new(give: Give, size: Any, *, dtype: Any = None, **_: Any) -> Tensor:
        return _as(draw(give(torch.Size(size))), dtype or torch.get_default_dtype())

    return new


_OWN: dict[Any, Callable[..., Any]] = {
    aten.bernoulli_.float: _bernoulli_,
    aten.bernoulli.p: _bernoulli_p,
    aten.bernoulli.default: _bernoulli,
    aten.native_dropout.default: _native_dropout,
    aten.rrelu_with_noise.default: _rrelu,
    aten.rrelu_with_noise_.default: _rrelu_,
    aten.uniform_.default: _uniform_,
    aten.normal_.default: _normal_,
    aten.rand_like.default: _like(lambda u: u),
    aten.randn_like.default: _like(_gaussian),
    aten.rand.default: _new(lambda u: u),
    aten.randn.default: _new(_gaussian),
}

_HARMLESS = {
    aten._scaled_dot_product_flash_attention_for_cpu.default,
    aten._scaled_dot_product_flash_attention.default,
    aten._scaled_dot_product_efficient_attention.default,
}
"""Tagged as random for a dropout that the path to them leaves out."""
