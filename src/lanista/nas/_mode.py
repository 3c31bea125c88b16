"""What the choices inside a constructor do: record, build, or give their defaults."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any, Protocol

from torch import nn

from lanista.errors import SpaceError
from lanista.nas._select import Reduce
from lanista.space import Choice, Domain

Factory = Callable[[], nn.Module]
"""Makes one candidate."""


class Mode(Protocol):
    """One way to run a constructor that holds choices.

    A supernet, which keeps every candidate, is one more way: `layer` and `repeat` then return modules that read the
    choice's state.
    """

    def value(self, name: str, domain: Domain) -> Any:
        """The value of a choice."""
        ...

    def layer(self, name: str, candidates: Mapping[str, Factory]) -> nn.Module:
        """One of several modules."""
        ...

    def inputs(self, name: str, count: int, domain: Domain, reduce: Reduce) -> nn.Module:
        """A module that takes some of `count` inputs."""
        ...

    def repeat(self, name: str, factory: Callable[[int], nn.Module], depths: Sequence[int]) -> nn.Module:
        """A sequence of as many modules as one of `depths`."""
        ...


class Names:
    """The full names of choices.

    A `scope` stands before every name that is given inside it. Choices without a name are numbered within the
    candidate or the repeated block that they belong to, so that the same one has the same name whatever else is built.
    """

    def __init__(self) -> None:
        self._scope = ""  # before names that were given
        self._place = ""  # before numbers: the candidate or block, and the scopes within it
        self._counts: dict[str, int] = {}

    @contextmanager
    def scoped(self, name: str) -> Iterator[None]:
        """Puts `name/` before all names that are given inside."""
        outer = self._scope, self._place
        self._scope, self._place = f"{self._scope}{name}/", f"{self._place}{name}/"
        try:
            yield
        finally:
            self._scope, self._place = outer

    @contextmanager
    def placed(self, place: str) -> Iterator[None]:
        """Numbers those without a name from 1 again, whenever this place is entered."""
        outer, self._place = self._place, f"{place}/"
        self._counts = {key: n for key, n in self._counts.items() if not key.startswith(self._place)}
        try:
            yield
        finally:
            self._place = outer

    def full(self, name: str | None, kind: str) -> str:
        """The full name of a choice.

        Raises:
            SpaceError: it is no text.
        """
        if name is None:
            key = f"{self._place}{kind}"
            self._counts[key] = self._counts.get(key, 0) + 1
            return f"{key}{self._counts[key]}"
        if not isinstance(name, str) or not name:
            raise SpaceError(f"the name of a choice is {name!r}; give a text, such as 'width'")
        return self._scope + name


_mode: ContextVar[Mode | None] = ContextVar("lanista_nas_mode", default=None)
_names: ContextVar[Names | None] = ContextVar("lanista_nas_names", default=None)


@contextmanager
def running(mode: Mode) -> Iterator[None]:
    """Lets the choices that are made inside follow `mode`."""
    tokens = _mode.set(mode), _names.set(Names())
    try:
        yield
    finally:
        _mode.reset(tokens[0])
        _names.reset(tokens[1])


def mode() -> Mode:
    """How choices are made now: outside all recording and building by their defaults."""
    return _mode.get() or _default()


def names() -> Names:
    """The names given so far; outside of recording and building nobody asks for them."""
    return _names.get() or Names()


@contextmanager
def scope(name: str) -> Iterator[None]:
    """Puts `name/` before the names of the choices that are made inside.

    Two parts of a model that are made by the same code would share their choices; a scope each keeps them apart.

    >>> from lanista import nas
    >>> def widths():
    ...     with nas.scope("encoder"):
    ...         yield nas.ValueChoice("width", [16, 32])
    ...     with nas.scope("decoder"):
    ...         yield nas.ValueChoice("width", [16, 32])
    >>> nas.record(lambda: list(widths())).names
    ('encoder/width', 'decoder/width')
    """
    with names().scoped(name):
        yield


def as_domain(options: Any) -> Domain:
    """A domain of what a user gave as the options of a choice."""
    return options if isinstance(options, Domain) else Choice(options)


def _default() -> Mode:
    from lanista.nas._build import Build

    return Build(None)
