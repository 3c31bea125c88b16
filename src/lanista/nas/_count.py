"""Watches the operators that run: their multiply-adds, and the memory of what they give.

Operators are seen where torch dispatches them, so that functional code is counted as modules are.
"""

import weakref
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from math import prod
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

from lanista.nas._inputs import tensors

Handle = Callable[[Any, tuple[Any, ...], dict[str, Any]], Any]
aten = torch.ops.aten


class Watch(TorchDispatchMode):
    """Gives each operator of the block to `handle(operator, args, kwargs)`, which runs it and returns its result."""

    def __init__(self, handle: Handle) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._handle = handle

    def __torch_dispatch__(self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None) -> Any:
        """Runs what the operator is made of, where it is no more than a name for others (in inference mode)."""
        kwargs = kwargs or {}
        result = NotImplemented
        if func is not torch.ops.prim.device.default:  # the question for a tensor's device is made of itself
            with self:
                result = func.decompose(*args, **kwargs)
        return self._handle(func, args, kwargs) if result is NotImplemented else result


def name_of(operator: Any) -> str:
    """Names an operator as torch does, without its overload: `convolution`, `addmm`."""
    return str(operator.overloadpacket.__name__)


def macs_of(operator: Any, args: tuple[Any, ...], kwargs: Mapping[str, Any], result: Any) -> int:
    """Multiply-adds of one operator: products of matrices, convolutions, attention and recurrent layers.

    What else multiplies (activations, normalisation, pooling) counts nothing, as papers have it. An operator that is
    not known here counts half the operations that were registered for it by `torch.utils.flop_counter`.
    """
    packet = operator.overloadpacket
    formula = _FORMULAS.get(packet)
    if formula is not None:
        return formula(args, result)
    known = flop_registry.get(packet)
    return int(known(*args, **kwargs, out_val=result)) // 2 if known is not None else 0


def _product(a: torch.Tensor, b: torch.Tensor) -> int:
    """Each number of the result is a sum over the dimension that the two share."""
    rows = prod(a.shape[:-1])
    return rows * a.shape[-1] * (b.shape[-1] if b.ndim > 1 else 1)


def _convolution(args: tuple[Any, ...], result: Any) -> int:
    """Every number of the result sees one filter; in a transposed one every number of the input does."""
    inputs, weight, transposed = args[0], args[1], args[6]
    seen = inputs if transposed else result
    return int(seen.numel() * prod(weight.shape[1:]))


def _attention(args: tuple[Any, ...], result: Any) -> int:
    """Scores of each query with each key, and the sum of values weighted by them."""
    query, key, value = args[:3]
    return int(prod(query.shape[:-1]) * key.shape[-2] * (query.shape[-1] + value.shape[-1]))


def _recurrent(args: tuple[Any, ...], result: Any) -> int:
    """Each step of each sequence is multiplied by all weights; biases are no matrices."""
    weights = tensors(args[1]) if isinstance(args[1], (list, tuple)) else [args[1], args[2]]
    return int(prod(args[0].shape[:-1]) * sum(weight.numel() for weight in weights if weight.ndim > 1))


def _trilinear(args: tuple[Any, ...], result: Any) -> int:
    """`nn.Bilinear`: each number of the result is a product with a whole matrix."""
    a, _, b = args[:3]
    return int(result.numel()) * int(a.shape[-1]) * int(b.shape[-1])


_FORMULAS: dict[Any, Callable[[tuple[Any, ...], Any], int]] = {
    aten.mm: lambda args, result: _product(args[0], args[1]),
    aten.mv: lambda args, result: _product(args[0], args[1]),
    aten.dot: lambda args, result: _product(args[0], args[1]),
    aten.vdot: lambda args, result: _product(args[0], args[1]),
    aten.bmm: lambda args, result: _product(args[0], args[1]),
    aten.addmm: lambda args, result: _product(args[1], args[2]),
    aten.addmv: lambda args, result: _product(args[1], args[2]),
    aten.baddbmm: lambda args, result: _product(args[1], args[2]),
    aten.addbmm: lambda args, result: _product(args[1], args[2]),
    aten.convolution: _convolution,
    aten._trilinear: _trilinear,
    aten.mkldnn_rnn_layer: _recurrent,
    aten._cudnn_rnn: _recurrent,
    aten._scaled_dot_product_flash_attention_for_cpu: _attention,
    aten._scaled_dot_product_flash_attention: _attention,
    aten._scaled_dot_product_efficient_attention: _attention,
    aten._scaled_dot_product_cudnn_attention: _attention,
}


class Memory:
    """Bytes that tensors take, each storage once, from when it is seen until it is freed.

    Args:
        free: tensors that are not counted, such as parameters.
        inputs: tensors that count from the start and to the end; of a larger one of which they are a part, the part.
    """

    def __init__(self, free: Iterable[torch.Tensor], inputs: Iterable[torch.Tensor]) -> None:
        self._seen: dict[int, Any] = {}
        for tensor in [*free, *inputs]:
            if tensor.layout is torch.strided:
                self._seen[_storage(tensor)._cdata] = None
        self.live = self.peak = sum(tensor.numel() * tensor.element_size() for tensor in inputs)

    def see(self, values: Any) -> None:
        """Counts the tensors in a nest of values."""
        for tensor in tensors(values):
            if tensor.layout is not torch.strided:
                continue  # sparse tensors have no storage of their own
            storage = _storage(tensor)
            key, size = storage._cdata, storage.nbytes()
            if key in self._seen:
                continue
            self._seen[key] = weakref.ref(storage, self._freeing(key, size))
            self.live += size
            self.peak = max(self.peak, self.live)

    def _freeing(self, key: int, size: int) -> Callable[[Any], None]:
        def freed(_: Any) -> None:
            del self._seen[key]
            self.live -= size

        return freed


def _storage(tensor: torch.Tensor) -> Any:
    return tensor.untyped_storage()


@contextmanager
def plain_attention() -> Iterator[None]:
    """Lets attention layers run operator by operator; their fused form in evaluation mode hides its products."""
    before = torch.backends.mha.get_fastpath_enabled()
    torch.backends.mha.set_fastpath_enabled(False)
    try:
        yield
    finally:
        torch.backends.mha.set_fastpath_enabled(before)
