"""One answer as the rules see it: what was asked, and the text with code and quotations blanked out."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from curation.stages.heuristics.scripts import HAN, WIDTH

# What a record quotes, it does not say. A quotation stays on one line and is no longer than a short paragraph.
_FENCE = re.compile(r"^[ \t]*(?:```|~~~).*?(?:^[ \t]*(?:```|~~~)[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`+[^`\n]+`+|^(?: {4}|\t)\S.*$", re.MULTILINE)
_QUOTED = re.compile(
    r'"[^"\n]{1,400}"|“[^”\n]{1,400}”|「[^」\n]{1,400}」|『[^』\n]{1,400}』|«[^»\n]{1,400}»|《[^》\n]{1,80}》'
    r"|(?<![\w])[‘'](?=\w)[^’'\n]{1,200}[’'](?!\w)|^>.*$",
    re.MULTILINE,
)
_HAN = re.compile(f"[{HAN}]")
_LATIN = re.compile(r"[A-Za-z]+")
_SENTENCE = re.compile(r"[^.!?。！？\n]*(?:[.!?。！？]+[\"”’」』)）]*|\n|\Z)")

# From this share of a text's words on (an ideograph counts as half a word), a text counts as Chinese.
_CHINESE_SHARE = 0.5


@dataclass(frozen=True)
class Answer:
    """text: the answer as it is. prompt: all that was asked before it, "" where there is no prompt."""

    text: str
    prompt: str = ""

    @cached_property
    def without_code(self) -> str:
        """The text with code replaced by blanks, as long as before."""
        text = self.text
        if "```" in text or "~~~" in text:
            text = _FENCE.sub(_blank, text)
        return _CODE.sub(_blank, text) if "`" in text or "\n    " in text or "\t" in text else text

    @cached_property
    def said(self) -> str:
        """The text with code and quotations replaced by blanks, as long as before."""
        return _QUOTED.sub(_blank, self.without_code)

    @cached_property
    def chinese(self) -> bool:
        """Whether most of the text is Chinese."""
        return is_chinese(self.without_code)

    @cached_property
    def code_only(self) -> bool:
        """Whether hardly anything is left once the code is gone."""
        return len(self.without_code.split()) < 3 and len(self.text.split()) >= 3


def is_chinese(text: str) -> bool:
    """Whether at least half of the words of a text are Chinese."""
    han, latin = len(_HAN.findall(text)) / 2, len(_LATIN.findall(text))
    return han > 0 and han >= _CHINESE_SHARE * (han + latin)


def width(text: str) -> float:
    """Letters and digits of a text, an ideograph as three: about how long it is in English."""
    letters = sum(character.isalnum() for character in text)
    return letters + (WIDTH - 1) * len(_HAN.findall(text))


def sentences(text: str) -> list[tuple[int, int]]:
    """Where the sentences of a text begin and end, marks and closing quotes included; blank ones are left out."""
    return [match.span() for match in _SENTENCE.finditer(text) if match[0].strip()]


def _blank(found: re.Match[str]) -> str:
    return re.sub(r"[^\n]", " ", found[0])
