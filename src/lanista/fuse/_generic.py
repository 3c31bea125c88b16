"""Rules for whole kinds of operators: those of single elements, those along dimensions, those that make tensors.

A dimension counted from the end stays where it is when the model becomes the first one; others move by one.
"""

from collections.abc import Iterable
from functools import partial
from typing import Any

import torch
from torch import Tensor

from lanista.fuse._rules import RULES, Rule
from lanista.fuse._stacked import Stacked, spread

aten = torch.ops.aten


def rule_of(op: Any) -> Rule | None:
    """The rule of an operator; None where there is none."""
    if op in RULES:
        return RULES[op]
    if op in _OWN:
        return _OWN[op]
    if op in _ALONG:
        return partial(_along, op)
    if op in _MADE:
        return partial(_made, op)
    if op in _POINTWISE or torch.Tag.pointwise in getattr(op, "tags", ()):
        return partial(_each, op)
    return None


def _rank(value: Any) -> int:
    """How many dimensions a value of one model has."""
    return value.tensor.dim() - 1 if isinstance(value, Stacked) else value.dim()


def _stacked(found: Any) -> Any:
    return Stacked(found) if isinstance(found, Tensor) else type(found)(map(Stacked, found))


# --- single elements --------------------------------------------------------------------------------------------------


def _each(op: Any, count: int, *args: Any, **kwargs: Any) -> Any:
    """Puts the dimensions of one model at the end of each tensor, where they are broadcast against each other."""
    kwargs.pop("memory_format", None)  # of one model
    parts = [part for part in (*args, *kwargs.values()) if isinstance(part, Stacked | Tensor)]
    rank = max(map(_rank, parts))
    types = {_dtype(part) for part in parts} - {torch.bool}
    if len(types) > 1 and any(isinstance(part, Stacked) and not _rank(part) for part in parts):
        return NotImplemented  # a single number would no longer give way to the type of the others
    if any(isinstance(part, Tensor) and isinstance(args[0], Tensor) for part in parts) and _changes(op):
        return NotImplemented
    return _stacked(op(*(_at_end(part, rank) for part in args), **{k: _at_end(v, rank) for k, v in kwargs.items()}))


def _dtype(part: Any) -> torch.dtype:
    return (part.tensor if isinstance(part, Stacked) else part).dtype


def _at_end(part: Any, rank: int) -> Any:
    if not isinstance(part, Stacked):
        return part
    shape = part.tensor.shape
    missing = rank - (len(shape) - 1)
    return part.tensor.view(shape[0], *[1] * missing, *shape[1:]) if missing else part.tensor


def _changes(op: Any) -> bool:
    return bool(op._schema.is_mutable)


# --- along dimensions -------------------------------------------------------------------------------------------------


def _along(op: Any, count: int, *args: Any, **kwargs: Any) -> Any:
    schema = op._schema.arguments
    given = dict(zip((part.name for part in schema), args, strict=False)) | kwargs
    tensors = [part for value in given.values() for part in _tensors(value)]
    rank = _rank(tensors[0])
    if any(_rank(part) != rank for part in tensors) or (rank == 0 and op not in _GROWING):
        return NotImplemented
    for part in schema:
        value = given.get(part.name, part.default_value)
        if part.name in _DIMS:
            several = isinstance(part.type, torch.ListType) or "List" in str(part.type)
            if value is None and not several:
                return NotImplemented
            given[part.name] = _moved(value, rank) if several else value + (value >= 0)
        elif part.name in _SIZES:
            given[part.name] = [count, *value]
        elif part.name in given:
            given[part.name] = _spread(value, count)
    return _stacked(op(**given))


def _tensors(value: Any) -> Iterable[Any]:
    if isinstance(value, list | tuple):
        return [part for part in value if isinstance(part, Stacked | Tensor)]
    return [value] if isinstance(value, Stacked | Tensor) else []


def _spread(value: Any, count: int) -> Any:
    if isinstance(value, list | tuple):
        return [_spread(part, count) for part in value]
    return spread(value, count) if isinstance(value, Stacked | Tensor) else value


def _moved(dims: Any, rank: int) -> list[int]:
    """All of them, where none are named."""
    dims = [dims] if isinstance(dims, int) else dims
    return [dim + (dim >= 0) for dim in dims] if dims else list(range(1, rank + 1))


