"""Runs the Python examples of README.md and of the docs, page by page.

The fences of one page (```python, ```pycon or ```{code-block} python) run in order in one namespace, in an empty
folder. A fence under the comment `<!-- not run: why -->` is left out; the reason is required.
"""

import doctest
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parent.parent
FENCE = re.compile(
    r"^(?:<!-- not run: (?P<reason>\S[^\n]*?) -->\n+)?"
    r"(?P<ticks>`{3,})(?:\{code-block\} ?)?(?P<language>python|pycon)[ \t]*\n"
    r"(?P<code>.*?)^(?P=ticks)[ \t]*$",
    re.MULTILINE | re.DOTALL,
)
OPTION = re.compile(r"\A(?::[\w-]+:[^\n]*\n)+")


class Example(NamedTuple):
    line: int
    code: str


def examples(page: str) -> Iterator[Example]:
    """The fences of a page that run, with the line of the page on which each one's code starts."""
    for fence in FENCE.finditer(page):
        if fence["reason"]:
            continue
        line = page.count("\n", 0, fence.start("code")) + 1
        code = OPTION.sub(lambda options: "\n" * options[0].count("\n"), fence["code"])
        yield Example(line, code)


def run(example: Example, name: str, namespace: dict[str, object]) -> None:
    """Runs one example; a traceback or a report points into the page."""
    if example.code.lstrip().startswith(">>>"):
        test = doctest.DocTestParser().get_doctest(example.code, namespace, name, name, example.line - 1)
        report: list[str] = []
        failed, _ = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS).run(test, out=report.append, clear_globs=False)
        namespace.update(test.globs)
        assert not failed, "".join(report)
    else:
        exec(compile("\n" * (example.line - 1) + example.code, name, "exec"), namespace)


def pages() -> list[Path]:
    found = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md")]
    built = ROOT / "docs" / "_build"
    return sorted(page for page in found if built not in page.parents and any(examples(page.read_text("utf-8"))))


@pytest.mark.parametrize("page", pages(), ids=lambda page: page.relative_to(ROOT).as_posix())
def test_examples_of_a_page_run(page: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "page"
    folder.mkdir()
    monkeypatch.chdir(folder)
    # The name makes cloudpickle send functions by value, as it does for a script's own.
    namespace: dict[str, object] = {"__name__": "__main__"}
    for example in examples(page.read_text("utf-8")):
        run(example, page.relative_to(ROOT).as_posix(), namespace)


def test_fences_are_found_with_their_lines() -> None:
    page = "# Title\n\n```python\na = 1\n```\n\n```{code-block} python\n:caption: x\nb = a\n```\n\n```bash\nls\n```\n"
    assert list(examples(page)) == [Example(4, "a = 1\n"), Example(8, "\nb = a\n")]


def test_a_fence_with_a_reason_is_left_out() -> None:
    assert not list(examples("<!-- not run: needs a GPU -->\n```python\n1 / 0\n```\n"))


def test_an_example_that_prints_something_else_fails() -> None:
    namespace: dict[str, object] = {"__name__": "__main__"}
    run(Example(1, ">>> x = 2\n>>> x\n2\n"), "page.md", namespace)
    assert namespace["x"] == 2
    with pytest.raises(AssertionError, match="Expected"):
        run(Example(3, ">>> x\n3\n"), "page.md", namespace)


def test_a_failing_example_names_its_line() -> None:
    with pytest.raises(ZeroDivisionError, match="division by zero") as caught:
        run(Example(7, "x = 1\nx / 0\n"), "page.md", {})
    assert caught.traceback[-1].lineno + 1 == 8
