"""Is an answer as long as its question calls for, laid out where it is long, and more than its question again?"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Final

from curation.machine.answer import Answer, width

WALL: Final = 1500  # letters and digits of a paragraph from which it is a wall of text; an ideograph is three

_NUMBERED = re.compile(r"^[ \t]*(\d{1,3})[.)、．][ \t]*\S", re.MULTILINE)
_EMPTY_ITEM = re.compile(r"^[ \t]*(?:[-*•+]|\d{1,3}[.)、．])[ \t]*$", re.MULTILINE)
_LONG = re.compile(
    r"\b(?:essay|article|story|blog post|report|in detail|detailed|comprehensive|explain how|step[- ]by[- ]step|speech|letter|"
    r"paragraphs?)\b|(?:文章|故事|报告|详细|演讲稿?|作文|论文|短文|一封|段落)",
    re.IGNORECASE,
)
_SHORT = re.compile(
    r"\b(?:sentences?|headline|title|slogan|tagline|tweet|haiku|one word|phrase|caption|summar\w+|classify|brief\w*|edit|"
    r"rewrite|name|word|yes or no|true or false|translate)\b|(?:句子|一句|标题|口号|总结|摘要|概括|分类|简短|简要|名字|词|"
    r"翻译|改写)",
    re.IGNORECASE,
)


def structure(answer: Answer) -> float:
    """1 where lists are numbered in order and long texts have paragraphs; less for each fault."""
    text = answer.without_code
    value = 1.0
    numbers = [int(found) for found in _NUMBERED.findall(text)]
    steps = [later - earlier for earlier, later in pairwise(numbers)]
    if len(numbers) >= 3 and any(step != 1 and later != 1 for step, later in zip(steps, numbers[1:], strict=True)):
        value *= 0.7
    if _EMPTY_ITEM.search(text):
        value *= 0.7
    longest = max((width(part) for part in text.split("\n")), default=0.0)
    return value * min(1.0, WALL / longest) if longest > WALL else value


def length(answer: Answer, shortest: int) -> float:
    """How much of the length that its question calls for an answer has, at most 1. `shortest`: letters that suffice where
    a text is asked for; a third of it where nothing of the kind is said, and nothing where a word or a sentence is.
    """
    asked = answer.prompt.split("\n", 1)[0]
    if _SHORT.search(asked):
        return 1.0 if answer.text.strip() else 0.0
    wanted = shortest if _LONG.search(asked) else shortest / 3
    return min(1.0, width(answer.text) / wanted) if wanted else 1.0


def echo(answer: Answer) -> float:
    """0 where the answer is its question again, 1 where it is not."""
    asked, told = _folded(answer.prompt), _folded(answer.text)
    return (
        0.0 if told and (told == asked or (len(told) > 20 and told in asked and len(told) > 0.8 * len(asked))) else 1.0
    )


def _folded(text: str) -> str:
    return "".join(character for character in text.lower() if character.isalnum())
