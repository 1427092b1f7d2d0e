"""Was the question answered in kind? Asked for ten things, code, JSON or a number, an answer has them or not."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

import orjson

from curation.dedup.verify_numbers import numbers_of
from curation.machine.answer import Answer, is_chinese, sentences
from curation.machine.rulebook import rulebook
from curation.stages.heuristics.scripts import HAN

_COUNTS = {
    word: number
    for number, words in enumerate(
        ("two 两 二", "three 三", "four 四", "five 五", "six 六", "seven 七", "eight 八", "nine 九", "ten 十"), start=2
    )
    for word in words.split()
}
_THINGS = (
    "ideas|ways|tips|reasons|examples|steps|things|items|facts|benefits|advantages|disadvantages|questions|titles|names|"
    "suggestions|points|features|types|kinds|strategies|methods|topics|activities|books|movies|films|songs|countries|"
    "cities|animals|foods|recipes|words|adjectives|synonyms|antonyms|characteristics|differences|similarities|factors|"
    "causes|effects|skills|qualities|techniques|elements|components|risks|challenges|uses|goals|hobbies|places"
)
_LISTED = re.compile(
    rf"\b(?:list|name|give|provide|suggest|identify|generate|come up with|describe|write|create|state|mention|brainstorm)\b"
    rf"[^.?!\n]{{0,24}}?\b(?P<count>\d{{1,2}}|two|three|four|five|six|seven|eight|nine|ten)\b"
    rf"[^.?!\n]{{0,30}}?\b(?:{_THINGS})\b",
    re.IGNORECASE,
)
_LISTED_ZH = re.compile(
    r"(?:列出|列举|举出|给出|提供|说出|写出|提出|推荐|想出|生成|描述|创建|建议)[^。？！\n]{0,12}?(?P<count>\d{1,2}|[两二三四五六七八九十])\s*"
    r"(?:个|种|条|项|点|部|本|首|句|款|件|则|位)(?!(?:单词|词语|字|句子以内))"
)
_JSON = re.compile(
    r"\b(?:in|as|into|to|valid|output) (?:a |an )?json\b|json ?格式|(?:输出|返回)(?:为)? ?json", re.IGNORECASE
)
_CODE = re.compile(
    r"\b(?:write|create|implement|generate|develop|code)\b[^.?!\n]{0,40}\b(?:function|program|code|script|class|method|query|"
    r"algorithm|regex|regular expression)\b[^.?!\n]{0,60}\b(?:in |using )?(?:python|java(?:script)?|c\+\+|c#|sql|html|ruby|go|"
    r"rust|php|bash|swift|typescript)\b|(?:编写|写|实现|创建)[^。？！\n]{0,16}(?:Python|Java|C\+\+|SQL|HTML|JavaScript|代码|函数|脚本)",
    re.IGNORECASE,
)
_IS_CODE = re.compile(
    r"```|[{};]\s*$|^\s*(?:def |class |import |from |function |public |#include|SELECT |INSERT |UPDATE |CREATE |<\w+|return |"
    r"print\(|let |const |var )|\w+\([^)\n]*\)|[A-Za-z_]\w* ?=[^=]|[\\^$\[\]].*[+*?]",
    re.MULTILINE | re.IGNORECASE,
)
_NUMBER = re.compile(
    r"\A\W*(?:how (?:many|much|old|tall|far|long|high|deep|fast|heavy)|what (?:is|was) the (?:number|sum|product|average|mean|"
    r"total|distance|height|population|area|volume) of|calculate|compute)\b|\A\W*(?:计算|求出?)[^。\n]{0,30}"
    r"|[^。？！\n]{0,20}(?:有多少|是多少|等于多少)[^。\n]{0,8}[？?]",
    re.IGNORECASE,
)
_ITEM = re.compile(
    r"^[ \t]*(?:[-*•+–—]|\(?\d{1,3}[.)、．:：]|[（(]\d{1,3}[)）]|第?[一二三四五六七八九十]{1,3}[、.．是]|#{1,6} )",
    re.MULTILINE,
)
_PIECES = re.compile(r"[,，、;；\n]| and | or |和|以及|\d{1,2}[.)、]\s|[①-⑳]")
_NUMERAL = re.compile("[一二三四五六七八九十百千万零两0-9０-９]")

MET: Final = 1.0


def in_kind(answer: Answer) -> float:
    """The least of what is asked for and found, from 0 (nothing of it) to 1; 1 where nothing of a known kind is asked."""
    found = [check(answer) for check in _CHECKS]
    return min((value for value in found if value is not None), default=MET)


def _listed(answer: Answer) -> float | None:
    """Of the number of things that were asked for, the share that is there."""
    asked = answer.prompt.split("\n", 1)[0]
    match = _LISTED.search(asked) or _LISTED_ZH.search(asked)
    if match is None:
        return None
    told = match["count"].lower()
    wanted = int(told) if told.isdecimal() else _COUNTS[told]
    text = answer.text
    items = len(_ITEM.findall(text))
    lines = sum(bool(line.strip()) for line in text.splitlines())
    there = max(items, lines, len(_PIECES.split(text)), len(sentences(text)))
    return min(1.0, there / wanted) if wanted > 1 else None


def _json(answer: Answer) -> float | None:
    if not _JSON.search(answer.prompt):
        return None
    text = (
        re.sub(r"\A.*?```(?:json)?\s*|```.*\Z", "", answer.text, flags=re.DOTALL)
        if "```" in answer.text
        else answer.text
    )
    try:
        orjson.loads(text.strip())
    except orjson.JSONDecodeError:
        return 0.5 if "{" in text or "[" in text else 0.0
    return MET


def _code(answer: Answer) -> float | None:
    if not _CODE.search(answer.prompt.split("\n", 1)[0]):
        return None
    return MET if _IS_CODE.search(answer.text) else 0.0


def _number(answer: Answer) -> float | None:
    if not _NUMBER.search(answer.prompt):
        return None
    folded = answer.text.lower()
    return (
        MET if numbers_of(folded) or _NUMERAL.search(folded) or re.search(r"\b(?:one|no|zero|none)\b", folded) else 0.5
    )


def _language(answer: Answer) -> float | None:
    """0 where a Chinese question that is about no other language has an answer without Chinese, and the other way round."""
    if rulebook().asks(answer.prompt, "languages") or len(answer.without_code.strip()) < 20 or answer.code_only:
        return None
    asked, told = is_chinese(answer.prompt), answer.chinese
    if asked and not re.search(f"[{HAN}]", answer.text):
        return 0.0
    return 0.0 if not asked and told and not re.search(f"[{HAN}]", answer.prompt) else MET


_CHECKS: tuple[Callable[[Answer], float | None], ...] = (_listed, _json, _code, _number, _language)
