"""Gaps that nobody filled in: slots in brackets, template variables, notes to oneself, dummy text."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from curation.machine.answer import Answer
from curation.machine.finding import Finding
from curation.machine.rulebook import Rulebook

_OPEN, _CLOSE = r"[\[【<＜(（]", r"[\]】>＞)）]"
_BRACES = re.compile(
    r"\{\{\s*[^\W\d][\w. -]{0,38}\s*\}\}"
    r"|(?<![\\\w^_}$#{%=(,:\[])\{(?:[a-z][a-z]+(?:_[a-z0-9]+)*|[\u4e00-\u9fff]{2,12})\}(?!\})",
    re.IGNORECASE,
)
_TAG = re.compile(r"<(?:insert|your|enter|add|company|name|date|customer|recipient)\b[^<>\n/=]{0,40}>", re.IGNORECASE)
_TODO = re.compile(
    r"(?<![\w-])(?:TODO|FIXME)(?=\s*[:：(（]|\s*[.,;]?\s*$)|(?<!\w)TBD(?!\w)"
    r"|[（(\[【]待(?:补充|填写|添加|完善|续写|定)[^）)\]】\n]{0,30}[）)\]】]|(?:此处|这里)待(?:补充|填写|添加)",
    re.MULTILINE,
)
_XXX = re.compile(
    r"(?<![\w.])X{3,}(?![\w(])|(?:[XＸ×]{2,}|[xX]{2,}|〇〇|○○)(?=(?:个|元|公司|先生|女士|年|月|日|市|省|学校|大学|中学|小学|有限|集团|部门|同学|老师|产品|项目|万|岁|人|号|路))"
)
_DUMMY = re.compile(r"lorem ipsum dolor", re.IGNORECASE)
_BLANK = re.compile(r"(?:\w[^\w\n]{0,3}(?<!_)(?:_{5,}|＿{3,})(?!_)|(?:_{5,}|＿{3,})[ ,，.。]{0,3}(?!_)\w)")
_IS_LINK = re.compile(r"\s*[(\[:]")


def placeholder(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """A gap in an answer to a prompt that asked for no template."""
    for rule in _gaps(answer, book):
        if f"placeholder.{rule}" not in off:
            return Finding("placeholder", rule)
    return None


def _gaps(answer: Answer, book: Rulebook) -> Iterator[str]:
    """The rules that find a gap."""
    text, prompt = answer.without_code, answer.prompt
    template = book.asks(prompt, "template")
    if _DUMMY.search(text) and "lorem" not in prompt.lower():
        yield "dummy_text"
    if template:
        return
    if _slot(answer, book):
        yield "slot"
    if _braces(answer, book):
        yield "braces"
    if "<" in text and "<" not in prompt and _TAG.search(answer.said):
        yield "tag"
    if _TODO.search(answer.said) and not re.search(r"to-?do|tbd|待办|代码|code", prompt, re.IGNORECASE):
        yield "todo"
    if _XXX.search(answer.said) and not re.search(r"x{2,}|××", prompt, re.IGNORECASE):
        yield "xxx"
    if _BLANK.search(answer.said) and "__" not in prompt and not re.search(r"题|questions?\b|sign|签", prompt, re.I):
        yield "blank"


def _braces(answer: Answer, book: Rulebook) -> bool:
    """Whether a template variable stands in a text that has no LaTeX, for a prompt that has no brace either."""
    if "{" not in answer.text or "{" in answer.prompt or "\\" in answer.text:
        return False
    return _BRACES.search(answer.said) is not None and not book.asks(answer.prompt, "templating")


def _slot(answer: Answer, book: Rulebook) -> bool:
    """A pair of brackets around nothing but the name of what belongs there; not one that the prompt has as well."""
    rules, text = book.rules["placeholder"], answer.without_code
    for found in re.finditer(rf"({_OPEN})([^\[\]【】<>＜＞()（）\n]{{2,48}}){_CLOSE}", text):
        inner = found[2].strip()
        chinese = rules["slot_zh"].fullmatch(inner)
        if not chinese and not (rules["slot"].fullmatch(inner) and found[1] in "[【"):
            continue
        if found[1] in "(（<＜" and not (chinese and _alone(text, found) and "请" not in text[: found.start()][-8:]):
            continue
        if found[1] == "[" and _IS_LINK.match(text, found.end()) and text[found.end() : found.end() + 1] in "([":
            continue
        if found[0] in answer.prompt or _listed(text, found, chinese is not None):
            continue
        return True
    return False


def _alone(text: str, found: re.Match[str]) -> bool:
    """Whether a slot in round brackets is the whole of its line, or asks to be filled in."""
    begin = text.rfind("\n", 0, found.start()) + 1
    end = text.find("\n", found.end())
    line = text[begin : len(text) if end < 0 else end].strip(" \t。.，,")
    return line == found[0] or re.match(r"(?:此处|这里|请|在此|填写|插入|输入)", found[2]) is not None


def _listed(text: str, found: re.Match[str], chinese: bool) -> bool:
    """Whether 【…】 heads a line or a section, as Chinese writers use it: 【地址】磨坊巷12号."""
    if not chinese or found[1] != "【":
        return False
    before = text[: found.start()].rstrip(" \t")
    return not before or before.endswith("\n")
