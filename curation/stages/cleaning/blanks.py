"""White space and letter case."""

from __future__ import annotations

import re
import unicodedata

from curation.stages.cleaning.code_spans import MARK

# Blanks that are no U+0020: no-break, Ogham, en and em and their kin, narrow, mathematical. Not U+3000, with which
# Chinese and Japanese paragraphs begin.
ODD_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f"
_ODD = re.compile(f"[{ODD_BLANKS}]")
_TRAILING = re.compile("(?<![ \t\u3000])[ \t\u3000]++(?=\n|\\Z)")
_MARKDOWN = re.compile(
    r"^ {0,3}(?:#{1,6} |[-*+] |\d{1,9}[.)] |> |\|)|\*\*[^*\n]+\*\*|\]\(|" + MARK, re.MULTILINE
)
_BLANK_LINES = re.compile("\n{3,}")
_RUN = re.compile("(?<=[^ \n]) {2,}(?=[^ \n])")
_BULLET = re.compile(r"[ \t]*(?:[-*+•] +|\d{1,9}[.)] +|> +)*")
# Blanks are as their author put them in tables, in columns set with tabs, in code without a fence, and in LaTeX.
_ALIGNED = re.compile(r"^(?: {4}|\t)|\||\t|[{};]$|[=!<>]=|[=-]>| = |\w\(\)|  (?:#|//|--)|\\\\")
_MARKER = re.compile(
    MARK + r"|<[^<>\n]{1,60}>|\{\{[^{}\n]{1,60}\}\}|\[/?(?:INST|SYS|[A-Z_]{2,30})\]|<<[^<>\n]{1,30}>>"
)


def tidy_blanks(text: str) -> str:
    """`text` without needless white space.

    Odd blanks become plain ones; trailing blanks, runs of blanks inside a line, more than one blank line, and blanks at
    both ends go. Left alone: indentation, tables, code and LaTeX, a bullet's blanks, the two trailing blanks that are a
    line break in a text that is Markdown.
    """
    text = _ODD.sub(" ", text)
    if " \n" in text or "\t\n" in text or "\u3000\n" in text or text[-1:] in " \t\u3000":
        breaks = "  \n" in text and bool(_MARKDOWN.search(text))
        text = _TRAILING.sub(_keep_break if breaks else "", text)
    if "  " in text:
        text = "\n".join(_without_runs(line) if "  " in line else line for line in text.split("\n"))
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return _without_margins(text)


def _keep_break(found: re.Match[str]) -> str:
    text, start, end = found.string, found.start(), found.end()
    is_break = found[0] == "  " and start > 0 and text[start - 1] != "\n" and text[end + 1 : end + 2] not in ("", "\n")
    return "  " if is_break else ""


def _without_runs(line: str) -> str:
    if _ALIGNED.search(line):
        return line
    bullet = _BULLET.match(line)
    start = bullet.end() if bullet else 0
    return line[:start] + _RUN.sub(" ", line[start:])


def _without_margins(text: str) -> str:
    """`text` without blank lines at its ends, and without the indentation of its first line if it is the only one."""
    text = text.strip("\n").rstrip(" \t\n\u3000")
    bare = text.lstrip(" \t\n")
    second = text.find("\n")
    if bare != text and (second < 0 or text[second + 1 : second + 2] not in (" ", "\t", "\n")):
        return bare
    return text


def fold_case(text: str, form: str) -> str:
    """`text` case-folded (full folding, Unicode 3.13), but for template markers and placeholders.

    form: "nfc" or "nfkc", in which the result is put because folding may leave it, or "keep".
    """
    out: list[str] = []
    start = 0
    for found in _MARKER.finditer(text):
        out += text[start : found.start()].casefold(), found[0]
        start = found.end()
    folded = "".join(out) + text[start:].casefold()
    return folded if form == "keep" else unicodedata.normalize("NFC", folded)
