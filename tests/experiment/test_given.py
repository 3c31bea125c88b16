"""Spaces and metrics that are written wrong are refused in words."""

from typing import Any

import pytest

import lanista as la


@pytest.mark.parametrize("space", [[1, 2], "x", 3])
def test_a_space_is_a_dict(space: Any) -> None:
    with pytest.raises(la.errors.SpaceError, match=r"the space .* must be a dict of names and domains, such as"):
        la.Experiment("e", space, store="memory")


@pytest.mark.parametrize("values", [[0, 1], (0, 1)])
def test_a_list_below_a_choice_is_no_constant(values: Any) -> None:
    deep = {"m": la.Choice({"a": {"k": la.Choice({"b": {"z": values}, "c": {}})}, "d": {}})}
    with pytest.raises(la.errors.SpaceError, match=r"'m=a/k=b/z' is the .*; to choose .* write la.Choice\(\[0, 1\]\)"):
        la.Experiment("e", deep, store="memory")


def test_a_space_object_may_have_constant_lists() -> None:
    space = la.Space({"m": la.Choice({"a": {"z": [0, 1]}, "d": {}})})
    assert la.Experiment("e", space, store="memory").space.defaults() == {"m": "a", "z": [0, 1]}


def test_no_metric_at_all() -> None:
    with pytest.raises(la.errors.UsageError, match=r"metric=\{\} names no metric; write \{'loss': 'min'\}, or leave"):
        la.Experiment("e", {"x": la.Float(0, 1)}, metric={}, store="memory")
