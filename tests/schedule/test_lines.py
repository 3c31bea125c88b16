"""The lines of code of each scheduler, as docs/concepts/scheduling.md lists them, and that the guide names them all."""

import ast
import inspect
import io
import re
import tokenize
from functools import cache
from pathlib import Path

import lanista as la
from lanista import schedule

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "src" / "lanista" / "schedule"
PAGE = ROOT / "docs" / "concepts" / "scheduling.md"
GUIDE = ROOT / "docs" / "how-to" / "choose-a-scheduler.md"

ROW = re.compile(r"^\| `(?P<name>\w+)` \| (?P<own>\d+) \| (?P<all>\d+) \| (?P<parts>[^|]*) \|", re.MULTILINE)
TOGETHER = re.compile(r"parts counted once, are (?P<ours>\d+) lines")
PAPER = ("FIFO", "MedianStopping", "ASHA", "HyperBand", "PBT")
"""Those that are in the table of the Tune paper, too."""
PROSE = frozenset({tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT})

Definition = tuple[str, str]
"""A module of the package, and a name that is defined at its top level."""


def code_lines(source: str) -> set[int]:
    """The numbers of the lines of Python that hold code: not those that are blank, comments or docstrings only.

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
            lines -= _range(node)
    return lines


def _range(node: ast.stmt) -> set[int]:
    assert node.end_lineno is not None
    first = min([node.lineno, *(decorator.lineno for decorator in getattr(node, "decorator_list", []))])
    return set(range(first, node.end_lineno + 1))


@cache
def module_lines(module: str) -> set[int]:
    return code_lines((FOLDER / f"{module}.py").read_text("utf-8"))


@cache
def top(module: str) -> dict[str, ast.stmt]:
    """What each name at the top level of a module is defined by, or imported by from the package.

    The protocol, `_base`, which all share with the controller, is nobody's part; nor are checks, of arguments
    and of actions.
    """
    found: dict[str, ast.stmt] = {}
    for node in ast.parse((FOLDER / f"{module}.py").read_text("utf-8")).body:
        match node:
            case ast.FunctionDef(name=name) | ast.ClassDef(name=name):
                found[name] = node
            case ast.Assign(targets=targets):
                names = (n for target in targets for n in ast.walk(target))
                found |= {n.id: node for n in names if isinstance(n, ast.Name)}
            case ast.AnnAssign(target=ast.Name(id=name)):
                found[name] = node
            case ast.ImportFrom(module=str(path), names=names):
                if path.startswith("lanista.schedule._") and not path.endswith(("._actions", "._base", "._checks")):
                    found |= {alias.name: node for alias in names}
    return found


def reach(module: str, name: str, found: set[Definition]) -> None:
    """Adds a definition, and all definitions of the package that it uses."""
    node = top(module)[name]
    if isinstance(node, ast.ImportFrom):
        reach(str(node.module).rpartition(".")[2], name, found)
    elif (module, name) not in found:
        found.add((module, name))
        for inner in ast.walk(node):
            if isinstance(inner, ast.Name) and inner.id in top(module):
                reach(module, inner.id, found)


def parts(module: str) -> set[Definition]:
    """What a module uses of others, directly or through them."""
    found: set[Definition] = set()
    for name in top(module):
        reach(module, name, found)
    return {(other, name) for other, name in found if other != module}


def counted(*modules: str) -> int:
    """The lines of modules, and of the parts of others that they use, each counted once."""
    lines = {(module, line) for module in modules for line in module_lines(module)}
    for module, name in set().union(*map(parts, modules)):
        lines |= {(module, line) for line in module_lines(module) & _range(top(module)[name])}
    return len(lines)


def schedulers() -> dict[str, str]:
    """Of each scheduler of the package its module."""
    classes = ((name, getattr(schedule, name)) for name in schedule.__all__)
    return {
        name: cls.__module__.rpartition(".")[2]
        for name, cls in classes
        if inspect.isclass(cls) and cls is not schedule.Scheduler and hasattr(cls, "on")
    }


def row(module: str) -> tuple[int, int, set[str]]:
    """Its own lines, those with its parts, and the modules that these are in."""
    return len(module_lines(module)), counted(module), {other for other, _ in parts(module)}


def test_the_table_of_lines_is_up_to_date() -> None:
    page = PAGE.read_text("utf-8")
    told = {
        found["name"]: (int(found["own"]), int(found["all"]), set(re.findall(r"`(\w+)`", found["parts"])))
        for found in ROW.finditer(page)
    }
    assert told == {name: row(module) for name, module in schedulers().items()}
    together = TOGETHER.search(page)
    assert together is not None
    assert int(together["ours"]) == counted(*(schedulers()[name] for name in PAPER))


def test_the_guide_names_every_scheduler() -> None:
    guide = GUIDE.read_text("utf-8")
    named = [name for name in la.__all__ if name in schedulers()]
    assert {"FIFO", "ASHA", "Plateau"} <= set(named)
    assert [name for name in named if f"| `{name}` |" not in guide] == []


def test_only_code_is_counted() -> None:
    source = '"""M."""\n\n# why\nX = 1  # code\n"""X."""\n\n\ndef f(a):\n    """Doc.\n\n    More.\n    """\n'
    assert code_lines(source) == {4, 8}
    assert code_lines(f'{source}    return """\n\n"""\n') == {4, 8, 13, 14, 15}


def test_parts_are_what_is_used_also_through_other_parts() -> None:
    assert parts("_fifo") == set()
    assert parts("_budget") == {("_fifo", "fill")}
    assert {("_brackets", "Bracket"), ("_cursor", "Cursor"), ("_fidelity", "levels")} <= parts("_hyperband")
    assert ("_rungs", "Rungs") not in parts("_hyperband")
