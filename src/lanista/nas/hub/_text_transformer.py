"""A space of transformers that classify texts."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lanista.errors import UsageError
from lanista.nas._choices import Repeat, ValueChoice
from lanista.nas.hub._attention import EncoderLayer


class TextTransformer(nn.Module):
    """An encoder and a classifier of texts: width and depth, and for each layer the heads and the hidden width.

    The encoder of Wang, Wu, Liu, Cai, Zhu, Gan, Han, *HAT: Hardware-Aware Transformers for Efficient Natural Language
    Processing*, 2020: 6 layers, and 2·(3·2)⁶ = 93,312 members. The paper's 10¹⁵ has the decoder
    as well, of 1 to 6 layers with 36 choices each: 93,312 · 2·(36 + 36² + … + 36⁶) ≈ 4.2·10¹⁴. Here the depth may be
    searched too. Layer norm stands before attention and linear layers.

    Args:
        vocabulary: how many tokens there are; token 0 fills texts up, and is not looked at.
        classes: how many classes.
        length: most tokens of a text.
        width: widths of the tokens to choose from.
        hidden: hidden widths of a layer to choose from.
        heads: numbers of heads to choose from.
        depth: numbers of layers to choose from, or one number.
        inner: width of all heads together; each number of heads divides it.

    Raises:
        UsageError: a number of heads does not divide `inner`.

    >>> from lanista import nas
    >>> from lanista.nas import hub
    >>> nas.ModelSpace(hub.TextTransformer, 1000, 2).size
    93312
    >>> nas.ModelSpace(hub.TextTransformer, 1000, 2, depth=(2, 3)).size == 2 * (6**2 + 6**3)
    True
    """

    def __init__(
        self,
        vocabulary: int,
        classes: int,
        *,
        length: int = 512,
        width: Sequence[int] = (512, 640),
        hidden: Sequence[int] = (1024, 2048, 3072),
        heads: Sequence[int] = (4, 8),
        depth: Sequence[int] | int = 6,
        inner: int = 512,
    ) -> None:
        for one in heads:
            if one < 1 or inner % one:
                raise UsageError(f"{one} heads do not divide inner={inner}")
        super().__init__()
        wide = ValueChoice("width", list(width))

        def layer(i: int) -> nn.Module:
            count, between = ValueChoice(f"heads{i}", list(heads)), ValueChoice(f"hidden{i}", list(hidden))
            return Masked(EncoderLayer(wide, heads=count, inner=inner, hidden=between))

        self.embed = nn.Embedding(vocabulary, wide, padding_idx=0)
        self.places = nn.Parameter(0.02 * torch.randn(1, length, wide))
        self.layers = Repeat(layer, depth, name="depth")
        self.head = nn.Sequential(nn.LayerNorm(wide), nn.Linear(wide, classes))

    def forward(self, tokens: Tensor) -> Tensor:
        """Takes texts (batch, tokens), whole numbers of the vocabulary; gives (batch, classes)."""
        if tokens.shape[1] > self.places.shape[1]:
            raise UsageError(f"texts of {tokens.shape[1]} tokens; give length={tokens.shape[1]} or more, or cut them")
        there = tokens != 0
        x = self.embed(tokens) + self.places[:, : tokens.shape[1]]
        x, _ = self.layers((x, there))
        share = there / there.sum(1, keepdim=True).clamp(min=1)
        return self.head((x * share[:, :, None]).sum(1))  # type: ignore[no-any-return]


class Masked(nn.Module):
    """A layer that hands on which tokens it may look at."""

    def __init__(self, layer: nn.Module) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, given: tuple[Tensor, Tensor]) -> tuple[Tensor, Tensor]:
        """Takes and gives (batch, tokens, width), and which tokens are there, (batch, tokens)."""
        x, there = given
        return self.layer(x, there), there
