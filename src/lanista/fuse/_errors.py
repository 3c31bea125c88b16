"""What cannot be fused; it never leaves the package."""


class Unfusable(Exception):
    """Why a model cannot be captured or stacked: it is trained as it is, by itself."""
