"""Faults that were found in review, each with the test that saw it."""

import json
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from lanista import nas
from lanista.errors import GraphError, SpaceError, UsageError
from lanista.nas import hub, proxies

IMAGES = torch.randn(2, 3, 8, 8)
TOKENS = torch.randn(2, 5, 6)
WRONG: Any = 12.0


class Branchy(nn.Module):
    """A model that stays whole."""

    def __init__(self) -> None:
        super().__init__()
        self.conv, self.norm, self.pool = nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.MaxPool2d(2)
        self.head = nn.Linear(64, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.pool(self.norm(self.conv(x)))
        if x.sum() > 1e9:
            x = x * 2
        out: torch.Tensor = self.head(x.flatten(1))
        return out


class Does(nn.Module):
    """A linear layer, a function, and another linear layer."""

    def __init__(self, function: Callable[..., torch.Tensor], between: nn.Module | None = None) -> None:
        super().__init__()
        self.first, self.between, self.last = nn.Linear(6, 6), between or nn.Identity(), nn.Linear(6, 2)
        self.function = function

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.function(self.between(self.first(x))))  # type: ignore[no-any-return]


# --- graphs -----------------------------------------------------------------------------------------------------------


def test_what_is_added_around_a_model_that_stays_whole_is_in_the_module() -> None:
    graph = nas.Graph(Branchy(), IMAGES)
    assert type(graph.module()) is Branchy
    graph.insert_after("model", nn.Softmax(1))
    assert graph.module()(IMAGES).sum(1).detach().numpy() == pytest.approx(1.0)


def test_changes_together_that_fail_leave_identity_and_reasons() -> None:
    graph = nas.Graph(nn.Sequential(nn.Conv2d(3, 3, 1), Branchy()), IMAGES)
    child = graph.mutated(nas.NormAfterConv(each=False), nas.picks({"norm": "batch"}))
    before, text = child.identity, str(child)
    with pytest.raises(GraphError, match="does not take what it would get"), child.together():
        child.replace("1", nn.Linear(3, 3))
    assert (child.identity, child.whole, str(child)) == (before, graph.whole, text)
    with child.together(), child.together():
        child.insert_after("0", nn.ReLU())
    assert child.find(nn.ReLU)[0].shape == (2, 3, 8, 8)


def test_inside_what_stays_whole_nothing_that_is_given_is_ignored() -> None:
    graph = nas.Graph(Branchy(), IMAGES)
    with pytest.raises(GraphError, match="stride cannot be given to a module inside one that stays whole"):
        graph.replace("pool", nn.AvgPool2d(2), stride=7)
    with pytest.raises(GraphError, match="name cannot be given"):
        graph.insert_before("pool", nn.ReLU(), name="act")
    assert isinstance(graph.insert_after("pool", nn.ReLU()).module, nn.ReLU)


class InPlace(nn.Module):
    def __init__(self, write: Callable[[torch.Tensor], Any], *, late: bool = False) -> None:
        super().__init__()
        self.layer, self.write, self.late = nn.Linear(4, 4), write, late

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.layer(x)
        y = x * 2 if self.late else x
        self.write(x)
        return x + (y if self.late else x * 2)


def test_what_is_written_in_place_is_in_the_hash_and_in_the_graph() -> None:
    x = torch.randn(2, 4)

    def graph(write: Callable[[torch.Tensor], Any], *, late: bool = False) -> nas.Graph:
        return nas.Graph(InPlace(write, late=late), x)

    kinds = [graph(lambda t: t), graph(lambda t: t.relu_()), graph(lambda t: t.relu_(), late=True)]
    assert len({one.hash for one in kinds}) == 3
    for write in (torch.tanh_, partial(F.relu, inplace=True)):
        assert not graph(write).whole


