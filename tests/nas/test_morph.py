"""Morphisms keep the function of a network, or say why they cannot."""

import copy
from collections.abc import Callable
from functools import cache
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional

from lanista import nas
from lanista.errors import GraphError, UsageError
from tests.nas.models import MLP, LeNet, Mixer, ResNet8, SqueezeExcite, seasoned

EXAMPLES = {
    "mlp": torch.randn(4, 6),
    "lenet": torch.randn(3, 1, 28, 28),
    "resnet": torch.randn(3, 3, 16, 16),
    "gated": torch.randn(3, 3, 8, 8),
    "mixer": torch.randn(3, 5, 6),
}
CLASSES: dict[str, Callable[[], nn.Module]] = {
    "mlp": MLP,
    "lenet": LeNet,
    "resnet": ResNet8,
    "gated": SqueezeExcite,
    "mixer": Mixer,
}
MODELS = {name: seasoned(make(), EXAMPLES[name]) for name, make in CLASSES.items()}
Morph = Callable[[nas.Graph], nas.Graph]


@cache
def graph_of(name: str, dtype: torch.dtype = torch.float32) -> nas.Graph:
    return nas.Graph(copy.deepcopy(MODELS[name]).to(dtype), EXAMPLES[name].to(dtype))


def kept(name: str, morph: Morph) -> nn.Module:
    """Asserts that the function is kept in single and in double precision; returns the larger model."""
    made = nn.Module()
    for dtype, tolerance in ((torch.float64, 1e-10), (torch.float32, 1e-5)):
        model, x = copy.deepcopy(MODELS[name]).to(dtype), EXAMPLES[name].to(dtype)
        made = morph(graph_of(name, dtype)).module()
        assert not made.training
        for images in (x, torch.randn_like(x)):
            assert (made(images) - model(images)).abs().max() < tolerance
    return made


# Width

WIDER = [
    ("mlp", "first", 15),
    ("mlp", "first", 20),
    ("mlp", "second", 9),
    ("lenet", "conv1", 7),
    ("lenet", "conv2", 20),
    ("lenet", "conv2", 32),
    ("lenet", "fc1", 31),
    ("resnet", "stem", 11),
    ("resnet", "stage1.conv1", 16),
    ("resnet", "stage1.conv2", 12),
    ("resnet", "stage2.conv2", 24),
    ("resnet", "stage2.down.0", 21),
    ("resnet", "stage3.conv2", 64),
    ("gated", "expand", 16),
    ("gated", "reduce", 6),
    ("gated", "gate", 16),
    ("gated", "grouped", 24),
    ("mixer", "embed", 16),
    ("mixer", "up", 19),
    ("mixer", "down", 16),
]


@pytest.mark.parametrize(("name", "layer", "width"), WIDER, ids=lambda value: str(value))
def test_a_wider_layer_keeps_the_function(name: str, layer: str, width: int) -> None:
    made = kept(name, lambda graph: nas.widen(graph, layer, width))
    module: Any = made.get_submodule(layer)
    assert width in (getattr(module, "out_features", 0), getattr(module, "out_channels", 0))


@settings(max_examples=15)
@given(st.sampled_from(["stem", "stage1.conv1", "stage2.conv1", "stage3.conv2"]), st.integers(1, 40), st.integers(0, 9))
def test_any_width_from_any_seed_keeps_the_function(layer: str, more: int, seed: int) -> None:
    graph = graph_of("resnet")
    width = graph[layer].module.out_channels + more
    x = torch.randn(2, 3, 16, 16)
    made = nas.widen(graph, layer, width, seed=seed).module()
    assert (made(x) - MODELS["resnet"](x)).abs().max() < 1e-5


def test_widening_twice_and_all_morphisms_in_a_row() -> None:
    graph = graph_of("resnet")
    graph = nas.widen(nas.widen(graph, "stem", 12), "stage1.conv1", 20, seed=1)
    graph = nas.deepen(graph, "stage1.bn1")
    graph = nas.grow_kernel(graph, "stage2.conv1", 5)
    graph = nas.add_branch(graph, "stage1.bn1", "stage2.bn2")
    graph = nas.widen(graph, "stage1.conv2", 18)
    x = torch.randn(2, 3, 16, 16)
    assert (graph.module()(x) - MODELS["resnet"](x)).abs().max() < 1e-5
    identity = graph.identity
    assert [m.mutator.rpartition(".")[2] for m in identity.mutations] == [
        "widen", "widen", "deepen", "grow_kernel", "add_branch", "widen",
    ]  # fmt: skip
    assert identity.mutations[0].settings == {"layer": "stem", "width": 12, "seed": 0}


def test_copies_learn_different_things() -> None:
    x = torch.randn(16, 6)
    wider = nas.widen(MODELS["mlp"], "first", 20, example_inputs=x).train()
    wider(x).square().sum().backward()
    gradient = wider.get_submodule("first").weight.grad
    assert gradient is not None
    assert not torch.allclose(gradient[0], gradient[1], rtol=1e-3)


