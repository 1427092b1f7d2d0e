"""Answers that stop in the middle, by what stands at their end, and loops that count."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator

from curation.machine.answer import Answer, width
from curation.machine.finding import Finding
from curation.machine.rulebook import Rulebook
from curation.stages.heuristics.scripts import HAN

_FENCE = re.compile(r"^[ \t]*(?:>[ \t]*)?(```+|~~~+)", re.MULTILINE)
_BARE_ITEM = re.compile(r"(?:\d{1,2}[.)、．]|[（(]?\d{1,2}[)）]|[-*•+]|#{1,6})\s*\Z")
_ENDED = re.compile(r"[.!?。！？…][\"'”’」』)）\]】*_~]*\s")
_CONNECTIVE = re.compile(
    r"(?:^|\s)(?:the|a|an|and|or|but|of|to|that|which|who|with|for|from|by|as|at|into|than|because|if|when|while|where|whose"
    r"|is|are|was|were|be|has|have|had|will|would|can|could|may|might|should|must|such as|like|also|very|their|its|your"
    r"|his|my|our|these|those|this|between|about|including|e\.g\.)\Z",
    re.IGNORECASE,
)
_CONNECTIVE_ZH = re.compile(
    r"(?:[，、,：；]|的|在|和|与|或|是|把|被|从|对|为|向|以|及|但|而|因为|所以|如果|例如|比如|包括|也|将|会|可以|能够|以及|并且|而且|由于|通过|根据|关于|就)\Z"
)
# Words that end sentences although they look like connectives: "where it came from", "something to look at".
_STRANDED = frozenset(
    "to of with for from by at about into like in on be is are was were have has had can will could".split()
)
_LETTER_END = re.compile(f"[a-z{HAN}]\\Z")
_PAIRS = {"(": ")", "（": "）", "[": "]", "{": "}", "【": "】", "“": "”", "「": "」"}
_CLOSE = {last: first for first, last in _PAIRS.items()}
_SMILEY = re.compile(r"[:;=8]-?[()\[\]{}]")
_NOT_PROSE = re.compile(r"\s*(?:[-*•+>|#]|\d{1,3}[.)、]|[A-Za-z]\)|https?:|\S+@)")
_LEAST_REST = 20  # letters behind the last full stop, fewer may be a signature or a label
_NUMBER = re.compile(r"^\s*[（(]?\d+[.)、）．:：]?\s*")
_LEAST_ITEMS = 8  # lines that differ in their number only


def truncated(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """The first sign, among those not in `off`, that the answer stops in the middle."""
    for rule in _signs(answer, book):
        if f"truncated.{rule}" not in off:
            return Finding("truncated", rule)
    return None


def _signs(answer: Answer, book: Rulebook) -> Iterator[str]:
    text = answer.text.rstrip()
    if not text:
        return
    if len(_FENCE.findall(text)) % 2:
        yield "fence"
        return
    if text[0] in "{[" and _unclosed(text) and text.count('"') >= 2:
        yield "brackets"
    line = text[text.rfind("\n") + 1 :]
    prose = answer.without_code.rstrip()
    if "\n" in text and len(prose) == len(text) and _BARE_ITEM.fullmatch(line.strip()):
        yield "list_item"
    if text[-1] in ".!?。！？…”’」』)）]】>}*`|~\"'；;":
        return
    if len(prose) < len(text) or book.asks(answer.prompt, "completing", "templating"):
        return
    item = _NOT_PROSE.match(line) is not None
    rest = _rest(line)
    if not item and width(rest) >= _LEAST_REST // 2 and _unclosed(line):
        yield "brackets"
    if _breaks_off(text, line, rest):
        yield "connective"
    if (
        not item
        and len(rest) < len(line)
        and width(rest) >= _LEAST_REST
        and _LETTER_END.search(rest)
        and "#" not in rest
    ):
        yield "unpunctuated"


def _rest(line: str) -> str:
    """What stands behind the last full stop of a line; the line, where there is none."""
    last = 0
    for match in re.finditer(r"[.!?][\"'”’)]*\s+(?=[A-Z\"“])|[。！？][”’」』）]*(?=.)", line):
        last = match.end()
    return line[last:]


def _breaks_off(text: str, line: str, rest: str) -> bool:
    """Whether the last word asks for another. Verses and labels may end so; a text with full sentences may not."""
    prose = _ENDED.search(text) is not None or re.search("[。！？]", text) is not None
    if re.search(f"[{HAN}，、]\\Z", text):
        return prose and width(rest) >= _LEAST_REST / 2 and _CONNECTIVE_ZH.search(rest) is not None
    if text.endswith(","):
        return prose and len(line.split()) > 4
    found = _CONNECTIVE.search(rest)
    if found is None or len(rest.split()) < 5:
        return False
    return prose or found[0].strip().lower() not in _STRANDED


def _unclosed(text: str) -> bool:
    """Whether a bracket or a quotation that was opened is not closed. A closing mark alone, as in "a)", is none."""
    depth = dict.fromkeys(_PAIRS, 0)
    for character in _SMILEY.sub("", text):
        if character in depth:
            depth[character] += 1
        elif character in _CLOSE:
            depth[_CLOSE[character]] = max(0, depth[_CLOSE[character]] - 1)
    return any(depth.values())


def counting_loop(answer: Answer, off: Container[str]) -> Finding | None:
    """Lines at the end that are the same but for their numbers: "3. It saves money." "4. It saves money." …"""
    if "looping.numbered" in off or answer.text.count("\n") < _LEAST_ITEMS - 1:
        return None
    lines = [line for line in answer.text.splitlines() if line.strip()]
    bodies = [_NUMBER.sub("", line).strip() for line in lines]
    if len(bodies) < _LEAST_ITEMS or bodies[-1] == lines[-1].strip():
        return None
    last = bodies[-2]  # the very last may be cut off
    again = 1
    while again < len(bodies) and bodies[-1 - again] == last:
        again += 1
    same = again - 1
    if same >= _LEAST_ITEMS and sum(character.isalpha() for character in last) >= 4:
        return Finding("looping", "numbered", score=float(same), threshold=float(_LEAST_ITEMS))
    return None
