"""Prints the lines of each package and whatever outgrows the house rules.

The rules: a file has at most 400 lines, a class 300, a function 50 lines and 8 parameters. Breaking one needs a reason,
not a permit: this script reports and never fails.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "src" / "lanista"
FILE_LINES, CLASS_LINES, FUNCTION_LINES, PARAMETERS = 400, 300, 50, 8


def lines(path: Path) -> int:
    return len(path.read_text(encoding="utf-8").splitlines())


def parameters(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    given = node.args
    names = [a.arg for a in (*given.posonlyargs, *given.args, *given.kwonlyargs)]
    return len([name for name in names if name not in ("self", "cls")])


def outgrown(path: Path) -> Iterator[str]:
    """What in a file is larger than the rules say, one sentence each."""
    name = path.relative_to(ROOT)
    if lines(path) > FILE_LINES:
        yield f"{name}: {lines(path)} lines, over {FILE_LINES}"
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
            continue
        size = (node.end_lineno or node.lineno) - node.lineno + 1
        limit = CLASS_LINES if isinstance(node, ast.ClassDef) else FUNCTION_LINES
        if size > limit:
            yield f"{name}:{node.lineno}: {node.name} has {size} lines, over {limit}"
        if not isinstance(node, ast.ClassDef) and parameters(node) > PARAMETERS:
            yield f"{name}:{node.lineno}: {node.name} has {parameters(node)} parameters, over {PARAMETERS}"


def group(path: Path) -> str:
    """The package that a file belongs to; files at the top stand for themselves."""
    return path.relative_to(PACKAGE).parts[0].removesuffix(".py")


def main() -> None:
    sizes: dict[str, list[int]] = {}
    sources = sorted(PACKAGE.rglob("*.py"))
    for path in sources:
        sizes.setdefault(group(path), []).append(lines(path))
    print(f"{'package':<14}{'files':>6}{'lines':>8}{'median':>8}")
    for name, counts in sorted(sizes.items()):
        print(f"{name:<14}{len(counts):>6}{sum(counts):>8}{median(counts):>8.0f}")
    everything = [count for counts in sizes.values() for count in counts]
    print(f"{'all':<14}{len(everything):>6}{sum(everything):>8}{median(everything):>8.0f}")
    print(f"{'tests':<14}{'':>6}{sum(lines(path) for path in (ROOT / 'tests').rglob('*.py')):>8}")
    for sentence in (sentence for path in sources for sentence in outgrown(path)):
        print("large:", sentence)


if __name__ == "__main__":
    main()
