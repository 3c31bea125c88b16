"""Counts as people write them."""


def counted(number: int, what: str) -> str:
    """A number with what it counts.

    >>> counted(1, "trial"), counted(1200, "step")
    ('1 trial', '1,200 steps')
    """
    return f"{number:,} {what}{'' if number == 1 else 's'}"
