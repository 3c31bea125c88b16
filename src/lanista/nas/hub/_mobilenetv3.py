"""The space of Once-for-all around MobileNetV3."""

from torch import nn

from lanista.nas._choices import Repeat, ValueChoice
from lanista.nas._mode import scope
from lanista.nas.hub._mobile import Chain, conv_norm, eight, inverted, pooled

# of each stage: channels, stride, hard swish instead of ReLU, squeeze and excite
STAGES = ((24, 2, False, False), (40, 2, False, True), (80, 2, True, False), (112, 1, True, True), (160, 2, True, True))


class MobileNetV3(Chain):
    """Five stages of 2 to 4 inverted residuals, each with its own kernel (3, 5, 7) and expansion (3, 4, 6).

    Cai, Gan, Wang, Zhang, Han, *Once-for-All: Train One Network and Specialize it for Efficient Deployment*, 2020,
    on the widths of MobileNetV3-Large (Howard et al. 2019). The space has (9² + 9³ + 9⁴)⁵ =
    21,758,655,492,572,485,851 ≈ 2·10¹⁹ members, as the paper says. It also varies the images' size, which is no
    matter of the network.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: multiplies all channels, which are then rounded to multiples of 8.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.MobileNetV3, width=0.25).size == (9**2 + 9**3 + 9**4) ** 5
    True
    """

    def __init__(self, classes: int = 1000, inputs: int = 3, *, width: float = 1.0) -> None:
        channels = eight(16 * width)
        layers = conv_norm(inputs, channels, 3, 2, activation=nn.Hardswish)
        layers.append(inverted(channels, channels, kernel=3, expand=1))
        for i, (wide, stride, swish, squeeze) in enumerate(STAGES, 1):
            with scope(f"stage{i}"):
                layers.append(_stage(channels, eight(wide * width), stride, swish=swish, squeeze=squeeze))
            channels = eight(wide * width)
        last, head = eight(960 * width), eight(1280 * width)
        layers += [*conv_norm(channels, last, activation=nn.Hardswish), nn.AdaptiveAvgPool2d(1)]
        layers += [nn.Conv2d(last, head, 1, bias=False), nn.Hardswish(), *pooled(head, classes)]
        super().__init__([*layers])


def _stage(inputs: int, width: int, stride: int, *, swish: bool, squeeze: bool) -> nn.Module:
    def block(i: int) -> nn.Module:
        return inverted(
            width if i else inputs,
            width,
            kernel=ValueChoice(f"kernel{i}", [3, 5, 7]),
            expand=ValueChoice(f"expand{i}", [3, 4, 6]),
            stride=1 if i else stride,
            activation=nn.Hardswish if swish else nn.ReLU,
            squeeze=squeeze,
        )

    return Repeat(block, depth=(2, 4), name="depth")
