"""What a searcher is: a function from the history to configurations."""

from typing import Any, Protocol, runtime_checkable

import numpy as np

from lanista.journal import History, Params


@runtime_checkable
class Searcher(Protocol):
    """Proposes configurations. A class with `ask` is enough.

    The life of a searcher: its constructor stores its arguments and nothing else; `ask` is called whenever trials are
    wanted, with all that is known. It must be a pure function of its arguments: what it caches it must be able to
    rebuild from the history, so that a resumed experiment goes on as if nothing had happened.
    """

    def ask(self, history: History, count: int, rng: "np.random.Generator") -> list[Params]:
        """Proposes up to `count` configurations of `history.space`; fewer: it is exhausted.

        Args:
            history: trials so far; `history.X` (n, d) in the unit cube, `history.Y` (n, m) minimised with NaN where
                unknown, `history.state` (n,). Waiting, running and paused trials are pending. `history.proposed` counts
                earlier proposals.
            count: how many are wanted, at least 1.
            rng: derived from the experiment's seed and the number of trials so far.
        """
        ...


def describe(algorithm: Any, *, full: bool = False) -> str:
    """The name of a searcher or scheduler with its arguments, as written in code.

    With `full` a class that is not Lanista's is named with its module, and all can be read back.

    >>> class Fixed:
    ...     def __init__(self, at: int = 3):
    ...         self.at = at
    >>> describe(Fixed(at=5))
    'Fixed(at=5)'
    """
    import inspect

    cls = type(algorithm)
    found = inspect.signature(cls).parameters.values()
    positional = full and any(parameter.kind is parameter.VAR_POSITIONAL for parameter in found)
    arguments: list[str] = []
    for parameter in found:
        value = getattr(algorithm, parameter.name, parameter.default)
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments += [_shown(each, full) for each in value]
        elif positional and parameter.kind is parameter.POSITIONAL_OR_KEYWORD:
            arguments.append(_shown(value, full))
        elif value != parameter.default:
            arguments.append(f"{parameter.name}={_shown(value, full)}")
    ours = not full or cls.__module__.startswith("lanista.")
    return f"{cls.__name__ if ours else f'{cls.__module__}.{cls.__qualname__}'}({', '.join(arguments)})"


def _shown(value: Any, full: bool) -> str:
    """An argument; one that is a searcher or a scheduler itself, as such."""
    return describe(value, full=full) if hasattr(value, "ask") or hasattr(value, "on") else repr(value)
