"""The space of ProxylessNAS."""

from collections.abc import Callable

from torch import nn

from lanista.nas._choices import LayerChoice
from lanista.nas.hub._mobile import Chain, conv_norm, eight, inverted, pooled

# of each stage: channels, blocks, stride
STAGES = ((24, 4, 2), (40, 4, 2), (80, 4, 2), (96, 4, 1), (192, 4, 2), (320, 1, 1))


class ProxylessNAS(Chain):
    """21 inverted residuals of kernel 3, 5 or 7 and expansion 3 or 6, of which 15 may be left out.

    Cai, Zhu, Han, *ProxylessNAS: Direct Neural Architecture Search on Target Task and Hardware*, 2019.
    The first block of each of the six stages changes the shape, and is never left out. The space has 6⁶·7¹⁵ ≈
    2.2·10¹⁷ members; if the six could be left out as well, there were 7²¹ ≈ 5.6·10¹⁷.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: multiplies all channels, which are then rounded to multiples of 8.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.ProxylessNAS, width=0.25).size == 6**6 * 7**15
    True
    """

    def __init__(self, classes: int = 1000, inputs: int = 3, *, width: float = 1.0) -> None:
        stem, channels = eight(32 * width), eight(16 * width)
        layers = conv_norm(inputs, stem, 3, 2, activation=nn.ReLU6)
        layers.append(inverted(stem, channels, kernel=3, expand=1, activation=nn.ReLU6))
        for stage, (wide, blocks, stride) in enumerate(STAGES, 1):
            for i in range(blocks):
                layers.append(
                    _block(f"stage{stage}/block{i}", channels, eight(wide * width), 1 if i else stride, i > 0)
                )
                channels = eight(wide * width)
        head = eight(1280 * width)
        super().__init__([*layers, *conv_norm(channels, head, activation=nn.ReLU6), *pooled(head, classes)])


def _block(name: str, inputs: int, width: int, stride: int, skippable: bool) -> nn.Module:
    def candidate(kernel: int, expand: int) -> Callable[[], nn.Module]:
        return lambda: inverted(inputs, width, kernel=kernel, expand=expand, stride=stride, activation=nn.ReLU6)

    candidates = {f"k{kernel}_e{expand}": candidate(kernel, expand) for kernel in (3, 5, 7) for expand in (3, 6)}
    return LayerChoice(candidates | ({"skip": nn.Identity} if skippable else {}), name=name)