def test_functions_without_a_name_are_told_apart_by_what_they_do() -> None:
    def changed(op: Callable[..., Any]) -> str:
        graph = nas.Graph(nn.Sequential(nn.Linear(4, 4)), torch.zeros(1, 4))
        graph.insert_after("_0", op)
        return graph.hash

    def times(by: int) -> Callable[[torch.Tensor], torch.Tensor]:
        return lambda x: x * by

    assert changed(times(2)) == changed(times(2)) != changed(times(3))
    assert changed(partial(F.leaky_relu, negative_slope=0.1)) != changed(partial(F.leaky_relu, negative_slope=0.3))


class Noisy(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


class Frozen(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn(3)


def test_models_that_draw_are_traced_and_torch_draws_on_as_before() -> None:
    state = torch.get_rng_state()
    assert not nas.Graph(Noisy(), torch.zeros(2, 3)).whole
    assert nas.Graph(Frozen(), torch.zeros(2, 3)).whole  # what it draws would be a constant of the graph
    assert torch.equal(torch.get_rng_state(), state)


def test_a_module_that_is_looked_for_in_place_of_its_class_is_refused() -> None:
    graph = nas.Graph(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.zeros(1, 4))
    with pytest.raises(GraphError, match=r"what=ReLU\(...\) is a module.*give its class: what=ReLU"):
        graph.find(nn.ReLU())
    assert len(graph.find(graph["_1"].call)) == 1


# --- mutators ---------------------------------------------------------------------------------------------------------


def test_a_mutator_that_finds_nothing_says_so() -> None:
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    mutators = [nas.ReplaceOperator(kind, {"gelu": nn.GELU}, name=kind) for kind in ("relu", "silu")]
    with pytest.raises(SpaceError, match=r"silu: nothing in Sequential is what it changes.*leave it out"):
        nas.MutatedSpace(net, mutators, torch.zeros(1, 4))
    graph = nas.Graph(net, torch.zeros(1, 4)).mutated(nas.NormAfterConv(), nas.picks({}))
    assert not graph.identity.mutations[-1].picks


def test_a_mutator_may_find_nothing_after_what_another_did() -> None:
    first = nas.ReplaceOperator("relu", {"gelu": nn.GELU}, name="first")
    then = nas.ReplaceOperator("relu", {"tanh": nn.Tanh}, name="then")
    net = nn.Sequential(nn.Linear(4, 4), nn.ReLU())
    space = nas.MutatedSpace(net, [first, then], torch.zeros(1, 4))
    assert isinstance(space.build({"first/_1": "gelu"}).get_submodule("1"), nn.GELU)


def test_pooling_and_normalisation_inside_what_stays_whole() -> None:
    model = nn.Sequential(nn.Conv2d(3, 3, 1), Branchy())
    space = nas.MutatedSpace(model, [nas.NormAfterConv()], IMAGES)
    assert space.space.names == ("NormAfterConv/_0",)
    with pytest.raises(SpaceError, match="PoolToInception: nothing in Sequential"):
        nas.MutatedSpace(model, [nas.PoolToInception()], IMAGES)


def test_identities_tell_settings_apart_and_go_through_json() -> None:
    graph = nas.Graph(nn.Sequential(nn.Linear(4, 4), nn.ReLU()), torch.zeros(1, 4))

    def key(make: Callable[..., Any]) -> str:
        return graph.mutated(nas.ReplaceOperator("relu", {"it": make}), nas.picks({"_1": "it"})).identity.key

    assert key(lambda node: nn.GELU()) == key(lambda node: nn.GELU()) != key(lambda node: nn.Tanh())
    assert key(partial(nn.LeakyReLU, 0.1)) != key(partial(nn.LeakyReLU, 0.3))

    class Pair(nas.Mutator):
        def mutate(self, graph: nas.Graph, pick: Callable[[str, Any], Any]) -> None:
            pick("pair", [[1, 2], [3, 4]])
            pick("count", [1, 2])

    answers: Mapping[str, Any] = {"pair": (1, 2), "count": np.int64(2)}
    identity = graph.mutated(Pair(), lambda name, options: answers[name]).identity
    assert nas.Identity.from_json(json.loads(json.dumps(identity.to_json()))) == identity


# --- morphisms --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda net: nas.widen(net, "0", WRONG, example_inputs=IMAGES), "width=12.0; give a whole number from 1"),
        (lambda net: nas.deepen(net, "1", kernel=-1, example_inputs=IMAGES), "kernel=-1; give a whole number from 1"),
        (lambda net: nas.grow_kernel(net, "0", WRONG, example_inputs=IMAGES), "size=12.0; give a whole number from 1"),
    ],
)
def test_sizes_are_whole_numbers(change: Callable[[nn.Module], nn.Module], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        change(nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU()))


