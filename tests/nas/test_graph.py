"""Graphs of models: looking at them, changing them, and what comes out."""

import copy
import io
import pickle
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional

from lanista import nas
from lanista.errors import GraphError, UsageError
from tests.nas.models import MLP, Abs, LeNet, ResNet8

IMAGE = torch.randn(2, 1, 28, 28)


@pytest.fixture
def lenet() -> nas.Graph:
    torch.manual_seed(0)
    return nas.Graph(LeNet(), IMAGE)


# Looking


def test_the_nodes_know_what_they_do_and_what_they_give(lenet: nas.Graph) -> None:
    node = lenet["conv2"]
    assert (node.kind, node.op, node.target) == ("module", "conv2d", "conv2")
    assert (node.shape, node.dtype) == ((2, 16, 10, 10), torch.float32)
    assert isinstance(node.module, nn.Conv2d)
    assert node.inputs == ("max_pool2d",)
    assert lenet[node.users[0]].op == "relu"
    assert lenet.whole == {}


def test_it_prints_a_line_for_each_node(lenet: nas.Graph) -> None:
    lines = str(lenet).splitlines()
    assert lines[0] == "x  : float32[2, 1, 28, 28]"
    assert lines[1].startswith("conv1 = Conv2d[1, 6, kernel_size=(5, 5)")
    assert lines[1].endswith("(x)  : float32[2, 6, 28, 28]")
    assert lines[-1] == "return fc2"
    assert repr(lenet) == f"<Graph of LeNet: {len(lines)} nodes>"
    assert repr(lenet["conv1"]) == f"<{lines[1]}>"


def test_nodes_are_found_by_class_function_operation_name_and_predicate(lenet: nas.Graph) -> None:
    def names(*args: Any, **kwargs: Any) -> list[str]:
        return [node.name for node in lenet.find(*args, **kwargs)]

    assert names(nn.Conv2d) == ["conv1", "conv2"]
    assert names((nn.Conv2d, nn.Linear)) == ["conv1", "conv2", "fc1", "fc2"]
    assert names(functional.relu) == names("relu") == ["relu", "relu_1", "relu_2"]
    assert names("MaxPool2d") == names("max_pool2d") == ["max_pool2d", "max_pool2d_1"]
    assert names(name="conv*") == ["conv1", "conv2"]
    assert names(nn.Conv2d, where=lambda node: node.module.in_channels > 1) == ["conv2"]
    assert names(nn.Tanh) == []


