"""The hub: how large each space is, and that its members are models as if written by hand."""

import copy
import io
import itertools
import math
import pickle
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import lanista as la
from lanista import nas
from lanista.errors import UsageError
from lanista.nas import hub

CELLS = {"classes": 4, "width": 4, "cells": 3}
MOBILE = {"classes": 4, "width": 0.25}
PNAS = 720**2 * 8**10  # 720: the inputs of five nodes, 2 * 3 * 4 * 5 * 6

# of each space the arguments of a small one, and its size
SPACES: dict[str, tuple[dict[str, Any], int]] = {
    "DARTS": (CELLS, (180 * 7**8) ** 2),
    "ENAS": (CELLS, (720**2 * 5**10) ** 2),
    "NASNet": (CELLS, (720**2 * 13**10 * 2**5) ** 2),
    "AmoebaNet": (CELLS, PNAS**2),
    "PNAS": (CELLS, PNAS),
    "NASBench101": ({"classes": 4, "width": 8, "cells": 1}, 169_093_737),
    "NASBench201": ({"classes": 4, "width": 4, "cells": 1}, 15_625),
    "NASBenchMacro": ({"classes": 4, "width": 4, "head": 16}, 6_561),
    "MobileNetV3": (MOBILE, (9**2 + 9**3 + 9**4) ** 5),
    "ProxylessNAS": (MOBILE, 6**6 * 7**15),
    "MnasNet": (MOBILE, 324**5),
    "ShuffleNetV2": (MOBILE, 4**20),
    "AutoDeepLab": ({"classes": 4, "width": 2}, 3**11 * PNAS),
    "AutoFormer": ({"classes": 4, "image": 32, "size": "base"}, 3 * (9**14 + 9**15 + 9**16)),
    "TextTransformer": (
        {"vocabulary": 30, "classes": 4, "length": 8, "width": (8, 12), "hidden": (8, 16, 24), "inner": 16},
        2 * 6**6,
    ),
}
FEWER: dict[str, dict[str, Any]] = {"AutoDeepLab": {"layers": 4}, "AutoFormer": {"size": "tiny"}}


@pytest.fixture(scope="module")
def spaces() -> dict[str, nas.ModelSpace]:
    return {}


def small(name: str, spaces: dict[str, nas.ModelSpace]) -> nas.ModelSpace:
    """A space whose members are small, recorded once for all tests."""
    if name not in spaces:
        spaces[name] = nas.ModelSpace(getattr(hub, name), **SPACES[name][0] | FEWER.get(name, {}))
    return spaces[name]


def member(models: nas.ModelSpace, seed: int = 0) -> tuple[dict[str, Any], Any]:
    """A random member; configurations without one are passed over."""
    for params in models.sample(np.random.default_rng(seed), 100):
        try:
            return params, models.build(params)
        except la.Infeasible:
            continue
    raise AssertionError("no member in a hundred configurations")


def inputs(name: str, batch: int = 4) -> torch.Tensor:
    return torch.randint(1, 30, (batch, 8)) if name == "TextTransformer" else torch.randn(batch, 3, 32, 32)


def outputs(model: nn.Module, x: torch.Tensor) -> torch.Tensor:
    model.eval()
    with torch.no_grad():
        return model(x)  # type: ignore[no-any-return]


def test_the_hub_is_what_is_tested_here() -> None:
    assert {name for name in hub.__all__ if name[0].isupper()} == set(SPACES)


@pytest.mark.parametrize("name", SPACES)
def test_the_size_of_a_space(name: str, spaces: dict[str, nas.ModelSpace]) -> None:
    given, size = SPACES[name]
    models = nas.ModelSpace(getattr(hub, name), **given) if name in FEWER else small(name, spaces)
    assert models.size == size


@pytest.mark.parametrize(
    ("size", "papers"),
    [
        (SPACES["DARTS"][1], "1e+18"),
        (SPACES["PNAS"][1], "5.6e+14"),
        (SPACES["MobileNetV3"][1], "2e+19"),
        # of the configurations of Auto-DeepLab several are one path
        (28_657, "2.9e+04"),
        (28_657 * PNAS, "2e+19"),
        # the papers' own counts, from which the docstrings say how ours differ
        ((5 * math.factorial(5)) ** 4, "1.3e+11"),
        (432**5, "1.5e+13"),
        (7**21, "5.6e+17"),
        (3 * 3 * 9**16, "1.7e+16"),
        (SPACES["TextTransformer"][1] * 2 * sum(36**k for k in range(1, 7)), "4.2e+14"),
    ],
)
def test_the_size_that_a_paper_gives(size: int, papers: str) -> None:
    digits = len(papers.partition("e")[0].replace(".", ""))
    assert f"{size:.{digits - 1}e}" == papers if digits > 1 else float(f"{size:.0e}") == float(papers)


def test_the_paths_of_auto_deeplab() -> None:
    paths = set()
    for moves in itertools.product((0, 1, -1), repeat=11):
        level = 0
        paths.add(tuple(level := min(max(level + move, 0), 3) for move in moves))
    assert len(paths) == 28_657


