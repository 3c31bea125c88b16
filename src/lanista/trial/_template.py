"""What a command is told: the words of its command line and the variables of its environment."""

import json
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from lanista.errors import UsageError

BUILT_IN = ("params", "params_file", "number", "seed", "directory", "checkpoint", "fidelity")
"""Placeholders that every command may use; a parameter of the same name goes before."""

_TOKEN = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
_LONGEST = 8192
"""Bytes of the longest value put into the environment: the kernel takes 128 KiB a variable, 2 MiB in all."""


def text(value: Any) -> str:
    """A value as a command reads it: strings as they are, the rest as JSON.

    >>> text("adam"), text(0.5), text(True), text([1, 2])
    ('adam', '0.5', 'true', '[1, 2]')
    """
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def placeholders(template: str | Sequence[str]) -> list[str]:
    """The names in braces, in order.

    Raises:
        UsageError: a brace that stands alone, or {params} within a word of a list.
    """
    names: list[str] = []
    for word in [template] if isinstance(template, str) else template:
        found = [_name(token, word) for token in _TOKEN.finditer(word)]
        names += [name for name in found if name is not None]
        if not isinstance(template, str) and "params" in found and word != "{params}":
            raise UsageError(
                f"{{params}} becomes several words, but stands within {word!r}; give it an item of its own in the list"
            )
    return names


def check(template: str | Sequence[str], names: Iterable[str]) -> None:
    """Raises UsageError for a placeholder that is neither a parameter in `names` nor built in."""
    import difflib

    known = [*names, *BUILT_IN]
    for name in placeholders(template):
        if name not in known:
            close = difflib.get_close_matches(name, known, 1)
            hint = (
                f"did you mean {{{close[0]}}}?" if close else f"there are {', '.join(f'{{{each}}}' for each in known)}"
            )
            raise UsageError(
                f"the command names {{{name}}}, which is no parameter: {hint} A brace itself is written {{{{ or }}}}"
            )


def fill_text(template: str, values: Mapping[str, Any], params: Mapping[str, Any]) -> str:
    """The template as a shell takes it: each value one quoted word, what is not there an empty one."""
    import shlex

    def value(name: str) -> str:
        if name == "params" and name not in params:
            return shlex.join(flags(params))
        return shlex.quote(text(values.get(name, "")))

    return _substitute(template, value)


def fill_words(template: Sequence[str], values: Mapping[str, Any], params: Mapping[str, Any]) -> list[str]:
    """The template as the words of a command that runs without a shell."""
    words: list[str] = []
    for word in template:
        if word == "{params}" and "params" not in params:
            words += flags(params)
        else:
            words.append(_substitute(word, lambda name: text(values.get(name, ""))))
    return words


def flags(params: Mapping[str, Any]) -> list[str]:
    """All parameters as options.

    >>> flags({"lr": 0.1, "optimizer": "adam"})
    ['--lr', '0.1', '--optimizer', 'adam']
    """
    return [word for name, value in params.items() for word in (f"--{name}", text(value))]


def variables(params: Mapping[str, Any]) -> dict[str, str]:
    """A variable LANISTA_PARAM_<NAME> for each number, string, truth value or null that is short enough.

    >>> variables({"lr": 0.1, "weight-decay": None, "layers": [1, 2]})
    {'LANISTA_PARAM_LR': '0.1', 'LANISTA_PARAM_WEIGHT_DECAY': 'null'}
    """
    found = {}
    for name, value in params.items():
        if (
            isinstance(value, str | bool | int | float | None)
            and len(word := text(value)) <= _LONGEST
            and "\0" not in word
        ):
            found["LANISTA_PARAM_" + re.sub(r"\W", "_", name, flags=re.ASCII).upper()] = word
    return found


def _substitute(template: str, value: Callable[[str], str]) -> str:
    def one(token: re.Match[str]) -> str:
        name = _name(token, template)
        return token[0][0] if name is None else value(name)

    return _TOKEN.sub(one, template)


def _name(token: re.Match[str], template: str) -> str | None:
    """The name in a placeholder, None for a doubled brace."""
    if token[0] in ("{{", "}}"):
        return None
    name: str | None = token[1]
    if not name:
        where = f"at character {token.start()} of the command {template!r}"
        raise UsageError(f"the brace {where} belongs to no placeholder; write {{{{ or }}}} for a brace itself")
    return name
