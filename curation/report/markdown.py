"""Text of others as Markdown that means nothing but itself, for dataset cards."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

# Upper bounds and names of the hub's size categories.
_SIZES = (
    (10**3, "n<1K"),
    (10**4, "1K<n<10K"),
    (10**5, "10K<n<100K"),
    (10**6, "100K<n<1M"),
    (10**7, "1M<n<10M"),
    (10**8, "10M<n<100M"),
    (10**9, "100M<n<1B"),
    (10**10, "1B<n<10B"),
    (10**11, "10B<n<100B"),
    (10**12, "100B<n<1T"),
)
_MARKDOWN = re.compile(r"([\\`*_\[\]<>|~&$]|(?<=:)//)")
_HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]")


def size_category(records: int) -> str:
    """The hub's name for so many records."""
    return next((name for most, name in _SIZES if records < most), "n>1T")


def table(columns: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int] = ()) -> Iterator[str]:
    """A table, line by line. right: places of columns that are aligned to the right."""
    yield f"| {' | '.join(columns)} |"
    yield f"|{'|'.join('---:' if place in right else ':---' for place in range(len(columns)))}|"
    for row in rows:
        yield f"| {' | '.join(row)} |"


def plain(text: str, lines: bool = False) -> str:
    """Without control and hidden characters; newlines and tabs stay where `lines`."""
    return _HIDDEN.sub(lambda match: match.group() if lines and match.group() in "\n\t" else "�", text)


def literal(text: str) -> str:
    """As Markdown text that means nothing but itself."""
    return _MARKDOWN.sub(r"\\\1", plain(text))


def code(text: str) -> str:
    """For use between single backticks."""
    return plain(text).replace("`", "'").replace("|", "/")
