"""Where two almost equal texts differ, token by token, and what kind of difference each is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from rapidfuzz.distance import Levenshtein

Kind = Literal["number", "negation", "typo", "minor", "extension", "content"]

# Words where blanks stand between them, single characters where not: as in `shingles`, but as text.
_UNSPACED = r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3041-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
_TOKEN = re.compile(rf"[{_UNSPACED}]|[^\W_{_UNSPACED}]+")
_DIGITS = re.compile(r"\d+")
_ASCII = "".join(chr(point) if chr(point).isalnum() else " " for point in range(128))
_NEGATIONS = frozenset(
    "not no never none neither nor without cannot cant dont doesnt didnt wont isnt arent wasnt werent t "
    "ne pas sans nicht kein keine ohne nie 不 没 無 无 非 未 勿 别 莫".split()
)
_MINOR = frozenset(
    "a an the of to in on at for and or so then also please just very really quite is are was be that this it its "
    "的 了 吗 呢 吧 啊 呀 地 得 请 就 也 都 还".split()
)
_NUMERALS = frozenset(
    "one two three four five six seven eight nine ten eleven twelve twenty thirty forty fifty hundred thousand million "
    "half twice double 零 一 二 两 三 四 五 六 七 八 九 十 百 千 万 亿 半".split()
)
TYPO_SIMILARITY = 0.7  # of the characters of two words; "recieve" / "receive" has 0.71, "paris" / "london" 0


@dataclass(frozen=True)
class Difference:
    """One place where `new` stands instead of `old`: tokens `start:end` of the anchor.

    kind: as `kind_of` says, or extension: at the end, where one text goes on and the other stops.
    """

    start: int
    end: int
    old: tuple[str, ...]
    new: tuple[str, ...]
    kind: Kind

    @property
    def size(self) -> int:
        """How many tokens differ, on the longer side."""
        return max(len(self.old), len(self.new))


def tokens_of(text: str) -> list[str]:
    """The tokens of a folded text."""
    if text.isascii():  # five times as fast as the expression
        return text.translate(_ASCII).split()
    return _TOKEN.findall(text)


def differences(anchor: Sequence[str], member: Sequence[str]) -> list[Difference]:
    """What to change in `anchor` to get `member` (tokens), by least edits; places one token apart count as one."""
    spans: list[list[int]] = []
    for operation in Levenshtein.opcodes(anchor, member):
        if operation.tag == "equal":
            continue
        if spans and operation.src_start - spans[-1][1] <= 1 and operation.dest_start - spans[-1][3] <= 1:
            spans[-1][1], spans[-1][3] = operation.src_end, operation.dest_end
        else:
            spans.append([operation.src_start, operation.src_end, operation.dest_start, operation.dest_end])
    found = []
    for a, b, c, d in spans:
        old, new = anchor[a:b], member[c:d]
        at_end = b == len(anchor) and d == len(member)
        kind: Kind = "extension" if at_end and _extends(old, new) else kind_of(old, new)
        if _doubled(anchor, a, b, new) or _doubled(member, c, d, old):
            kind = "typo"
        found.append(Difference(a, b, tuple(old), tuple(new), kind))
    return found


def _doubled(tokens: Sequence[str], start: int, end: int, other: Sequence[str]) -> bool:
    """Whether `other` only says the word beside it once more, where `tokens` has nothing: `the the`."""
    return start == end and len(other) == 1 and _is_word(other[0]) and other[0] in tokens[max(0, start - 1) : start + 1]


def _is_word(token: str) -> bool:
    """Neither a digit nor a single letter of an alphabet, which may well stand twice."""
    return token.isalpha() and (len(token) > 1 or token > "\u0e00")


def _extends(old: Sequence[str], new: Sequence[str]) -> bool:
    """Whether one goes on where the other stops, perhaps in the middle of a word."""
    one, other = "".join(old), "".join(new)
    return one.startswith(other) or other.startswith(one)


def kind_of(old: Sequence[str], new: Sequence[str]) -> Literal["number", "negation", "typo", "minor", "content"]:
    """number: other numbers. negation: one side denies. typo: the same words, misspelt or run together. minor: only
    words that carry no content of their own. content: anything else.
    """
    if _numbers(old) != _numbers(new):
        return "number"
    if any(token in _NEGATIONS for token in old) != any(token in _NEGATIONS for token in new):
        return "negation"
    if "".join(old) == "".join(new):
        return "typo"
    if len(old) == len(new) and all(_misspelt(a, b) for a, b in zip(old, new, strict=True)):
        return "typo"
    if all(token in _MINOR for token in (*old, *new)):
        return "minor"
    return "content"


def _numbers(tokens: Sequence[str]) -> list[str]:
    """The numbers among tokens, in digits or in words."""
    found: list[str] = []
    for token in tokens:
        if token in _NUMERALS:
            found.append(token)
        elif not token.isalpha():
            found += _DIGITS.findall(token)
    return found


def _misspelt(one: str, other: str) -> bool:
    """A slip of the pen: similar, and long enough that similarity means something. Inflections pass as well."""
    if one == other:
        return True
    if min(len(one), len(other)) < 4:
        # "teh" / "the": the same letters; other short words differ too easily to tell.
        return len(one) == len(other) > 2 and sorted(one) == sorted(other)
    return Levenshtein.normalized_similarity(one, other) >= TYPO_SIMILARITY
