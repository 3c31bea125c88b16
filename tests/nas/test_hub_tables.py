"""The hub's members are those of the published tables: names, numbers of weights, how many there are."""

import itertools
from functools import cache
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

import lanista as la
from lanista import nas
from lanista.errors import UsageError
from lanista.nas import hub
from tests.nas.cells import count_cells, leads_somewhere


@cache
def space(name: str) -> nas.ModelSpace:
    return nas.ModelSpace(getattr(hub, name))


def weights(model: nn.Module) -> int:
    return sum(p.numel() for p in model.parameters())


@pytest.mark.parametrize(
    ("code", "params", "macs"),
    [("02012100", 890666, 47327744), ("11111221", 2181386, 65012224), ("00220121", 2038570, 54901248)],
)
def test_members_of_nasbench_macro_are_those_of_its_table(code: str, params: int, macs: int) -> None:
    model = space("NASBenchMacro").build(hub.nasbench_macro_params(code))
    found = nas.profile(model, torch.zeros(1, 3, 32, 32), repeats=0)
    assert (found.params, found.macs) == (params, macs)


@pytest.mark.parametrize(
    ("arch", "params"),
    [
        (
            "|skip_connect~0|+|nor_conv_3x3~0|nor_conv_1x1~1|+|nor_conv_3x3~0|nor_conv_1x1~1|none~2|",
            615_386,
        ),
        ("|avg_pool_3x3~0|+|skip_connect~0|none~1|+|avg_pool_3x3~0|nor_conv_3x3~1|skip_connect~2|", 316_346),
    ],
)
def test_members_of_nasbench201_are_those_of_its_table(arch: str, params: int) -> None:
    assert weights(space("NASBench201").build(hub.nasbench201_params(arch))) == params


def test_the_inception_like_cell_of_nasbench101_has_the_weights_of_its_table() -> None:
    names = ["conv1x1-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "conv3x3-bn-relu", "maxpool3x3"]
    edges = ["0-1", "0-2", "0-3", "0-5", "1-6", "2-6", "3-4", "4-6", "5-6"]
    params = {"edges": edges, **{f"operation{i}": name for i, name in enumerate(names, 1)}}
    assert weights(space("NASBench101").build(params)) == 2_694_282


def test_the_second_cell_of_darts_has_the_weights_of_the_authors_network() -> None:
    normal = (
        [(0, 1), (0, 1), (0, 1), (0, 2)],
        [
            ("sep_conv_3x3", "sep_conv_3x3"),
            ("sep_conv_3x3", "sep_conv_3x3"),
            ("skip_connect", "sep_conv_3x3"),
            ("skip_connect", "dil_conv_3x3"),
        ],
    )
    reduce = (
        [(0, 1), (1, 2), (0, 2), (1, 2)],
        [
            ("max_pool_3x3", "max_pool_3x3"),
            ("max_pool_3x3", "skip_connect"),
            ("max_pool_3x3", "skip_connect"),
            ("max_pool_3x3", "skip_connect"),
        ],
    )
    params: dict[str, Any] = {}
    for kind, (sources, operations) in {"normal": normal, "reduce": reduce}.items():
        for node, (taken, names) in enumerate(zip(sources, operations, strict=True), 1):
            params |= {f"{kind}/operation{node}.{slot}": name for slot, name in enumerate(names, 1)}
            params |= {f"{kind}/inputs{node}": list(taken)} if node > 1 else {}
    assert weights(space("DARTS").build(params)) == 3_349_342


@given(st.lists(st.sampled_from(["none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3"]), min_size=6, max_size=6))
def test_names_of_nasbench201_come_back(labels: list[str]) -> None:
    a, b, c, d, e, f = labels
    arch = f"|{a}~0|+|{b}~0|{c}~1|+|{d}~0|{e}~1|{f}~2|"
    params = hub.nasbench201_params(arch)
    assert space("NASBench201").space.check(params) == params
    assert hub.nasbench201_arch(params) == arch


def test_codes_of_nasbench_macro_come_back() -> None:
    codes = ["".join(digits) for digits in itertools.product("012", repeat=8)]
    assert [hub.nasbench_macro_code(hub.nasbench_macro_params(code)) for code in codes] == codes
    assert set(hub.nasbench_macro_params(codes[0])) == set(space("NASBenchMacro").space.names)


@pytest.mark.parametrize("arch", ["", "|none~0|", "|none~0|+|none~0|none~0|+|none~0|none~1|none~2|", "02012100"])
def test_no_name_of_nasbench201(arch: str) -> None:
    with pytest.raises(UsageError, match="names no member of NAS-Bench-201; a name reads"):
        hub.nasbench201_params(arch)


@pytest.mark.parametrize("code", ["", "0201210", "02012103"])
def test_no_code_of_nasbench_macro(code: str) -> None:
    with pytest.raises(UsageError, match="a name has 8 digits, each 0, 1 or 2"):
        hub.nasbench_macro_params(code)


def test_configurations_without_a_name() -> None:
    with pytest.raises(UsageError, match=r"no configuration of hub\.NASBench201"):
        hub.nasbench201_arch({})
    with pytest.raises(UsageError, match=r"no configuration of hub\.NASBenchMacro"):
        hub.nasbench_macro_code({"layer0": "identity"})


def test_a_cell_of_nasbench101_without_a_way_is_infeasible() -> None:
    params = space("NASBench101").sample(np.random.default_rng(0))[0] | {"edges": ["0-1", "2-6"]}
    with pytest.raises(la.Infeasible, match="the edges 0-1, 2-6 lead no way from vertex 0 to 6"):
        space("NASBench101").build(params)


def test_what_leads_nowhere_is_left_out_of_a_cell_of_nasbench101() -> None:
    models = nas.ModelSpace(hub.NASBench101, width=8, stacks=1, cells=1)
    params = models.sample(np.random.default_rng(0))[0] | {"operation4": "conv3x3-bn-relu"}
    bare, more = (models.build(params | {"edges": ["0-4", "4-6", *rest]}) for rest in ([], ["0-2", "1-6", "2-3"]))
    assert str(bare) == str(more)


def test_nasbench101_has_as_many_cells_as_its_table() -> None:
    assert count_cells() == 423_624


def test_how_many_configurations_of_nasbench101_are_infeasible() -> None:
    assert space("NASBench101").size - leads_somewhere() == 169_093_737 - 139_359_042


def test_operations_of_nasbench201_stand_where_its_names_say() -> None:
    arch = "|none~0|+|skip_connect~0|nor_conv_1x1~1|+|nor_conv_3x3~0|avg_pool_3x3~1|none~2|"
    models = nas.ModelSpace(hub.NASBench201, width=4, cells=1)
    cell: Any = next(m for m in models.build(hub.nasbench201_params(arch)).modules() if isinstance(m, nas.CellModule))
    assert cell.sources == [[0], [0, 1], [0, 1, 2]]
    assert [[type(op).__name__ for op in node] for node in cell.operations] == [
        ["Zero"],
        ["Identity", "Sequential"],
        ["Sequential", "AvgPool2d", "Zero"],
    ]
    assert (cell.operations[1][1][1].kernel_size, cell.operations[2][0][1].kernel_size) == ((1, 1), (3, 3))
