"""Code inside prose: found, hidden behind marks while the prose is cleaned, and put back.

What counts as code is what CommonMark 0.31 says for fenced blocks, indented blocks and code spans, with two limits that
real data asks for: an indented block must show a sign of code (many people indent paragraphs by four blanks), and a
code span ends on its line.
"""

from __future__ import annotations

import re

# Marks are written with noncharacters, which valid text never holds: U+FDD0 + digits U+FDD1…U+FDDA + U+FDDF.
_OPEN, _ZERO, _CLOSE = "\ufdd0", 0xFDD1, "\ufddf"
MARK = f"{_OPEN}[\ufdd1-\ufdda]+{_CLOSE}"
MARKS = "\ufdd0-\ufdef"
_MARK = re.compile(MARK)
_OWN = re.compile(f"{_OPEN}+")
_TO_MARK = {ord("0") + digit: _ZERO + digit for digit in range(10)}
_FROM_MARK = {mark: digit for digit, mark in _TO_MARK.items()}

_FENCE = re.compile(r"^ {0,3}(?P<fence>`{3,}|~{3,})(?P<info>[^\n]*)$", re.MULTILINE)
_SPAN = re.compile(r"(?<!`)(?P<ticks>`{1,8})(?!`)(?P<code>[^\n`](?:[^\n]*?[^\n`])?)(?P=ticks)(?!`)")
_INDENTED = re.compile(r"(?:^|(?<=\n\n))(?:(?: {4}|\t)[^\n]*(?:\n+(?= {4}|\t)|$|(?=\n)))+")
_LIST_ITEM = re.compile(r"^\s*(?:[-*+•]|\d{1,9}[.)])\s")
_CODE_SIGN = re.compile(
    r"[{}]|;[ \t]*$|\w\(|\w\[\w*\]| = |[=!<>]=|[-=]>|::|\\\w|^\s*(?:#|//|/\*|\$ |>>> |@\w|--\w"
    r"|(?:def|class|if|for|while|else|elif|try|except|func|fn|const|let|var|SELECT|INSERT)\b[^\n]*[:;({=*]"
    r"|(?:import|from|return)\s+[\w.]+[ \t]*(?:import\b|$))",
    re.MULTILINE,
)
_MARKUP_LINE = re.compile(r"^[ \t]*<(?:!doctype|html|head|body|div|p|ul|ol|li|table|tr|h[1-6])\b", re.I | re.M)


class Hidden:
    """Spans taken out of one text, each behind a mark of its own."""

    def __init__(self) -> None:
        self.spans: list[str] = []

    def hide(self, span: str) -> str:
        """The mark that stands for `span` from now on. Marks inside `span` are replaced by what they stand for."""
        self.spans.append(self.show(span))
        return _OPEN + str(len(self.spans) - 1).translate(_TO_MARK) + _CLOSE

    def hide_code(self, text: str, *, indented_markup: bool = False) -> str:
        """`text` with every piece of code behind a mark.

        indented_markup: whether indented lines that begin with a tag may be code though the text around them is markup
        too; if not, they are taken for what pretty-printed pages look like.
        """
        if _OPEN in text:
            text = _OWN.sub(lambda found: self.hide(found[0]), text)
        # One character is looked for before several: that takes a sixth of the time.
        if ("`" in text and "```" in text) or ("~" in text and "~~~" in text):
            text = self._hide_fenced(text)
        if ("\n" in text and ("\n    " in text or "\n\t" in text)) or text.startswith(("    ", "\t")):
            text = self._hide_indented(text, indented_markup)
        if "`" in text:
            text = _SPAN.sub(lambda found: self.hide(found[0]), text)
        return text

    def show(self, text: str) -> str:
        """`text` with every mark replaced by what it stands for."""
        if not self.spans or _OPEN not in text:
            return text
        return _MARK.sub(lambda found: self.spans[int(found[0][1:-1].translate(_FROM_MARK))], text)

    def _hide_fenced(self, text: str) -> str:
        """Fenced blocks, an unclosed one up to the end of the text. Line feeds around a block stay outside."""
        out: list[str] = []
        start = 0
        opened: re.Match[str] | None = None
        for found in _FENCE.finditer(text):
            fence, info = found["fence"], found["info"]
            if opened is None:
                if fence[0] == "~" or "`" not in info:
                    opened = found
            elif fence[0] == opened["fence"][0] and len(fence) >= len(opened["fence"]) and not info.strip():
                out += text[start : opened.start()], self.hide(text[opened.start() : found.end()])
                start, opened = found.end(), None
        if opened is not None:
            out += text[start : opened.start()], self.hide(text[opened.start() :])
            start = len(text)
        return "".join(out) + text[start:]

    def _hide_indented(self, text: str, indented_markup: bool) -> str:
        if not indented_markup and "<" in text:
            outside = _INDENTED.sub(lambda found: "" if _is_code(found) else found[0], text)
            if _MARKUP_LINE.search(outside):
                return text
        return _INDENTED.sub(lambda found: self.hide(found[0]) if _is_code(found) else found[0], text)


def _is_code(block: re.Match[str]) -> bool:
    """Whether an indented block is code: no part of a list, and with a sign of code in it."""
    text, end = block.string, block.start()
    while end and text[end - 1] == "\n":
        end -= 1
    before = text[text.rfind("\n", 0, end) + 1 : end]
    return not (before.startswith((" ", "\t")) or _LIST_ITEM.match(before)) and bool(_CODE_SIGN.search(block[0]))
