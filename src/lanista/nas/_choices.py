"""The choices that a model's constructor may make.

Each is a function that gives a plain value or a plain module, so that what is built holds nothing of the search.
"""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import nn

from lanista.errors import SpaceError
from lanista.nas._mode import Factory, as_domain, mode, names
from lanista.nas._select import REDUCTIONS, Reduce
from lanista.space import Choice, Domain, Subset


def ValueChoice(name: str, options: Sequence[Any] | Domain) -> Any:
    """A plain value, such as a width or a rate.

    Args:
        name: names the choice; choices of the same name are one choice.
        options: a list of JSON values, or a domain such as `la.Float(0, 0.5)`.

    Raises:
        SpaceError: no options, or the name belongs to a choice with others.

    >>> from lanista import nas
    >>> nas.ValueChoice("width", [16, 32, 64])  # by itself: the default
    16
    """
    return mode().value(names().full(name, "value"), as_domain(options))


def LayerChoice(candidates: Mapping[str, Factory] | Sequence[Factory], name: str | None = None) -> nn.Module:
    """One of several modules.

    Args:
        candidates: label to a function that makes the module; the labels of a list are "0", "1", and so on. Only the
            candidate chosen is made, and choices inside it are searched only while it is chosen.
        name: names the choice; by default it is numbered.

    Raises:
        SpaceError: no candidates, or one that is a module already, and no function that makes it.

    >>> from torch import nn
    >>> from lanista import nas
    >>> nas.LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh}, name="activation")
    ReLU()
    """
    given = candidates if isinstance(candidates, Mapping) else {str(i): one for i, one in enumerate(candidates)}
    full = names().full(name, "layer")
    if not given:
        raise SpaceError(f"LayerChoice {full!r} has no candidates; give at least one")
    for label, make in given.items():
        if not isinstance(label, str):
            raise SpaceError(f"LayerChoice {full!r}: the label {label!r} is a {type(label).__name__}; labels are texts")
        if isinstance(make, nn.Module) or not callable(make):
            raise SpaceError(
                f"LayerChoice {full!r}: the candidate {label!r} is {type(make).__name__}; give a function that makes "
                "it, such as lambda: nn.Conv2d(3, 8, 3), so that only the one chosen is made"
            )
    return mode().layer(full, given)


def InputChoice(count: int, choose: int | None = None, *, reduce: Reduce = "sum", name: str | None = None) -> nn.Module:
    """A module that takes some of the tensors it is given, as a list.

    Args:
        count: how many tensors it is given.
        choose: how many it takes; None: any of them, at least one.
        reduce: how they become one: "sum", "mean", "concat" along dimension 1, or "none": a list.
        name: names the choice; by default it is numbered.

    Raises:
        SpaceError: `choose` is not from 1 to `count`, or `reduce` is unknown.

    >>> import torch
    >>> from lanista import nas
    >>> nas.InputChoice(3, choose=2)([torch.tensor(1.0), torch.tensor(2.0), torch.tensor(4.0)])
    tensor(3.)
    """
    full = names().full(name, "input")
    if choose is not None and not 1 <= choose <= count:
        raise SpaceError(f"InputChoice {full!r} chooses {choose} of {count} inputs; choose from 1 to {count}")
    if reduce not in REDUCTIONS:
        raise SpaceError(f"InputChoice {full!r}: reduce={reduce!r} is none of {', '.join(map(repr, REDUCTIONS))}")
    return mode().inputs(full, count, some_of(count, choose), reduce)


def Repeat(
    block: Callable[..., nn.Module], depth: tuple[int, int] | Sequence[int] | int, *, name: str | None = None
) -> nn.Module:
    """A sequence of blocks, as many as are chosen.

    Args:
        block: makes a block; if it needs an argument, it is given the block's index. Choices inside that have a name
            are the same in all blocks, unless the name has the index in it; those without a name are each block's own.
        depth: the least and the greatest number of blocks, a list of three and more numbers, or one number.
        name: names the choice; by default it is numbered.

    Raises:
        SpaceError: a depth that is no whole number from 0, or a block that is a module already.

    >>> from torch import nn
    >>> from lanista import nas
    >>> len(nas.Repeat(lambda: nn.Linear(4, 4), depth=(2, 6)))
    2
    """
    full = names().full(name, "depth")
    if isinstance(block, nn.Module) or not callable(block):
        raise SpaceError(
            f"Repeat {full!r}: the block is {type(block).__name__}; give a function that makes it, such as "
            "lambda: nn.Linear(8, 8), so that each block has weights of its own"
        )
    given = [depth, depth] if isinstance(depth, int) else list(depth)
    if not given or any(not isinstance(one, int) or isinstance(one, bool) or one < 0 for one in given):
        raise SpaceError(f"Repeat {full!r}: depth={depth!r}; give whole numbers from 0, such as depth=(1, 6)")
    depths = list(range(given[0], given[1] + 1)) if len(given) == 2 else given
    if not depths:
        raise SpaceError(f"Repeat {full!r}: depth={depth!r} begins above its end; write ({given[1]}, {given[0]})")
    return mode().repeat(full, placed(block), depths)


def some_of(count: int, choose: int | None) -> Domain:
    """The domain of some of `count` things."""
    if choose == 1:
        return Choice(list(range(count)))
    return Subset(list(range(count)), min=choose or 1, max=choose)


def placed(make: Callable[..., nn.Module]) -> Callable[..., nn.Module]:
    """A function of where a module stands; one that can do without, such as `lambda width=width: ...`, is not told."""
    try:
        inspect.signature(make).bind()
    except TypeError:
        return make
    except ValueError:  # those written in C do not tell
        pass
    return lambda *_: make()
