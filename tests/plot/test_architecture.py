"""The picture of one configuration."""

from typing import Any

import pytest

import lanista as la
from lanista.errors import UsageError
from lanista.plot import architecture
from lanista.space import Choice, Int, Space, Subset

OPS = Choice(["conv", "pool"])
CELL = {
    **{"net.c/operation1.1": OPS, "net.c/operation1.2": OPS},
    **{"net.c/inputs2": Subset([0, 1, 2], min=2, max=2), "net.c/operation2.1": OPS, "net.c/operation2.2": OPS},
}
TREE = {"net.depth": Choice({1: {}, 2: {"net.width": Int(8, 64)}}), **CELL}
FIRST = {
    **{"net.depth": 2, "net.width": 16, "net.c/operation1.1": "conv", "net.c/operation1.2": "pool"},
    **{"net.c/inputs2": [0, 2], "net.c/operation2.1": "pool", "net.c/operation2.2": "conv"},
}
SECOND = {**{k: v for k, v in FIRST.items() if k != "net.width"}, "net.depth": 1, "net.c/operation2.2": "pool"}


def drawn(**options: Any) -> Any:
    exp = la.Experiment("cells", Space(TREE), metric="loss", store="memory")
    exp.add(FIRST, 2.0).add(SECOND, 1.0)
    return exp.plot.architecture(**options)


def told(figure: Any) -> list[str]:
    """The lines of the tree."""
    return next(list(trace.text) for trace in figure.data if trace.mode == "text" and trace.textposition)


def edges(figure: Any) -> dict[str, str]:
    """What is told of each edge of the cell, with its colour."""
    return {trace.hovertext: trace.line.color for trace in figure.data if trace.mode == "lines" and trace.hovertext}


def test_the_tree_has_a_line_for_each_choice_outside_of_cells() -> None:
    assert told(drawn(trial=0)) == ["<b>net.depth</b> 2", "<b>net.width</b> 16"]


def test_a_cell_has_an_edge_for_each_operation() -> None:
    assert list(edges(drawn(trial=0))) == ["conv: in1 to 1", "pool: in2 to 1", "pool: in1 to 2", "conv: 1 to 2"]


def test_the_best_trial_is_drawn_by_default() -> None:
    assert drawn().layout.title.text == "cells · architecture of trial 1"


def test_what_differs_from_another_trial_stands_out() -> None:
    figure = drawn(trial=1, against=0)
    assert told(figure) == ["<b>net.depth</b> 1   (was 2)", "<b>net.width</b> –   (was 16)"]
    assert figure.layout.title.subtitle.text == "3 of 7 choices differ from trial 0"
    colours = edges(figure)
    assert len(set(colours.values())) == 2
    assert [edge for edge, colour in colours.items() if colour != colours["conv: in1 to 1"]] == ["pool: 1 to 2"]


def test_names_are_shown_as_they_are() -> None:
    exp = la.Experiment("names", {"<b>x": Choice(["<i>"])}, metric="loss", store="memory").add({"<b>x": "<i>"}, 0.0)
    assert told(exp.plot.architecture()) == ["<b>&lt;b&gt;x</b> &lt;i&gt;"]


@pytest.mark.parametrize("wrong", [{"trial": 2}, {"trial": -1}, {"against": "1"}, {"trial": True}])
def test_a_trial_that_is_not_there_is_told(wrong: Any) -> None:
    with pytest.raises(UsageError, match=r"there is no trial .*; there are 2, numbered from 0"):
        drawn(**wrong)


def test_every_cell_of_a_model_space_is_found() -> None:
    nas = pytest.importorskip("lanista.nas")
    ops = {name: lambda node, source: None for name in ("conv", "pool")}
    space = nas.record(lambda: (nas.Cell(ops, 3, name="normal"), nas.Cell(ops, 2, name="dense", inputs=1, choose=None)))
    exp = la.Experiment("cells", space, metric="loss", store="memory").add(space.defaults(), 0.0)
    figure = architecture(exp.history)
    assert [t.text[0] for t in figure.data if t.text and str(t.text[0]).startswith("<b>")] == [
        "<b>normal</b>",
        "<b>dense</b>",
    ]
    assert len(edges(figure)) == len(set(edges(figure)))
    assert sum(1 for t in figure.data if t.hovertext) == 3 * 2 + 1 + 2


def test_a_cell_whose_nodes_take_an_output_twice() -> None:
    nas = pytest.importorskip("lanista.nas")
    ops = {name: lambda node, source: None for name in ("conv", "pool")}
    space = nas.record(lambda: nas.Cell(ops, 2, name="c", again=True))
    chosen = {"c/input1.1": 1, "c/input1.2": 1, "c/input2.1": 2, "c/input2.2": 0, "c/operation1.2": "pool"}
    exp = la.Experiment("cells", space, metric="loss", store="memory").add({**space.defaults(), **chosen}, 0.0)
    figure = exp.plot.architecture()
    assert list(edges(figure)) == ["conv: in2 to 1", "pool: in2 to 1", "conv: 1 to 2", "conv: in1 to 2"]
    assert not [trace for trace in figure.data if trace.mode == "text" and "input1.1" in str(trace.text)]


def test_what_hangs_below_an_operation_of_a_cell_stands_below_no_other_line() -> None:
    rate = {"a": {"c/rate": Choice([1, 2])}, "b": {}}
    space = Space({"head": Choice(["x", "y"]), "c/operation1.1": Choice(rate)})
    exp = la.Experiment("below", space, metric="loss", store="memory").add(space.defaults(), 0.0)
    figure = exp.plot.architecture()
    assert told(figure) == ["<b>head</b> x", "<b>c/rate</b> 1"]
    assert [list(trace.x) for trace in figure.data if "c/rate" in str(trace.text)] == [[0, 0]]
