"""Mutators, the space that they make of a model, and which model is which."""

import json
from typing import Any

import cloudpickle
import numpy as np
import pytest
import torch
from torch import nn

import lanista as la
from lanista import nas
from lanista.errors import GraphError, SpaceError, UsageError
from tests.nas.models import LeNet, Whole

IMAGE = torch.randn(2, 1, 28, 28)


class Width(nas.Mutator):
    """Sets the width of a hidden layer, and offers a second one below one of its options."""

    name = "width"

    def mutate(self, graph: nas.Graph, pick: Any) -> None:
        width = pick("units", [16, 32])
        if width == 32:
            pick("extra", la.Float(0, 1))
        with graph.together():
            graph.replace("fc1", nn.Linear(400, width))
            graph.replace("fc2", nn.Linear(width, 10))


class Act(nas.Mutator):
    def mutate(self, graph: nas.Graph, pick: Any) -> None:
        if pick("tanh", [False, True]):
            for node in graph.find("relu"):
                graph.replace(node, nn.Tanh())


@pytest.fixture
def space() -> nas.MutatedSpace:
    return nas.MutatedSpace(LeNet(), [Width(), Act()], IMAGE)


def test_the_choices_are_found_with_what_they_hang_below(space: nas.MutatedSpace) -> None:
    assert space.space.names == ("width/units", "width/extra", "Act/tanh")
    assert space.space.check({"width/units": 16, "Act/tanh": True}) == {"width/units": 16, "Act/tanh": True}
    with pytest.raises(SpaceError, match="width/extra"):
        space.build({"width/units": 16, "width/extra": 0.5, "Act/tanh": True})


def test_building_gives_the_mutated_module_with_the_weights_of_the_base() -> None:
    base = LeNet()
    space = nas.MutatedSpace(base, [Width(), Act()], IMAGE)
    module = space.build({"width/units": 32, "width/extra": 0.5, "Act/tanh": True})
    assert module.get_submodule("fc1").out_features == 32
    assert sum(isinstance(m, nn.Tanh) for m in module.modules()) == 3
    assert torch.equal(module.get_submodule("conv1").weight, base.conv1.weight)
    assert base.fc1.out_features == 24
    other = space.build({"width/units": 16, "Act/tanh": False})
    assert other.get_submodule("conv1").weight is not module.get_submodule("conv1").weight


def test_a_function_makes_fresh_weights_for_each_child() -> None:
    space = nas.MutatedSpace(LeNet, [Width(), Act()], IMAGE)
    params = {"width/units": 16, "Act/tanh": False}
    one, two = space.build(params), space.build(params)
    assert not torch.equal(one.get_submodule("conv1").weight, two.get_submodule("conv1").weight)
    assert one(IMAGE).shape == two(IMAGE).shape == (2, 10)


def test_a_function_that_makes_other_models_is_traced_anew() -> None:
    made = iter([nn.Linear(4, 4), nn.Sequential(nn.Linear(4, 4), nn.ReLU())])
    space = nas.MutatedSpace(lambda: next(made), [Act()], torch.zeros(1, 4))
    assert any(isinstance(m, nn.Tanh) for m in space.build({"Act/tanh": True}).modules())


def test_it_goes_where_a_domain_goes(space: nas.MutatedSpace) -> None:
    exp = la.Experiment("mutated", {"net": space, "lr": la.Float(1e-4, 1e-1, log=True)}, metric="size", store="memory")

    def objective(trial: la.Trial) -> float:
        return float(sum(p.numel() for p in trial["net"].parameters()))

    exp.run(objective, trials=4, progress=False)
    assert len(exp.trials) == 4
    assert set(exp.trials[0].params) >= {"net.width/units", "net.Act/tanh", "lr"}
    assert all(trial.value > 1000 for trial in exp.trials)


def test_it_can_be_sent_to_a_worker(space: nas.MutatedSpace) -> None:
    again = cloudpickle.loads(cloudpickle.dumps(space))
    params = {"width/units": 16, "Act/tanh": True}
    assert again.hash(params) == space.hash(params)
    assert again.build(params)(IMAGE).shape == (2, 10)


# Which model is which


def test_equal_models_have_equal_hashes_whatever_the_order_of_mutations() -> None:
    base = LeNet()
    one, other = (nas.MutatedSpace(base, mutators, IMAGE) for mutators in ([Width(), Act()], [Act(), Width()]))
    params = {"width/units": 16, "Act/tanh": True}
    assert one.hash(params) == other.hash(params)
    assert one.identity(params) != other.identity(params)
    assert one.hash(params) != one.hash({**params, "Act/tanh": False})


