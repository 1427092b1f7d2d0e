"""Forms that nobody filled in, and words of the prompt where an item was asked for."""

from __future__ import annotations

import re

from curation.machine.answer import Answer
from curation.machine.placeholders import placeholder as gap
from curation.machine.rulebook import Rulebook, rulebook
from curation.synthesis.gates.looked import Looked, Turned, at, parts

_MASK = re.compile(r"<[A-Z][A-Z_]+>")
_LETTER = re.compile(r"[^\W_]")
# What stands where a value belongs in the form that prompts show, and what small models write there.
_FILLER = re.compile(
    r"\W*(?:(?:the |your |a |an |my |some |full |short |first |second )?"
    r"(?:question|answer|query|response|reply|quote|instruction|string|text|content|sentence)s?"
    r"(?: (?:text|here|goes here|string|\d+|of the (?:source|question|answer|text)))*"
    r"|string|str|null|none|todo|tbd"
    r"|(?:这里|此处)?(?:是|填|写)?(?:你的|您的|一个|第[一二三]个)?(?:问题|答案|回答|引文|引用|指令|原文|字符串)(?:内容|文本|\d+)?"
    r"|[qa问答] ?\d+)\W*",
    re.IGNORECASE,
)
_BRACKETS = re.compile(r"\W{0,2}[\[【<＜({（]([^\[\]【】<>＜＞(){}（）\n]{2,48})[\]】>＞)}）]\W{0,2}")


def placeholder(looked: Looked) -> Turned | None:
    """The rules of the stage `machine_text` about gaps; names of fields in place of values; answers of masks alone. What
    the source has itself is no gap."""
    book, count = rulebook(), len(looked.exchanges)
    # Masks stand for personal data in the source, and are no gaps.
    told = _MASK.sub(" ", f"{looked.source}\n{looked.seeds}")
    for place, exchange in enumerate(looked.exchanges):
        for text in parts(exchange):
            bare = _MASK.sub(" ", text)
            if _FILLER.fullmatch(text):
                return Turned("placeholder", at(place, "filler", count))
            if not _LETTER.search(bare) and (bare != text or "…" in text or "..." in text):
                return Turned("placeholder", at(place, "nothing but marks", count))
            if _is_slot(bare, book) and bare.strip() not in told:
                return Turned("placeholder", at(place, "slot", count))
            if found := gap(Answer(bare, told), book, ()):
                return Turned("placeholder", at(place, found.rule, count))
    return None


def _is_slot(text: str, book: Rulebook) -> bool:
    """Whether a text is nothing but a pair of brackets around the name of what belongs there."""
    found = _BRACKETS.fullmatch(text)
    rules = book.rules["placeholder"]
    return found is not None and any(rules[name].fullmatch(found[1].strip()) for name in ("slot", "slot_zh"))
