"""Model spaces: what a constructor with choices records and builds."""

import copy
import os
import pickle
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import nn

import lanista as la
from lanista import nas
from lanista.errors import SpaceError
from lanista.space import Choice, Space, Subset


class Block(nn.Module):
    def __init__(self, width: int, index: int) -> None:
        super().__init__()
        self.op = nas.LayerChoice(
            {
                "linear": lambda: nn.Linear(width, width),
                "narrow": lambda: nn.Sequential(
                    nn.Linear(width, hidden := nas.ValueChoice(f"hidden{index}", [4, 8])), nn.Linear(hidden, width)
                ),
            },
            name=f"op{index}",
        )
        self.act = nas.LayerChoice({"relu": nn.ReLU, "tanh": nn.Tanh}, name="act")

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.act(self.op(x))  # type: ignore[no-any-return]


class Net(nn.Module):
    def __init__(self, features: int = 6) -> None:
        super().__init__()
        width = nas.ValueChoice("width", [8, 16])
        self.stem = nn.Linear(features, width)
        self.blocks = nas.Repeat(lambda i: Block(width, i), depth=(1, 3), name="depth")
        self.drop = nn.Dropout(nas.ValueChoice("dropout", la.Float(0, 0.5)))
        self.head = nn.Linear(width, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.drop(self.blocks(self.stem(x))))  # type: ignore[no-any-return]


def test_choices_become_a_conditional_space() -> None:
    space = nas.ModelSpace(Net).space
    above = {p.name: None if p.parent is None else space.parameters[p.parent].name for p in space.parameters}
    assert above == {
        **{"width": None, "depth": None, "op0": None, "act": None, "dropout": None},
        **{"hidden0": "op0", "op1": "depth", "hidden1": "op1", "op2": "depth", "hidden2": "op2"},
    }
    depths = {p.name: [space.parameters[1].domain.options[i] for i in sorted(p.options)] for p in space.parameters}
    assert (depths["op1"], depths["op2"]) == ([2, 3], [3])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_what_is_built_is_what_was_chosen(seed: int) -> None:
    models = nas.ModelSpace(Net, features=5)
    params = models.sample(np.random.default_rng(seed))[0]
    net: Any = models.build(params)
    assert net(torch.zeros(3, 5)).shape == (3, 2)
    assert (net.stem.out_features, len(net.blocks), net.drop.p) == (
        params["width"],
        params["depth"],
        params["dropout"],
    )
    for i, block in enumerate(net.blocks):
        assert isinstance(block.op, nn.Linear) == (params[f"op{i}"] == "linear")
        assert isinstance(block.act, nn.ReLU) == (params["act"] == "relu")
        if params[f"op{i}"] == "narrow":
            assert block.op[0].out_features == params[f"hidden{i}"]
    assert all(not type(module).__module__.startswith("lanista") for module in net.modules())


def test_a_member_copies_pickles_and_loads_as_written_by_hand(tmp_path: Any) -> None:
    models = nas.ModelSpace(Net)
    params = models.sample(np.random.default_rng(3))[0]
    net, other = models.build(params), models.build(params)
    x = torch.randn(4, 6)
    net.eval()
    for same in (copy.deepcopy(net), pickle.loads(pickle.dumps(net))):
        assert torch.equal(same(x), net(x))
    other.load_state_dict(net.state_dict())
    assert torch.equal(other.eval()(x), net(x))
    assert torch.equal(torch.export.export(net, (x,)).module()(x), net(x))


def test_without_a_configuration_a_constructor_makes_its_base_model() -> None:
    net: Any = Net()
    assert (net.stem.out_features, len(net.blocks), net.drop.p) == (8, 1, 0.25)


def test_recording_leaves_the_random_state_and_makes_no_weights() -> None:
    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    nas.ModelSpace(Net)
    assert torch.equal(torch.rand(1), expected)


def test_a_constructor_that_looks_at_its_weights_is_recorded_too() -> None:
    def make() -> nn.Module:
        layer = nn.Linear(2, nas.ValueChoice("width", [1, 2]))
        assert float(layer.weight.abs().sum()) > 0
        return layer

    torch.manual_seed(0)
    expected = torch.rand(1)
    torch.manual_seed(0)
    assert nas.ModelSpace(make).space == Space({"width": Choice([1, 2])})
    assert torch.equal(torch.rand(1), expected)


def test_plain_python_conditions_are_found() -> None:
    def make() -> nn.Module:
        kind = nas.ValueChoice("kind", ["none", "mlp", "conv"])
        if kind == "mlp":
            for i in range(nas.ValueChoice("layers", [1, 2, 3])):
                nas.ValueChoice(f"width{i}", [8, 16])
        if kind != "mlp":
            nas.ValueChoice("pool", ["max", "mean"])
        return nn.Identity()

    widths = {i: Choice([8, 16]) for i in range(3)}
    layers = Choice({n: {f"width{i}": widths[i] for i in range(1, n)} for n in (1, 2, 3)})
    pool = {"pool": Choice(["max", "mean"])}
    assert nas.ModelSpace(make).space == Space(
        {"kind": Choice({"none": pool, "mlp": {"layers": layers, "width0": widths[0]}, "conv": pool})}
    )


