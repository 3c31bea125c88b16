"""How operators run for many models at once, where there is a faster way than the general one.

A rule gets the number of models k and the arguments of the operator, some of them `Stacked`; it returns
NotImplemented for those that it leaves to the general way.
"""

from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lanista.fuse._stacked import Stacked, channels, fold, inner, models, spread, unfold

aten = torch.ops.aten

Rule = Callable[..., Any]


def _many(value: Any) -> bool:
    return isinstance(value, Stacked)


def _raw(value: Any) -> Any:
    return value.tensor if isinstance(value, Stacked) else value


# --- products ---------------------------------------------------------------------------------------------------------


def _mm(count: int, a: Any, b: Any) -> Stacked:
    return Stacked(_product(count, a, b))


def _addmm(count: int, bias: Any, a: Any, b: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    if beta != 1 or alpha != 1:
        return NotImplemented
    added = _raw(bias)
    if _many(bias):
        added = added.unsqueeze(1) if added.dim() == 2 else added
        if _many(b):
            return Stacked(torch.baddbmm(added, spread(a, count), b.tensor))
    return Stacked(_product(count, a, b) + added)


def _product(count: int, a: Any, b: Any) -> Tensor:
    """The products a @ b, (k, m, n), of matrices of which at least one is of each model."""
    return _batched(*(spread(part, count) for part in (a, b)))


def _batched(a: Tensor, b: Tensor) -> Tensor:
    """The products a @ b, (k, m, n); as (b' @ a')' where a is transposed in memory.

    With b transposed as well these kernels are several times faster; else the result is what gradients of weights are
    to be, which are kept transposed.
    """
    if a.stride(-2) == 1 and a.shape[-1] > 1:
        return torch.bmm(b.mT, a.mT).mT
    return torch.bmm(a, b)


def _bmm(count: int, a: Any, b: Any) -> Stacked:
    x, y = spread(a, count), spread(b, count)
    return Stacked(_batched(x.flatten(0, 1), y.flatten(0, 1)).unflatten(0, (count, -1)))


# --- shapes -----------------------------------------------------------------------------------------------------------


def _view(count: int, x: Stacked, shape: Any) -> Stacked:
    return Stacked(x.tensor.reshape(count, *shape))


def _same(count: int, x: Stacked, **_: Any) -> Stacked:
    return x


# --- convolutions -----------------------------------------------------------------------------------------------------


def _convolution(
    count: int, x: Any, w: Any, b: Any, stride: Any, pad: Any, dilation: Any, transposed: bool, extra: Any, groups: int
) -> Any:
    rest = (stride, pad, dilation, transposed, extra)
    if not _many(w):
        if _many(b) or _raw(x).dim() < 4:
            return NotImplemented
        first = inner(x.tensor)
        return Stacked(unfold(aten.convolution(fold(x.tensor, first), w, b, *rest, groups), count, first))
    bias = None if b is None else spread(b, count).flatten()
    weight = w.tensor.flatten(0, 1)
    if not _many(x) and groups == 1 and not transposed:  # all filters of all models over the one input
        return Stacked(models(aten.convolution(x, weight, bias, *rest, 1), count))
    wide = channels(spread(x, count))
    return Stacked(models(aten.convolution(wide, weight, bias, *rest, groups * count), count))


def _convolution_backward(
    count: int,
    grad: Any,
    x: Any,
    w: Any,
    bias_sizes: Any,
    stride: Any,
    pad: Any,
    dilation: Any,
    transposed: bool,
    extra: Any,
    groups: int,
    mask: list[bool],
) -> Any:
    rest = (stride, pad, dilation, transposed, extra)
    mask = list(mask)
    if not _many(w):
        if mask[1] or mask[2]:
            return NotImplemented
        first = inner(grad.tensor)
        folded, shape = fold(grad.tensor, first), fold(spread(x, count), first)
        found = aten.convolution_backward(folded, shape, w, bias_sizes, *rest, groups, mask)
        return Stacked(unfold(found[0], count, first)), None, None
    weight = w.tensor.flatten(0, 1)
    sizes = None if bias_sizes is None else [size * count for size in bias_sizes]
    if not _many(x) and groups == 1 and not transposed and not mask[0]:
        wide, many = x, 1
    else:
        wide, many = channels(spread(x, count)), groups * count
    dx, dw, db = aten.convolution_backward(
        channels(spread(grad, count)), wide, weight, sizes, *rest, many, [mask[0], mask[1], mask[2]]
    )
    return (
        Stacked(models(dx, count)) if mask[0] else None,
        Stacked(dw.unflatten(0, (count, -1))) if mask[1] else None,
        Stacked(db.unflatten(0, (count, -1))) if mask[2] else None,
    )


# --- normalisation ----------------------------------------------------------------------------------------------------


def _row(value: Any, count: int) -> Any:
    """A vector for each channel of each model; a view, so that it can be changed in place."""
    return None if value is None else spread(value, count).flatten() if not _many(value) else value.tensor.view(-1)


def _flat(value: Any, count: int) -> Any:
    return None if value is None else spread(value, count).reshape(-1)


def _batch_norm(
    count: int, x: Any, w: Any, b: Any, mean: Any, var: Any, training: bool, momentum: float, eps: float
) -> Any:
    if training and (_many(mean) != _many(var) or (mean is not None and not _many(mean))):
        return NotImplemented
    held = [_row(mean, count), _row(var, count)] if training else [_flat(mean, count), _flat(var, count)]
    y, save_mean, save_var = aten.native_batch_norm(
        channels(spread(x, count)), _flat(w, count), _flat(b, count), *held, training, momentum, eps
    )
    each = [
        Stacked(s.unflatten(0, (count, -1)) if s.numel() else s.unsqueeze(0).expand(count, 0))
        for s in (save_mean, save_var)
    ]
    return Stacked(models(y, count)), *each


def _batch_norm_backward(
    count: int,
    grad: Any,
    x: Any,
    w: Any,
    mean: Any,
    var: Any,
    save_mean: Any,
    save_var: Any,
    training: bool,
    eps: float,
    mask: list[bool],
) -> Any:
    dx, dw, db = aten.native_batch_norm_backward(
        channels(spread(grad, count)),
        channels(spread(x, count)),
        *(_flat(part, count) for part in (w, mean, var, save_mean, save_var)),
        training,
        eps,
        mask,
    )
    return (
        Stacked(models(dx, count)) if mask[0] else None,
        Stacked(dw.unflatten(0, (count, -1))) if mask[1] else None,
        Stacked(db.unflatten(0, (count, -1))) if mask[2] else None,
    )


# --- what treats each element of the batch by itself ------------------------------------------------------------------


def _by_batch(op: Any, count: int, *args: Any, **kwargs: Any) -> Any:
    """Runs an operator on models and batch as one dimension; all its tensors have the batch first."""
    first = inner(next(part.tensor for part in args if _many(part)))
    tensors = [part for part in args if isinstance(part, Stacked | Tensor)]
    masked = any(isinstance(part, Stacked | Tensor) for part in kwargs.values())
    if masked or any(_raw(part).dim() - _many(part) < 2 for part in tensors):
        return NotImplemented
    given = [fold(spread(part, count), first) if isinstance(part, Stacked | Tensor) else part for part in args]
    found = op(*given, **kwargs)
    if isinstance(found, Tensor):
        return Stacked(unfold(found, count, first))
    return tuple(Stacked(unfold(part, count, first)) for part in found)


_BY_BATCH = [
    aten.max_pool2d_with_indices.default,
    aten.max_pool2d_with_indices_backward.default,
    aten.avg_pool2d.default,
    aten._adaptive_avg_pool2d.default,
    aten._adaptive_avg_pool2d_backward.default,
    aten.adaptive_max_pool2d.default,
    aten.adaptive_max_pool2d_backward.default,
    aten._scaled_dot_product_flash_attention_for_cpu.default,
    aten._scaled_dot_product_flash_attention_for_cpu_backward.default,
]


def _avg_pool_backward(count: int, grad: Any, x: Any, *rest: Any) -> Any:
    return _by_batch(aten.avg_pool2d_backward.default, count, grad, x, *rest)


# --- embeddings -------------------------------------------------------------------------------------------------------


def _embedding(count: int, w: Any, index: Any, *rest: Any) -> Any:
    if not _many(w):
        return NotImplemented
    rows = torch.arange(count, device=w.tensor.device)
    many = spread(index, count)
    return Stacked(w.tensor[rows.view(-1, *[1] * (many.dim() - 1)), many])


def _embedding_backward(count: int, grad: Any, index: Any, size: int, padding: int, scale: bool) -> Any:
    """The tables of all models are one; a padding row of it would be of the first model only."""
    if padding >= 0 or scale:
        return NotImplemented
    rows = torch.arange(count, device=_raw(grad).device) * size
    many = spread(index, count) + rows.view(-1, *[1] * (spread(index, count).dim() - 1))
    found = aten.embedding_dense_backward(
        spread(grad, count).flatten(0, 1), many.flatten(0, 1), size * count, -1, False
    )
    return Stacked(found.unflatten(0, (count, size)))


RULES: dict[Any, Rule] = {
    aten.mm.default: _mm,
    aten.addmm.default: _addmm,
    aten.bmm.default: _bmm,
    aten.view.default: _view,
    aten._unsafe_view.default: _view,
    aten.reshape.default: _view,
    aten.alias.default: _same,
    aten.convolution.default: _convolution,
    aten.convolution_backward.default: _convolution_backward,
    aten.native_batch_norm.default: _batch_norm,
    aten.native_batch_norm_backward.default: _batch_norm_backward,
    aten.embedding.default: _embedding,
    aten.embedding_dense_backward.default: _embedding_backward,
    **{op: partial(_by_batch, op) for op in _BY_BATCH},
    aten.avg_pool2d_backward.default: _avg_pool_backward,
}
"""The rules, by operator."""
