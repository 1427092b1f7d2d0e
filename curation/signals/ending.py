"""Does an answer end, and is what it opens closed?"""

from __future__ import annotations

import re
from typing import Final

from curation.machine.answer import Answer, sentences, width
from curation.machine.endings import truncated
from curation.machine.rulebook import rulebook
from curation.stages.heuristics.scripts import HAN

ENDED: Final = 1.0
OPEN: Final = 0.5  # no mark at its end, although it is a sentence or all else in it has one
CUT: Final = 0.0

_MARK = re.compile(r"[.!?。！？…;~～)）\]】}>”’」』\"'`|*_]\s*\Z|\S+@\S+\Z|https?://\S+\Z")
_SYMBOL = re.compile("[\u2190-\u2bff\U0001f000-\U0001faff\ufe0f]\\s*\\Z")  # a picture ends a text like a full stop
_ITEM = re.compile(r"\s*(?:(?P<bullet>[-*•+])|[（(]?(?P<digit>\d{1,3})[.)、．:：）]|(?P<letter>[a-zA-Z])[.)])\s*")
_GOES_ON = re.compile(r"[,，、:：；]\s*\Z")
_HANGING = re.compile(r"[与和及或把被从对向]\Z")
# A last line that needs no mark: a label and its value, a result, who is quoted, a hashtag, a line of code, a signature.
_PLAIN_END = re.compile(
    r"^\W{0,3}[A-Z][\w ]{1,24}: *\w[^\s,]*(?: [^\s,]+){0,3}\Z|^[\u4e00-\u9fff]{1,6}[：:] ?[^，。；\s]{1,6}\Z"
    r"|(?:[=≈:：是为]|\bis|\bare|\bequals)\s*[-+$€¥]?\d[\d.,/]*\s?[%\w°]{0,3}\Z|\d%\Z"
    r"|[-–—~] ?[A-Z][\w.’' ]{2,40}\Z|#\w{3,}\Z|\s\.[a-z]{2,4}\Z"
    r"|^\s*(?:return|print|def|for|if|else|import|var|let|const|end)\b[^.。]*\Z|^\s*\w+ ?= ?\S+\Z"
    r"|^(?:[A-Z][\w.’'-]*(?: |\Z)){1,4}\Z"
)
_SIGNED = re.compile(
    r"(?:^|\n)[ \t]*(?:.{0,20}(?:regards|wishes|sincerely|yours|cheers|thanks|thank you)|此致|祝.{0,4}|敬上|谢谢)[,，。!！]?\s*\n"
    r"\s*\S.{0,30}\Z",
    re.IGNORECASE,
)
_LEAST_SENTENCE = 30  # letters (an ideograph is three) of a line that ought to have a mark at its end
_OPENERS = {"(": ")", "（": "）", "[": "]", "{": "}", "【": "】", "“": "”", "「": "」", "『": "』", "《": "》"}
_CLOSERS = {last: first for first, last in _OPENERS.items()}
_FENCE = re.compile(r"^[ \t]*(?:>[ \t]*)?(?:```+|~~~+)", re.MULTILINE)
_SMILEY = re.compile(r"[:;=8]-?[()\[\]{}]|(?m:^)\s*(?:\d{1,3}|[a-zA-Z])[)）]")
_BOLD = re.compile(r"(?<![\w*])\*\*(?=\S)|(?<=\S)\*\*(?![\w*])")


def complete(answer: Answer) -> float:
    """ENDED, OPEN or CUT. What is all code, and what is too short to be a sentence, has ended."""
    text = answer.text.rstrip()
    if not text:
        return CUT
    last = text[text.rfind("\n") + 1 :]
    plain = (_PLAIN_END.search(last) or _SIGNED.search(text)) and not len(_FENCE.findall(text)) % 2
    if not plain and truncated(answer, rulebook(), ()):
        return CUT
    if _GOES_ON.search(text) or (_HANGING.search(text) and width(last) >= _LEAST_SENTENCE):
        return CUT if width(text) >= _LEAST_SENTENCE else OPEN
    if plain or _MARK.search(text) or _SYMBOL.search(text) or answer.code_only:
        return ENDED
    lines = [line for line in answer.without_code.splitlines() if line.strip()]
    return _unmarked(lines, answer) if lines else ENDED


def _unmarked(lines: list[str], answer: Answer) -> float:
    """Of an answer without a mark at its end: do the other lines of its kind have one, or is it a sentence?"""
    last = lines[-1]
    item = _ITEM.match(last)
    alike = [line.rstrip() for line in lines[:-1] if _shape(line) == _shape(last)]
    marked = sum(bool(_MARK.search(line) or _GOES_ON.search(line)) for line in alike)
    if len(alike) >= 2 and marked == len(alike):
        return CUT
    if width(answer.text) < 3 * _LEAST_SENTENCE and rulebook().asks(answer.prompt, "completing"):
        return ENDED
    if not item and (len(sentences(last)) > 1 or (alike and 2 * marked > len(alike))):
        return CUT if width(last) >= _LEAST_SENTENCE else OPEN
    return OPEN if _is_clause(last[item.end() :] if item else last) else ENDED


def _shape(line: str) -> str:
    """What kind of an item of a list a line is, "" if it is none."""
    found = _ITEM.match(line)
    return (found.lastgroup or "") if found else ""


def _is_clause(line: str) -> bool:
    """Whether a line reads like a sentence rather than a title or a list of words."""
    if width(line) < _LEAST_SENTENCE:
        return False
    if re.search(f"[{HAN}]", line):
        return len(re.findall(f"[{HAN}]", line)) >= 10 or "，" in line
    words = line.split()
    return len(words) >= 6 and sum(word[:1].islower() for word in words) >= 0.6 * len(words)


def closed(answer: Answer) -> float:
    """1 where every fence, bracket and quotation is closed; else what is closed of what is opened, below 1."""
    text = answer.text
    fences = len(_FENCE.findall(text))
    prose = _SMILEY.sub("", answer.without_code)
    opened = fences // 2 + fences % 2
    left = fences % 2
    depth: dict[str, int] = {}
    for character in prose:
        if character in _OPENERS:
            opened += 1
            depth[character] = depth.get(character, 0) + 1
        elif (first := _CLOSERS.get(character)) and depth.get(first):
            depth[first] -= 1
    left += sum(depth.values())
    bold = len(_BOLD.findall(prose))
    opened, left = opened + bold // 2 + bold % 2, left + bold % 2
    return 1.0 if not left else max(0.0, 1 - left / max(opened, 1)) / 2