def test_names_and_weights_do_not_matter_to_the_hash_and_settings_do() -> None:
    def graph(*layers: nn.Module, **named: nn.Module) -> str:
        model = nn.Sequential(*layers)
        for name, layer in named.items():
            model.add_module(name, layer)
        return nas.Graph(model, torch.zeros(2, 4)).hash

    assert graph(nn.Linear(4, 4), nn.ReLU()) == graph(first=nn.Linear(4, 4), second=nn.ReLU())
    different = {
        graph(nn.Linear(4, 4), nn.ReLU()),
        graph(nn.Linear(4, 4, bias=False), nn.ReLU()),
        graph(nn.Linear(4, 5), nn.ReLU()),
        graph(nn.ReLU(), nn.Linear(4, 4)),
        graph(nn.Linear(4, 4), nn.LeakyReLU(0.1)),
        graph(nn.Linear(4, 4), nn.LeakyReLU(0.2)),
        graph(nn.Linear(4, 4), nn.LeakyReLU(0.2), nn.Linear(4, 4)),
    }
    assert len(different) == 7


def test_a_shared_module_is_not_two_equal_ones() -> None:
    layer = nn.Linear(4, 4)
    shared = nas.Graph(nn.Sequential(layer, nn.ReLU(), layer), torch.zeros(2, 4))
    apart = nas.Graph(nn.Sequential(layer, nn.ReLU(), nn.Linear(4, 4)), torch.zeros(2, 4))
    assert shared.hash != apart.hash


def test_the_order_of_a_sum_does_not_matter_to_the_hash() -> None:
    class Sum(nn.Module):
        def __init__(self, turned: bool) -> None:
            super().__init__()
            self.turned = turned

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            a, b = torch.relu(x), torch.tanh(x)
            return b + a if self.turned else a + b

    one, other = (nas.Graph(Sum(turned), torch.zeros(2, 3)) for turned in (False, True))
    assert one.hash == other.hash
    assert one.hash != nas.Graph(nn.ReLU(), torch.zeros(2, 3)).hash


def test_identity_is_json_and_knows_its_parent(space: nas.MutatedSpace) -> None:
    identity = space.identity({"width/units": 16, "Act/tanh": True})
    record = json.loads(json.dumps(identity.to_json()))
    assert record["base"] == f"LeNet:{space.base.hash}"
    assert [mutation["picks"] for mutation in record["mutations"]] == [{"units": 16}, {"tanh": True}]
    again = nas.Identity.from_json(record)
    assert again == identity
    assert again.key == identity.key
    assert identity.parent is not None
    assert identity.parent.parent == space.base.identity
    assert space.base.identity.parent is None
    assert identity.key != identity.parent.key
    with pytest.raises(UsageError, match="an identity is"):
        nas.Identity.from_json({"base": "x"})


def test_lineage_of_mutations_made_one_by_one() -> None:
    graph = nas.Graph(LeNet(), IMAGE)
    rng = np.random.default_rng(1)
    child = graph.mutated(Act(), nas.random_picks(rng))
    grandchild = child.mutated(Width(), nas.picks({"units": 16}))
    assert grandchild.identity.parent == child.identity
    assert child.identity.parent == graph.identity
    assert graph.identity.mutations == ()
    by_hand = grandchild.copy()
    by_hand.delete("dropout")
    assert by_hand.identity.mutations == ()
    assert by_hand.identity.base.endswith(by_hand.hash)
    with pytest.raises(UsageError, match="the mutator asks for 'units', the picks are"):
        child.mutated(Width(), nas.picks({"unit": 16}))


def test_names_of_mutators_differ() -> None:
    with pytest.raises(SpaceError, match=r"mutators need names that differ.*\['Act', 'Act'\]"):
        nas.MutatedSpace(LeNet(), [Act(), Act()], IMAGE)


# The ready ones


