"""The spaces of AutoFormer."""

from typing import Literal

import torch
from torch import Tensor, nn

from lanista.errors import UsageError
from lanista.nas._choices import Repeat, ValueChoice
from lanista.nas.hub._attention import EncoderLayer

# of each size: width, ratio of the hidden width to it, heads, least and greatest depth
SIZES = {
    "tiny": ([192, 216, 240], [3.5, 4.0], [3, 4], (12, 14)),
    "small": ([320, 384, 448], [3.0, 3.5, 4.0], [5, 6, 7], (12, 14)),
    "base": ([528, 576, 624], [3.0, 3.5, 4.0], [8, 9, 10], (14, 16)),
}
HEAD = 64


class AutoFormer(nn.Module):
    """A vision transformer: its width and depth, and for each layer the heads and the ratio of the hidden width.

    Chen, Peng, Fu, Ling, *AutoFormer: Searching Transformers for Visual Recognition*, 2021.
    Queries, keys and values have 64 channels a head: the paper lists their width apart, as 64 times the heads that
    stand beside it, and the authors' code ties the two. Positions are embedded by their number alone.

    The sizes have 3·(4¹² + 4¹³ + 4¹⁴) ≈ 1.1·10⁹ ("tiny"), 3·(9¹² + 9¹³ + 9¹⁴) ≈ 7.7·10¹³ ("small") and
    3·(9¹⁴ + 9¹⁵ + 9¹⁶) ≈ 6.3·10¹⁵ ("base") members. The paper's 1.7·10¹⁶ is 3·3·9¹⁶, which counts the choices of the
    two layers that a shallower network does not have as well.

    Args:
        classes: how many classes.
        inputs: channels of the images.
        size: "tiny", "small" or "base".
        image: height and width of the images.
        patch: height and width of a patch.

    Raises:
        UsageError: the size is unknown, or patches of that size do not fill the image.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> [nas.ModelSpace(hub.AutoFormer, size=size).size for size in ("tiny", "small", "base")]
    [1056964608, 77103263459313, 6245364340204353]
    """

    def __init__(
        self,
        classes: int = 1000,
        inputs: int = 3,
        *,
        size: Literal["tiny", "small", "base"] = "tiny",
        image: int = 224,
        patch: int = 16,
    ) -> None:
        if size not in SIZES:
            raise UsageError(f"size={size!r} is none of {', '.join(SIZES)}")
        if image % patch:
            raise UsageError(f"an image of {image} is not filled by patches of {patch}; let one divide the other")
        super().__init__()
        widths, ratios, heads, depth = SIZES[size]
        width = ValueChoice("width", widths)

        def layer(i: int) -> nn.Module:
            hidden, count = int(width * ValueChoice(f"ratio{i}", ratios)), ValueChoice(f"heads{i}", heads)
            return EncoderLayer(width, heads=count, inner=HEAD * count, hidden=hidden)

        self.patches = nn.Sequential(nn.Conv2d(inputs, width, patch, patch), nn.Flatten(2))
        self.token = nn.Parameter(torch.zeros(1, 1, width))
        self.places = nn.Parameter(0.02 * torch.randn(1, (image // patch) ** 2 + 1, width))
        self.layers = Repeat(layer, depth, name="depth")
        self.head = nn.Sequential(nn.LayerNorm(width), nn.Linear(width, classes))

    def forward(self, x: Tensor) -> Tensor:
        """Takes images (batch, channels, height, width); gives (batch, classes)."""
        tokens = self.patches(x).transpose(1, 2)
        tokens = torch.cat([self.token.expand(tokens.shape[0], -1, -1), tokens], 1) + self.places
        return self.head(self.layers(tokens)[:, 0])  # type: ignore[no-any-return]
