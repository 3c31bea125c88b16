"""Blocks of the mobile networks."""

from collections.abc import Callable, Iterable

from torch import Tensor, nn

Activation = Callable[[], nn.Module]


def conv_norm(
    inputs: int,
    width: int,
    kernel: int = 1,
    stride: int = 1,
    *,
    groups: int = 1,
    activation: Activation | None = nn.ReLU,
) -> list[nn.Module]:
    """A convolution, batch norm, and an activation unless it is None."""
    made: list[nn.Module] = [
        nn.Conv2d(inputs, width, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(width),
    ]
    return made if activation is None else [*made, activation()]


def inverted(
    inputs: int,
    width: int,
    *,
    kernel: int,
    expand: int,
    stride: int = 1,
    activation: Activation = nn.ReLU,
    squeeze: bool = False,
) -> nn.Module:
    """An inverted residual (Sandler et al. 2018): widen, convolve by channel, narrow, add the input.

    Nothing is added where the shape changes.
    """
    hidden = inputs * expand
    body = nn.Sequential(
        *(conv_norm(inputs, hidden, activation=activation) if expand > 1 else []),
        *conv_norm(hidden, hidden, kernel, stride, groups=hidden, activation=activation),
        *([Squeeze(hidden)] if squeeze else []),
        *conv_norm(hidden, width, activation=None),
    )
    return Added(body, nn.Identity()) if stride == 1 and inputs == width else body


def pooled(inputs: int, classes: int) -> list[nn.Module]:
    """Pooling over the image, and a linear classifier."""
    return [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(inputs, classes)]


def eight(channels: float) -> int:
    """The multiple of 8 next to a number of channels, at least 8 and not below nine tenths of it."""
    near = max(8, int(channels + 4) // 8 * 8)
    return near + 8 if near < 0.9 * channels else near


class Chain(nn.Module):
    """A network that is its layers, one after the other."""

    def __init__(self, layers: Iterable[nn.Module]) -> None:
        super().__init__()
        self.layers = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Takes images (batch, channels, height, width); gives (batch, classes)."""
        return self.layers(x)  # type: ignore[no-any-return]


class Added(nn.Module):
    """Adds what two ways give."""

    def __init__(self, body: nn.Module, past: nn.Module) -> None:
        super().__init__()
        self.body, self.past = body, past

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        return self.body(x) + self.past(x)  # type: ignore[no-any-return]


class Squeeze(nn.Module):
    """Weighs the channels by what the whole image says (Hu et al. 2018)."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        hidden = eight(channels // 4)
        self.gate = nn.Sequential(
            nn.AdaptiveAvgPool2d(1),
            nn.Conv2d(channels, hidden, 1),
            nn.ReLU(),
            nn.Conv2d(hidden, channels, 1),
            nn.Hardsigmoid(),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        return x * self.gate(x)  # type: ignore[no-any-return]
