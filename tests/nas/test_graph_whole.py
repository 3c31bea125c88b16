"""What cannot be traced stays whole, with the reason, and can be changed inside."""

import pickle

import pytest
import torch
from torch import nn

from lanista import nas
from lanista.errors import GraphError
from tests.nas.models import Abs, Whole


class Odd(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.inside = nn.Linear(4, 4)
        self.sign = Abs()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.inside(x)
        if x.min() > 100:
            x = x - 100
        out: torch.Tensor = self.sign(x)
        return out


def test_a_module_that_cannot_be_traced_is_one_node_with_the_reason() -> None:
    model = nn.Sequential(nn.Linear(4, 4), Odd(), nn.ReLU())
    graph = nas.Graph(model, torch.randn(2, 4))
    assert list(graph.whole) == ["1"]
    assert "a branch depends on the numbers in a tensor" in graph.whole["1"]
    assert graph["1"].whole == graph.whole["1"]
    assert [node.name for node in graph.find(nn.Linear)] == ["_0", "1.inside"]
    assert graph["1.inside"].shape == (2, 4)
    assert "# whole: " in str(graph)
    x = torch.randn(3, 4)
    assert torch.equal(graph.module()(x), model(x))


def test_the_innermost_module_stays_whole() -> None:
    graph = nas.Graph(nn.Sequential(nn.Sequential(nn.Linear(4, 4), Abs())), torch.randn(2, 4))
    assert list(graph.whole) == ["0.1"]
    assert graph["0.0"].op == "linear"


def test_modules_inside_are_changed_where_they_stand() -> None:
    graph = nas.Graph(nn.Sequential(nn.Linear(4, 4), Odd()), torch.randn(2, 4))
    graph.replace("1.inside", nn.Linear(4, 4, bias=False))
    graph.insert_after("1.inside", nn.LayerNorm(4))
    assert [node.name for node in graph.find(name="1.inside*")] == ["1.inside.0", "1.inside.1"]
    graph.delete("1.inside.1")
    graph.wrap("1.inside.0", lambda module: nn.Sequential(module, nn.Tanh()))
    module = graph.module()
    assert isinstance(module.get_submodule("1.inside.1"), nn.Identity)
    assert isinstance(module.get_submodule("1.inside.0.1"), nn.Tanh)
    assert module(torch.randn(3, 4)).shape == (3, 4)


def test_what_does_not_fit_inside_is_refused_and_undone() -> None:
    graph = nas.Graph(nn.Sequential(nn.Linear(4, 4), Odd()), torch.randn(2, 4))
    before = graph.hash
    with pytest.raises(GraphError, match=r"'_1' .*does not take what it would get"):
        graph.insert_before("1.inside", nn.Linear(4, 5))
    with pytest.raises(GraphError, match=r"cannot rewire '1.inside': it lies within '_1', which torch.fx could not"):
        graph.rewire("1.inside", "_0", "input_1")
    with pytest.raises(GraphError, match="only a module can stand here"):
        graph.replace("1.inside", torch.relu)
    assert graph.hash == before


def test_a_model_that_cannot_be_traced_at_all_is_a_tree() -> None:
    model = Whole()
    graph = nas.Graph(model, torch.randn(2, 4))
    assert list(graph.whole) == [""]
    assert graph["a"].shape == (2, 4)
    graph.replace("b.1", nn.Tanh())
    module = graph.module()
    assert type(module) is Whole
    assert isinstance(module.b[1], nn.Tanh)
    assert isinstance(model.b[1], nn.ReLU)
    assert pickle.loads(pickle.dumps(module))(torch.randn(5, 4)).shape == (5, 4)
    assert repr(graph).endswith("whole: the model>")


def test_shapes_decide_branches_and_the_batch_does_not() -> None:
    class Shapes(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            batch, channels, *rest = x.shape
            if channels > 2 and len(rest) == 2:
                x = x.reshape(batch, channels, -1)
            for _ in range(x.dim() - 1):
                x = x + 1
            assert x.size(0) == batch
            return x.flatten(1) if x.ndim == 3 else x

    x = torch.randn(2, 3, 4, 4)
    graph = nas.Graph(Shapes(), x)
    assert graph.whole == {}
    module = graph.module()
    assert torch.allclose(module(torch.cat([x, x])), (torch.cat([x, x]) + 2).flatten(1))


def test_what_depends_on_the_mode_or_the_batch_stays_whole() -> None:
    class Noise(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x * 2 if self.training else x

    class Fixed(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.view(int(x.shape[0]), -1)

    model = nn.Sequential(nn.Linear(4, 4), Noise(), Fixed(), nn.Linear(4, 2))
    graph = nas.Graph(model, torch.randn(3, 4))
    assert graph.whole.keys() == {"1", "2"}
    assert all("in training than in evaluation, or for another batch size" in why for why in graph.whole.values())
    module = graph.module()
    x = torch.randn(5, 4)
    for mode in (True, False):
        assert torch.equal(module.train(mode)(x), model.train(mode)(x))


def test_a_class_made_from_a_layer_of_torch_is_a_layer() -> None:
    class Doubled(nn.Linear):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return super().forward(x) * 2

    graph = nas.Graph(nn.Sequential(Doubled(4, 4)), torch.randn(2, 4))
    assert [node.name for node in graph.find(nn.Linear)] == ["_0"]


def test_hooks_of_a_model_keep_it_whole() -> None:
    model = nn.Sequential(nn.Linear(4, 4))
    model.register_forward_hook(lambda module, args, value: value * 2)
    graph = nas.Graph(model, torch.randn(2, 4))
    assert graph.whole == {"": "the model itself has hooks"}
    x = torch.randn(2, 4)
    assert torch.equal(graph.module()(x), model(x))


def test_results_that_are_no_tensors() -> None:
    class Several(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.attend = nn.MultiheadAttention(4, 2, batch_first=True)

        def forward(self, x: torch.Tensor) -> dict[str, object]:
            y, weights = self.attend(x, x, x)
            return {"y": y + x, "weights": weights, "count": x.shape[1]}

    x = torch.randn(2, 3, 4)
    model = Several().eval()
    graph = nas.Graph(model, x)
    assert graph.whole == {}
    assert graph["attend"].shape is None
    assert "(float32[2, 3, 4], float32[2, 3, 3])" in repr(graph["attend"])
    found, wanted = graph.module()(x), model(x)
    assert torch.equal(found["y"], wanted["y"])
    assert found["count"] == 3
