"""BANANAS as in its paper, on the paths through a cell of NAS-Bench-201."""

from collections.abc import Mapping
from typing import Any

from lanista.search import Bananas

ROUTES = ((3,), (0, 4), (1, 5), (0, 2, 5))
"""The edges of each way from the cell's input to its output."""


def paths(params: Mapping[str, Any]) -> list[str]:
    """The operators along each way that is not cut."""
    found = ["-".join(params[f"edge{edge}"] for edge in route) for route in ROUTES]
    return [path for path in found if "none" not in path.split("-")]


def bananas() -> Bananas:
    """White et al. (2021), section 4."""
    return Bananas(paths=paths)