@pytest.mark.parametrize("name", SPACES)
def test_a_random_member_trains(name: str, spaces: dict[str, nas.ModelSpace]) -> None:
    torch.manual_seed(0)
    _, model = member(small(name, spaces))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    result = model(inputs(name))
    shape = (4, 4, 32, 32) if name == "AutoDeepLab" else (4, 4)
    assert result.shape == shape
    loss = nn.functional.cross_entropy(result, torch.randint(0, 4, (shape[0], *shape[2:])))
    loss.backward()  # type: ignore[no-untyped-call]
    assert all(p.grad is None or p.grad.isfinite().all() for p in model.parameters())
    assert any(p.grad is not None and p.grad.abs().sum() > 0 for p in model.parameters())
    before = [p.detach().clone() for p in model.parameters()]
    optimizer.step()
    assert any(not torch.equal(old, new) for old, new in zip(before, model.parameters(), strict=True))


@pytest.mark.parametrize("name", SPACES)
def test_a_member_is_as_if_written_by_hand(name: str, spaces: dict[str, nas.ModelSpace]) -> None:
    models = small(name, spaces)
    params, model = member(models, seed=1)
    x = inputs(name, batch=2)
    expected = outputs(model, x)
    assert torch.equal(outputs(copy.deepcopy(model), x), expected)
    assert torch.equal(outputs(pickle.loads(pickle.dumps(model)), x), expected)
    file = io.BytesIO()
    torch.save(model.state_dict(), file)
    file.seek(0)
    again = models.build(params)
    again.load_state_dict(torch.load(file))
    assert torch.equal(outputs(again, x), expected)
    homes = {type(module).__module__ for module in model.modules()}
    assert all(home.startswith(("torch.", "lanista.nas.hub.", "lanista.nas._cell")) for home in homes)


@pytest.mark.long
@pytest.mark.parametrize("name", SPACES)
def test_a_member_is_exported(name: str, spaces: dict[str, nas.ModelSpace]) -> None:
    check_export(name, spaces)


@pytest.mark.parametrize("name", ["NASBench201", "TextTransformer"])
def test_a_member_is_exported_soon(name: str, spaces: dict[str, nas.ModelSpace]) -> None:
    check_export(name, spaces)


def check_export(name: str, spaces: dict[str, nas.ModelSpace]) -> None:
    _, model = member(small(name, spaces), seed=2)
    x = inputs(name, batch=2)
    expected = outputs(model, x)
    exported = torch.export.export(model, (x,)).module()
    torch.testing.assert_close(exported(x), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["DARTS", "PNAS", "NASBench201", "ShuffleNetV2"])
def test_images_of_other_channels_and_odd_sizes(name: str) -> None:
    given = SPACES[name][0] | {"inputs": 1}
    _, model = member(nas.ModelSpace(getattr(hub, name), **given))
    assert outputs(model, torch.randn(2, 1, 9, 7)).shape == (2, 4)


def test_a_node_of_enas_may_take_an_output_twice(spaces: dict[str, nas.ModelSpace]) -> None:
    params, _ = member(small("ENAS", spaces))
    model: Any = small("ENAS", spaces).build(params | {"normal/input5.1": 5, "normal/input5.2": 5})
    cell = model.layers[0].cell
    assert cell.sources[4] == [5, 5]
    assert 5 not in cell.outputs and 6 in cell.outputs


def test_nodes_of_nasnet_add_or_concatenate(spaces: dict[str, nas.ModelSpace]) -> None:
    params, _ = member(small("NASNet", spaces))
    params |= {f"{kind}/join{node}": "add" for kind in ("normal", "reduce") for node in range(1, 6)}
    kinds = []
    for join in ("add", "concat"):
        model: Any = small("NASNet", spaces).build(params | {"normal/join2": join})
        kinds.append([type(one).__name__ for one in model.layers[0].cell.joins])
    assert kinds == [["Add"] * 5, ["Add", "Concat", "Add", "Add", "Add"]]


def test_what_a_transformer_is_made_of(spaces: dict[str, nas.ModelSpace]) -> None:
    params, model = member(small("AutoFormer", spaces))
    assert len(model.layers) == params["depth"]
    for i, layer in enumerate(model.layers):
        assert (layer.heads, layer.join.in_features) == (params[f"heads{i}"], 64 * params[f"heads{i}"])
        assert layer.mix[0].out_features == int(params["width"] * params[f"ratio{i}"])


def test_text_is_read_without_what_fills_it_up(spaces: dict[str, nas.ModelSpace]) -> None:
    _, model = member(small("TextTransformer", spaces))
    text = torch.randint(1, 30, (2, 5))
    filled = torch.cat([text, torch.zeros(2, 3, dtype=torch.long)], 1)
    torch.testing.assert_close(outputs(model, filled), outputs(model, text))


def test_a_move_beyond_the_last_resolution_stays() -> None:
    models = nas.ModelSpace(hub.AutoDeepLab, classes=2, width=2, layers=6)
    params = models.sample(np.random.default_rng(0))[0]
    params |= {f"move{i}": "down" for i in range(2, 7)}
    model: Any = models.build(params)
    widths = [layer.fits[0][1][1].out_channels for layer in model.layers]
    assert widths == [2, 4, 8, 16, 16, 16]
    assert outputs(model, torch.randn(1, 3, 64, 32)).shape == (1, 2, 64, 32)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: hub.DARTS(cells=0), "cells=0; a network needs at least one"),
        (lambda: hub.AutoDeepLab(layers=0), "layers=0"),
        (lambda: hub.AutoFormer(size="huge"), "size='huge' is none of tiny, small, base"),  # type: ignore[arg-type]
        (lambda: hub.AutoFormer(image=30), "an image of 30 is not filled by patches of 16"),
        (lambda: hub.TextTransformer(9, 2, heads=(3,)), "3 heads do not divide inner=512"),
    ],
)
def test_arguments_that_make_no_network(make: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()