def _all(op: Any, count: int, x: Stacked, **kwargs: Any) -> Any:
    """Over all dimensions."""
    return _along(op, count, x, None, **kwargs)


def _transpose(count: int, x: Stacked) -> Stacked:
    return Stacked(x.tensor.transpose(1, 2)) if _rank(x) == 2 else x


def _permute(count: int, x: Stacked, dims: Any) -> Stacked:
    return Stacked(x.tensor.permute(0, *(dim + (dim >= 0) for dim in dims)))


def _expand(count: int, x: Stacked, size: Any, **_: Any) -> Stacked:
    return Stacked(_at_end(x, len(size)).expand(count, *size))


def _squeeze(count: int, x: Stacked) -> Stacked:
    return Stacked(x.tensor.squeeze(tuple(range(1, x.tensor.dim()))))


# --- what is made -----------------------------------------------------------------------------------------------------


def _made(op: Any, count: int, x: Stacked, *args: Any, **kwargs: Any) -> Any:
    """Takes from a tensor its shape and type alone: what is made is the same for all models."""
    return op(x.tensor.select(0, 0), *args, **kwargs)


_DIMS = ("dim", "dims", "dim0", "dim1", "dim2", "dimension")
_SIZES = ("input_sizes",)
_GROWING = {aten.unsqueeze.default, aten.stack.default}

_OWN: dict[Any, Rule] = {
    aten.sum.default: partial(_all, aten.sum.dim_IntList),
    aten.mean.default: partial(_all, aten.mean.dim),
    aten.t.default: _transpose,
    aten.expand.default: _expand,
    aten.permute.default: _permute,
    aten.squeeze.default: _squeeze,
}

_POINTWISE = {
    aten._to_copy.default,
    aten.to.dtype,
    aten.clone.default,
    aten.copy_.default,
    aten.fill_.Scalar,
    aten.zero_.default,
    aten.masked_fill_.Scalar,
    aten.hardtanh_backward.default,
    aten.elu_backward.default,
    aten.softplus_backward.default,
    aten.leaky_relu_backward.default,
    aten._prelu_kernel.default,
    aten._prelu_kernel_backward.default,
    aten.hardswish_backward.default,
    aten.log_sigmoid_forward.default,
    aten.log_sigmoid_backward.default,
    aten.rrelu_with_noise_backward.default,
    aten.mish_backward.default,
    aten.softshrink_backward.default,
}
"""Those of which torch does not say so itself."""

_ALONG = {
    *(aten.sum.dim_IntList, aten.mean.dim, aten.amax.default, aten.amin.default, aten.prod.dim_int),
    *(aten.var.correction, aten.var_mean.correction, aten.std.correction, aten.linalg_vector_norm.default),
    *(aten.logsumexp.default, aten._softmax.default, aten._log_softmax.default, aten._safe_softmax.default),
    *(aten._softmax_backward_data.default, aten._log_softmax_backward_data.default),
    *(aten.any.dim, aten.all.dim, aten.max.dim, aten.min.dim, aten.argmax.default, aten.argmin.default),
    *(aten.sort.default, aten.topk.default, aten.cumsum.default, aten.cumprod.default, aten.flip.default),
    *(aten.gather.default, aten.scatter.src, aten.scatter.value, aten.scatter_add.default, aten.scatter_reduce.two),
    *(aten.transpose.int, aten.unsqueeze.default, aten.squeeze.dim, aten.squeeze.dims),
    *(aten.select.int, aten.slice.Tensor, aten.split.Tensor, aten.split_with_sizes.default, aten.unsafe_split.Tensor),
    *(aten.unsafe_split_with_sizes.default, aten.unbind.int, aten.cat.default, aten.stack.default),
    *(aten.unfold.default, aten.diagonal.default, aten.select_backward.default, aten.slice_backward.default),
    *(aten.glu.default, aten.glu_backward.default, aten.constant_pad_nd.default),
    *(aten._fft_r2c.default, aten._fft_c2c.default, aten.view_as_real.default, aten.view_as_complex.default),
}

_MADE = {
    *(aten.ones_like.default, aten.zeros_like.default, aten.full_like.default, aten.empty_like.default),
    *(aten.new_zeros.default, aten.new_ones.default, aten.new_full.default, aten.new_empty.default),
}
