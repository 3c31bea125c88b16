"""The space of Single Path One-Shot around ShuffleNetV2."""

from functools import partial

import torch
from torch import Tensor, nn

from lanista.nas._choices import LayerChoice
from lanista.nas.hub._mobile import Chain, conv_norm, eight, pooled

STAGES = ((64, 4), (160, 4), (320, 8), (640, 4))
"""Of each stage the channels and the blocks."""


class ShuffleNetV2(Chain):
    """20 blocks, each with a kernel of 3, 5 or 7, or with three depthwise-separable convolutions as in Xception.

    Guo, Zhang, Mu, Heng, Liu, Wei, Sun, *Single Path One-Shot Neural Architecture Search with Uniform Sampling*, 2020.
    The space has 4²⁰ = 1,099,511,627,776 ≈ 1.1·10¹² members, as the paper says. Its search
    for channels and bit widths is not here.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: multiplies all channels, which are then rounded to multiples of 8.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.ShuffleNetV2, width=0.25).size == 4**20
    True
    """

    def __init__(self, classes: int = 1000, inputs: int = 3, *, width: float = 1.0) -> None:
        channels, head = eight(16 * width), eight(1024 * width)
        layers = conv_norm(inputs, channels, 3, 2)
        for stage, (wide, blocks) in enumerate(STAGES, 1):
            for i in range(blocks):
                make = partial(Shuffle, channels, eight(wide * width), stride=1 if i else 2)
                candidates = {f"shuffle_{kernel}x{kernel}": partial(make, kernel=kernel) for kernel in (3, 5, 7)}
                layers.append(LayerChoice(candidates | {"xception": partial(make)}, name=f"stage{stage}/block{i}"))
                channels = eight(wide * width)
        super().__init__([*layers, *conv_norm(channels, head), *pooled(head, classes)])


class Shuffle(nn.Module):
    """Works on one half of the channels, and mixes the halves (Ma et al. 2018).

    With a stride of two, both halves come from all of the input.

    Args:
        inputs: channels that it takes.
        width: channels that it gives.
        stride: 1 or 2.
        kernel: of its convolution by channel; None: three separable convolutions of 3 x 3.
    """

    def __init__(self, inputs: int, width: int, *, stride: int, kernel: int | None = None) -> None:
        super().__init__()
        half, taken = width // 2, inputs if stride == 2 else inputs // 2
        side = kernel or 3
        self.past: nn.Module | None = None
        if stride == 2:
            self.past = nn.Sequential(*_by_channel(taken, side, 2), *conv_norm(taken, half))
        if kernel is None:
            layers = [*_by_channel(taken, 3, stride), *conv_norm(taken, half)]
            for _ in range(2):
                layers += [*_by_channel(half, 3), *conv_norm(half, half)]
        else:
            layers = [*conv_norm(taken, half), *_by_channel(half, kernel, stride), *conv_norm(half, half)]
        self.body = nn.Sequential(*layers)

    def forward(self, x: Tensor) -> Tensor:
        """Takes and gives (batch, channels, height, width)."""
        past, taken = x.chunk(2, 1) if self.past is None else (self.past(x), x)
        both = torch.stack([past, self.body(taken)], 2)
        return both.flatten(1, 2)


def _by_channel(channels: int, kernel: int, stride: int = 1) -> list[nn.Module]:
    return conv_norm(channels, channels, kernel, stride, groups=channels, activation=None)
