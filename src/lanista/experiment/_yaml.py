"""YAML with the place of every value, so that an error can point at it.

Plain words are read as YAML 1.2 reads them, and as people mean them: `1e-5` is a number, `no` and `on` are words.
"""

import re
from pathlib import Path
from typing import Any

from lanista._frozen import Frozen
from lanista.errors import ConfigError

Where = tuple[Any, ...]
"""The way to a value: keys and positions from the top of the document."""

_INT = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {word: value for value, words in (
    (None, ("", "~", "null", "Null", "NULL")),
    (True, ("true", "True", "TRUE")),
    (False, ("false", "False", "FALSE")),
) for word in words}  # fmt: skip
_SPECIAL = {".inf": "inf", "+.inf": "inf", "-.inf": "-inf", ".nan": "nan"}
DEEPEST = 50


class Document(Frozen):
    """A YAML file: its value, and the (line, column) at which each part of it stands, both counted from 1."""

    path: Path
    value: Any
    places: dict[Where, tuple[int, int]]

    def error(self, where: Where, message: object) -> ConfigError:
        """An error that names the file, line and column of the part at `where`, or of the nearest part around it."""
        at = where
        while at not in self.places:
            at = at[:-1]
        line, column = self.places[at]
        label = ".".join(str(part) for part in where)
        return ConfigError(f"{self.path}:{line}:{column}: {label + ': ' if label else ''}{message}")


def read_text(path: Path) -> str:
    """The text of a file.

    Raises:
        ConfigError: there is no such file, or it is no text.
    """
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        raise ConfigError(f"there is no file {path}; check the name and the folder") from None
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: byte {error.start} is not UTF-8 text; save the file as UTF-8") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror}") from None


def read_yaml(path: Path, text: str | None = None) -> Document:
    """Reads a YAML file, or its text where that is at hand.

    Raises:
        ConfigError: it is missing, no YAML, or names a key twice; with line and column.
    """
    import yaml

    if text is None:
        text = read_text(path)
    try:
        node = yaml.compose(text, Loader=yaml.BaseLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"{path}:{mark.line + 1}:{mark.column + 1}" if mark else str(path)
        raise ConfigError(f"{place}: {_explain(error, text)}") from None
    except yaml.YAMLError as error:
        raise ConfigError(f"{path}: this is no YAML: {' '.join(str(error).split())}") from None
    document = Document(path, None, {(): (1, 1)})
    value = _value(node, (), document) if node is not None else None
    return Document(path, value, document.places)


def _explain(error: Any, text: str) -> str:
    """What is wrong, in words that help."""
    problem = str(error.problem)
    mark = error.problem_mark
    line = text.splitlines()[mark.line] if mark and mark.line < len(text.splitlines()) else ""
    if "\\t" in problem or "\t" in line[: len(line) - len(line.lstrip())]:
        return "a tab stands here; YAML is indented with spaces, replace the tab by spaces"
    if "mapping values are not allowed" in problem:
        return "a ':' stands where none may; check the indentation, and put quotes around a text with ': ' in it"
    context = f" ({error.context})" if error.context else ""
    return f"this is no YAML: {problem}{context}"


def _value(node: Any, where: Where, document: Document) -> Any:
    """Turns a node into plain Python, noting the place of each part."""
    import yaml

    if where not in document.places:
        document.places[where] = (node.start_mark.line + 1, node.start_mark.column + 1)
    if len(where) > DEEPEST:
        raise document.error(where[:DEEPEST], f"nested more than {DEEPEST} deep; does an alias contain itself?")
    if node.tag.removeprefix("tag:yaml.org,2002:") not in ("str", "seq", "map"):  # else it was written there
        raise document.error(where, f"the tag {node.tag} is not understood here; write a plain value")
    if isinstance(node, yaml.ScalarNode):
        return node.value if node.style is not None else _word(node.value)
    if isinstance(node, yaml.SequenceNode):
        return [_value(item, (*where, i), document) for i, item in enumerate(node.value)]
    found: dict[Any, Any] = {}
    for key_node, value_node in node.value:
        mark = (key_node.start_mark.line + 1, key_node.start_mark.column + 1)
        if not isinstance(key_node, yaml.ScalarNode):
            raise ConfigError(
                f"{document.path}:{mark[0]}:{mark[1]}: a key must be a single word, not a list or mapping"
            )
        key = _value(key_node, (*where, "<key>"), document)
        document.places.pop((*where, "<key>"), None)
        if key in found:
            first = document.places[(*where, key)][0]
            raise ConfigError(f"{document.path}:{mark[0]}:{mark[1]}: {key!r} stands here twice, first in line {first}")
        document.places[(*where, key)] = mark
        found[key] = _value(value_node, (*where, key), document)
    return found


def _word(text: str) -> Any:
    """The value of a word without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if _INT.fullmatch(text):
        return int(text)
    if _FLOAT.fullmatch(text):
        return float(text)
    lower = text.lower()
    return float(_SPECIAL[lower]) if lower in _SPECIAL else text
