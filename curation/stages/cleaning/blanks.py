"""White space and letter case."""

from __future__ import annotations

import re
import unicodedata

from curation.stages.cleaning.code_spans import MARK

# Blanks that are no U+0020: no-break, Ogham, en and em and their kin, narrow, mathematical. Not U+3000, with which
# Chinese and Japanese paragraphs begin.
ODD_BLANKS = "\u00a0\u1680\u2000-\u200a\u202f\u205f"
_ODD = re.compile(f"[{ODD_BLANKS}]")
_MARKDOWN = re.compile(r"^ {0,3}(?:#{1,6} |[-*+] |\d{1,9}[.)] |> |\|)|\*\*[^*\n]+\*\*|\]\(|" + MARK, re.MULTILINE)
BLANKS_SIGN = rf"[{ODD_BLANKS}]|[ \t\u3000]\n|[ \t\n\u3000]\z|\A[ \t\n]|[^ \t\n]  |\n\n\n"
_BLANK_LINES = re.compile("\n{3,}")
_GAP = re.compile("    *")
_SECOND_LINE = re.compile("\n+([^\n])")
_RUN = re.compile("   *")  # written so that it begins with a literal, which makes it three times as fast
_BULLET = re.compile(r"[ \t]*(?:[-*+•] +|\d{1,9}[.)] +|> +)*")
# Blanks are as their author put them in tables, in columns set with tabs, in code without a fence, and in LaTeX.
_ALIGNED = ("|", "\t", "\\\\", " = ", "==", "!=", "<=", ">=", "=>", "->", "()", "  #", "  //", "  --")
_MARKER = re.compile(MARK + r"|<[^<>\n]{1,60}>|\{\{[^{}\n]{1,60}\}\}|\[/?(?:INST|SYS|[A-Z_]{2,30})\]|<<[^<>\n]{1,30}>>")


def tidy_blanks(text: str) -> str:
    """`text` without needless white space.

    Odd blanks become plain ones; trailing blanks, runs of blanks inside a line, more than one blank line, and blanks at
    both ends go. Left alone: indentation, tables and columns, code and LaTeX, a bullet's blanks, the two trailing
    blanks that are a line break in a text that is Markdown.
    """
    if not text.isascii():
        text = _ODD.sub(" ", text)
    if "\n" not in text:  # the usual case: nothing that several lines are needed for
        text = text.rstrip(" \t\u3000")
        if "  " in text:
            text = _without_runs(text)
        return text.lstrip(" \t")
    breaks = "  \n" in text and bool(_MARKDOWN.search(text))
    lines = text.split("\n")
    columns = "   " in text and _has_columns(lines)
    for place, line in enumerate(lines):
        bare = line.rstrip(" \t\u3000")
        if "  " in bare and not (columns and "   " in bare.lstrip(" ")):
            bare = _without_runs(bare)
        if breaks and line.endswith("  ") and _is_break(line) and place + 1 < len(lines) and lines[place + 1]:
            bare += "  "
        lines[place] = bare
    text = "\n".join(lines)
    if "\n\n\n" in text:
        text = _BLANK_LINES.sub("\n\n", text)
    return _without_margins(text)


def _is_break(line: str) -> bool:
    """Whether a line that ends with two blanks ends with just these, and says something before them."""
    return line[-3:-2] not in ("", " ", "\t", "\u3000")


def _has_columns(lines: list[str]) -> bool:
    """Whether columns are set with blanks: two lines with two gaps of three blanks or more, or three with one."""
    gaps = [len(_GAP.findall(line.strip(" "))) for line in lines if "   " in line]
    return sum(found >= 2 for found in gaps) >= 2 or sum(found >= 1 for found in gaps) >= 3


def _without_runs(line: str) -> str:
    if line.startswith("    ") or line[-1] in "{};" or any(sign in line for sign in _ALIGNED):
        return line
    bullet = _BULLET.match(line)
    start = bullet.end() if bullet else 0
    return line[:start] + _RUN.sub(" ", line[start:])


def _without_margins(text: str) -> str:
    """`text` without blank lines at its ends, and without the indentation of its first line if the next has none."""
    text = text.strip("\n").rstrip(" \t\n\u3000")
    bare = text.lstrip(" \t\n")
    if bare != text:
        second = _SECOND_LINE.search(bare)
        if not second or second[1] not in " \t":
            return bare
    return text


def fold_case(text: str, *, compose: bool) -> str:
    """`text` case-folded (full folding, section 3.13 of the Unicode standard), but for template markers and
    placeholders. compose: put the result in NFC, which folding may leave.
    """
    out: list[str] = []
    start = 0
    for found in _MARKER.finditer(text):
        out += text[start : found.start()].casefold(), found[0]
        start = found.end()
    folded = "".join(out) + text[start:].casefold()
    return unicodedata.normalize("NFC", folded) if compose and folded != text else folded
