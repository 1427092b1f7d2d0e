"""What converters write around a document's own words, taken away again."""

from __future__ import annotations

import re
from collections.abc import Callable

# Columns of a table that a document has no head for: the first row becomes the head.
_EMPTY_HEAD = re.compile(r"^\|(?:[ ]*\|)+\n(\|(?:[ ]?-{3,}[ ]?\|)+)\n(\|.*)$", re.MULTILINE)
_CODE = re.compile(r"^(```.*?^```)$", re.MULTILINE | re.DOTALL)
_BLANKS = re.compile(r"(?<=\S)[ ]{2,}(?=\S)")
_METADATA = re.compile(r"\A(?:\*\*\w+:\*\* .*\n?)+")
_SLIDE = re.compile(r"^<!-- Slide number: \d+ -->\n", re.MULTILINE)
_SLIDE_TITLE = re.compile(r"^(#{1,6} .*)\n(?=\S)", re.MULTILINE)
_WIDE = r"[\u3000-\u303f\u3400-\u9fff\uf900-\ufaff\uff00-\uffef]"
_WRAPPED = re.compile(rf"(?<={_WIDE})\n(?={_WIDE})")  # a break that is meant has two blanks before it


def _document(text: str) -> str:
    """With a head for every table, and one blank where a link or a picture left two."""
    parts = _CODE.split(_EMPTY_HEAD.sub(r"\2\n\1", text))
    return "".join(part if place % 2 else _BLANKS.sub(" ", part) for place, part in enumerate(parts))


def _slides(text: str) -> str:
    """Without the slides' numbers; a title stands apart from what follows."""
    return _SLIDE_TITLE.sub(r"\1\n\n", _SLIDE.sub("", text))


def _book(text: str) -> str:
    """Without the list of title, authors and so on before the text; Chinese lines that were only wrapped are joined."""
    return _WRAPPED.sub("", _document(_METADATA.sub("", text)))


TIDIED: dict[str, Callable[[str], str]] = {
    "docx": _document,
    "html": _document,
    "pptx": _slides,
    "epub": _book,
}
