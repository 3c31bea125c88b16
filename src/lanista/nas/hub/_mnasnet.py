"""The space of MnasNet."""

from torch import nn

from lanista.nas._choices import Repeat, ValueChoice
from lanista.nas._mode import scope
from lanista.nas.hub._mobile import Added, Chain, Squeeze, conv_norm, eight, inverted, pooled

# of each block: MobileNetV2's channels, number of layers, stride
BLOCKS = ((24, 2, 2), (32, 3, 2), (64, 4, 2), (96, 3, 1), (160, 3, 2))


class MnasNet(Chain):
    """Five blocks, each of equal layers of which six things are chosen.

    Tan, Chen, Pang, Vasudevan, Sandler, Howard, Le, *MnasNet: Platform-Aware Neural Architecture Search for Mobile*,
    2019. Of each block are chosen the operation (convolution, depthwise-separable convolution, inverted
    residual), the kernel (3, 5), squeeze and excite or not, the skip (identity, pooling, none; only where the channels
    stay), the filters (0.75, 1 or 1.25 times MobileNetV2's) and the layers (MobileNetV2's, one less or one more).
    The blocks are those of MobileNetV2 that have several layers; its first and last one stay as they are.

    The space has (3·2·2·3·3·3)⁵ = 324⁵ ≈ 3.6·10¹² members. The paper says that S = 432 in each of 5 blocks are
    typical, 432⁵ ≈ 1.5·10¹³: with four numbers of layers instead of the three that it lists.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: multiplies all channels, which are then rounded to multiples of 8.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.MnasNet, width=0.25).size == 324**5
    True
    """

    def __init__(self, classes: int = 1000, inputs: int = 3, *, width: float = 1.0) -> None:
        stem, channels, last, head = (eight(wide * width) for wide in (32, 16, 320, 1280))
        layers = conv_norm(inputs, stem, 3, 2)
        layers.append(inverted(stem, channels, kernel=3, expand=1))
        for i, (wide, count, stride) in enumerate(BLOCKS, 1):
            with scope(f"block{i}"):
                filters = eight(ValueChoice("filters", [1.0, 0.75, 1.25]) * wide * width)
                layers.append(_block(channels, filters, stride, count))
            channels = filters
        layers.append(inverted(channels, last, kernel=3, expand=6))
        super().__init__([*layers, *conv_norm(last, head), *pooled(head, classes)])


def _block(inputs: int, width: int, stride: int, count: int) -> nn.Module:
    operation = ValueChoice("operation", ["mbconv", "dconv", "conv"])
    kernel, squeeze = ValueChoice("kernel", [3, 5]), ValueChoice("squeeze", [False, True])
    skip = ValueChoice("skip", ["identity", "pool", "none"])

    def layer(i: int) -> nn.Module:
        taken, step = (width, 1) if i else (inputs, stride)
        body = _operation(operation, taken, width, kernel, step, squeeze=squeeze)
        if skip == "none" or taken != width or (skip == "identity" and step > 1):
            return body
        return Added(body, nn.Identity() if skip == "identity" else nn.AvgPool2d(3, step, 1))

    return Repeat(layer, depth=[count, count - 1, count + 1], name="layers")


def _operation(name: str, inputs: int, width: int, kernel: int, stride: int, *, squeeze: bool) -> nn.Module:
    """One layer, without what passes it by."""
    if name == "conv":
        return nn.Sequential(*conv_norm(inputs, width, kernel, stride), *([Squeeze(width)] if squeeze else []))
    hidden = inputs * (6 if name == "mbconv" else 1)
    return nn.Sequential(
        *(conv_norm(inputs, hidden) if name == "mbconv" else []),
        *conv_norm(hidden, hidden, kernel, stride, groups=hidden),
        *([Squeeze(hidden)] if squeeze else []),
        *conv_norm(hidden, width, activation=None),
    )
