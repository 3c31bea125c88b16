"""The lines of code of each scheduler, as docs/concepts/scheduling.md lists them, and that the guide names them all."""

import ast
import inspect
import io
import re
import tokenize
from pathlib import Path

import lanista as la
from lanista import schedule

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "lanista" / "schedule"
PAGE = ROOT / "docs" / "concepts" / "scheduling.md"
GUIDE = ROOT / "docs" / "how-to" / "choose-a-scheduler.md"

ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<own>\d+) \| (?P<all>\d+) \| (?P<shared>[^|]*) \|", re.MULTILINE)
PROSE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})
HELPERS = frozenset({"Combined", "Population"})
"""Schedulers that are parts of others: `Combined` is what a list means, `Population` what PBT and PB2 are made of."""


def code_lines(source: str) -> int:
    """The lines of Python that hold code: not those that are blank, comments or docstrings only.

    A string that stands as a statement by itself is a docstring, also below an assignment.
    """
    lines = {
        line
        for token in tokenize.generate_tokens(io.StringIO(source).readline)
        if token.type not in PROSE and token.string
        for line in range(token.start[0], token.end[0] + 1)
    }
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            assert node.end_lineno is not None
            lines -= set(range(node.lineno, node.end_lineno + 1))
    return len(lines)


def parts(module: str) -> set[str]:
    """The other modules of the package that a module is made of; the protocol, `_base`, is nobody's part."""
    tree = ast.parse((FOLDER / f"{module}.py").read_text("utf-8"))
    names = {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    found = {name.rpartition(".")[2] for name in names if name.startswith("lanista.schedule._")} - {"_base"}
    return found.union(*(parts(name) for name in found))


def schedulers() -> dict[str, str]:
    """Of each scheduler of the package its module."""
    classes = ((name, getattr(schedule, name)) for name in schedule.__all__)
    return {
        name: cls.__module__.rpartition(".")[2]
        for name, cls in classes
        if inspect.isclass(cls) and cls is not schedule.Scheduler and hasattr(cls, "on")
    }


def counted(module: str) -> tuple[int, int, set[str]]:
    """The lines of a module, those with its parts, and the parts."""
    shared = parts(module)
    lines = {name: code_lines((FOLDER / f"{name}.py").read_text("utf-8")) for name in {module, *shared}}
    return lines[module], sum(lines.values()), shared


def test_the_table_of_lines_is_up_to_date() -> None:
    rows = {
        row["name"]: (int(row["own"]), int(row["all"]), set(re.findall(r"`(\w+)`", row["shared"])))
        for row in ROW.finditer(PAGE.read_text("utf-8"))
    }
    assert rows == {name: counted(module) for name, module in schedulers().items()}


def test_the_guide_names_every_scheduler() -> None:
    guide = GUIDE.read_text("utf-8")
    named = {name for name in la.__all__ if name in schedulers()}
    assert named == schedulers().keys() - {"Population"}
    assert {name for name in schedulers() if not re.search(rf"\bla\.{name}\b|`{name}`", guide)} == set()


def test_only_code_is_counted() -> None:
    source = '"""Module."""\n\n# why\nX = 1  # a line of code\n"""About X."""\n\n\ndef f(a, b):\n    """Doc.\n\n    More.\n    """\n'
    assert code_lines(source) == 2
    assert code_lines(source + '    return f"""\n{a}\n\n"""\n') == 6


def test_parts_are_found_through_other_parts() -> None:
    assert parts("_fifo") == set()
    assert {"_brackets", "_rungs", "_cursor"} <= parts("_hyperband")
