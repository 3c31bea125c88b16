"""The layer that the transformers' spaces repeat."""

from torch import Tensor, nn
from torch.nn import functional as F


class EncoderLayer(nn.Module):
    """Attention and two linear layers, each with layer norm before and its input added.

    Args:
        width: of what it takes and gives.
        heads: of the attention.
        inner: width of all heads together.
        hidden: width between the two linear layers.
    """

    def __init__(self, width: int, *, heads: int, inner: int, hidden: int) -> None:
        super().__init__()
        self.heads = heads
        self.before, self.between = nn.LayerNorm(width), nn.LayerNorm(width)
        self.split, self.join = nn.Linear(width, 3 * inner), nn.Linear(inner, width)
        self.mix = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, x: Tensor, there: Tensor | None = None) -> Tensor:
        """Takes and gives (batch, tokens, width); `there`, (batch, tokens), is False for tokens not to look at."""
        parts = self.split(self.before(x)).unflatten(-1, (3, self.heads, -1)).permute(2, 0, 3, 1, 4)
        query, key, value = parts.unbind(0)
        mask = None if there is None else there[:, None, None, :]
        seen = F.scaled_dot_product_attention(query, key, value, mask)
        x = x + self.join(seen.transpose(1, 2).flatten(2))
        return x + self.mix(self.between(x))  # type: ignore[no-any-return]
