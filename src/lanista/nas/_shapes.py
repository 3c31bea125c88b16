"""Making modules for their shapes alone, which is what a recording looks at."""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

MAKING: frozenset[Any] = frozenset(
    {torch.empty, torch.zeros, torch.ones, torch.full, torch.rand, torch.randn, torch.randint, torch.randperm}
    | {torch.arange, torch.linspace, torch.logspace, torch.eye, torch.tensor, torch.as_tensor, torch.empty_strided}
)
"""What makes tensors."""

FILLING: frozenset[Any] = frozenset(
    {nn.init.uniform_, nn.init.normal_, nn.init.constant_, nn.init.kaiming_uniform_}
    | {Tensor.uniform_, Tensor.normal_, Tensor.zero_, Tensor.fill_}
)
"""What gives them their first values: most of the time that it takes to make a module."""


class ShapesOnly(TorchFunctionMode):
    """Lets modules that are made inside have shapes, and no storage and no values.

    What `torch.device("meta")` does, which fills the tensors and takes half as long again.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Follows each function that torch is asked for."""
        given = kwargs or {}
        if func in MAKING and given.get("device") is None:
            given["device"] = "meta"
        elif func in FILLING and (tensor := args[0] if args else given["tensor"]).is_meta:
            return tensor
        return func(*args, **given)
