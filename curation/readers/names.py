"""Short names for sources: the file's name, or as much of its path as tells it from the others."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from curation.address import is_readable
from curation.readers.model import Source


def unique_names(sources: Sequence[Source]) -> list[Source]:
    """The sources, each with a name that no other has and that does not depend on the order they were given in."""
    parts = [_parts(source) for source in sources]
    names: list[str] = [""] * len(sources)
    for length in range(1, max(map(len, parts), default=0) + 1):
        tails = ["/".join(part[-length:]) for part in parts]
        counts = Counter(tails)
        for index, tail in enumerate(tails):
            if not names[index] and counts[tail] == 1:
                names[index] = tail
    names = [name or part[-1] for name, part in zip(names, parts, strict=True)]
    taken: Counter[str] = Counter()
    told_apart: dict[str, str] = {}  # a dataset on the hub may be called like a file, and file names need not be text
    for source, name in sorted(zip(sources, names, strict=True), key=lambda pair: pair[0].file):
        taken[name] += 1
        told_apart[source.file] = name if taken[name] == 1 else f"{name}~{taken[name]}"
    return [replace(source, name=told_apart[source.file]) for source in sources]


def _parts(source: Source) -> list[str]:
    if source.path == "-":
        return ["stdin"]
    if source.kind == "hf" and not source.file.startswith("/"):
        return [source.file]
    if is_readable(source.path):  # the address, not the place of the copy
        return [part for part in source.path.split("/") if part]
    return [_printable(part) for part in Path(os.path.normpath(source.file)).parts]


def _printable(part: str) -> str:
    """File names are bytes and need not be text; record ids are text."""
    return os.fsencode(part).decode("utf-8", "backslashreplace")