def test_replace_operator() -> None:
    options = {
        "gelu": nn.GELU,
        "leaky": lambda node: nn.LeakyReLU(0.1 * node.shape[1]),
        "tanh": lambda node: torch.tanh,
    }
    space = nas.MutatedSpace(LeNet(), [nas.ReplaceOperator("relu", options)], IMAGE)
    assert space.size == 4**3
    names = space.space.names
    graph = space.graph(dict(zip(names, ["keep", "leaky", "tanh"], strict=True)))
    assert [node.op for node in graph.find(("relu", "leakyrelu", "tanh", "gelu"))] == ["relu", "leakyrelu", "tanh"]
    assert graph["relu_1"].module.negative_slope == pytest.approx(1.6)
    alike = nas.MutatedSpace(LeNet(), [nas.ReplaceOperator("relu", options, each=False)], IMAGE)
    assert alike.size == 4
    with pytest.raises(UsageError, match="none named 'keep'"):
        nas.ReplaceOperator("relu", {"keep": nn.ReLU})
    with pytest.raises(UsageError, match="give a label for each"):
        nas.ReplaceOperator("relu", [nn.GELU])  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the option 'gelu' is GELU; give a class such as"):
        nas.ReplaceOperator("relu", {"gelu": nn.GELU()})


def test_what_is_no_list_of_mutators_is_told() -> None:
    with pytest.raises(SpaceError, match=r"mutators is one Width; give a list, such as \[Width\(\)\]"):
        nas.MutatedSpace(LeNet(), Width(), IMAGE)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="the class Width is no mutator; give an object"):
        nas.MutatedSpace(LeNet(), [Width], IMAGE)  # type: ignore[list-item]


def test_pooling_becomes_an_inception_cell_of_2_to_5_branches() -> None:
    space = nas.MutatedSpace(LeNet(), [nas.PoolToInception()], IMAGE)
    counts = space.tree["PoolToInception/max_pool2d.branches"].options
    assert list(counts) == [2, 3, 4, 5]
    seen = set()
    for params in space.sample(np.random.default_rng(0), 12):
        graph = space.graph(params)
        cat = graph["max_pool2d_cat"]
        branches = params["PoolToInception/max_pool2d.branches"]
        assert len(cat.inputs) == branches
        assert (cat.shape, cat.users) == ((2, 6, 14, 14), ("conv2",))
        assert graph.module()(torch.randn(3, 1, 28, 28)).shape == (3, 10)
        seen.add(branches)
    assert seen == {2, 3, 4, 5}
    with pytest.raises(UsageError, match="give the least and the most"):
        nas.PoolToInception((3, 2))
    with pytest.raises(UsageError, match="branches=3; give the least and the most"):
        nas.PoolToInception(3)  # type: ignore[arg-type]


def test_inception_cells_keep_odd_sizes_and_modules() -> None:
    model = nn.Sequential(nn.Conv2d(1, 8, 3), nn.AvgPool2d(3, 2), nn.Conv2d(8, 4, 1), nn.MaxPool2d(2, ceil_mode=True))
    space = nas.MutatedSpace(model, [nas.PoolToInception((1, 3))], torch.randn(2, 1, 17, 13))
    for params in space.sample(np.random.default_rng(0), 8):
        assert space.build(params)(torch.randn(3, 1, 17, 13)).shape == model(torch.randn(3, 1, 17, 13)).shape


def test_inception_needs_images() -> None:
    graph = nas.Graph(nn.Sequential(nn.Flatten(), nn.Linear(9, 9)), torch.randn(2, 1, 3, 3))
    with pytest.raises(GraphError, match="only pooling of images"):
        graph.mutated(nas.PoolToInception(what=nn.Linear), nas.random_picks(np.random.default_rng(0)))


def test_normalisation_after_every_convolution_that_has_none() -> None:
    model = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.Conv2d(4, 12, 3), nn.ReLU(), nn.Conv2d(12, 7, 3))
    options = ("none", "batch", "group", "instance")
    space = nas.MutatedSpace(model, [nas.NormAfterConv(options)], torch.randn(2, 1, 9, 9))
    assert space.space.names == ("NormAfterConv/_2", "NormAfterConv/_4")
    graph = space.graph({"NormAfterConv/_2": "group", "NormAfterConv/_4": "instance"})
    assert [type(node.module) for node in graph.find(name="*norm*")] == [nn.GroupNorm, nn.InstanceNorm2d]
    assert graph[graph["2"].users[0]].module.num_groups == 6
    with pytest.raises(UsageError, match="choose among"):
        nas.NormAfterConv(("layer",))


def test_mutators_work_inside_what_stays_whole() -> None:
    space = nas.MutatedSpace(Whole(), [nas.ReplaceOperator(nn.ReLU, {"tanh": nn.Tanh})], torch.randn(2, 4))
    module = space.build({space.space.names[0]: "tanh"})
    assert isinstance(module.b[1], nn.Tanh)
    assert space.size == 2
