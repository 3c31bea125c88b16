"""Counts against formulae worked by hand, against torch's own counter, and against published figures."""

import pickle
from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn
from torch.nn import functional
from torch.utils.flop_counter import FlopCounterMode

from lanista import nas
from lanista.errors import UsageError
from tests.nas.nets import ResNet, assert_same, batch, state


def macs(model: nn.Module, *shape: int) -> int:
    return nas.profile(model, torch.zeros(shape), repeats=0).macs


class Functional(nn.Module):
    """A convolution, a product and attention, none of which is a layer."""

    def __init__(self) -> None:
        super().__init__()
        self.filters = nn.Parameter(torch.ones(6, 3, 2, 2))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        tokens = functional.conv2d(x, self.filters).flatten(2).transpose(1, 2)
        return functional.scaled_dot_product_attention(tokens, tokens, tokens) @ self.filters.flatten(1)


@given(
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 3),
    st.integers(1, 2),
    st.integers(5, 9),
    st.integers(1, 3),
)
def test_convolutions_cost_a_filter_a_number(
    groups: int, a: int, b: int, kernel: int, stride: int, side: int, size: int
) -> None:
    ours = macs(nn.Conv2d(a * groups, b * groups, kernel, stride, groups=groups), size, a * groups, side, side)
    out = (side - kernel) // stride + 1
    assert ours == size * b * groups * out**2 * a * kernel**2
    back = macs(nn.ConvTranspose2d(a * groups, b * groups, kernel, stride, groups=groups), size, a * groups, side, side)
    assert back == size * a * groups * side**2 * b * kernel**2


@pytest.mark.parametrize(
    ("model", "shape", "expected"),
    [
        (nn.Linear(7, 5), (2, 3, 7), 2 * 3 * 7 * 5),
        (nn.Linear(7, 5), (7,), 7 * 5),
        (nn.Conv1d(4, 6, 3), (2, 4, 10), 2 * 6 * 8 * 4 * 3),
        (nn.Conv3d(2, 3, 2), (1, 2, 4, 4, 4), 3 * 27 * 2 * 8),
        (nn.LSTM(5, 4, num_layers=2), (6, 2, 5), 12 * (16 * 5 + 16 * 4) + 12 * (16 * 4 + 16 * 4)),
        (nn.LSTM(5, 4, bidirectional=True), (6, 2, 5), 2 * 12 * (16 * 5 + 16 * 4)),
        (nn.GRU(5, 4), (6, 2, 5), 12 * (12 * 5 + 12 * 4)),
        (nn.Sequential(nn.ReLU(), nn.BatchNorm2d(3), nn.MaxPool2d(2)), (1, 3, 4, 4), 0),
        # 49 positions of 6 channels; scores and weighted sums; the last product
        (Functional(), (1, 3, 8, 8), 49 * 6 * 12 + 2 * 49 * 49 * 6 + 49 * 6 * 12),
        # queries, keys and values, then scores and sums, the way out, and the two layers behind
        (
            nn.TransformerEncoderLayer(8, 2, 16, batch_first=True),
            (3, 5, 8),
            15 * 8 * 24 + 2 * 3 * 2 * 5 * 5 * 4 + 15 * 8 * 8 + 2 * 15 * 8 * 16,
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, nn.Module) else "",
)
def test_formulae(model: nn.Module, shape: tuple[int, ...], expected: int) -> None:
    assert macs(model, *shape) == expected


def test_bilinear_and_products_of_vectors_count() -> None:
    class Forms(nn.Module):
        def forward(self, a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
            return (a @ b[0]) @ (a @ b[0])  # a matrix with a vector, and two vectors

    a, b = torch.ones(2, 3), torch.ones(2, 4)
    assert nas.profile(nn.Bilinear(3, 4, 5), (a, b), repeats=0).macs == 2 * 5 * 3 * 4
    assert nas.profile(Forms(), {"a": a, "b": torch.ones(1, 3)}, repeats=0).macs == 2 * 2 * 3 + 2


def test_torchs_counter_agrees() -> None:
    model = ResNet(8, 3).eval()
    with FlopCounterMode(display=False) as counter:
        model(batch()[0])
    assert nas.profile(model, batch()[0], repeats=0).macs == counter.get_total_flops() // 2


def resnet18() -> nn.Module:
    """ResNet-18 for ImageNet (He et al. 2016, table 1)."""

    class Block(nn.Module):
        def __init__(self, a: int, b: int, stride: int) -> None:
            super().__init__()
            layers = [nn.Conv2d(a, b, 3, stride, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]
            self.inner = nn.Sequential(*layers, nn.Conv2d(b, b, 3, 1, 1, bias=False), nn.BatchNorm2d(b))
            down = [nn.Conv2d(a, b, 1, stride, bias=False), nn.BatchNorm2d(b)]
            self.around = nn.Sequential(*(down if a != b else []))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return functional.relu(self.inner(x) + self.around(x))

    blocks: list[nn.Module] = []
    for a, b in ((64, 64), (64, 128), (128, 256), (256, 512)):
        blocks += [Block(a, b, 1 if a == b else 2), Block(b, b, 1)]
    stem = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)]
    return nn.Sequential(*stem, *blocks, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000))


