"""The parser, and from what a command raises to an exit code.

Exit codes: 0 all well, 1 an error or nothing but failed trials, 2 a wrong command or config file, 130 interrupted.
"""

import argparse
import os
import re
import sys
from collections.abc import Sequence
from typing import NoReturn

from lanista._version import __version__
from lanista.cli import _data, _demo, _doctor, _look, _plot, _run, _steer, _suggest, _ui, _watch, _work
from lanista.errors import ConfigError, LanistaError, UsageError
from lanista.experiment._arguments import near

OK, ERROR, USAGE, INTERRUPTED = 0, 1, 2, 130
FAMILIES = (_run, _work, _look, _suggest, _plot, _ui, _watch, _steer, _data, _demo, _doctor)
NEGATIVE = ("--sort", "-s")
"""Options whose value may start with a minus."""


class _Parser(argparse.ArgumentParser):
    """Says how to get help along with what is wrong."""

    def error(self, message: str) -> NoReturn:
        wrong = _CHOICE.search(message)
        if wrong is not None:
            message = f"{message[: wrong.start()]}{wrong[1]!r} is not known; {near(wrong[1], _NAME.findall(wrong[2]))}"
        self.exit(USAGE, f"error {UsageError.code}: {message}; see {self.prog} --help\n")


_CHOICE = re.compile(r"invalid choice: '(.*?)' \(choose from (.*)\)")
_NAME = re.compile(r"[\w-]+")


def make_parser() -> argparse.ArgumentParser:
    """The parser of the whole command line; each family of commands adds its own."""
    parser = _Parser(
        prog="lanista",
        description="Tune models; look at experiments and steer them, also while they run in another process.",
        epilog="Exit codes: 0 all well, 1 an error or nothing but failed trials, 2 wrong usage, 130 interrupted.",
    )
    parser.add_argument("--version", action="version", version=f"lanista {__version__}")
    parser.add_argument("--store", metavar="WHERE", help=STORE_HELP, default=None)
    shared = _Parser(add_help=False)
    shared.add_argument("--store", metavar="WHERE", help=STORE_HELP, default=argparse.SUPPRESS)
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", dest="command", required=True)

    def command(name: str, help: str) -> argparse.ArgumentParser:
        return commands.add_parser(name, help=help, description=help, parents=[shared], allow_abbrev=False)

    for family in FAMILIES:
        family.add(command)
    return parser


STORE_HELP = (
    "a SQLite file or a postgresql:// URL; by default lanista.db in $LANISTA_HOME, which is by default ~/.lanista"
)


def main(argv: Sequence[str] | None = None) -> int:
    """Runs one command and returns the exit code.

    Args:
        argv: the words after `lanista`; by default those of this process.

    >>> main(["ls"])
    no experiments
    0
    """
    try:
        args = make_parser().parse_args(_joined(sys.argv[1:] if argv is None else argv))
    except SystemExit as stop:  # --help, --version and wrong usage
        return int(stop.code or OK)
    try:
        code = int(args.run(args) or OK)
        sys.stdout.flush()
        return code
    except (UsageError, ConfigError) as error:
        return _complain(error, USAGE)
    except LanistaError as error:
        return _complain(error, ERROR)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return INTERRUPTED
    except BrokenPipeError:  # the reader, such as head, has seen enough; Python would complain again at its exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return OK


def _complain(error: LanistaError, code: int) -> int:
    """Prints an error on one line."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip())
    print(f"error {error.code}: {text}", file=sys.stderr)
    return code


def _joined(argv: Sequence[str]) -> list[str]:
    """Ties `--sort -loss` together, which argparse would take for two options."""
    words: list[str] = []
    for word in argv:
        if words and words[-1] in NEGATIVE and word.startswith("-"):
            words[-1] = f"--sort={word}"
        else:
            words.append(word)
    return words
