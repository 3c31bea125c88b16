"""What recording finds where the same names are met at several places, and what it refuses."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import lanista as la
from lanista import nas
from lanista.errors import SpaceError
from lanista.space import Choice, Space

Candidates = dict[str, Callable[[], nn.Module]]


def test_candidates_of_one_name_that_differ_by_their_place() -> None:
    def block(i: int) -> nn.Module:
        inner: Candidates = {"x": nn.Identity, "y": lambda: nn.Linear(1, nas.ValueChoice(f"k{i // 2}", [1, 3]))}
        candidates: Candidates = {
            "skip": nn.Identity,
            "none": nn.Identity,
            "conv": lambda: nas.LayerChoice(inner, name="in"),
        }
        return nas.LayerChoice(candidates, name="op")

    assert nas.record(lambda: [block(i) for i in range(4)]).names == ("op", "in", "k0", "k1")


def test_a_candidate_whose_first_place_holds_no_choice() -> None:
    def block(i: int) -> nn.Module:
        inner: Candidates = {"x": nn.Identity, "y": lambda: nn.Linear(1, nas.ValueChoice("k", [1, 3]) if i else 2)}
        candidates: Candidates = {
            "skip": nn.Identity,
            "none": nn.Identity,
            "conv": lambda: nas.LayerChoice(inner, name="in"),
        }
        return nas.LayerChoice(candidates, name="op")

    assert nas.record(lambda: [block(i) for i in range(2)]).names == ("op", "in", "k")


def test_a_choice_that_both_branches_make_hangs_below_neither() -> None:
    def net() -> nn.Module:
        kernel: Candidates = {"skip": nn.Identity, "conv": lambda: nn.Conv1d(1, 1, nas.ValueChoice("kernel", [1, 3]))}
        return nas.LayerChoice(kernel, name="a" if nas.ValueChoice("kind", ["x", "y"]) == "x" else "b")

    models = nas.ModelSpace(net)
    assert models.build({"kind": "y", "b": "conv", "kernel": 3}).kernel_size == (3,)


def test_a_candidate_that_makes_a_known_choice_only_for_some_values() -> None:
    def net() -> nn.Module:
        def maybe() -> nn.Module:
            return nn.Linear(1, nas.ValueChoice("width", [1, 2])) if rate else nn.Identity()

        rate = nas.ValueChoice("rate", [0, 1])
        return nas.LayerChoice({"a": lambda: nn.Linear(1, nas.ValueChoice("width", [1, 2])), "b": maybe}, name="op")

    built: Any = nas.ModelSpace(net).build({"rate": 1, "op": "b", "width": 2})
    assert built.out_features == 2


def test_what_is_made_in_some_depths_is_found_though_others_of_its_name_hold_nothing() -> None:
    def net() -> nn.Module:
        def cell(i: int) -> nn.Module:
            ops: Candidates = {
                "o": nn.Identity,
                "p": lambda: nn.Linear(1, nas.ValueChoice("width", [1, 2]) if i else 1),
            }
            return nas.LayerChoice(ops, name="op")

        return nn.Sequential(cell(0), nas.Repeat(lambda: cell(1), depth=(1, 2), name="depth"))

    assert set(nas.ModelSpace(net).space.names) == {"op", "width", "depth"}


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

    with pytest.raises(SpaceError, match=r"the choice 'layer3' is made with .* and with"):
        nas.record(net)


def test_nothing_can_hang_below_options_that_are_lists() -> None:
    def net() -> None:
        if nas.ValueChoice("kernel", [[3, 3], [5, 5]]) == [5, 5]:
            nas.ValueChoice("dilation", [1, 2])

    assert nas.record(lambda: nas.ValueChoice("kernel", [[3, 3]])) == Space({"kernel": Choice([[3, 3]])})
    with pytest.raises(SpaceError, match=r"'dilation' is made only for .*; give 'kernel' with texts for options"):
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


@pytest.mark.parametrize("given", [nn.ReLU, nn.ReLU()])
def test_a_model_in_a_space_asks_for_a_model_space(given: Any) -> None:
    with pytest.raises(SpaceError, match=r"'net' is ReLU.* goes into nas\.ModelSpace\(ReLU\)"):
        Space({"net": given})


def test_an_experiment_opened_by_its_name_says_what_it_needs_to_build() -> None:
    space = {"net": nas.ModelSpace(nn.Linear, 1, 2), "lr": la.Float(0, 1)}
    assert isinstance(la.Space(space).build("net", {"lr": 0.5}), nn.Linear)
    models = nas.ModelSpace(lambda: nn.Linear(1, nas.ValueChoice("w", [1, 2])))
    stored = Space.from_json(Space({"net": models}).to_json())
    with pytest.raises(SpaceError, match="known to the program that gave the space: give space="):
        stored.build("net", {"net.w": 1})
    exp = la.Experiment("by-name", stored, metric="loss", store="memory")
    with pytest.raises(KeyError, match=r"'net'.* it is a group of parameters"):
        exp.ask()["net"]


def test_a_block_is_given_its_index_where_it_needs_one() -> None:
    def blocks(make: Any) -> Any:
        return nas.Repeat(make, depth=2)

    assert [one.inplace for one in blocks(nn.ReLU)] == [False, False]
    widths = [blocks(lambda width=width: nn.Linear(width, width)) for width in (3, 4)]
    assert [layer.in_features for stage in widths for layer in stage] == [3, 3, 4, 4]
    assert [layer.in_features for layer in blocks(lambda i, width=3: nn.Linear(i + width, 1))] == [3, 4]


def test_an_operation_is_given_its_place_where_it_needs_it() -> None:
    def cell(make: Any) -> Any:
        return nas.Cell({"op": make}, 1, name="c", inputs=2)

    assert [op.p for op in cell(nn.Dropout).operations[0]] == [0.5, 0.5]
    assert [op.in_features for op in cell(lambda width=3: nn.Linear(width, 1)).operations[0]] == [3, 3]
    assert [op.in_features for op in cell(lambda node, source: nn.Linear(5 * node + source, 1)).operations[0]] == [5, 6]
    with pytest.raises(SpaceError, match="Cell 'c': the operation 'op' is ReLU; give a function that makes it"):
        cell(nn.ReLU())