def test_resnet18_has_the_figures_that_others_count() -> None:
    found = nas.profile(resnet18(), torch.zeros(1, 3, 224, 224), repeats=0)
    assert found.params == 11_689_512
    assert found.macs == 1_814_073_344  # fvcore, without its count for normalisation and pooling
    assert found.macs_by_operator == {"convolution": 1_813_561_344, "addmm": 512_000}


def test_shared_parameters_count_once() -> None:
    shared = nn.Linear(4, 4)
    model = nn.Sequential(shared, nn.ReLU(), shared, nn.BatchNorm1d(4))
    model[3].weight.requires_grad_(False)
    found = nas.profile(model, torch.zeros(2, 4), repeats=0)
    assert (found.params, found.trainable, found.buffers) == (20 + 8, 24, 9)
    assert found.model_bytes == 28 * 4 + 8 * 4 + 8
    assert found.macs == 2 * 2 * 16
    assert [(layer.name, layer.calls, layer.params) for layer in found.layers] == [
        ("", 1, 0),
        ("0", 2, 20),
        ("1", 1, 0),
        ("3", 1, 8),
    ]


def test_products_belong_to_the_layer_whose_code_they_are_in() -> None:
    class Outer(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.inner = nn.Linear(3, 4)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ torch.ones(3, 2) + (self.inner(x) @ torch.ones(4, 2))

    layers = nas.profile(Outer(), torch.zeros(1, 3), repeats=0).layers
    assert [(layer.name, layer.macs) for layer in layers] == [("", 6 + 8), ("inner", 12)]


def test_peak_memory_is_the_widest_moment() -> None:
    model = nn.Sequential(nn.Linear(100, 200), nn.ReLU(), nn.Linear(200, 10))
    found = nas.profile(model, torch.zeros(50, 100), training=True, repeats=0)
    assert found.memory_bytes == 4 * 50 * (100 + 200 + 200)  # input, and what goes into and out of the ReLU
    inplace = nn.Sequential(nn.Linear(100, 200), nn.ReLU(inplace=True), nn.Linear(200, 10))
    assert nas.profile(inplace, torch.zeros(50, 100), repeats=0).memory_bytes == 4 * 50 * (100 + 200 + 10)
    weights = 100 * 200 + 200 + 200 * 10 + 10
    assert found.training_bytes is not None
    assert 4 * 50 * (100 + 200 + 200) < found.training_bytes < 4 * (50 * (100 + 3 * 200 + 20) + 2 * weights)


def test_inputs_that_are_part_of_a_larger_tensor_count_by_themselves() -> None:
    rows = torch.zeros(1000, 100)
    assert nas.profile(nn.Linear(100, 10), rows[:5], repeats=0).memory_bytes == 4 * 5 * 110


def test_training_memory_keeps_what_the_backward_pass_needs() -> None:
    peaks = []
    for depth in (2, 4, 8):
        layers = [nn.Sequential(nn.Linear(64, 64), nn.Tanh()) for _ in range(depth)]
        found = nas.profile(nn.Sequential(*layers), torch.zeros(1000, 64), training=True, repeats=0)
        peaks.append((found.memory_bytes, found.training_bytes or 0))
    assert peaks[0][0] == peaks[1][0] == peaks[2][0]
    kept = 4 * 1000 * 64 + 4 * (64 * 64 + 64)  # a layer more: its output, and the gradients of its weights
    assert peaks[1][1] - peaks[0][1] == pytest.approx(2 * kept, rel=0.1)
    assert peaks[2][1] - peaks[1][1] == pytest.approx(4 * kept, rel=0.1)


class Clock:
    """Counts a second each time it is looked at."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        self.now += 1
        return self.now


def test_latency_is_the_median_of_repeats() -> None:
    times = iter([0.0, 0.003, 1.0, 1.001, 2.0, 2.009] + [9.0] * 100)
    model = nn.Linear(2, 2)
    found = nas.profile(model, torch.zeros(1, 2), repeats=3, warmup=0, clock=lambda: next(times))
    assert found.latency_ms == pytest.approx(3.0)
    assert found.latency_range_ms == pytest.approx((1.0, 9.0))
    assert (found.device, found.threads) == ("cpu", torch.get_num_threads())


def test_latency_of_a_layer_leaves_out_those_inside() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.Sequential(nn.ReLU()))
    layers = nas.profile(model, torch.zeros(1, 2), repeats=2, clock=Clock()).layers
    # A look at the clock before and after each of four calls: seven ticks in all, one to each innermost layer.
    assert {layer.name: layer.latency_ms for layer in layers} == {"": 3000.0, "0": 1000.0, "1": 2000.0, "1.0": 1000.0}


def test_threads_are_set_for_the_measurement_alone() -> None:
    before = torch.get_num_threads()
    seen: list[int] = []

    class Asks(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            seen.append(torch.get_num_threads())
            return x

    assert nas.profile(Asks(), torch.zeros(1), repeats=1, threads=before + 1).threads == before + 1
    assert set(seen) == {before + 1}
    assert torch.get_num_threads() == before


def test_the_model_stays_as_it_is() -> None:
    model = nn.Sequential(ResNet(), nn.Dropout())
    model[0].blocks.eval()
    images, labels = batch()
    functional.cross_entropy(model(images), labels).backward()
    before, random = state(model), torch.get_rng_state()
    nas.profile(model, images, training=True, repeats=1)
    assert_same(before, state(model))
    assert torch.equal(random, torch.get_rng_state())


def test_code_in_inference_mode_counts() -> None:
    class Inner(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Linear(3, 4)

        @torch.inference_mode()
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.layer(x)
            return out

    assert macs(Inner(), 2, 3) == 24


def test_operators_that_others_register_count_half_their_operations() -> None:
    from torch.utils import flop_counter

    operator = torch.ops.aten.cumsum
    assert operator not in flop_counter.flop_registry
    flop_counter.register_flop_formula(operator)(lambda shape, *rest, out_shape=None, **kw: 2 * shape.numel())

    class Sums(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.cumsum(0)

    try:
        assert macs(Sums(), 5) == 5
    finally:
        del flop_counter.flop_registry[operator]


def test_metrics_are_those_that_were_measured() -> None:
    plain = nas.profile(nn.Linear(1000, 1000), torch.zeros(1, 1000), repeats=0)
    assert plain.metrics() == {"params_m": 1.001, "macs_m": 1.0, "memory_mib": 8000 / 2**20}
    full = nas.profile(nn.Linear(10, 10), torch.zeros(1, 10), repeats=1, training=True)
    assert set(full.metrics()) == {"params_m", "macs_m", "memory_mib", "training_mib", "latency_ms"}


def test_a_profile_prints_its_layers_and_totals() -> None:
    text = str(nas.profile(ResNet(), batch(1)[0], repeats=1, threads=1, clock=Clock(), training=True))
    lines = text.splitlines()
    assert lines[0].split() == ["layer", "kind", "calls", "output", "params", "macs", "ms"]
    assert "blocks.1.first" in text
    assert "1×8×4×4" in text
    assert lines[-1].endswith("in training, 1000.000 ms on cpu (1 thread)")
    assert len({line.find("Conv2d") for line in lines if " Conv2d " in line}) == 1


def test_a_profile_pickles() -> None:
    found = nas.profile(ResNet(), batch(1)[0], repeats=0)
    assert pickle.loads(pickle.dumps(found)) == found


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (
            lambda: nas.profile(nn.Linear(2, 2), torch.zeros(1, 3), repeats=0),
            r"fails on inputs of \(1, 3\) float32: Runt",
        ),
        (lambda: nas.profile(nn.Linear, torch.zeros(1, 3)), "is a type, not a torch.nn.Module"),
        (lambda: nas.profile(nn.Linear(2, 2), (1, 3, 32)), "hold no tensor"),
        (
            lambda: nas.profile(nn.Linear(2, 2), torch.zeros(1, 2, device="meta")),
            "is on cpu and the inputs are on meta",
        ),
        (lambda: nas.profile(nn.Linear(2, 2), torch.zeros(1, 2), repeats=-1), "repeats=-1 is below 0"),
        (lambda: nas.profile(nn.Linear(2, 2), torch.zeros(1, 2), threads=0), "threads=0 is below 1"),
        (
            lambda: nas.profile(nn.ReLU(), torch.zeros(1, 2), repeats=0, training=True),
            "needs an output that has a gradient",
        ),
    ],
)
def test_what_cannot_be_profiled_is_said(call: Callable[[], object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        call()
