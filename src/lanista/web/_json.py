"""JSON answers."""

import json
from typing import Any

from starlette.responses import Response

from lanista.experiment._strict import strict


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
