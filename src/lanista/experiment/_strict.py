"""Values as strict JSON can hold them, for the faces that answer in it."""

import math
from collections.abc import Mapping
from typing import Any


def strict(value: Any) -> Any:
    """The value without numbers that JSON does not have: NaN and infinities become null.

    >>> strict({"loss": [1.0, float("nan")]})
    {'loss': [1.0, None]}
    """
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): strict(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [strict(one) for one in value]
    return value
