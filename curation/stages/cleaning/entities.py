"""Character references decoded, unless that would make a tag or a template marker out of text about one."""

from __future__ import annotations

import html
import re
from html.entities import html5

from curation.stages.cleaning.tags import KNOWN

REFERENCE = "&(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});"
_REFERENCE = re.compile(REFERENCE)
_ESCAPED_TWICE = re.compile("&(?:amp;)+(?=(?:#[0-9]{1,7}|#[xX][0-9A-Fa-f]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});)")
_LESS = "(?:<|&lt;|&#0*60;|&#[xX]0*3[cC];)"
_MORE = "(?:>|&gt;|&#0*62;|&#[xX]0*3[eE];)"
_NAMES = "|".join(sorted({*KNOWN, "script", "style"}, key=len, reverse=True))
# What every text has that HTML to text would change (Rust syntax; a `\b` in it would cost thirty times the time).
HTML_SIGN = rf"(?i:</?(?:{_NAMES})[\s/>])|<!|{REFERENCE}"
_ESCAPED_TAG = re.compile(
    rf"(?=[<&]){_LESS}(?:/?(?:{_NAMES})\b[^<>\n]{{0,80}}?|\|[^<>\n|]{{0,40}}\|"
    rf"|!--[^\n]{{0,80}}?--|!doctype[^<>\n]{{0,80}}?){_MORE}",
    re.IGNORECASE,
)


def decode(text: str) -> str:
    """`text` with HTML character references decoded, those escaped more than once too."""
    if "&amp;" in text:
        text = _ESCAPED_TWICE.sub("&", text)
    return _REFERENCE.sub(_character, text)


def _character(found: re.Match[str]) -> str:
    reference = found[0]
    return html.unescape(reference) if reference[1] == "#" else html5.get(reference[1:], reference)


def decode_prose(text: str) -> str:
    """`text` decoded, but `&lt;b&gt;`, `&lt;|im_end|&gt;` and the like, which speak of a tag, stay escaped."""
    if "&" not in text:
        return text
    if "&amp;" in text:
        text = _ESCAPED_TWICE.sub("&", text)
    if not _may_escape(text):
        return decode(text)
    out: list[str] = []
    start = 0
    for found in _ESCAPED_TAG.finditer(text):
        out += decode(text[start : found.start()]), found[0]
        start = found.end()
    return "".join(out) + decode(text[start:])


def has_escaped_tag(text: str) -> bool:
    """Whether `text` speaks of a tag in escaped form, as only text written in HTML does."""
    return "&" in text and _may_escape(text) and any("&" in found[0] for found in _ESCAPED_TAG.finditer(text))


def _may_escape(text: str) -> bool:
    """Whether there is anything an escaped tag could begin with."""
    return "<" in text or "&l" in text or "&L" in text or "&#" in text