def test_the_parent_stays_as_it_is_and_settings_are_kept() -> None:
    model = copy.deepcopy(MODELS["lenet"])
    model.conv1.weight.requires_grad_(False)
    before = copy.deepcopy(model.state_dict())
    wider = nas.widen(model, "conv1", 9, example_inputs=EXAMPLES["lenet"])
    assert not wider.get_submodule("conv1").weight.requires_grad
    assert wider.get_submodule("conv2").weight.requires_grad
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


def test_views_with_fixed_numbers_are_adapted() -> None:
    class Fixed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(1, 3, 3), nn.Linear(12, 2)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.head(torch.relu(self.conv(x)).view(-1, 12))
            return out

    model, x = Fixed().eval(), torch.randn(2, 1, 4, 4)
    wider = nas.widen(model, "conv", 5, example_inputs=x)
    assert torch.allclose(wider(x), model(x), atol=1e-6)


class Odd(nn.Module):
    """Things that widened channels cannot pass."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.a, self.b, self.norm = nn.Linear(4, 4), nn.Linear(4, 4), nn.LayerNorm(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y: torch.Tensor = self.a(x)
        if self.way == "input":
            y = y + x
        elif self.way == "softmax":
            y = y.softmax(-1)
        elif self.way == "split":
            y = torch.cat(y.chunk(2, -1)[::-1], -1)
        elif self.way == "twice":
            y = self.a(y)
        elif self.way == "norm":
            y = self.norm(y)
        elif self.way == "sum":
            return y.sum(-1)
        elif self.way == "size":
            y = y * y.shape[-1]
        elif self.way == "two":
            y = torch.cat([y, y], -1)[..., :4]
        out: torch.Tensor = self.b(y)
        return out


@pytest.mark.parametrize(
    ("way", "reason"),
    [
        ("input", r"'add' joins them with 'x', which is an input of the model"),
        ("softmax", r"'softmax' \(softmax\) is not known to keep channels apart"),
        ("split", r"'chunk' \(chunk\) is not known to keep channels apart"),
        ("twice", r"'a_1' shares its weights with another place"),
        ("norm", r"'norm' normalises over channels.*widen to a multiple of 4"),
        ("sum", r"'sum_1' takes the sum over their axis"),
        ("size", r"reads the number of channels"),
        ("two", r"is not known to keep channels apart"),
    ],
)
def test_what_would_change_the_function_is_refused_with_the_reason(way: str, reason: str) -> None:
    node = "a" if way != "twice" else "a_1"
    with pytest.raises(GraphError, match=rf"cannot widen '{node}' from 4 to 6 outputs: .*{reason}"):
        nas.widen(nas.Graph(Odd(way), torch.randn(2, 4)), node, 6)


def test_more_that_is_refused() -> None:
    resnet = graph_of("resnet")
    gated = graph_of("gated")
    with pytest.raises(GraphError, match="they reach the output of the model by way of 'fc'"):
        nas.widen(resnet, "fc", 12)
    with pytest.raises(UsageError, match="width=8: 'stem' has 8 outputs already"):
        nas.widen(resnet, "stem", 8)
    with pytest.raises(GraphError, match="cannot widen 'bn', which is batchnorm2d; choose one of Linear"):
        nas.widen(resnet, "bn", 12)
    with pytest.raises(GraphError, match="'depth' gives as many channels as it takes; widen the layer before it"):
        nas.widen(gated, "depth", 16)
    with pytest.raises(
        GraphError, match="'grouped' has 4 groups, which take channels next to each other; widen to a mul"
    ):
        nas.widen(gated, "expand", 12)
    with pytest.raises(UsageError, match="a module needs example_inputs"):
        nas.widen(MODELS["resnet"], "stem", 12)


def test_a_class_of_its_own_is_not_trusted() -> None:
    class Standardised(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.linear(x, self.weight / self.weight.std(), self.bias)

    graph = nas.Graph(nn.Sequential(nn.Linear(4, 4), Standardised(4, 2)), torch.randn(2, 4))
    with pytest.raises(GraphError, match="'_1' is of the class Standardised"):
        nas.widen(graph, "0", 6)


# Depth

DEEPER: list[tuple[str, str, dict[str, Any]]] = [
    ("mlp", "relu", {"activation": nn.ReLU}),
    ("mlp", "relu", {"activation": nn.ReLU, "norm": True}),
    ("mlp", "tanh", {}),
    ("lenet", "max_pool2d", {"activation": nn.ReLU, "kernel": 5}),
    ("lenet", "view", {"activation": nn.ReLU}),
    ("lenet", "conv2", {"norm": True}),
    ("resnet", "relu", {"activation": nn.ReLU, "norm": True}),
    ("resnet", "stage2.bn2", {"norm": True, "kernel": 1}),
    ("resnet", "flatten", {"activation": nn.ReLU, "norm": True}),
    ("mixer", "gelu", {}),
    ("mixer", "depth", {}),
]


@pytest.mark.parametrize(("name", "after", "options"), DEEPER, ids=lambda value: str(value))
def test_a_deeper_network_keeps_the_function(name: str, after: str, options: dict[str, Any]) -> None:
    made = kept(name, lambda graph: nas.deepen(graph, after, **options))
    assert len(list(made.modules())) > len(list(MODELS[name].modules())) - 5


def test_activations_that_would_change_the_values_are_refused() -> None:
    graph = graph_of("mlp")
    with pytest.raises(GraphError, match=r"Tanh would change what 'tanh' gives.*add_branch, which takes any"):
        nas.deepen(graph, "tanh", activation=nn.Tanh)
    with pytest.raises(GraphError, match="ReLU would change what 'second' gives"):
        nas.deepen(graph, "second", activation=nn.ReLU)
    with pytest.raises(UsageError, match="kernel=4; only a convolution of odd size"):
        nas.deepen(graph, "relu", kernel=4)
    with pytest.raises(UsageError, match="activation='relu'; give a class of modules"):
        nas.deepen(graph, "relu", activation="relu")  # type: ignore[arg-type]
    with pytest.raises(GraphError, match="no convolution or linear layer comes before 'x'"):
        nas.deepen(graph, "x")
    with pytest.raises(GraphError, match="batch normalisation does not take values of shape"):
        nas.deepen(graph_of("mixer"), "gelu", norm=True)


# Kernels and branches


@pytest.mark.parametrize(
    ("name", "layer", "size"),
    [
        ("lenet", "conv1", 7),
        ("lenet", "conv2", 9),
        ("resnet", "stage2.conv1", 5),
        ("resnet", "stage2.down.0", 3),
        ("gated", "depth", 5),
        ("mixer", "depth", 7),
    ],
)
def test_a_larger_kernel_keeps_the_function(name: str, layer: str, size: int) -> None:
    made = kept(name, lambda graph: nas.grow_kernel(graph, layer, size))
    assert set(made.get_submodule(layer).kernel_size) == {size}


@pytest.mark.parametrize(
    "settings",
    [
        {"padding": "same"},
        {"padding": "valid"},
        {"padding": 2, "padding_mode": "circular"},
        {"padding": 2, "dilation": 2, "padding_mode": "reflect"},
    ],
)
def test_kernels_with_other_padding(settings: dict[str, Any]) -> None:
    model, x = nn.Sequential(nn.Conv2d(2, 3, 3, **settings)).eval(), torch.randn(2, 2, 9, 9)
    assert torch.allclose(nas.grow_kernel(model, "0", 5, example_inputs=x)(x), model(x), atol=1e-6)


def test_kernels_that_cannot_grow() -> None:
    graph = graph_of("resnet")
    with pytest.raises(UsageError, match=r"size=4: the kernel is \(3, 3\)"):
        nas.grow_kernel(graph, "stem", 4)
    with pytest.raises(GraphError, match="cannot enlarge the kernel of 'fc'"):
        nas.grow_kernel(graph, "fc", 5)


def test_branches_begin_with_zeros_and_keep_the_function() -> None:
    kept("resnet", lambda graph: nas.add_branch(graph, "relu", "stage3.bn2"))
    kept("mlp", lambda graph: nas.add_branch(graph, "x", "second"))
    block = nn.Sequential(nn.Conv2d(3, 12, 3, padding=1), nn.SiLU(), nn.Conv2d(12, 8, 1), nn.BatchNorm2d(8))
    made = kept("resnet", lambda graph: nas.add_branch(graph, "x", "bn", block.to(graph["x"].dtype)))
    x = torch.randn(2, 3, 16, 16)
    made(x).sum().backward()
    assert block.float()[3].weight.detach().min() == 1
    assert made.get_submodule("bn_branch.3").weight.grad.abs().max() > 0


def test_branches_that_do_not_fit() -> None:
    graph = graph_of("resnet")
    with pytest.raises(GraphError, match=r"the branch gives torch\.float32 .* and 'bn' is torch.float32"):
        nas.add_branch(graph, "x", "bn", nn.Conv2d(3, 9, 1))
    with pytest.raises(GraphError, match="gives other values than zero"):
        nas.add_branch(graph, "x", "bn", nn.Sequential(nn.Conv2d(3, 8, 1), nn.Sigmoid()))
    with pytest.raises(GraphError, match="has no layer with weights"):
        nas.add_branch(graph, "bn", "bn", nn.ReLU())
    with pytest.raises(GraphError, match="'stage1_bn1' is computed from 'bn'; a branch begins before it ends"):
        nas.add_branch(graph, "stage1.bn1", "bn", nn.Conv2d(8, 8, 1))


def test_inherit_copies_what_fits() -> None:
    parent, child = ResNet8(), ResNet8()
    child.fc = nn.Linear(32, 7)
    assert nas.inherit(child, parent) == ["fc.weight", "fc.bias"]
    assert torch.equal(child.stem.weight, parent.stem.weight)
    assert child.stem.weight is not parent.stem.weight