@pytest.mark.parametrize(
    "function",
    [
        lambda x: torch.transpose(torch.transpose(x, dim0=1, dim1=2), dim0=1, dim1=2),
        lambda x: x.permute(dims=(1, 0, 2)),
        lambda x: torch.cat(tensors=[x], dim=2),
    ],
)
def test_widening_reads_arguments_by_name(function: Callable[[torch.Tensor], torch.Tensor]) -> None:
    net = Does(function).eval()
    wider = nas.widen(net, "first", 9, example_inputs=TOKENS)
    assert torch.allclose(net(TOKENS), wider(TOKENS), atol=1e-5)


@pytest.mark.parametrize(
    ("net", "message"),
    [
        (Does(lambda x: x.mT.mT), r"cannot widen 'first'.*\(mT\) is not known to keep channels apart"),
        (Does(lambda x: x.reshape((2, 5, 6))), r"cannot widen 'first'.*their number in a list; write it as -1"),
        (Does(lambda x: x, nn.PReLU(5)), "cannot widen 'first'.*'between' has them on axis 2"),
        (Does(lambda x: x, nn.GroupNorm(1, 5)), "cannot widen 'first'.*'between' has them on axis 2"),
    ],
)
def test_what_cannot_be_widened_says_so_and_where(net: nn.Module, message: str) -> None:
    with pytest.raises(GraphError, match=message):
        nas.widen(net, "first", 12, example_inputs=TOKENS)


@pytest.mark.parametrize(
    ("layers", "activation"),
    [
        ([nn.Hardtanh(-2, 2)], nn.Hardtanh),
        ([nn.Threshold(1, 0), nn.AvgPool1d(2)], partial(nn.Threshold, 1, 0)),
        ([nn.ReLU6(), nn.AvgPool1d(2)], nn.ReLU6),
    ],
)
def test_activations_that_may_change_the_values_are_refused(layers: list[nn.Module], activation: Any) -> None:
    net = nn.Sequential(nn.Linear(6, 6), *layers)
    with pytest.raises(GraphError, match="would change what"):
        nas.deepen(net, str(len(layers)), activation=activation, example_inputs=TOKENS)


@pytest.mark.parametrize("batch", [2, 4])
def test_deepening_goes_by_the_value_not_by_the_layer_before(batch: int) -> None:
    net = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.Flatten(2))
    deeper = nas.deepen(net, "2", example_inputs=torch.randn(batch, 3, 8, 8))
    x = torch.randn(3, 3, 8, 8)
    assert torch.allclose(net(x), deeper(x), atol=1e-6)


