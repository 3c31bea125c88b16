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


def describe(algorithm: Any) -> str:
    """The name of a searcher or scheduler with its arguments, as written in code.

    >>> class Fixed:
    ...     def __init__(self, at: int = 3):
    ...         self.at = at
    >>> describe(Fixed(at=5))
    'Fixed(at=5)'
    """
    import inspect

    cls = type(algorithm)
    arguments: list[str] = []
    for name, parameter in inspect.signature(cls).parameters.items():
        value = getattr(algorithm, name, parameter.default)
        if parameter.kind is parameter.VAR_POSITIONAL:
            arguments += map(_shown, value)
        elif value != parameter.default:
            arguments.append(f"{name}={_shown(value)}")
    return f"{cls.__name__}({', '.join(arguments)})"


def _shown(value: Any) -> str:
    """An argument; one that is a searcher or a scheduler itself, as such."""
    return describe(value) if hasattr(value, "ask") or hasattr(value, "on") else repr(value)
