"""Items written as labelled lines, as small models do: `Question: … Answer: … Quote: …`."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

_LABEL = re.compile(
    r"^[ \t>#*_-]*(?:\(?\d{1,3}[.):、]?[ \t]*)?[*_]*"  # 1. **Question 1:**
    r"(?P<name>[A-Za-z]{1,12}|[\u4e00-\u9fff]{1,3})[ \t]*(?:\d{1,3})?[*_]*[ \t]*[:：][*_]*[ \t]*",
    re.MULTILINE,
)


def lines_in(
    text: str, names: Mapping[str, str], needed: Sequence[str], *, paragraphs: bool = True
) -> list[dict[str, str]] | None:
    """The items in the text, if all of them have the same labels in the same order, with all that is needed; else None.

    names: label in lower case -> key. What stands before the first label is talk; after a label everything up to the next
    belongs to it. paragraphs: whether a value may have several; else it ends at a blank line, behind which small models
    begin to talk.
    """
    labels = [found for found in _LABEL.finditer(text) if found["name"].casefold() in names]
    if not labels:
        return None
    ends = [found.start() for found in labels[1:]] + [len(text)]
    keys = [names[found["name"].casefold()] for found in labels]
    values = [text[found.end() : end].strip() for found, end in zip(labels, ends, strict=True)]
    values = values if paragraphs else [re.split(r"\n[ \t]*\n", value, maxsplit=1)[0] for value in values]
    length = keys.index(keys[0], 1) if keys[0] in keys[1:] else len(keys)
    first = keys[:length]
    if len(set(first)) != length or [key for key in first if key in needed] != list(needed):
        return None  # an answer before its question belongs to one whose label is not there
    items = [dict(zip(keys[at : at + length], values[at:], strict=False)) for at in range(0, len(keys), length)]
    regular = all(list(item) == first[: len(item)] for item in items) and all(
        keys[at : at + length] == first[: len(keys) - at] for at in range(0, len(keys), length)
    )
    return items if regular else None