def test_each_process_records_the_same_order() -> None:
    program = """
from lanista import nas
def make():
    if nas.ValueChoice("kind", ["none", "some"]) == "some":
        for name in "abcdefgh":
            nas.ValueChoice(name, [1, 2])
print(nas.record(make).to_json())
"""
    environments = [{**os.environ, "PYTHONHASHSEED": seed} for seed in ("1", "2")]
    told = [subprocess.check_output([sys.executable, "-c", program], env=env) for env in environments]
    assert told[0] == told[1]


def test_a_shared_choice_hangs_below_what_its_places_have_in_common() -> None:
    def make() -> nn.Module:
        kernel = {"conv": lambda: nn.Conv1d(1, 1, nas.ValueChoice("kernel", [3, 5])), "skip": nn.Identity}
        return nn.Sequential(nas.LayerChoice(kernel, name="a"), nas.LayerChoice(kernel, name="b"))

    assert nas.ModelSpace(make).space.parameters[1].parent is None
    both: Any = nas.ModelSpace(make).build({"a": "conv", "b": "conv", "kernel": 5})
    assert both[0].kernel_size == both[1].kernel_size == (5,)


def test_unnamed_choices_are_numbered_by_their_place() -> None:
    def deep() -> nn.Module:
        return nas.LayerChoice([nn.ReLU, lambda: nas.LayerChoice([nn.Tanh, nn.Sigmoid])])

    models = nas.ModelSpace(lambda: nn.Sequential(deep(), deep()))
    assert models.space.names == ("layer1", "layer1=1/layer1", "layer2", "layer2=1/layer1")
    built: Any = models.build({"layer1": "0", "layer2": "1", "layer2=1/layer1": "1"})
    assert [type(one) for one in built] == [nn.ReLU, nn.Sigmoid]


def test_blocks_of_a_repeat_have_choices_of_their_own() -> None:
    models = nas.ModelSpace(lambda: nas.Repeat(lambda: nas.LayerChoice([nn.ReLU, nn.Tanh]), depth=(1, 2)))
    assert models.space.names == ("depth1", "depth1[1]/layer1", "depth1[0]/layer1")
    assert models.size == 2 + 4


def test_input_choices() -> None:
    assert nas.ModelSpace(lambda: nas.InputChoice(4, 2, name="in")).space == Space(
        {"in": Subset([0, 1, 2, 3], min=2, max=2)}
    )
    pick = nas.ModelSpace(lambda: nas.InputChoice(3, 1, name="in")).build({"in": 2})
    assert pick([torch.tensor(1), torch.tensor(2), torch.tensor(3)]) == 3
    inputs = [torch.ones(1, 2), torch.zeros(1, 2)]
    for reduce, expected in {"sum": [[1, 1]], "mean": [[0.5, 0.5]], "concat": [[1, 1, 0, 0]]}.items():
        made = nas.ModelSpace(lambda r=reduce: nas.InputChoice(2, reduce=r, name="in")).build({"in": [0, 1]})
        assert made(inputs).tolist() == expected


def test_a_cell_of_darts_has_the_size_of_its_paper() -> None:
    ops = {str(i): lambda node, source: nn.Identity() for i in range(7)}
    models = nas.ModelSpace(lambda: nas.Cell(ops, nodes=4, name="normal"))
    assert models.size == 1 * 3 * 6 * 10 * 7**8
    dense = nas.ModelSpace(lambda: nas.Cell(dict(list(ops.items())[:5]), 3, name="c", inputs=1, choose=None))
    assert dense.size == 5**6 == 15_625


