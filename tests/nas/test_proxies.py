"""Each proxy against its formula, worked out another way, and what all of them promise."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional

from lanista import nas
from lanista.errors import UsageError
from lanista.nas import proxies
from tests.nas.nets import ResNet, assert_same, batch, state


def mlp(dtype: torch.dtype = torch.float64) -> nn.Sequential:
    torch.manual_seed(3)
    return nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3)).to(dtype)


def points(size: int = 5, dtype: torch.dtype = torch.float64) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(size, 4, dtype=dtype, generator=generator), torch.randint(3, (size,), generator=generator)


def numbers(model: nn.Sequential) -> list[np.ndarray[Any, Any]]:
    return [param.detach().numpy() for param in model.parameters()]


def slopes(model: nn.Sequential, x: np.ndarray[Any, Any], y: np.ndarray[Any, Any]) -> tuple[Any, Any]:
    """The gradients of the cross entropy over both weights, by hand."""
    w1, b1, w2, b2 = numbers(model)
    hidden = np.maximum(x @ w1.T + b1, 0)
    logits = hidden @ w2.T + b2
    chances = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    error = (chances - np.eye(3)[y]) / len(x)
    return ((error @ w2) * (hidden > 0)).T @ x, error.T @ hidden


def test_synflow_is_the_sum_over_all_paths() -> None:
    model = mlp()
    w1, b1, w2, _ = (np.abs(value) for value in numbers(model))
    first = (w2.sum(0) * w1.sum(1)).sum()  # every path passes one weight of each layer
    second = (w2.sum(0) * (w1.sum(1) + b1)).sum()  # and those from the biases one of the last
    assert proxies.synflow(model, points()[0]) == pytest.approx(first + second)


def test_synflow_leaves_normalisation_out() -> None:
    torch.manual_seed(0)
    plain = nn.Sequential(nn.Linear(4, 6), nn.ReLU(), nn.Linear(6, 3))
    for norm in (nn.BatchNorm1d(6), nn.LayerNorm(6), nn.GroupNorm(2, 6)):
        normed = nn.Sequential(plain[0], norm, nn.ReLU(inplace=True), plain[2])
        assert proxies.synflow(normed, torch.zeros(1, 4)) == pytest.approx(proxies.synflow(plain, torch.zeros(1, 4)))


def test_synflow_sees_no_data() -> None:
    model = ResNet()
    assert proxies.synflow(model, torch.zeros(1, 3, 8, 8)) == proxies.synflow(model, batch()[0])


def test_snip_and_grad_norm_use_the_gradient_of_the_loss() -> None:
    model, (x, y) = mlp(), points()
    first, second = slopes(model, x.numpy(), y.numpy())
    w1, _, w2, _ = numbers(model)
    assert proxies.snip(model, x, y) == pytest.approx(np.abs(w1 * first).sum() + np.abs(w2 * second).sum())
    assert proxies.grad_norm(model, x, y) == pytest.approx(np.linalg.norm(first) + np.linalg.norm(second))


def test_grasp_is_the_change_of_the_gradients_flow() -> None:
    model, (x, y) = mlp(), points()
    gradient = slopes(model, x.numpy(), y.numpy())
    weights = [model[0].weight.data, model[2].weight.data]
    at, step, ends = [weight.clone() for weight in weights], 1e-5, []
    for sign in (1, -1):
        for weight, start, slope in zip(weights, at, gradient, strict=True):
            weight.copy_(start + sign * step * torch.from_numpy(slope))
        ends.append(slopes(model, x.numpy(), y.numpy()))
    for weight, start in zip(weights, at, strict=True):
        weight.copy_(start)
    product = [(up - down) / (2 * step) for up, down in zip(*ends, strict=True)]
    expected = -sum((start.numpy() * part).sum() for start, part in zip(at, product, strict=True))
    assert proxies.grasp(model, x, y) == pytest.approx(expected, rel=1e-5)


def test_jacob_cov_is_of_the_eigenvalues_of_the_correlations() -> None:
    model, (x, _) = mlp(), points()
    w1, b1, w2, _ = numbers(model)
    rows = ((x.numpy() @ w1.T + b1 > 0) * w2.sum(0)) @ w1
    values = np.linalg.eigvalsh(np.corrcoef(rows)).clip(0) + 1e-5
    assert proxies.jacob_cov(model, x) == pytest.approx(-(np.log(values) + 1 / values).sum(), rel=1e-4)


def test_jacob_cov_of_inputs_without_influence_is_nan() -> None:
    model = mlp()
    nn.init.zeros_(model[2].weight)
    assert np.isnan(proxies.jacob_cov(model, points()[0]))


def kernel(*codes: np.ndarray[Any, Any]) -> float:
    equal = sum((code[:, None] == code[None]).reshape(len(code), len(code), -1).sum(2) for code in codes)
    return float(np.linalg.slogdet(equal)[1])


def test_naswot_counts_equal_switches() -> None:
    model, (x, _) = mlp(), points(6)
    w1, b1, *_ = numbers(model)
    assert proxies.naswot(model, x) == pytest.approx(kernel(x.numpy() @ w1.T + b1 > 0))


@pytest.mark.parametrize(
    "relu",
    [
        functional.relu,
        lambda x: x.clone().relu_(),
        functional.relu6,
        functional.leaky_relu,
        lambda x: x.clamp(min=0),
        lambda x: functional.threshold(x, 0, 0),
        lambda x: functional.prelu(x, torch.tensor([0.2])),
    ],
)
def test_naswot_sees_relus_in_functional_code(relu: Callable[[torch.Tensor], torch.Tensor]) -> None:
    class Code(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return relu(x) + relu(x - 0.5) + x.clamp(-1, 1)

    x = points(6, torch.float32)[0]
    assert proxies.naswot(Code(), x) == pytest.approx(kernel((x > 0).numpy(), (x > 0.5).numpy()), rel=1e-5)


def test_naswot_of_equal_inputs_is_the_worst() -> None:
    assert proxies.naswot(mlp(), torch.ones(3, 4, dtype=torch.float64)) == float("-inf")


def test_zen_is_the_logarithm_of_how_far_features_move() -> None:
    class Line(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.zeros(1, 1))

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x @ self.weight

    x = torch.zeros(20_000, 1)
    # |w| · noise · E|ε| · ... where w is drawn once: over many networks E log|w| of the normal distribution is −0.635
    expected = np.log(0.01 * np.sqrt(2 / np.pi)) - 0.635
    assert proxies.zen(Line(), x, repeats=300) == pytest.approx(expected, abs=0.2)
    assert proxies.zen(Line(), x, noise=0.1) == pytest.approx(proxies.zen(Line(), x) + np.log(10), abs=1e-3)


def test_zen_gives_back_the_scale_that_normalisation_takes() -> None:
    plain = nn.Sequential(nn.Conv2d(3, 8, 1, bias=False))
    normed = nn.Sequential(*plain, nn.BatchNorm2d(8))
    images = torch.zeros(64, 3, 8, 8)
    assert proxies.zen(normed, images) == pytest.approx(proxies.zen(plain, images), abs=0.05)


def test_zen_compares_what_is_pooled() -> None:
    class Features(ResNet):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return self.features(x)

    images = batch()[0]
    expected = proxies.zen(Features(), images)
    assert proxies.zen(ResNet(), images) == expected
    assert proxies.zen(ResNet(), images, features="blocks") == expected
    assert proxies.zen(ResNet(), images, features="head") != expected
    flat = nn.Sequential(Features(), nn.Flatten(), nn.Linear(8 * 16, 10))
    assert proxies.zen(flat, images) == proxies.zen(flat, images, features="0")


def test_params_and_flops() -> None:
    assert proxies.params(mlp()) == 4 * 6 + 6 + 6 * 3 + 3
    assert proxies.flops(mlp(), points()[0]) == 2 * 5 * (4 * 6 + 6 * 3)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_everything_stays_as_it_is(dtype: torch.dtype) -> None:
    model = nn.Sequential(ResNet(), nn.Dropout(0.5)).to(dtype)
    model[0].blocks[0].eval()
    model[0].head.weight.requires_grad_(False)
    images, labels = batch()
    images = images.to(dtype)
    functional.cross_entropy(model(images), labels).backward()
    before, random, given = state(model), torch.get_rng_state(), images.clone()
    with torch.no_grad():
        first = proxies.score(model, (images, labels))
    assert set(first) == set(proxies.NAMES)
    assert all(isinstance(value, float) for value in first.values())
    assert_same(before, state(model))
    assert torch.equal(random, torch.get_rng_state())
    assert torch.equal(images, given)
    assert not images.requires_grad
    torch.manual_seed(77)
    assert proxies.score(model, (images, labels)) == first
    assert proxies.score(model, (images, labels), ["zen", "snip"], seed=1) != {
        name: first[name] for name in ("zen", "snip")
    }


def test_precision_matters_little() -> None:
    model, (images, labels) = ResNet(), batch()
    single = proxies.score(model, (images, labels))
    double = proxies.score(model.double(), (images.double(), labels))
    for name in ("synflow", "snip", "grasp", "grad_norm", "jacob_cov", "naswot"):
        assert single[name] == pytest.approx(double[name], rel=1e-3), name


def test_a_batch_without_targets_serves_the_proxies_that_need_none() -> None:
    found = proxies.score(ResNet(), (batch()[0], None))
    assert set(found) == {"synflow", "jacob_cov", "naswot", "zen", "params", "flops"}


def test_a_loss_of_ones_own() -> None:
    model, (x, _) = mlp(), points()
    names = ["snip", "grasp", "grad_norm"]
    found = proxies.score(model, (x, torch.zeros(5, 3).double()), names, loss=functional.mse_loss)
    assert found == proxies.score(model, (x, 0.0), names, loss=lambda output, _: (output**2).mean())


def test_weights_without_influence_count_nothing() -> None:
    class Spare(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.used, self.spare = mlp(), nn.Linear(5, 5)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            out: torch.Tensor = self.used(x)
            return out

    names = ["synflow", "snip", "grasp", "grad_norm"]
    assert proxies.score(Spare().double(), points(), names) == proxies.score(mlp(), points(), names)


class Tokens(nn.Module):
    """A model of integers, whose embedding is no weight that proxies sum over."""

    def __init__(self) -> None:
        super().__init__()
        self.table, self.layer = nn.Embedding(7, 4), nn.Linear(4, 64)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        out: torch.Tensor = self.layer(self.table(x).mean(1)).relu()
        return out


def test_models_of_tokens_have_the_proxies_of_losses_and_relus() -> None:
    tokens, labels = torch.arange(20).reshape(4, 5) % 7, torch.arange(4) % 3
    found = proxies.score(Tokens(), (tokens, labels), ["snip", "grasp", "grad_norm", "naswot", "params", "flops"])
    assert found["params"] == 28 + 5 * 64
    assert np.isfinite(list(found.values())).all()
    for name in ("synflow", "jacob_cov", "zen"):
        with pytest.raises(UsageError, match=f"{name} needs one input of real numbers, and was given 1 of int64"):
            proxies.score(Tokens(), (tokens, labels), [name])


def test_attention_can_be_differentiated_twice() -> None:
    model = nn.Sequential(
        nn.TransformerEncoderLayer(4, 2, 8, dropout=0.1, batch_first=True), nn.Flatten(), nn.Linear(12, 3)
    )
    found = proxies.score(model, (torch.randn(5, 3, 4), torch.arange(5) % 3))
    assert np.isfinite(list(found.values())).all()


class Pair(nn.Module):
    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        return x, x


class Cut(nn.Linear):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return super().forward(x).detach()


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: proxies.score(mlp(), points(), ["synflo"]), "there is no proxy 'synflo': the names are synflow, snip"),
        (lambda: proxies.score(mlp(), points()[0]), r"the batch is a Tensor: give a pair"),
        (lambda: proxies.score(mlp(), (points()[0], None), ["snip"]), "snip needs targets"),
        (lambda: proxies.snip(mlp(), *points(5, torch.float32)), "fails on inputs of .* RuntimeError"),
        (
            lambda: proxies.snip(mlp(), points()[0], torch.zeros(5, 9)),
            r"the loss fails on an output and targets of \(5, 3\) float64, \(5, 9\)",
        ),
        (lambda: proxies.snip(mlp(), *points(), loss=lambda a, b: a), "the loss has 15 numbers: it must have one"),
        (lambda: proxies.synflow(nn.ReLU(), points()[0]), "synflow sums over weights, and ReLU has none"),
        (
            lambda: proxies.naswot(nn.Linear(4, 3), torch.zeros(2, 4)),
            "naswot compares how ReLUs switch, and Linear has none",
        ),
        (lambda: proxies.naswot(mlp(), points(1)[0]), "naswot compares inputs with each other, and was given"),
        (lambda: proxies.jacob_cov(Pair(), points()[0]), "gives a tuple, and a proxy needs one tensor"),
        (lambda: proxies.grad_norm(Cut(4, 3).double(), *points()), "has no gradient: its forward may not detach"),
        (lambda: proxies.zen(mlp(), points()[0], features="9"), "features='9' is no layer of the model"),
        (lambda: proxies.zen(mlp(), points()[0], repeats=0), "repeats=0 and noise=0.01"),
        (lambda: proxies.snip(mlp, *points()), "the model is a function, not a torch.nn.Module"),
    ],
)
def test_what_cannot_be_computed_is_said(call: Callable[[], object], match: str) -> None:
    with pytest.raises(UsageError, match=match):
        call()


def test_a_model_that_cannot_be_copied_is_refused() -> None:
    model = nn.Linear(4, 3)
    model.extra = model(torch.zeros(1, 4))
    with pytest.raises(UsageError, match="the model cannot be copied, which is how it is left untouched"):
        proxies.synflow(model, torch.zeros(1, 4))


class Widths:
    """A space: anything that draws and builds."""

    def sample(self, rng: np.random.Generator, n: int = 1) -> list[dict[str, Any]]:
        return [{"width": int(width)} for width in rng.integers(1, 9, n)]

    def build(self, params: dict[str, Any]) -> nn.Module:
        return nn.Sequential(nn.Linear(4, params["width"]), nn.ReLU(), nn.Linear(params["width"], 3))


def test_members_are_ranked_once_each_the_best_first() -> None:
    x, y = points(5, torch.float32)
    ranked = proxies.rank(Widths(), (x, y), "params", members=50)
    assert [member.params["width"] for member in ranked] == [8, 7, 6, 5, 4, 3, 2, 1]
    assert ranked[0].score == 8 * 4 + 8 + 8 * 3 + 3
    torch.manual_seed(5)
    state_before = torch.get_rng_state()
    again = proxies.rank(Widths(), (x, y), "synflow", members=9)
    assert torch.equal(state_before, torch.get_rng_state())
    assert again == proxies.rank(Widths(), (x, y), "synflow", members=9)


def test_members_whose_score_is_nan_come_last() -> None:
    class Dead(Widths):
        def build(self, params: dict[str, Any]) -> nn.Module:
            model = super().build(params)
            if params["width"] > 4:
                nn.init.zeros_(next(model.parameters()))
            return model

    ranked = proxies.rank(Dead(), (points(5, torch.float32)[0], None), "jacob_cov", members=30)
    dead = [bool(np.isnan(member.score)) for member in ranked]
    assert dead == sorted(dead)
    assert 4 <= sum(dead) < len(dead)
    with pytest.raises(UsageError, match="members=0: give 1 or more"):
        proxies.rank(Dead(), points(), "jacob_cov", members=0)


def test_names_are_those_of_the_functions() -> None:
    assert all(getattr(nas.proxies, name) is function for name, function in proxies.NAMES.items())
