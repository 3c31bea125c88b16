"""A model's constructor as a part of a search space."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from torch import nn

from lanista.errors import SpaceError
from lanista.nas._build import Build
from lanista.nas._mode import running
from lanista.nas._record import recorded
from lanista.space import Group, Params, Space


class ModelSpace(Group):
    """All models that a constructor with choices can make.

    It stands in a search space as a domain does. Its choices are then searched as `name.choice`, together with
    everything else, and `trial[name]` is the model built.

    Args:
        make: a class of modules, or a function that returns one.
        *args: what it is called with.
        **kwargs: the same, by name.

    Attributes:
        space: the choices as a `Space` of their own names.

    Raises:
        SpaceError: one name is given to different choices.

    >>> import lanista as la
    >>> from lanista import nas
    >>> from torch import nn
    >>> class Net(nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         width = nas.ValueChoice("width", [16, 32])
    ...         self.body = nas.LayerChoice({"tanh": nn.Tanh, "wide": lambda: nn.Linear(64, width)}, name="body")
    >>> models = nas.ModelSpace(Net)
    >>> models.size
    4
    >>> models.build({"width": 32, "body": "wide"}).body
    Linear(in_features=64, out_features=32, bias=True)
    >>> la.Space({"net": models, "lr": la.Float(1e-4, 1e-1, log=True)}).names
    ('net.width', 'net.body', 'lr')
    """

    def __init__(self, make: Callable[..., nn.Module], *args: Any, **kwargs: Any) -> None:
        if isinstance(make, nn.Module) or not callable(make):
            raise SpaceError(
                f"ModelSpace({type(make).__name__}): give a class of modules, or a function that returns one, which "
                "makes choices such as nas.ValueChoice; for a model that exists use nas.MutatedSpace"
            )
        self._make, self._args, self._kwargs = make, args, kwargs
        self.tree = recorded(self._call)
        self.space = Space(self.tree)

    @property
    def size(self) -> int | float:
        """How many models there are; choices that are made at several places may let some count twice."""
        return self.space.size

    def build(self, params: Mapping[str, Any]) -> nn.Module:
        """Returns the model of a configuration: a plain module, as if it were written by hand.

        Raises:
            SpaceError: the configuration is not of this space, or what is made is no module.
        """
        with running(Build(self.space.check(params))):
            net = self._call()
        if not isinstance(net, nn.Module):
            raise SpaceError(f"{self!r} made {type(net).__name__}, and no module; does the function return its model?")
        return net

    def sample(self, rng: "np.random.Generator", n: int = 1) -> list[Params]:
        """Returns `n` random configurations."""
        return self.space.sample(rng, n)

    def _call(self) -> nn.Module:
        return self._make(*self._args, **self._kwargs)

    def __repr__(self) -> str:
        given = [*map(repr, self._args), *(f"{name}={value!r}" for name, value in self._kwargs.items())]
        made = getattr(self._make, "__qualname__", repr(self._make))
        return f"ModelSpace({', '.join([made, *given])})"
