"""What recording finds where the same names are met at several places, and what it refuses."""

from typing import Any

import pytest
import torch
from torch import nn

import lanista as la
from lanista import nas
from lanista.errors import SpaceError
from lanista.space import Choice, Space


def test_candidates_of_one_name_that_differ_by_their_place() -> None:
    def block(i: int) -> nn.Module:
        inner = {"x": nn.Identity, "y": lambda: nn.Linear(1, nas.ValueChoice(f"k{i // 2}", [1, 3]))}
        candidates = {"skip": nn.Identity, "none": nn.Identity, "conv": lambda: nas.LayerChoice(inner, name="in")}
        return nas.LayerChoice(candidates, name="op")

    assert nas.record(lambda: [block(i) for i in range(4)]).names == ("op", "in", "k0", "k1")


def test_a_candidate_whose_first_place_holds_no_choice() -> None:
    def block(i: int) -> nn.Module:
        inner = {"x": nn.Identity, "y": lambda: nn.Linear(1, nas.ValueChoice("k", [1, 3]) if i else 2)}
        candidates = {"skip": nn.Identity, "none": nn.Identity, "conv": lambda: nas.LayerChoice(inner, name="in")}
        return nas.LayerChoice(candidates, name="op")

    assert nas.record(lambda: [block(i) for i in range(2)]).names == ("op", "in", "k")


def test_options_that_follow_from_another_value_are_refused() -> None:
    def heads() -> None:
        width = nas.ValueChoice("width", [6, 8])
        nas.ValueChoice("heads", [n for n in (1, 2, 3, 4) if width % n == 0])

    with pytest.raises(SpaceError, match=r"'heads' is made with Choice\(\[1, 2, 3\]\) and with Choice\(\[1, 2, 4\]\)"):
        nas.record(heads)


def test_a_number_that_means_another_layer_in_another_model_is_refused() -> None:
    def net() -> None:
        for _ in range(nas.ValueChoice("depth", [3, 2, 1])):
            nas.LayerChoice([nn.ReLU, nn.GELU])
        nas.LayerChoice([nn.Tanh, nn.SiLU, nn.ELU])

    with pytest.raises(SpaceError, match="the choice 'layer3' is made with .* and with"):
        nas.record(net)


@pytest.mark.parametrize("options", [[[3, 3], [5, 5]], [0, False]])
def test_lists_may_be_options_that_nothing_hangs_below(options: list[Any]) -> None:
    def net() -> None:
        if nas.ValueChoice("kernel", options) is options[1] or nas.ValueChoice("kernel", options) == [5, 5]:
            nas.ValueChoice("dilation", [1, 2])

    assert nas.record(lambda: nas.ValueChoice("kernel", options)) == Space({"kernel": Choice(options)})
    with pytest.raises(SpaceError, match="'dilation' is made only for certain values of 'kernel', .* as texts"):
        nas.record(net)


def test_a_constructor_that_seeds_leaves_the_random_state() -> None:
    def net() -> nn.Module:
        torch.manual_seed(1)
        return nn.Linear(3, nas.ValueChoice("width", [3]))

    torch.manual_seed(5)
    expected = torch.rand(1)
    torch.manual_seed(5)
    nas.ModelSpace(net)
    assert torch.equal(torch.rand(1), expected)


def test_an_experiment_opened_by_its_name_says_what_it_needs_to_build() -> None:
    space = {"net": nas.ModelSpace(nn.Linear, 1, 2), "lr": la.Float(0, 1)}
    assert isinstance(la.Space(space).build("net", {"lr": 0.5}), nn.Linear)
    models = nas.ModelSpace(lambda: nn.Linear(1, nas.ValueChoice("w", [1, 2])))
    stored = Space.from_json(Space({"net": models}).to_json())
    with pytest.raises(SpaceError, match="known to the program that gave the space: give space="):
        stored.build("net", {"net.w": 1})
    exp = la.Experiment("by-name", stored, metric="loss", store="memory")
    with pytest.raises(KeyError, match="'net'.* it is a group of parameters"):
        exp.ask()["net"]