def test_loose_ends_are_what_no_node_takes() -> None:
    ops = {"skip": lambda node, source: nn.Identity()}
    cell: Any = nas.ModelSpace(lambda: nas.Cell(ops, nodes=2, name="c", choose=1, merge="loose")).build(
        {"c/inputs1": 0, "c/inputs2": 2, "c/operation1.1": "skip", "c/operation2.1": "skip"}
    )
    assert cell.outputs == [3]
    assert cell(torch.tensor([[2.0]]), torch.tensor([[5.0]])).tolist() == [[2.0]]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: nas.ValueChoice("w", []), "list of options is empty"),
        (lambda: nas.ValueChoice("", [1]), "give a text, such as 'width'"),
        (lambda: nas.LayerChoice({}), "LayerChoice 'layer1' has no candidates"),
        (lambda: nas.LayerChoice({"a": nn.ReLU()}), "give a function that makes it"),
        (lambda: nas.LayerChoice({1: nn.ReLU}), "labels are texts"),
        (lambda: nas.Repeat(nn.ReLU, depth=(3, 1)), r"begins above its end; write \(1, 3\)"),
        (lambda: nas.Repeat(nn.ReLU, depth=(-1, 1)), "whole numbers from 0"),
        (lambda: nas.Repeat(nn.ReLU(), depth=2), "Repeat 'depth1': the block is ReLU; give a function that makes it"),
        (lambda: nas.InputChoice(2, 3), "chooses 3 of 2 inputs"),
        (lambda: nas.InputChoice(2, reduce="max"), "reduce='max' is none of"),
        (lambda: (nas.ValueChoice("w", [1]), nas.ValueChoice("w", [2])), r"made with Choice\(\[1\]\) and with"),
        (
            lambda: nas.ValueChoice("n", la.Int(1, 3)) > 1 and nas.ValueChoice("w", [2]),
            "give 'n' as a list of options",
        ),
    ],
)
def test_mistakes_are_told(make: Any, message: str) -> None:
    with pytest.raises(SpaceError, match=message):
        nas.ModelSpace(make)


def test_a_model_is_no_model_space() -> None:
    with pytest.raises(SpaceError, match=r"for a model that exists use nas\.MutatedSpace"):
        nas.ModelSpace(nn.Linear(1, 1))  # type: ignore[arg-type]


def test_a_function_that_returns_no_module_is_told() -> None:
    with pytest.raises(SpaceError, match="made NoneType, and no module; does the function return its model"):
        nas.ModelSpace(lambda: None).build({})  # type: ignore[arg-type,return-value]


def test_a_configuration_of_another_space_is_refused() -> None:
    with pytest.raises(SpaceError, match="'widht' is no parameter of the space; did you mean 'width'"):
        nas.ModelSpace(Net).build({"widht": 8})


def _objective(trial: la.Trial) -> float:
    net = trial["net"]
    assert net is trial["net"]
    return float(sum(p.numel() for p in net.parameters())) + trial["lr"]


@pytest.mark.parametrize("executor", ["inline", "processes"])
def test_architecture_and_hyperparameters_are_searched_together(executor: str) -> None:
    space = {"net": nas.ModelSpace(Net), "lr": la.Float(1e-4, 1e-1, log=True)}
    exp = la.Experiment("joint", space, metric="size", store="memory", seed=0)
    exp.run(_objective, trials=12, executor=executor, progress=False)
    assert [trial.state for trial in exp.trials] == ["completed"] * 12
    best = exp.space.build("net", exp.best.params)
    assert exp.best.value == pytest.approx(sum(p.numel() for p in best.parameters()) + exp.best.params["lr"])


def test_a_choice_inside_a_candidate_of_several_cells_is_found_once() -> None:
    def net() -> nn.Module:
        candidates = {"a": lambda: nn.Linear(4, nas.ValueChoice("w", [4, 8])), "b": nn.Identity, "c": nn.ReLU}
        return nn.Sequential(*(nas.LayerChoice(candidates, name="op") for _ in range(3)))

    assert nas.record(net) == Space({"op": Choice({"a": {"w": Choice([4, 8])}, "b": {}, "c": {}})})


def test_a_shared_choice_hangs_below_no_block_that_may_be_missing() -> None:
    def net() -> nn.Module:
        def op() -> nn.Module:
            candidates = {"b": nn.Identity, "a": lambda: nn.Linear(4, nas.ValueChoice("w", [4, 8]))}
            return nas.LayerChoice(candidates, name="op")

        return nn.Sequential(nas.Repeat(lambda: nn.Sequential(op(), op()), depth=(0, 2), name="depth"), op())

    models = nas.ModelSpace(net)
    assert models.build(models.space.check({"depth": 0, "op": "a", "w": 8}))[1].out_features == 8  # type: ignore[index]


def test_a_choice_that_hangs_on_the_module_that_was_chosen() -> None:
    def net() -> nn.Module:
        module = nas.LayerChoice({"a": nn.ReLU, "b": nn.Identity, "c": nn.Tanh}, name="op")
        return nn.Dropout(nas.ValueChoice("rate", [0.1, 0.2])) if isinstance(module, nn.Tanh) else module

    assert nas.record(net) == Space({"op": Choice({"a": {}, "b": {}, "c": {"rate": Choice([0.1, 0.2])}})})


def test_a_cell_whose_nodes_take_all_takes_none_again() -> None:
    with pytest.raises(SpaceError, match="Cell 'c': its nodes take all outputs, so none again"):
        nas.Cell({"skip": lambda node, source: nn.Identity()}, 2, name="c", choose=None, again=True)