def test_an_operation_is_the_same_however_it_is_written() -> None:
    class Written(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.act = nn.ReLU()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.relu(torch.relu(self.act(x).relu())) + x

    graph = nas.Graph(Written(), torch.zeros(2, 3))
    assert len(graph.find("relu")) == 4
    assert len(graph.find("add")) == 1


def test_chains_are_matched_where_no_one_else_reads_between(lenet: nas.Graph) -> None:
    found = lenet.match([nn.Conv2d, "relu", ("max_pool2d", "avg_pool2d")])
    assert [tuple(node.name for node in chain) for chain in found] == [
        ("conv1", "relu", "max_pool2d"),
        ("conv2", "relu_1", "max_pool2d_1"),
    ]
    graph = nas.Graph(ResNet8(), torch.randn(2, 3, 16, 16))
    assert len(graph.match([nn.Conv2d, nn.BatchNorm2d, "relu"])) == 4
    assert not graph.match(["relu", nn.Conv2d, nn.ReLU])


def test_a_node_is_named_by_its_path_too() -> None:
    graph = nas.Graph(ResNet8(), torch.randn(2, 3, 16, 16))
    assert graph["stage2.conv1"] == graph["stage2_conv1"]
    assert "stage2.conv1" in graph
    assert "stage9" not in graph
    with pytest.raises(GraphError, match=r"no node 'stage2.conv3'; did you mean 'stage2.conv\d'"):
        graph["stage2.conv3"]


def test_a_module_that_is_called_twice_is_named_by_its_nodes() -> None:
    class Twice(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.a = nn.Linear(3, 3)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.a(torch.relu(self.a(x)))
            return out

    graph = nas.Graph(nn.Sequential(Twice()), torch.zeros(2, 3))
    with pytest.raises(GraphError, match=r"'0\.a' is called by _0_a, _0_a_1"):
        graph["0.a"]
    graph.replace("_0_a_1", nn.Linear(3, 3, bias=False))
    assert sorted(graph.module().state_dict()) == ["0.a.bias", "0.a.weight", "0.a_2.weight"]


# Changing


def test_insert_after_and_before(lenet: nas.Graph) -> None:
    after = lenet.insert_after("conv1", nn.BatchNorm2d(6))
    assert (after.name, after.inputs, after.users) == ("conv1_batchnorm2d", ("conv1",), ("relu",))
    before = lenet.insert_before("fc2", nn.LayerNorm(24), name="norm")
    assert (before.name, before.users) == ("norm", ("fc2",))
    clamped = lenet.insert_after(before, torch.clamp, min=-1.0)
    assert lenet["fc2"].inputs == (clamped.name,)
    assert lenet.module()(torch.randn(5, 1, 28, 28)).shape == (5, 10)


def test_insert_before_one_of_two_inputs() -> None:
    graph = nas.Graph(ResNet8(), torch.randn(2, 3, 16, 16))
    add = graph.find("add")[0]
    new = graph.insert_before(add, nn.Dropout2d(), at=1)
    assert graph[add.name].inputs == (add.inputs[0], new.name)
    assert new.inputs == (add.inputs[1],)
    with pytest.raises(GraphError, match="has 2 inputs, so there is no input number 2"):
        graph.insert_before(add, nn.Dropout2d(), at=2)


def test_replace_keeps_the_path_and_the_place(lenet: nas.Graph) -> None:
    names = [node.name for node in lenet]
    lenet.replace("conv2", nn.Conv2d(6, 16, 3, padding=0, dilation=2))
    lenet.replace("relu", nn.GELU())
    lenet.replace("relu_1", functional.leaky_relu, negative_slope=0.2)
    assert [node.name for node in lenet] == names
    assert lenet["relu"].op == "gelu"
    module = lenet.module()
    assert module.get_submodule("conv2").dilation == (2, 2)
    assert module(IMAGE).shape == (2, 10)


def test_wrap_gets_a_copy_with_its_weights(lenet: nas.Graph) -> None:
    before = lenet.module().eval()
    wrapped = lenet.wrap("fc1", lambda module: nn.Sequential(module, nn.Identity()))
    assert isinstance(wrapped.module, nn.Sequential)
    assert torch.equal(lenet.module().eval()(IMAGE), before(IMAGE))
    with pytest.raises(GraphError, match="'relu' calls no module"):
        lenet.wrap("relu", lambda module: module)


def test_delete_lets_the_readers_read_the_input(lenet: nas.Graph) -> None:
    lenet.delete("relu")
    assert lenet["max_pool2d"].inputs == ("conv1",)
    assert "relu" not in lenet
    with pytest.raises(GraphError, match=r"'fc1' .*does not take what it would get"):
        lenet.delete("max_pool2d_1")
    with pytest.raises(GraphError, match="'x' cannot be deleted"):
        lenet.delete("x")


def test_rewire_and_cycles() -> None:
    graph = nas.Graph(ResNet8(), torch.randn(2, 3, 16, 16))
    add = graph.find("add")[0]
    assert graph.rewire(add, add.inputs[1], "stage1.bn1").inputs == (add.inputs[0], "stage1_bn1")
    with pytest.raises(GraphError, match="would read what is computed from it"):
        graph.rewire("stage1.conv2", "relu_1", "stage1.bn2")
    with pytest.raises(GraphError, match="'fc' does not read 'x'; it reads flatten"):
        graph.rewire("fc", "x", "relu")
    assert graph.module()(torch.randn(1, 3, 16, 16)).shape == (1, 10)


def test_rewire_to_a_node_that_comes_later_puts_them_in_order() -> None:
    class Two(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            early = torch.relu(x)
            late = torch.tanh(x)
            return early + late

    graph = nas.Graph(Two(), torch.randn(2, 3))
    graph.rewire("relu", "x", "tanh")
    x = torch.randn(2, 3)
    assert torch.equal(graph.module()(x), torch.relu(torch.tanh(x)) + torch.tanh(x))


def test_branches_are_added_and_joined(lenet: nas.Graph) -> None:
    pool = lenet["max_pool2d"]
    one = lenet.add(nn.Conv2d(6, 2, 1), pool)
    two = lenet.twin(pool, "relu")
    joined = lenet.add(torch.cat, [one, lenet.add(nn.Conv2d(6, 4, 3, padding=1), two)], dim=1)
    lenet.redirect(pool, joined)
    assert joined.shape == pool.shape
    assert lenet["conv2"].inputs == (joined.name,)
    assert lenet[one.name].inputs == ("max_pool2d",)
    assert lenet.module()(IMAGE).shape == (2, 10)


def test_a_method_can_be_added_by_name(lenet: nas.Graph) -> None:
    node = lenet.add("sigmoid", lenet["fc2"])
    assert (node.kind, node.op) == ("method", "sigmoid")


def test_a_change_that_does_not_fit_names_node_shapes_and_mend_and_changes_nothing(lenet: nas.Graph) -> None:
    before, text = lenet.hash, str(lenet)
    with pytest.raises(
        GraphError, match=r"'conv2' .*does not take what it would get, .* float32\[2, 7, 14, 14\].*together"
    ):
        lenet.insert_after("max_pool2d", nn.Conv2d(6, 7, 1))
    with pytest.raises(GraphError, match=r"'conv1_batchnorm2d' .*does not take what it would get, conv1"):
        lenet.insert_after("conv1", nn.BatchNorm2d(7))
    with pytest.raises(
        GraphError,
        match=r"'conv2' \(Conv2d\[3, 16.*\) does not take what it would get, max_pool2d float32\[2, 6, 14, 14\]",
    ):
        lenet.replace("conv2", nn.Conv2d(3, 16, 5))
    with pytest.raises(GraphError, match="is no operation"):
        lenet.replace("relu", nn.GELU)
    with pytest.raises(GraphError, match="reads no node"):
        lenet.add(torch.relu, 3)
    assert (lenet.hash, str(lenet)) == (before, text)
    assert lenet.module()(IMAGE).shape == (2, 10)


def test_changes_that_fit_only_together(lenet: nas.Graph) -> None:
    with lenet.together():
        lenet.replace("conv1", nn.Conv2d(1, 12, 5, padding=2))
        lenet.replace("conv2", nn.Conv2d(12, 16, 5))
    assert lenet["max_pool2d"].shape == (2, 12, 14, 14)
    before = str(lenet)
    with pytest.raises(GraphError, match=r"'conv2' .*does not take"), lenet.together():
        lenet.replace("conv1", nn.Conv2d(1, 5, 5, padding=2))
    assert str(lenet) == before


def test_the_model_and_copies_stay_as_they_are(lenet: nas.Graph) -> None:
    model = MLP().eval()
    x = torch.randn(3, 6)
    wanted = model(x)
    graph = nas.Graph(model, x)
    child = graph.copy()
    child.replace("tanh", nn.Sigmoid())
    child.delete("norm")
    assert graph["tanh"].op == "tanh"
    assert torch.equal(model(x), wanted)
    assert torch.equal(graph.module()(x), wanted)
    graph.module().get_submodule("first").weight.data.zero_()
    assert torch.equal(graph.module()(x), wanted)


# What comes out


@pytest.mark.parametrize(
    ("model", "example"),
    [(MLP(), torch.randn(4, 6)), (LeNet(), IMAGE), (ResNet8(), torch.randn(2, 3, 16, 16))],
    ids=["mlp", "lenet", "resnet"],
)
def test_the_module_is_as_hand_written(model: nn.Module, example: torch.Tensor) -> None:
    model.eval()
    module = nas.Graph(model, example).module()
    assert not module.training
    assert sorted(module.state_dict()) == sorted(model.state_dict())
    assert type(module).__name__ == type(model).__name__ or type(module).__name__ == "GraphModule"
    wanted = model(example)
    file = io.BytesIO()
    torch.save(module, file)
    file.seek(0)
    exported = torch.export.export(module, (example,)).module()
    again = [module, copy.deepcopy(module), pickle.loads(pickle.dumps(module)), torch.load(file, weights_only=False)]
    for one in [*again, exported]:
        assert torch.equal(one(example), wanted)
    assert "lanista" not in pickle.dumps(module).decode("latin-1")


def test_it_trains_and_dropout_follows_the_mode() -> None:
    model = LeNet().train()
    graph = nas.Graph(model, IMAGE)
    assert len(graph.find(nn.Dropout)) == 1
    module = graph.module()
    assert module.training
    assert not torch.equal(module(IMAGE), module(IMAGE))
    module.eval()
    assert torch.equal(module(IMAGE), model.eval()(IMAGE))
    module.train()(IMAGE).sum().backward()
    assert all(weight.grad is not None for weight in module.parameters())


def test_another_batch_size_is_no_matter() -> None:
    module = nas.Graph(ResNet8(), torch.randn(2, 3, 16, 16)).module()
    assert module(torch.randn(7, 3, 16, 16)).shape == (7, 10)


def test_buffers_that_are_not_saved_stay_so() -> None:
    class Shifted(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("shift", torch.ones(3), persistent=False)
            self.register_buffer("scale", torch.ones(3))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = x * self.scale + self.shift
            return out

    module = nas.Graph(Shifted(), torch.zeros(2, 3)).module()
    assert list(module.state_dict()) == ["scale"]
    assert dict(module.named_buffers()).keys() == {"scale", "shift"}


def test_inputs_by_name_and_defaults() -> None:
    class Masked(nn.Module):
        def forward(self, x: torch.Tensor, mask: torch.Tensor | None = None, scale: float = 2.0) -> torch.Tensor:
            if mask is not None:
                x = x * mask
            return x * scale

    x, mask = torch.randn(2, 3), torch.ones(2, 3)
    assert nas.Graph(Masked(), x).module()(x).equal(x * 2)
    assert nas.Graph(Masked(), {"x": x, "mask": mask}).module()(x, mask).equal(x * 2)
    assert len(nas.Graph(Masked(), (x, mask)).find("mul")) == 2


def test_a_model_that_does_not_run_is_told_at_once() -> None:
    with pytest.raises(UsageError, match=r"got the class MLP; give the built model"):
        nas.Graph(MLP, torch.zeros(1, 6))  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=r"MLP does not run on the example inputs \(RuntimeError.*give inputs"):
        nas.Graph(MLP(), torch.zeros(2, 5))
    with pytest.raises(UsageError, match=r"MLP does not run on the example inputs \(TypeError: missing"):
        nas.Graph(MLP(), ())


def test_tracing_changes_no_statistics() -> None:
    class Own(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.register_buffer("mean", torch.zeros(3))
            self.bn = nn.BatchNorm1d(3)
            self.odd = Abs()

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            x = functional.batch_norm(x, self.mean, torch.ones(3), training=self.training)
            out: torch.Tensor = self.odd(self.bn(x))
            return out

    model = nn.Sequential(Own()).train()
    state = copy.deepcopy(model.state_dict())
    graph = nas.Graph(model, torch.randn(4, 3) + 3)
    for found in (model.state_dict(), graph.module().state_dict()):
        assert all(torch.equal(found[name], state[name]) for name in state)


def test_shared_and_tied_weights_stay_shared() -> None:
    class Tied(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.embed, self.cell = nn.Embedding(9, 6), nn.LSTM(6, 6, batch_first=True)
            self.head = nn.Linear(6, 9, bias=False)
            self.head.weight = self.embed.weight

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            values, _ = self.cell(self.embed(x))
            out: torch.Tensor = self.head(values[:, -1])
            return out

    model, x = Tied(), torch.randint(0, 9, (2, 5))
    graph = nas.Graph(model, x)
    assert graph.whole == {}
    module: Any = graph.module()
    assert module.head.weight is module.embed.weight
    assert torch.equal(module(x), model(x))
    layer = nn.Linear(4, 4)
    twice = nas.Graph(nn.Sequential(layer, nn.ReLU(), layer), torch.zeros(2, 4))
    assert twice.whole == {}
    assert not layer.weight.is_meta
    assert len(list(twice.module().parameters())) == 2
