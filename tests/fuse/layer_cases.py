"""The layers that fused training is held against plain torch with, a row of the docs' table each."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.nn.utils import parametrizations
from torch.utils.checkpoint import checkpoint

from tests.fuse.layers import Case, Does, Weighed, of

IMAGE, LINE, ROW, WORDS = (4, 6, 6), (4, 8), (6,), (5, 4)


class Tied(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Embedding(7, 4)
        self.out = nn.Linear(4, 7)
        self.out.weight = self.table.weight

    def forward(self, x: Tensor) -> Tensor:
        return self.out(self.table(x))


class Partly(nn.Module):
    """A backbone that is not trained, and a head that is."""

    def __init__(self, seed: int | None) -> None:
        super().__init__()
        self.head = nn.Linear(5, 2)
        if seed is not None:
            torch.manual_seed(seed)
        self.back = nn.Sequential(nn.Linear(6, 5), nn.ReLU(inplace=True), nn.BatchNorm1d(5))
        self.back.requires_grad_(False).eval()

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.back(x))


class Counting(nn.Module):
    """Buffers: one that does not change, one that changes in place, one that is bound anew."""

    def __init__(self) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.rand(6))
        self.register_buffer("scale", torch.rand(6) + 0.5)
        self.register_buffer("mean", torch.zeros(6))
        self.register_buffer("count", torch.tensor(0))

    def forward(self, x: Tensor) -> Tensor:
        y = x * self.weight * self.scale
        if self.training:
            self.mean.mul_(0.9).add_(0.1 * y.detach().mean(0))
            self.count = self.count + 1
        return y - 0.1 * self.mean


class Rotary(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.angle = nn.Parameter(torch.rand(3))

    def forward(self, x: Tensor) -> Tensor:
        turned = torch.view_as_complex(x.unflatten(-1, (3, 2)).contiguous()) * torch.polar(
            torch.ones(3).double(), self.angle
        )
        return torch.view_as_real(turned).flatten(1)


class Heads(nn.Module):
    def __init__(self, causal: bool) -> None:
        super().__init__()
        self.into, self.causal = nn.Linear(4, 12), causal

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = (part.unflatten(-1, (2, 2)).transpose(1, 2) for part in self.into(x).chunk(3, -1))
        return F.scaled_dot_product_attention(q, k, v, is_causal=self.causal).transpose(1, 2).flatten(2)


class Attending(nn.Module):
    def __init__(self, **settings: object) -> None:
        super().__init__()
        self.attend = nn.MultiheadAttention(4, 2, batch_first=True, **settings)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        return self.attend(x, x, x)[0]


class Recurrent(nn.Module):
    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, x: Tensor) -> Tensor:
        return self.layer(x)[0]


class Cell(nn.Module):
    def __init__(self, cell: nn.Module) -> None:
        super().__init__()
        self.cell = cell

    def forward(self, x: Tensor) -> Tensor:
        state = None
        for part in x.unbind(1):
            state = self.cell(part, state)
        return state[0] if isinstance(state, tuple) else state


class Pair(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.join = nn.Linear(6, 3), nn.Bilinear(3, 6, 4)

    def forward(self, x: Tensor) -> Tensor:
        return self.join(self.first(x), x)


class Square(torch.autograd.Function):
    @staticmethod
    def forward(ctx: object, x: Tensor) -> Tensor:
        ctx.save_for_backward(x)  # type: ignore[attr-defined]
        return x * x

    @staticmethod
    def backward(ctx: object, grad: Tensor) -> Tensor:
        (x,) = ctx.saved_tensors  # type: ignore[attr-defined]
        return grad * x  # half of the right one, so that one sees which is taken


class Thrifty(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))

    def forward(self, x: Tensor) -> Tensor:
        return checkpoint(self.body, x, use_reentrant=False)


def does(function: Callable[..., Tensor], *shape: int) -> Callable[[int], nn.Module]:
    return of(lambda: Does(function), *shape)


def in_place(x: Tensor) -> Tensor:
    y = x * 2
    y[:, 0] = x[:, 1]
    y[:, 2:4] += 1
    y.mul_(0.5).clamp_(-2)
    out = torch.zeros(len(x), 3, dtype=x.dtype)
    out[:, 1] = y[:, 0]
    return torch.cat([out, y], 1)


def gathered(x: Tensor) -> Tensor:
    index = x.detach().argsort(1)
    taken = x.gather(1, index)[:, ::2]
    added = torch.zeros_like(x).scatter_add(1, index, x.square())
    return torch.cat([taken, added, x.index_select(1, torch.tensor([3, 1])), x[:, [0, 2, 2]]], 1)


def contrast(output: Tensor, target: Tensor) -> Tensor:
    return (F.cosine_similarity(output[1:], output[:-1]) * target[1:]).mean() + output.square().mean()


LINEAR = [
    Case("Linear", lambda k: nn.Linear(6, 3), examples=11),
    Case("Linear without bias, of sequences", lambda k: nn.Linear(4, 3, bias=False), WORDS),
    Case("Bilinear", lambda k: Pair()),
    Case("Embedding", lambda k: nn.Embedding(7, 3), (5,), classes=7, examples=11),
    Case("Embedding, padding_idx", lambda k: nn.Embedding(7, 3, padding_idx=2), (5,), classes=7),
    Case("Embedding, scale_grad_by_freq", lambda k: nn.Embedding(7, 3, scale_grad_by_freq=True), (5,), classes=7),
    Case("Embedding, max_norm", lambda k: nn.Embedding(7, 3, max_norm=1.0), (5,), classes=7, why="weight"),
    Case("EmbeddingBag, mean", lambda k: nn.EmbeddingBag(7, 3), (5,), classes=7),
    Case("EmbeddingBag, sum", lambda k: nn.EmbeddingBag(7, 3, mode="sum"), (5,), classes=7),
    Case("EmbeddingBag, max", lambda k: nn.EmbeddingBag(7, 3, mode="max"), (5,), classes=7),
    Case("tied weights", lambda k: Tied(), (5,), classes=7),
    Case("parts not trained, the same in all", lambda k: Partly(5), examples=11),
    Case("parts not trained, another in each", lambda k: Partly(None)),
    Case("buffers, changed and bound anew", lambda k: Counting()),
]

CONVOLUTIONS = [
    Case("Conv1d", of(lambda: nn.Conv1d(4, 3, 3), *LINE), LINE),
    Case("Conv2d", of(lambda: nn.Conv2d(4, 3, 3, padding=1), *IMAGE), IMAGE, examples=11),
    Case(
        "Conv2d, padding='same', reflect",
        of(lambda: nn.Conv2d(4, 3, 3, padding="same", padding_mode="reflect"), *IMAGE),
        IMAGE,
    ),
    Case("Conv3d", of(lambda: nn.Conv3d(2, 3, 2), 2, 3, 4, 3), (2, 3, 4, 3)),
    Case("Conv2d of the input", lambda k: nn.Conv2d(4, 3, 3), IMAGE),
    Case("Conv2d, stride, dilation", of(lambda: nn.Conv2d(4, 3, 2, stride=2, dilation=2, padding=1), *IMAGE), IMAGE),
    Case("Conv2d, groups", of(lambda: nn.Conv2d(4, 6, 3, groups=2), *IMAGE), IMAGE),
    Case("Conv2d, depthwise", lambda k: nn.Conv2d(4, 8, 3, groups=4, bias=False), IMAGE),
    Case("ConvTranspose1d", of(lambda: nn.ConvTranspose1d(4, 3, 3, stride=2), *LINE), LINE),
    Case(
        "ConvTranspose2d",
        of(lambda: nn.ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2), *IMAGE),
        IMAGE,
    ),
    Case("Unfold, Fold", of(lambda: nn.Sequential(nn.Unfold(2), Does(torch.tanh), nn.Fold((6, 6), 2)), *IMAGE), IMAGE),
]

NORMS = [
    Case("BatchNorm1d", of(lambda: nn.BatchNorm1d(6), 6), examples=11),
    Case("BatchNorm1d of sequences", of(lambda: nn.BatchNorm1d(4), *LINE), LINE),
    Case("BatchNorm2d", of(lambda: nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU()), *IMAGE), IMAGE),
    Case("BatchNorm3d", of(lambda: nn.BatchNorm3d(2), 2, 3, 4, 3), (2, 3, 4, 3)),
    Case(
        "BatchNorm2d, momentum=None",
        of(lambda: nn.BatchNorm2d(4, momentum=None), *IMAGE),
        IMAGE,
        why="depends on the values of its tensors",
    ),
    Case("BatchNorm2d, affine=False", of(lambda: nn.BatchNorm2d(4, affine=False), *IMAGE), IMAGE),
    Case(
        "BatchNorm2d, track_running_stats=False",
        of(lambda: nn.BatchNorm2d(4, track_running_stats=False), *IMAGE),
        IMAGE,
    ),
    Case("LayerNorm", of(lambda: nn.LayerNorm(4), *WORDS), WORDS),
    Case("LayerNorm, no bias, two dimensions", of(lambda: nn.LayerNorm(WORDS, bias=False), *WORDS), WORDS),
    Case("GroupNorm", of(lambda: nn.GroupNorm(2, 4), *IMAGE), IMAGE),
    Case("InstanceNorm2d", of(lambda: nn.InstanceNorm2d(4), *IMAGE), IMAGE),
    Case(
        "InstanceNorm1d, affine, running statistics",
        of(lambda: nn.InstanceNorm1d(4, affine=True, track_running_stats=True), *LINE),
        LINE,
    ),
    Case("RMSNorm", of(lambda: nn.RMSNorm(4), *WORDS), WORDS),
    Case("LocalResponseNorm", of(lambda: nn.LocalResponseNorm(2), *IMAGE), IMAGE),
    Case("weight_norm", lambda k: parametrizations.weight_norm(nn.Linear(6, 3))),
    Case("spectral_norm", lambda k: parametrizations.spectral_norm(nn.Linear(6, 3))),
]

SEQUENCES = [
    Case("LSTM", lambda k: Recurrent(nn.LSTM(4, 3, batch_first=True)), WORDS, examples=11),
    Case(
        "LSTM, 2 layers, both ways", lambda k: Recurrent(nn.LSTM(4, 3, 2, bidirectional=True, batch_first=True)), (3, 4)
    ),
    Case(
        "LSTM, dropout, projections",
        lambda k: Recurrent(nn.LSTM(4, 3, 2, dropout=0.3, proj_size=2, batch_first=True)),
        (3, 4),
    ),
    Case("GRU", lambda k: Recurrent(nn.GRU(4, 3, 2, batch_first=True)), (3, 4)),
    Case(
        "GRU, time first",
        lambda k: nn.Sequential(
            Does(lambda x: x.transpose(0, 1)), Recurrent(nn.GRU(4, 3)), Does(lambda x: x.transpose(0, 1))
        ),
        (3, 4),
    ),
    Case(
        "RNN, relu, both ways",
        lambda k: Recurrent(nn.RNN(4, 3, nonlinearity="relu", bidirectional=True, batch_first=True)),
        (3, 4),
    ),
    Case("LSTMCell", lambda k: Cell(nn.LSTMCell(4, 3)), (3, 4)),
    Case("GRUCell", lambda k: Cell(nn.GRUCell(4, 3)), (3, 4)),
    Case("MultiheadAttention", lambda k: Attending(), WORDS, examples=11),
    Case("MultiheadAttention, dropout", lambda k: Attending(dropout=0.2), WORDS),
    Case("scaled_dot_product_attention", lambda k: Heads(False), WORDS),
    Case("scaled_dot_product_attention, causal", lambda k: Heads(True), WORDS),
    Case("TransformerEncoderLayer", lambda k: nn.TransformerEncoderLayer(4, 2, 6, 0.1, batch_first=True), WORDS),
    Case(
        "TransformerEncoderLayer, norm_first, gelu",
        lambda k: nn.TransformerEncoderLayer(4, 2, 6, 0.0, "gelu", batch_first=True, norm_first=True),
        WORDS,
    ),
]

_ACTIVATIONS: list[tuple[str, Callable[[], nn.Module]]] = [
    *(
        (layer.__name__, layer)
        for layer in (nn.ReLU, nn.ReLU6, nn.LeakyReLU, nn.ELU, nn.CELU, nn.SELU, nn.GELU, nn.SiLU, nn.Mish)
    ),
    *((layer.__name__, layer) for layer in (nn.Softplus, nn.Softsign, nn.Softshrink, nn.Hardshrink, nn.Tanhshrink)),
    *(
        (layer.__name__, layer)
        for layer in (nn.Tanh, nn.Sigmoid, nn.LogSigmoid, nn.Hardsigmoid, nn.Hardswish, nn.Hardtanh)
    ),
    ("Threshold", lambda: nn.Threshold(0.1, 0.5)),
    ("GELU, tanh", lambda: nn.GELU("tanh")),
    ("GLU", nn.GLU),
    ("PReLU", lambda: nn.PReLU(6)),
    ("RReLU", nn.RReLU),
    ("Softmax", lambda: nn.Softmax(-1)),
    ("Softmin", lambda: nn.Softmin(1)),
    ("LogSoftmax", lambda: nn.LogSoftmax(1)),
]
ACTIVATIONS = [Case(name, of(layer, 6)) for name, layer in _ACTIVATIONS]

POOLS = [
    Case("MaxPool1d", of(lambda: nn.MaxPool1d(2), *LINE), LINE),
    Case("MaxPool2d", of(lambda: nn.MaxPool2d(2), *IMAGE), IMAGE, examples=11),
    Case("MaxPool2d, ceil_mode, padding", of(lambda: nn.MaxPool2d(3, 2, 1, ceil_mode=True), *IMAGE), IMAGE),
    Case("MaxPool3d", of(lambda: nn.MaxPool3d(2), 2, 4, 4, 4), (2, 4, 4, 4)),
    Case("AvgPool1d", of(lambda: nn.AvgPool1d(2), *LINE), LINE),
    Case(
        "AvgPool2d, ceil_mode", of(lambda: nn.AvgPool2d(4, 3, ceil_mode=True, count_include_pad=False), *IMAGE), IMAGE
    ),
    Case("AdaptiveAvgPool1d", of(lambda: nn.AdaptiveAvgPool1d(3), *LINE), LINE),
    Case("AdaptiveAvgPool2d", of(lambda: nn.AdaptiveAvgPool2d((4, 3)), *IMAGE), IMAGE),
    Case("AdaptiveAvgPool2d(1)", of(lambda: nn.AdaptiveAvgPool2d(1), *IMAGE), IMAGE),
    Case("AdaptiveMaxPool1d", of(lambda: nn.AdaptiveMaxPool1d(3), *LINE), LINE),
    Case("AdaptiveMaxPool2d", of(lambda: nn.AdaptiveMaxPool2d(4), *IMAGE), IMAGE),
    Case("LPPool2d", of(lambda: nn.Sequential(Does(torch.exp), nn.LPPool2d(2, 2)), *IMAGE), IMAGE),
    Case("Upsample, nearest", of(lambda: nn.Upsample(scale_factor=2), *IMAGE), IMAGE),
    Case("interpolate, bilinear", does(lambda x: F.interpolate(x, size=(4, 9), mode="bilinear"), *IMAGE), IMAGE),
    Case("PixelShuffle", of(lambda: nn.PixelShuffle(2), *IMAGE), IMAGE),
    Case("ZeroPad2d", of(lambda: nn.ZeroPad2d((1, 0, 2, 1)), *IMAGE), IMAGE),
    Case("ReflectionPad1d", of(lambda: nn.ReflectionPad1d(2), *LINE), LINE),
    Case("Flatten, Unflatten", of(lambda: nn.Sequential(nn.Flatten(), nn.Unflatten(1, (2, 72))), *IMAGE), IMAGE),
]

NOISE = [
    Case("Dropout, a rate for each", lambda k: nn.Sequential(Weighed(6), nn.Dropout(0.1 + 0.2 * k)), examples=11),
    Case("Dropout1d, a rate for each", lambda k: nn.Sequential(Weighed(*LINE), nn.Dropout1d(0.1 + 0.2 * k)), LINE),
    Case("Dropout2d, a rate for each", lambda k: nn.Sequential(Weighed(*IMAGE), nn.Dropout2d(0.1 + 0.2 * k)), IMAGE),
    Case("AlphaDropout, a rate for each", lambda k: nn.Sequential(Weighed(6), nn.AlphaDropout(0.1 + 0.2 * k))),
    Case(
        "FeatureAlphaDropout, a rate for each",
        lambda k: nn.Sequential(Weighed(*IMAGE), nn.FeatureAlphaDropout(0.1 + 0.2 * k)),
        IMAGE,
    ),
    Case("functional dropout", does(lambda x: F.dropout(x, 0.3), 6)),
    Case("randn_like", does(lambda x: x + 0.1 * torch.randn_like(x), 6)),
    Case("rand", does(lambda x: x * torch.rand(len(x), 1), 6)),
    Case("multinomial", does(lambda x: x[:, torch.multinomial(torch.ones(6), 3)], 6), why="multinomial"),
    Case("randint", does(lambda x: x[:, torch.randint(6, (3,))], 6), why="randint"),
]

LOSSES = [
    Case(
        "cross_entropy, smoothing for each",
        lambda k: nn.Linear(6, 3),
        loss="cross_entropy",
        target="class",
        smoothing=(0.05, 0.1, 0.3),
        examples=11,
    ),
    Case("mse", lambda k: nn.Linear(6, 6), loss="mse", target="numbers"),
    Case(
        "bce, smoothing for each", lambda k: nn.Linear(6, 6), loss="bce", target="numbers", smoothing=(0.05, 0.1, 0.3)
    ),
    Case("own loss: huber_loss", lambda k: nn.Linear(6, 6), loss=F.huber_loss, target="numbers"),
    Case("own loss: smooth_l1_loss", lambda k: nn.Linear(6, 6), loss=F.smooth_l1_loss, target="numbers"),
    Case(
        "own loss: kl_div",
        lambda k: nn.Linear(6, 6),
        loss=lambda o, y: F.kl_div(o.log_softmax(-1), y, reduction="batchmean"),
        target="numbers",
    ),
    Case(
        "own loss: nll_loss",
        lambda k: nn.Linear(6, 3),
        loss=lambda o, y: F.nll_loss(o.log_softmax(-1), y),
        target="class",
    ),
    Case(
        "own loss: cross_entropy of torch",
        lambda k: nn.Linear(6, 3),
        loss=lambda o, y: F.cross_entropy(o, y, label_smoothing=0.1),
        target="class",
    ),
    Case("own loss: cosine_similarity", lambda k: nn.Linear(6, 3), loss=contrast),
]

OTHERS = [
    Case(
        "cumsum, cumprod, logcumsumexp", does(lambda x: torch.cat([x.cumsum(1), x.cumprod(1), x.logcumsumexp(1)], 1), 6)
    ),
    Case("einsum", does(lambda x: torch.einsum("bij,bkj->bik", x, x.tanh()), *WORDS), WORDS),
    Case("gather, scatter_add, index", does(gathered, 6)),
    Case("in place", does(in_place, 6)),
    Case(
        "sort, topk, max, norm",
        does(
            lambda x: torch.cat(
                [x.sort(1)[0], x.topk(2, 1)[0], x.max(1, keepdim=True)[0], x.norm(dim=1, keepdim=True)], 1
            ),
            6,
        ),
    ),
    Case(
        "where, roll, flip, outer",
        does(
            lambda x: torch.cat(
                [torch.where(x > 0, x, -2 * x).roll(1, 1), x.flip(1), (x[:, :, None] * x[:, None]).flatten(1)], 1
            ),
            6,
        ),
    ),
    Case("var, std, median, prod", does(lambda x: torch.stack([x.var(1), x.std(1), x.median(1)[0], x.prod(1)], 1), 6)),
    Case(
        "matmul, inverse, determinant",
        does(lambda x: torch.linalg.inv(x @ x.mT + 4 * torch.eye(4).double()) @ x, 4, 4),
        (4, 4),
    ),
    Case("cdist", does(lambda x: torch.cdist(x, x.flip(1)), *WORDS), WORDS),
    Case("fft", does(lambda x: torch.fft.irfft(torch.fft.rfft(x) * (1 + 0.5j), n=6), 6)),
    Case("complex products", lambda k: Rotary()),
    Case("mixed types", does(lambda x: (x.float() * torch.tensor(2)).double() + x.round().long() // 2, 6)),
    Case("own autograd.Function", does(Square.apply, 6)),
    Case("activation checkpointing", lambda k: Thrifty()),
    Case("a constant of the module", does(lambda x: x * torch.tensor([1.0, 2.0, 3.0, 4.0, 5.0, math.pi]).double(), 6)),
    Case(
        "control flow by data",
        does(lambda x: x * 2 if x.sum() > 0 else x, 6),
        why="depends on the values of its tensors",
    ),
    Case("item()", does(lambda x: x * x.max().item(), 6), why="depends on the values of its tensors"),
    Case("nonzero", does(lambda x: torch.zeros(len(x), 2) + x[x > 0].mean(), 6), why="the shape of a result depends"),
]

CASES = [*LINEAR, *CONVOLUTIONS, *NORMS, *SEQUENCES, *ACTIVATIONS, *POOLS, *NOISE, *LOSSES, *OTHERS]
