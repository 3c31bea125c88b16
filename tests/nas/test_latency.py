"""The table of operators' latencies, on a clock that knows what each operator costs."""

import json
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

from lanista import nas
from lanista.errors import UsageError
from tests.nas.nets import ResNet, assert_same, batch, state

INPUTS = torch.zeros(1, 3, 8, 8)


class Machine(TorchDispatchMode):
    """A machine on which every operator takes a microsecond and a nanosecond a number of its result."""

    def __init__(self, noise: float = 0.0) -> None:
        super().__init__()
        self.now, self.noise, self.rng = 0.0, noise, random.Random(0)

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        size = result.numel() if isinstance(result, torch.Tensor) else 0
        self.now += (1e-6 + 1e-9 * size) * (1 + self.noise * self.rng.random())
        return result

    def clock(self) -> float:
        return self.now


@contextmanager
def machine(noise: float = 0.0) -> Iterator[Callable[[], float]]:
    with Machine(noise) as found:
        yield found.clock


def member(width: int, depth: int, kernel: int, pool: bool) -> nn.Module:
    layers: list[nn.Module] = [nn.Conv2d(3, width, kernel, padding=kernel // 2)]
    for _ in range(depth):
        layers += [nn.ReLU(), nn.Conv2d(width, width, kernel, padding=kernel // 2)]
    return nn.Sequential(*layers, *([nn.MaxPool2d(2)] if pool else []), nn.AdaptiveAvgPool2d(1), nn.Flatten())


class Members:
    """A space: anything that draws and builds."""

    def sample(self, rng: np.random.Generator, n: int = 1) -> list[dict[str, Any]]:
        return [self.draw(rng) for _ in range(n)]

    def draw(self, rng: np.random.Generator) -> dict[str, Any]:
        width, depth, kernel = (int(rng.choice(options)) for options in ((4, 8, 12), (1, 2, 3, 4), (1, 3)))
        return {"width": width, "depth": depth, "kernel": kernel, "pool": bool(rng.integers(2))}

    def build(self, params: dict[str, Any]) -> nn.Module:
        return member(**params)


def test_a_prediction_is_the_sum_of_the_operators() -> None:
    with machine() as clock:
        table = nas.LatencyTable.measure(Members(), INPUTS, members=30, repeats=2, clock=clock)
        held_out = [member(width, depth, 3, True) for width, depth in ((4, 1), (8, 2), (8, 4), (12, 3))]
        found = table.compare(held_out, INPUTS, repeats=2, clock=clock)
    assert found.rank == pytest.approx(1.0)
    assert found.error < 1e-6
    assert found.predicted_ms == pytest.approx(found.measured_ms)


def test_held_out_members_are_ranked_in_spite_of_noise() -> None:
    space = Members()
    with machine(noise=0.3) as clock:
        table = nas.LatencyTable.measure(space, INPUTS, members=40, repeats=5, clock=clock)
        rng = np.random.default_rng(99)
        models = [space.build(params) for params in space.sample(rng, 20)]
        found = table.compare([m for m in models if not table.missing(m, INPUTS)], INPUTS, repeats=5, clock=clock)
    assert len(found.measured_ms) >= 15
    assert found.rank > 0.95
    assert 0 < found.error < 0.1


def test_entries_are_medians_and_models_are_less_than_their_sum() -> None:
    ticks = iter(range(10_000))
    spent = iter([1.0, 2.0, 9.0, 5.4])  # three operators, and the model as it is
    now = [0.0]

    def clock() -> float:
        if next(ticks) % 2:
            now[0] += next(spent)
        return now[0]

    model = nn.Sequential(nn.ReLU(), nn.ReLU(), nn.ReLU())
    table = nas.LatencyTable.measure([model], torch.zeros(2), repeats=1, clock=clock)
    assert table.entries == {"relu(float32[2])": pytest.approx(2000.0)}
    assert table.overhead_ms == pytest.approx(200.0)
    assert table.predict(model, torch.zeros(2)) == pytest.approx(5400.0)
    assert table.predict(nn.ReLU(), torch.zeros(2)) == pytest.approx(1800.0)


def test_operators_differ_by_shape_type_strides_and_arguments() -> None:
    class Many(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.relu().T.relu().double().relu().sum(0) * 3

    entries = nas.LatencyTable.measure([Many()], torch.zeros(2, 3), repeats=1).entries
    assert {key for key in entries if key.startswith("relu")} == {
        "relu(float32[2,3])",
        "relu(float32[3,2](1,3))",
        "relu(float64[3,2](1,3))",
    }
    assert any(key.startswith("sum(") and "[0]" in key for key in entries)
    assert "mul(float64[2], 3)" in entries


def test_a_table_says_what_it_lacks() -> None:
    table = nas.LatencyTable.measure([member(4, 1, 3, False)], INPUTS, repeats=1)
    wide = member(8, 1, 3, False)
    assert any("convolution(float32[1,3,8,8], float32[8,3,3,3]" in key for key in table.missing(wide, INPUTS))
    with pytest.raises(UsageError, match=r"lacks \d+ of the model's \d+ kinds of operators, the first is convolution"):
        table.predict(wide, INPUTS)
    both = table.joined(nas.LatencyTable.measure([wide], INPUTS, repeats=1))
    assert not both.missing(wide, INPUTS)
    assert {key: both.entries[key] for key in table.entries} == table.entries


def test_a_table_is_saved_and_loaded(tmp_path: Path) -> None:
    table = nas.LatencyTable.measure([member(4, 1, 3, False)], INPUTS, repeats=1, threads=1)
    table.save(tmp_path / "table.json")
    assert nas.LatencyTable.load(tmp_path / "table.json") == table
    assert json.loads((tmp_path / "table.json").read_text())["device"] == "cpu"


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"format": "other"}', '{"format": "lanista latency table 1"}'])
def test_other_files_are_refused(tmp_path: Path, content: str) -> None:
    path = tmp_path / "table.json"
    path.write_text(content)
    with pytest.raises(UsageError, match=r"table\.json is no latency table"):
        nas.LatencyTable.load(path)
    with pytest.raises(UsageError, match=r"gone\.json is no latency table"):
        nas.LatencyTable.load(tmp_path / "gone.json")


def test_models_stay_as_they_are() -> None:
    model = ResNet().train()
    before, random_state = state(model), torch.get_rng_state()
    nas.LatencyTable.measure([model], batch()[0], repeats=1).predict(model, batch()[0])
    assert_same(before, state(model))
    assert torch.equal(random_state, torch.get_rng_state())


@pytest.mark.parametrize(
    ("models", "options", "match"),
    [
        ([], {}, "there are no models to measure"),
        (Members(), {"members": 0}, "members=0: give 1 or more"),
        (3, {}, "3 is no space of models: give a nas.ModelSpace"),
        ([nn.ReLU()], {"repeats": 0}, "repeats=0 is below 1"),
        ([nn.Linear(5, 1)], {}, "the model fails on inputs of"),
    ],
)
def test_what_cannot_be_measured_is_said(models: Any, options: dict[str, Any], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        nas.LatencyTable.measure(models, INPUTS, **options)


def test_tables_of_different_machines_are_not_joined() -> None:
    one = nas.LatencyTable({"a": 1.0}, "cpu", 1)
    with pytest.raises(UsageError, match="on cpu with threads=1, the other on cpu with threads=2"):
        one.joined(nas.LatencyTable({"a": 1.0}, "cpu", 2))


def test_an_order_takes_three_models() -> None:
    table = nas.LatencyTable.measure([nn.ReLU()], INPUTS, repeats=1)
    with pytest.raises(UsageError, match="2 models tell nothing about the order"):
        table.compare([nn.ReLU(), nn.ReLU()], INPUTS, repeats=1)
