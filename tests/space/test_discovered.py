"""Spaces that grow while an objective runs."""

from typing import Any

import pytest

from lanista.errors import SpaceError
from lanista.space import Choice, Float, Int, Normal, Space, Subset, grow


@pytest.mark.parametrize(
    ("old", "new", "grown"),
    [
        (Float(0, 1), Float(0.5, 2), Float(0, 2)),
        (Float(1, 2, log=True), Float(0.5, 1.5, log=True), Float(0.5, 2, log=True)),
        (Float(1, 2, log=True), Float(0, 1.5), Float(0, 2)),
        (Float(-1, 2), Float(1, 3, log=True), Float(-1, 3)),
        (Float(0, 1, step=0.1), Float(0.5, 2, step=0.1), Float(0, 2, step=0.1)),
        (Float(0, 1, step=0.1), Float(0.05, 2, step=0.1), Float(0, 2)),
        (Float(0, 1, step=0.1), Float(0, 1, step=0.3), Float(0, 1)),
        (Int(1, 5), Int(3, 9), Int(1, 9)),
        (Int(0, 8, step=4), Int(2, 10, step=4), Int(0, 10, step=2)),
        (Int(3, 3), Int(0, 9, step=3), Int(0, 9, step=3)),
        (Int(1, 8, log=True), Int(0, 4), Int(0, 8)),
        (Normal(0, 1), Normal(1, 1), Normal(1, 1)),
        (Float(0, 1), 0.5, Float(0, 1)),
        (Float(0, 1), 3.0, Float(0, 3)),
        (2, Int(3, 9), Int(2, 9)),
        (Int(3, 9), 12, Int(3, 12)),
        (0.5, 1.5, Float(0.5, 1.5)),
        (3, 3, 3),
        (Choice(["a", "b"]), Choice(["a", "b"]), Choice(["a", "b"])),
    ],
)
def test_ranges_widen(old: Any, new: Any, grown: Any) -> None:
    space = Space({"y": Int(0, 1), "x": old, "z": Int(0, 1)})
    assert grow(space, "x", new) == Space({"y": Int(0, 1), "x": grown, "z": Int(0, 1)})


def test_new_names_are_added_and_known_ones_cost_nothing() -> None:
    space = grow(Space({}), "x", Float(0, 1))
    space = grow(space, "c", Choice([1, 2]))
    assert space == Space({"x": Float(0, 1), "c": Choice([1, 2])})
    assert grow(space, "c", Choice([1, 2])) is space
    with pytest.raises(SpaceError, match="the parameter name 3 is a int"):
        grow(space, 3, Int(0, 1))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (Choice(["a", "b"]), Choice(["a", "c"]), "the options of 'x' changed from Choice.*'b'.* to .*use another name"),
        (Subset([1, 2]), Subset([1, 3]), "the options of 'x' changed"),
        (Int(0, 3), Float(0, 3), r"'x' was Int\(0, 3\) and is now Float\(0.0, 3.0\); a parameter keeps its kind"),
        (Choice([1]), Int(0, 3), "'x' was Choice.* and is now Int"),
        (Choice([1]), 2, r"'x' is Choice\(\[1\]\) and cannot be 2 too"),
        ("a", "b", "'x' was the constant 'a' and is now 'b'"),
    ],
)
def test_kinds_and_options_stay(old: Any, new: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        grow(Space({"x": old}), "x", new)


def test_a_conditional_name_cannot_be_asked_for() -> None:
    space = Space({"o": Choice({"a": {"x": Int(0, 1)}})})
    with pytest.raises(SpaceError, match="'x' depends on a choice in this space"):
        grow(space, "x", Int(0, 1))
