"""Converted text as it is kept: line ends, control characters and blank lines in order, every word as it was."""

from __future__ import annotations

import re

_UNWANTED = re.compile(r"[\x00-\x08\x0b\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_LINE_ENDS = re.compile(r"\r\n?|[\x0b\x0c\x1c-\x1e\x85\u2028\u2029]")
_BLANK = re.compile(r"\n{3,}")


def tidy(text: str) -> str:
    """The text with `\\n` for every line end, without control characters, byte order marks and trailing blanks, and
    with one blank line at most between two others; it ends with a newline, unless it is empty."""
    text = _LINE_ENDS.sub("\n", text.removeprefix("\ufeff"))
    text = _UNWANTED.sub("", text)
    text = "\n".join(line.rstrip(" \t\u3000") for line in text.split("\n"))
    text = _BLANK.sub("\n\n", text).strip("\n")
    return text + "\n" if text.strip() else ""


def title_of(text: str) -> str:
    """The first heading of a Markdown text, else "": only what itself says that it is a title."""
    for line in text[:5000].split("\n"):
        if line.startswith("# ") and line[2:].strip():
            return line[2:].strip().strip("#").strip()
    return ""
