"""Where in a text another one stands, slightly edited, and whether it is a copy or has other contents."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz
from rapidfuzz.distance import OSA, Levenshtein, Opcode

from curation.dedup.differences import TYPO_SIMILARITY, Difference, differences, tokens_of
from curation.dedup.families import judge

ALIKE = 0.5  # similarity from which a text bears witness to where a template varies
MARGIN = 0.1  # of the item's tokens that are looked at on each side of the place found, for what an edit has inserted
SLIP = 20  # tokens for each wrong character of an unspaced script that counts as a slip of the pen
LONG = 200  # tokens: below it any other number makes another question
NUMBERS = 1 / 3  # share of the numbers of a long text which must differ for it to be another one
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_CHARACTER = re.compile(f"[{_UNSPACED}]")
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")  # as in `differences`, but with places
# Ideographs that make another question when one replaces another: numerals, directions, opposites, units of time.
_TELLING = frozenset(
    "一二三四五六七八九十百千万亿两半零春夏秋冬东南西北上下左右前后大小多少长短高低男女加减乘除正负早晚内外里"
    "年月日时分秒周金木水火土红黄蓝绿黑白父母兄弟姐妹夫妻买卖进出开关来去远近快慢新旧老幼增冷热"
)


@dataclass(frozen=True)
class Compared:
    """A text beside an item. similarity: the exact Jaccard similarity of their character n-grams at the place where
    they are most alike, `shared` of `total`; is_copy: what differs is no other content.
    """

    similarity: float
    shared: int
    total: int
    is_copy: bool


def compare(item: str, texts: Sequence[str], witnesses: Sequence[str]) -> list[Compared]:
    """Each of `texts` (folded) beside `item`. `witnesses` are other items that may be of the same template, and so may
    the texts themselves be: what differs at the same place in several of them, each time in another way, is a slot.
    """
    item = _trimmed(item)
    tokens, grams = tokens_of(item), _grams(item)
    windows = [_window(tokens, text) for text in texts]
    measured = [_jaccard(grams, _grams(window)) for window in windows]
    alike = [index for index, (similarity, _, _) in enumerate(measured) if similarity >= ALIKE]
    judged = judge(item, [*(windows[index] for index in alike), *map(_trimmed, witnesses)])
    verdicts = {index: one.verdict for index, one in zip(alike, judged, strict=False)}
    compared = []
    for index, (window, one) in enumerate(zip(windows, measured, strict=True)):
        other = tokens_of(window)
        verdict = verdicts.get(index) or judge(item, [window])[0].verdict
        is_copy = verdict == "copy" or (verdict == "content" and _is_slip(tokens, other))
        compared.append(Compared(*one, is_copy and not _other_numbers(tokens, other)))
    return compared


def _trimmed(text: str) -> str:
    """From the first token to the last."""
    found = list(_TOKEN.finditer(text))
    return text[found[0].start() : found[-1].end()] if found else ""


def _window(item: Sequence[str], text: str) -> str:
    """The part of `text` most like `item` (tokens)."""
    found = list(_TOKEN.finditer(text))
    tokens = [match.group() for match in found]
    if not item or not tokens:
        return ""
    start, end = 0, len(tokens)
    if len(tokens) > len(item):
        place = fuzz.partial_ratio_alignment(item, tokens)
        margin = max(2, int(MARGIN * len(item)))
        start, end = (place.dest_start, place.dest_end) if place else (start, end)
        start, end = max(0, start - margin), min(len(tokens), end + margin)
    start, end = _without_ends(item, tokens, start, end)
    return text[found[start].start() : found[end - 1].end()] if start < end else ""


def _without_ends(item: Sequence[str], tokens: Sequence[str], start: int, end: int) -> tuple[int, int]:
    """`start, end` without what was only inserted before the item's beginning and after its end."""
    found = tokens[start:end]
    ahead = _inserted_ahead(Levenshtein.opcodes(item, found), found)
    behind = _inserted_ahead(Levenshtein.opcodes(item[::-1], found[::-1]), found[::-1])
    return start + ahead, max(start + ahead, end - behind)


def _inserted_ahead(operations: Iterable[Opcode], found: Sequence[str]) -> int:
    """How many tokens were put before the item. Where its first tokens happen to stand among them too, as few edits
    are needed when those are taken for its beginning; what was inserted behind them then is moved before them.
    """
    ahead = 0
    for one in operations:
        begun = found[ahead : one.dest_start]
        if one.tag == "insert" and list(begun) == list(found[one.dest_end - len(begun) : one.dest_end]):
            ahead += one.dest_end - one.dest_start
        elif one.tag != "equal" or one.src_start > 0:
            break
    return ahead


def _grams(text: str) -> set[str]:
    """Character n-grams of the tokens: 4 long with a blank after each word, 2 in unspaced scripts."""
    line = "".join(token if _CHARACTER.match(token) else f"{token} " for token in tokens_of(text))
    sizes = [2 if _CHARACTER.match(character) else 4 for character in line]
    return {line[at : at + size] for at, size in enumerate(sizes[: max(1, len(line) - 1)])}


def _jaccard(one: set[str], other: set[str]) -> tuple[float, int, int]:
    shared, total = len(one & other), len(one | other)
    return shared / max(total, 1), shared, total


def _other_numbers(item: Sequence[str], other: Sequence[str]) -> bool:
    """Whether numbers differ: any in a text of fewer than LONG tokens, a third of them in a longer one."""
    ours, theirs = _numbers(item), _numbers(other)
    changed = max((ours - theirs).total(), (theirs - ours).total())
    return changed > 0 and (len(item) < LONG or changed >= NUMBERS * ours.total())


def _numbers(tokens: Sequence[str]) -> Counter[str]:
    return Counter(number for token in tokens for number in re.findall(r"\d+", token))


def _is_slip(item: Sequence[str], other: Sequence[str]) -> bool:
    """Whether all that differs are slips that `judge` takes for other words: transposed letters, and few single wrong
    characters of an unspaced script.
    """
    found = [one for one in differences(item, other) if one.kind not in ("typo", "minor") and not _is_misspelt(one)]
    return len(found) * SLIP <= len(item) and all(map(_is_wrong_character, found))


def _is_wrong_character(one: Difference) -> bool:
    tokens = (*one.old, *one.new)
    if len(one.old) > 1 or len(one.new) > 1 or not all(_CHARACTER.match(token) for token in tokens):
        return False
    return len(tokens) < 2 or not _TELLING.issuperset(tokens)


def _is_misspelt(one: Difference) -> bool:
    """Whether word for word the same is meant; unlike in `differences`, two transposed letters are one slip."""
    return len(one.old) == len(one.new) and all(
        old == new or (min(len(old), len(new)) > 3 and OSA.normalized_similarity(old, new) >= TYPO_SIMILARITY)
        for old, new in zip(one.old, one.new, strict=True)
    )
