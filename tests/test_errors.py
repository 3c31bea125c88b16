"""The tree drawn at the head of `lanista.errors`, its classes and the page that explains them agree."""

import re
from pathlib import Path

import pytest

from lanista import errors

PAGE = Path(__file__).resolve().parent.parent / "docs" / "errors.md"
ROW = re.compile(r"^ {4}(?P<branches>[│├└─ ]*)(?P<name>[A-Z]\w+) +(?P<code>LA\d{3})\b", re.MULTILINE)
HEADING = re.compile(r"^#+ (?P<code>LA\d{3}): `(?P<name>\w+)`$", re.MULTILINE)


def classes() -> list[type[errors.LanistaError]]:
    found = [value for value in vars(errors).values() if isinstance(value, type)]
    return [value for value in found if issubclass(value, errors.LanistaError)]


def parent(cls: type[errors.LanistaError]) -> str | None:
    bases = [base.__name__ for base in cls.__bases__ if issubclass(base, errors.LanistaError)]
    assert len(bases) == (cls is not errors.LanistaError)
    return bases[0] if bases else None


def drawn() -> dict[str, tuple[str | None, str]]:
    """The tree of the docstring: name -> (the parent's name, the code)."""
    tree: dict[str, tuple[str | None, str]] = {}
    above: list[str] = []
    for row in ROW.finditer(errors.__doc__ or ""):
        depth = len(row["branches"]) // 4
        tree[row["name"]] = (above[depth - 1] if depth else None, row["code"])
        above[depth:] = [row["name"]]
    return tree


def sections() -> dict[str, str]:
    """The page: code -> the text under its heading."""
    page = PAGE.read_text("utf-8")
    headings = list(HEADING.finditer(page))
    ends = [heading.start() for heading in headings[1:]] + [len(page)]
    return {heading["code"]: page[heading.end() : end] for heading, end in zip(headings, ends, strict=True)}


def test_codes_are_unique_and_their_own() -> None:
    assert all("code" in vars(cls) for cls in classes())
    codes = [cls.code for cls in classes()]
    assert len(codes) == len(set(codes))


def test_the_drawn_tree_is_the_tree() -> None:
    assert drawn() == {cls.__name__: (parent(cls), cls.code) for cls in classes()}


def test_the_page_has_the_codes_in_order_and_no_others() -> None:
    headings = [(row["code"], row["name"]) for row in HEADING.finditer(PAGE.read_text("utf-8"))]
    assert headings == sorted((cls.code, cls.__name__) for cls in classes())


@pytest.mark.parametrize("code", sorted(cls.code for cls in classes()))
def test_the_page_says_meaning_causes_and_mend(code: str) -> None:
    text = sections()[code]
    for label in ("**Means.**", "**Usual causes.**", "**Mend.**"):
        assert re.search(re.escape(label) + r"\s+\S.{20,}", text), f"{code} has no {label}"


def test_ends_of_a_trial_are_no_errors() -> None:
    for cls in (errors.StopTrial, errors.Infeasible):
        assert not issubclass(cls, errors.LanistaError)


def test_a_missing_extra_names_the_command_that_brings_it() -> None:
    error = errors.MissingExtraError.of("pandas", "frame")
    assert str(error) == "pandas is not installed; pip install 'lanista[frame]' brings it"
    assert isinstance(error, ImportError)
