"""What all commands share."""

import argparse
import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lanista.errors import StoreError, UsageError
from lanista.experiment import Experiment
from lanista.experiment._strict import strict
from lanista.journal import Store, open_store

Args = argparse.Namespace
MakeCommand = Callable[[str, str], argparse.ArgumentParser]
"""Makes the parser of a command from its name and its one line of help."""


def opened(args: Args) -> Experiment:
    """The experiment that a command names."""
    return Experiment.load(args.name, existing(args.store))


def existing(where: str | None) -> Store:
    """The store that a command is to look into; one that is not there is a mistake, not a wish for an empty one.

    Raises:
        StoreError: there is no such file.
    """
    path = Path(where.removeprefix("sqlite:///")).expanduser() if where is not None else None
    if path is not None and "://" not in str(where).removeprefix("sqlite:///") and not path.exists():
        raise StoreError(f"there is no store at {where}; check the path given with --store")
    return open_store(where)


def add_name(parser: argparse.ArgumentParser) -> None:
    """Adds the experiment's name."""
    parser.add_argument("name", metavar="NAME", help="the experiment")


def add_json(parser: argparse.ArgumentParser) -> None:
    """Adds --json."""
    parser.add_argument("--json", action="store_true", help="print JSON instead of a table")


def print_json(value: Any) -> None:
    """Prints strict JSON."""
    print(json.dumps(strict(value), indent=2, ensure_ascii=False, allow_nan=False))


def word(text: str) -> Any:
    """A value as written on the command line: JSON where it is JSON, else the text itself.

    >>> word("1e-3"), word("true"), word("adam"), word('"1"'), word("[1, 2]")
    (0.001, True, 'adam', '1', [1, 2])
    """
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return text if isinstance(value, float) and not math.isfinite(value) else value


def pairs(words: list[str]) -> dict[str, Any]:
    """Values by name from words such as lr=0.1.

    Raises:
        UsageError: a word without '=', or a name twice.
    """
    found: dict[str, Any] = {}
    for one in words:
        name, equals, value = one.partition("=")
        if not equals or not name:
            raise UsageError(f"{one!r} gives no value; write NAME=VALUE, for instance lr=0.01")
        if name in found:
            raise UsageError(f"{name!r} is given twice")
        found[name] = word(value)
    return found
