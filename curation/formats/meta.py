"""Templates as JSON text, without loss, and faster than for JSON of unknown origin."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import orjson

from curation.readers.payload import dumps_exact, loads_exact

_LARGE = " "  # leads (as white space, so that it is the same JSON) a text that holds integers beyond 64 bit


def dump_template(template: Mapping[str, Any]) -> str:
    """A template as `dumps_exact` writes it. It must come from strictly parsed JSON, which holds no NaN."""
    try:
        return orjson.dumps(template).decode()
    except TypeError:  # an integer beyond 64 bit, which orjson does not write, and would read as a float
        return _LARGE + dumps_exact(template)


def load_template(text: str) -> dict[str, Any]:
    """The template that `dump_template` wrote."""
    found: dict[str, Any] = loads_exact(text) if text.startswith(_LARGE) else orjson.loads(text)
    return found
