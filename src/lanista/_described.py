"""Searchers and schedulers as people write them: the call that makes one."""

from typing import Any


class Described:
    """The base of searchers and schedulers: they are shown as the call that makes them.

    >>> class Fixed(Described):
    ...     def __init__(self, at: int = 3):
    ...         self.at = at
    >>> Fixed(5), Fixed()
    (Fixed(at=5), Fixed())
    """

    def __repr__(self) -> str:
        return describe(self)


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
    positional = any(parameter.kind is parameter.VAR_POSITIONAL for parameter in found)
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
