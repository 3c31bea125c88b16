"""The networks of NAS-Bench-Macro, and the codes by which its table names them."""

from collections.abc import Mapping
from typing import Any

from torch import Tensor, nn

from lanista.errors import UsageError
from lanista.nas._choices import LayerChoice
from lanista.nas.hub._mobile import inverted

OPERATIONS = ("identity", "mb3_k3", "mb6_k5")
STAGES = (2, 3, 3)


class NASBenchMacro(nn.Module):
    """One of three blocks in each of 8 layers: nothing, and inverted residuals of 3 x 3 or 5 x 5.

    Su, Huang, Li, You, Wang, Qian, Zhang, Xu, *Prioritized Architecture Sampling with Monto-Carlo Tree Search*, 2021.
    The first layer of each of three stages halves height and width and doubles the channels; "identity" is
    a convolution of 1 x 1 there. The space has 3⁸ = 6,561 members, as the paper says. `nasbench_macro_code` and
    `nasbench_macro_params` lead to its table and back.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        width: channels of the stem.
        head: channels before pooling.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.NASBenchMacro, width=4, head=16).size
    6561
    """

    def __init__(self, classes: int = 10, inputs: int = 3, *, width: int = 32, head: int = 1280) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(inputs, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU())
        layers: list[nn.Module] = []
        for stage in STAGES:
            layers += [_layer(len(layers), width, 2 * width, 2)]
            width *= 2
            layers += [_layer(len(layers) + i, width, width, 1) for i in range(stage - 1)]
        self.layers = nn.Sequential(*layers)
        self.head = nn.Sequential(
            nn.Conv2d(width, head, 1, bias=False),
            nn.BatchNorm2d(head),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(head, classes),
        )

    def forward(self, x: Tensor) -> Tensor:
        """Takes images (batch, channels, height, width); gives (batch, classes)."""
        return self.head(self.layers(self.stem(x)))  # type: ignore[no-any-return]


def _layer(index: int, inputs: int, width: int, stride: int) -> nn.Module:
    def identity() -> nn.Module:
        if stride == 1:
            return nn.Identity()
        return nn.Sequential(nn.Conv2d(inputs, width, 1, stride, bias=False), nn.BatchNorm2d(width))

    candidates = {
        "identity": identity,
        "mb3_k3": lambda: inverted(inputs, width, kernel=3, expand=3, stride=stride),
        "mb6_k5": lambda: inverted(inputs, width, kernel=5, expand=6, stride=stride),
    }
    return LayerChoice(candidates, name=f"layer{index}")


def nasbench_macro_code(params: Mapping[str, Any]) -> str:
    """Returns the code by which NAS-Bench-Macro names a member: a digit a layer.

    Raises:
        UsageError: the configuration is not of that space.

    >>> from lanista.nas import hub
    >>> hub.nasbench_macro_code({f"layer{i}": "mb6_k5" if i == 7 else "identity" for i in range(8)})
    '00000002'
    """
    chosen = [params.get(f"layer{i}") for i in range(sum(STAGES))]
    if any(label not in OPERATIONS for label in chosen):
        raise UsageError(f"{dict(params)} is no configuration of hub.NASBenchMacro: its layers are {chosen}")
    return "".join(str(OPERATIONS.index(str(label))) for label in chosen)


def nasbench_macro_params(code: str) -> dict[str, str]:
    """Returns the configuration of a member that is named by its code.

    Raises:
        UsageError: no member has this name.

    >>> from lanista.nas import hub
    >>> hub.nasbench_macro_params("00000012")["layer6"]
    'mb3_k3'
    """
    if len(code) != sum(STAGES) or set(code) - set("012"):
        raise UsageError(f"{code!r} names no member of NAS-Bench-Macro; a name has 8 digits, each 0, 1 or 2")
    return {f"layer{i}": OPERATIONS[int(digit)] for i, digit in enumerate(code)}
