"""A model's graph as a picture."""

from typing import Any

import pytest
import torch
from torch import nn

from lanista import nas
from lanista.errors import UsageError

X = torch.zeros(1, 4)


class Residual(nn.Module):
    def __init__(self, activation: nn.Module) -> None:
        super().__init__()
        self.first, self.second, self.activation = nn.Linear(4, 4), nn.Linear(4, 4), activation

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + self.second(self.activation(self.first(x)))


def boxes(figure: Any) -> dict[str, Any]:
    return {box.hovertext.partition(" ")[0]: box for box in figure.layout.annotations}


def test_every_node_has_a_box_below_what_it_reads() -> None:
    graph = nas.Graph(Residual(nn.ReLU()), X)
    drawn = boxes(nas.draw(graph))
    for node in graph.nodes:
        name = "return" if node.kind == "output" else node.name
        for source in node.inputs:
            assert drawn[name].y < drawn[source].y
    assert drawn["first"].text == "<b>Linear</b><br>1 × 4"
    assert len({(box.x, box.y) for box in drawn.values()}) == len(drawn)


def test_lines_pass_by_the_boxes_between() -> None:
    drawn = boxes(nas.draw(Residual(nn.ReLU()), X))
    assert drawn["x"].x == drawn["add"].x != drawn["first"].x


def test_a_difference_stands_out() -> None:
    same = nas.draw(Residual(nn.ReLU()), X, against=Residual(nn.ReLU()))
    assert same.layout.title.subtitle.text == "the same operations as the other"
    other = nas.draw(Residual(nn.Tanh()), X, against=nas.Graph(Residual(nn.ReLU()), X), theme="dark")
    drawn = boxes(other)
    assert [name for name, box in drawn.items() if box.borderwidth == 2] == ["activation"]
    assert "without 1 of its operations: ReLU" in other.layout.title.subtitle.text


def test_a_module_alone_is_not_enough() -> None:
    with pytest.raises(UsageError, match=r"nas\.draw\(Residual\) needs example inputs"):
        nas.draw(Residual(nn.ReLU()))