class Halves(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 6), nn.Linear(3, 2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        one, other = self.first(x).chunk(2, -1)
        return self.last(one) + self.last(other)  # type: ignore[no-any-return]


def test_nodes_that_give_no_tensor_are_refused() -> None:
    graph = nas.Graph(Halves(), torch.randn(2, 6))
    with pytest.raises(GraphError, match=r"'chunk' gives .*; choose a node that gives one tensor"):
        nas.deepen(graph, "chunk")
    with pytest.raises(GraphError, match=r"'chunk' gives .*; choose a node that gives one tensor"):
        nas.add_branch(graph, "chunk", "add")


def test_a_branch_that_could_never_learn_is_refused() -> None:
    net = nn.Sequential(nn.Conv2d(3, 3, 3, padding=1), nn.ReLU())
    layers = [nn.Conv2d(3, 3, 1), nn.BatchNorm2d(3)]
    with pytest.raises(GraphError, match=r"could never learn.*end the branch with a linear layer"):
        nas.add_branch(net, "input_1", "0", nn.Sequential(*layers, nn.ReLU()), example_inputs=IMAGES)
    made = nas.add_branch(net, "input_1", "0", nn.Sequential(*layers), example_inputs=IMAGES)
    assert torch.allclose(made.eval()(IMAGES), net(IMAGES), atol=1e-6)


def test_a_branch_may_read_whole_numbers() -> None:
    net = nn.Sequential(nn.Embedding(10, 6), nn.Linear(6, 6))
    tokens = torch.randint(10, (2, 5))
    branch = nn.Sequential(nn.Embedding(10, 6), nn.Linear(6, 6))
    made = nas.add_branch(net, "input_1", "1", branch, example_inputs=tokens)
    assert torch.allclose(made(tokens), net(tokens), atol=1e-6)


class Unflat(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Linear(6, 12), nn.Conv2d(3, 3, 1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.last(self.first(x).unflatten(1, (3, 2, 2)))  # type: ignore[no-any-return]


def test_no_projection_leads_from_a_row_to_an_image() -> None:
    with pytest.raises(GraphError, match=r"no convolution leads from .*; give the branch as `module`"):
        nas.add_branch(Unflat(), "first", "last", example_inputs=torch.randn(2, 6))


# --- costs ------------------------------------------------------------------------------------------------------------


def test_the_agreement_on_equal_models_is_unknown() -> None:
    net = nn.Linear(4, 4)
    times = iter(range(10**6))
    table = nas.LatencyTable.measure([net], torch.zeros(1, 4), repeats=1, warmup=0, clock=lambda: float(next(times)))
    assert np.isnan(table.compare([net] * 3, torch.zeros(1, 4), repeats=1, warmup=0).rank)


def test_a_table_is_of_one_device() -> None:
    table = nas.LatencyTable({}, "cuda", torch.get_num_threads())
    with pytest.raises(UsageError, match="the model is on cpu, the table was measured on cuda"):
        table.compare([nn.Linear(4, 4)], torch.zeros(1, 4))


class Squares(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(1, 1))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return (x**2).sum(1) * self.weight[0, 0]


def test_the_best_jacob_cov_is_the_batch_size_below_zero() -> None:
    """The Jacobians of the inputs are twice the inputs, whose rows are orthogonal and of mean zero."""
    rows, _ = torch.linalg.qr(torch.cat([torch.ones(64, 1), torch.randn(64, 8)], 1))
    assert proxies.jacob_cov(Squares(), rows[:, 1:].T.contiguous()) == pytest.approx(-8, abs=0.01)


def test_texts_that_are_too_long_say_so() -> None:
    net = hub.TextTransformer(20, 2, length=4, width=[8], hidden=[8], heads=[2], inner=4, depth=1)
    with pytest.raises(UsageError, match="texts of 5 tokens; give length=5 or more, or cut them"):
        net(torch.ones(1, 5, dtype=torch.long))


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: proxies.zen(Branchy(), IMAGES, repeats=WRONG), "repeats=12.0 and noise=0.01: give one or more"),
        (lambda: nas.profile(Branchy(), IMAGES, repeats=WRONG), "repeats=12.0 is no whole number: give 0 or more"),
        (lambda: nas.LatencyTable.measure([WRONG], IMAGES), r"the model is a float, not a torch.nn.Module"),
        (lambda: nas.LatencyTable({}, "cpu", 1).save("/no/such/place"), "cannot be written to /no/such/place: No such"),
        (
            lambda: proxies.snip(Branchy(), IMAGES, torch.zeros(3)),
            r"the loss fails on an output and targets of \(2, 2\)",
        ),
        (
            lambda: nas.ReplaceOperator("relu", {"fc": nn.Linear}),
            "'fc', Linear, cannot be made without in_features, out",
        ),
    ],
)
def test_messages_from_the_depths(call: Callable[[], Any], message: str) -> None:
    with pytest.raises(UsageError, match=message):
        call()


def test_one_proxy_by_its_name() -> None:
    assert list(proxies.score(Branchy(), (IMAGES, None), "params")) == ["params"]
