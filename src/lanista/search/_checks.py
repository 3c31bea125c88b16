"""What the arguments of searchers are held against."""

import numpy as np


def is_number(value: object) -> bool:
    """Whether the value is a number, of Python or of NumPy, and no truth value.

    >>> is_number(0.5), is_number("0.5"), is_number(True)
    (True, False, False)
    """
    return isinstance(value, int | float | np.integer | np.floating) and not isinstance(value, bool)
