"""JSON answers."""

import json
import math
from collections.abc import Mapping
from typing import Any

from starlette.responses import Response


class Json(Response):
    """Strict JSON in ASCII: NaN and infinities become null, and any text can be told."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """The bytes."""
        return content if isinstance(content, bytes) else encoded(content)


def encoded(value: Any) -> bytes:
    """Strict JSON."""
    try:
        text = json.dumps(value, separators=(",", ":"), allow_nan=False)
    except ValueError:
        text = json.dumps(strict(value), separators=(",", ":"), allow_nan=False)
    return text.encode("ascii")


def strict(value: Any) -> Any:
    """The value without numbers that JSON does not have."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, Mapping):
        return {str(name): strict(below) for name, below in value.items()}
    if isinstance(value, list | tuple):
        return [strict(one) for one in value]
    return value
