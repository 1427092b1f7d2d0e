"""Curation of training data: records in, decisions about each, a dataset and a ledger out.

    from curation import Recipe, curate

    run = curate("raw.jsonl", Recipe.load("sft"), out="clean.jsonl")
    print(run.counts, run.why("raw.jsonl:12"))

Importing this package imports nothing heavy: the names below are loaded when they are first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from curation.api import Curated, curate
    from curation.recipe import Recipe

__all__ = ["Curated", "Recipe", "curate"]

_WHERE = {"Curated": "curation.api", "Recipe": "curation.recipe", "curate": "curation.api"}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_WHERE[name]), name)
