"""What a model keeps from one step to the next."""

import contextlib
import random
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from torch import Tensor, nn

from lanista.fuse._errors import Unfusable

_TORCHS = frozenset(vars(nn.Module())) | {"_flat_weights", "_flat_weight_refs"}
"""What torch itself sets on modules, and changes while they run."""


@contextlib.contextmanager
def keeping(model: nn.Module, buffers: Mapping[str, Tensor]) -> Iterator[None]:
    """While it is on, a forward that puts a new tensor in the place of a buffer changes that buffer instead.

    Args:
        model: its forward is called with tensors in the place of its own.
        buffers: these tensors.

    Raises:
        Unfusable: the new tensor has another shape or type.
    """

    def write(module: nn.Module, given: Any, output: Any) -> None:
        for name, now in module.named_buffers():
            before = buffers.get(name, now)
            if now is before:
                continue
            if now.shape != before.shape or now.dtype != before.dtype:
                raise Unfusable(f"its buffer {name} becomes one of another shape or type")
            before.copy_(now)

    hook = model.register_forward_hook(write)
    try:
        yield
    finally:
        hook.remove()


@contextlib.contextmanager
def remains(model: nn.Module) -> Iterator[None]:
    """Puts back what a model's code sets on its modules.

    Raises:
        Unfusable: it has set something: what it keeps from step to step, beside buffers, a graph would not see.
    """
    before = {module: _held(module) for module in model.modules()}
    try:
        yield
    finally:
        changed = [name for module, held in before.items() for name in _restored(module, held)]
    if changed:
        raise Unfusable(f"it keeps {', '.join(changed)} from one step to the next, which is no buffer")


@contextlib.contextmanager
def undrawn() -> Iterator[None]:
    """While it is on, no random numbers may come from elsewhere than from torch.

    Raises:
        Unfusable: some did: a graph would see the same ones in each step.
    """
    before = _drawn()
    yield
    if _drawn() != before:
        raise Unfusable("it draws random numbers by Python's random or by numpy, which a graph does not see")


def _drawn() -> Any:
    """Where the generators stand that everybody shares."""
    kind, keys, *rest = np.random.get_state(legacy=True)
    return random.getstate(), kind, np.asarray(keys).tobytes(), rest


def _held(module: nn.Module) -> dict[str, Any]:
    """All that is set on a module by name, and copies of what can grow."""
    own = {name: value for name, value in vars(module).items() if name == "training" or name not in _TORCHS}
    return {name: (value, _parts(value)) for name, value in own.items()}


def _parts(value: Any) -> Any:
    return value.copy() if type(value) in (list, dict, set) else None


def _restored(module: nn.Module, held: Mapping[str, Any]) -> list[str]:
    """Puts all back; the names of what was changed."""
    now = _held(module)
    changed = [name for name in now if name not in held]
    for name in changed:
        delattr(module, name)
    for name, (value, parts) in held.items():
        if name in now and now[name][0] is value and _same(parts, now[name][1]):
            continue
        changed.append(name)
        if parts is not None:
            value.clear()
            (value.extend if type(value) is list else value.update)(parts)
        vars(module)[name] = value
    return [f"{type(module).__name__}.{name}" for name in changed]


def _same(a: Any, b: Any) -> bool:
    if a is None or len(a) != len(b):
        return a is b
    first, second = (part.items() if isinstance(part, dict) else part for part in (a, b))
    return [*map(_id, first)] == [*map(_id, second)]


def _id(value: Any) -> Any:
    return tuple(map(id, value)) if isinstance(value, tuple) else id(value)
