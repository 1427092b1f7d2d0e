"""Records to dataset files: rendered in a format, framed in a container, in place whole or not at all.

Names are loaded when they are first used: `curation.writers.atomic` is needed by whatever writes a file, and must not
bring in the readers and formats (0.2 s).
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from curation.writers.atomic import replace_atomic, write_atomic
    from curation.writers.columns import Columns
    from curation.writers.conversion import Converted, convert, convert_objects
    from curation.writers.output import OutputFile, Written, encode_part, write_dataset
    from curation.writers.render import Rendered, render_batch, render_lines

_HOMES = {
    "Columns": "columns",
    "Converted": "conversion",
    "OutputFile": "output",
    "Rendered": "render",
    "Written": "output",
    "convert": "conversion",
    "convert_objects": "conversion",
    "encode_part": "output",
    "render_batch": "render",
    "render_lines": "render",
    "replace_atomic": "atomic",
    "write_atomic": "atomic",
    "write_dataset": "output",
}

__all__ = [
    "Columns",
    "Converted",
    "OutputFile",
    "Rendered",
    "Written",
    "convert",
    "convert_objects",
    "encode_part",
    "render_batch",
    "render_lines",
    "replace_atomic",
    "write_atomic",
    "write_dataset",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module '{__name__}' has no attribute '{name}'")
    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
