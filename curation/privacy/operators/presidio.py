"""presidio-anonymizer's operators, without what it loads besides."""

from __future__ import annotations

import sys
from functools import cache
from threading import Lock
from types import ModuleType

_LOCK = Lock()


@cache
def presidio() -> ModuleType:
    """`presidio_anonymizer.operators`.

    One of its modules asks for presidio-analyzer and does without where there is none; the analyzer loads torch and
    transformers (8.2 CPU-seconds a worker, against 0.05 for the operators), so it is told that there is none.
    """
    with _LOCK:
        hidden = "presidio_analyzer" not in sys.modules
        if hidden:
            sys.modules["presidio_analyzer"] = None  # type: ignore[assignment]  # Python's way to say: not importable
        try:
            import presidio_anonymizer.operators as operators
        finally:
            if hidden:
                del sys.modules["presidio_analyzer"]
    module: ModuleType = operators
    return module
