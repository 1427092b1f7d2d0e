"""JSON that is always one line of plain ASCII, always valid, and never a way to reach a terminal."""

from __future__ import annotations

import json
import math
from typing import Any


def one_line(value: Any) -> str:
    """`value` as one line of ASCII JSON: every control and non-ASCII character escaped, NaN and infinities null."""
    try:
        text = json.dumps(value, ensure_ascii=True, allow_nan=False, default=str)
    except ValueError:
        text = json.dumps(_finite(value), ensure_ascii=True, allow_nan=False, default=str)
    return text.replace("\x7f", "\\u007f")


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
