"""The numbers that a text names, however they are written.

Each mention is a set of values, any of which the writer may have meant: "5 pm" is 5 or 17, 150万 is 150 or 1500000. Numbers
of lists, and the counts that announce one ("three reasons", 两个原因), are no statements and are left out.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache

from curation.dedup.verify_numbers import numbers_of

Mention = frozenset[float]

# What only counts: the lines of a list, the steps of instructions.
_ITEM = re.compile(
    r"^[ \t]*(?:\(?\d{1,2}[.)、]|[（(]?[一二三四五六七八九十]{1,2}[、）)])(?!\d)"
    r"|\bsteps? \d{1,2}\b|第(?:\d{1,2}|[一二三四五六七八九十]{1,2})步|步骤 ?(?:\d{1,2}|[一二三四五六七八九十]{1,2})",
    re.MULTILINE,
)
# Counts that announce what follows: "three reasons", 两个原因.
_NOUNS = (
    "ways?|reasons?|steps?|things?|points?|factors?|kinds?|types?|sorts?|parts?|stages?|conditions?|options?|examples?"
    "|cases|aspects?|statements?|sentences?|words?|differences|effects?|consequences|advantages|facts?|measures"
    "|paragraphs?|rules?"
)
_NOUNS_ZH = (
    "原因|理由|方法|方式|办法|步骤|方面|情况|条件|因素|要点|部分|阶段|例子|事|话|措施|区别|好处|作用|面|规则|注意事项"
)
_COUNT = re.compile(
    rf"\b(?:\d|two|three|four|five|six|seven|eight|nine|ten) (?:\w+ ){{0,2}}(?:{_NOUNS})\b"
    rf"|(?:[2-9]|[两二三四五六七八九十])[个种条点类步项方句大](?:主要|不同|重要)?的?(?:{_NOUNS_ZH})"
)
_SCALES = {
    "hundred": 1e2, "thousand": 1e3, "million": 1e6, "billion": 1e9, "trillion": 1e12, "k": 1e3, "bn": 1e9,
    "百": 1e2, "千": 1e3, "万": 1e4, "十万": 1e5, "百万": 1e6, "千万": 1e7, "亿": 1e8, "万亿": 1e12,
}  # fmt: skip
_SCALED = re.compile(
    r"(?<![\d.a-z_])(\d+(?:,\d{3})*(?:\.\d+)?)"
    r"(?: ?(hundred|thousand|million|billion|trillion)\b|(k|bn)\b|(万亿|千万|百万|十万|亿|万|千|百))"
)
_GROUPED = re.compile(r"(?<![\d.,])\d{1,3}(?:[\u00a0\u2009\u202f]\d{3})+(?!\d)")
_CLOCK = re.compile(
    r"(?<![\d.])(\d{1,2})[:.](\d{2})(?![\d.])(?: ?([ap])\.?m\b)?|(?<![\d.])(\d{1,2}) ?([ap])\.?m\b"
    r"|(?:下午|晚上|傍晚|夜里|午后) ?(\d{1,2}|[一二三四五六七八九十两]{1,3})(?=点|时|:)"
)
_TAEL = re.compile("(?<=[零一二三四五六七八九十百千万亿])两(?![千百万亿])")  # the weight, not the number
_UNITS = dict(
    zip(
        "one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen"
        " nineteen".split(),
        range(1, 20),
        strict=True,
    )
)
_TENS = dict(zip("twenty thirty forty fifty sixty seventy eighty ninety".split(), range(20, 100, 10), strict=True))
_SCALE = "thousand|million|billion"
_TEEN = "|".join(list(_UNITS)[9:])
_TWO = rf"(?:(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(list(_UNITS)[:9])}))?|{'|'.join(_UNITS)})"  # two digits
_THREE = rf"(?:(?:{_TWO}|an?) hundred(?:(?: and)? {_TWO}\b)?|{_TWO}\b)"
_SPELLED = re.compile(
    rf"\b(?:(?P<century>{_TEEN})[ -](?P<year>(?:{'|'.join(_TENS)})(?:[ -](?:{'|'.join(list(_UNITS)[:9])}))?|{_TEEN})\b"
    rf"|(?:{_THREE}|an?) (?:{_SCALE})\b(?:,?(?: and)? {_THREE}(?: (?:{_SCALE})\b)?)*|{_THREE})"
)


def mentions(text: str) -> list[Mention]:
    """The numbers of a text, each with all that it may mean; in no order, equal ones once."""
    return list(_mentions(text))


def values(text: str) -> frozenset[float]:
    """All that the numbers of a text may mean, those that announce something included; and 1, which any article may mean."""
    return _values(text)


@lru_cache(maxsize=512)
def _mentions(text: str) -> frozenset[Mention]:
    return _found(_COUNT.sub(" ", _folded(text)))


@lru_cache(maxsize=512)
def _values(text: str) -> frozenset[float]:
    return frozenset(value for mention in _found(_folded(text)) for value in mention) | {1.0}


def _folded(text: str) -> str:
    """Without width, case and numbers that only count lines and steps."""
    grouped = _GROUPED.sub(lambda found: re.sub(r"\D", "", found[0]), text)
    return _TAEL.sub(" ", _ITEM.sub(" ", unicodedata.normalize("NFKC", grouped).lower()))


def _found(text: str) -> frozenset[Mention]:
    found: set[Mention] = set()

    def scaled(match: re.Match[str]) -> str:
        value = float(match[1].replace(",", ""))
        found.add(frozenset({value, round(value * _SCALES[match[2] or match[3] or match[4]], 6)}))
        return " "

    def clock(match: re.Match[str]) -> str:
        hour, half = match[1] or match[4], match[3] or match[5]
        if match[6]:
            later = {float(match[6])} if match[6].isdigit() else set(numbers_of(match[6])) or {1.0}
            found.update(frozenset({value, value + 12}) for value in later)
            return " "
        if match[2] and ":" not in match[0] and not half:
            return match[0]  # a decimal number
        found.add(frozenset({float(hour), float(hour) + 12} if half == "p" else {float(hour)}))
        if match[2] and int(match[2]):
            found.add(frozenset({float(match[2])}))
        return " "

    def spelled(match: re.Match[str]) -> str:
        if match["century"]:
            found.add(frozenset({_spelled(match["century"]) * 100 + _spelled(match["year"])}))
        elif match[0] != "one":  # mostly an article or a pronoun
            found.add(frozenset({_spelled(match[0])}))
        return " "

    rest = _SPELLED.sub(spelled, _CLOCK.sub(clock, _SCALED.sub(scaled, text)))
    found.update(frozenset({value}) for value in numbers_of(rest))
    return frozenset(found)


def _spelled(words: str) -> float:
    """What a run of English number words comes to."""
    total = group = 0.0
    for word in re.findall("[a-z]+", words):
        if word in _UNITS:
            group += _UNITS[word]
        elif word in _TENS:
            group += _TENS[word]
        elif word == "hundred":
            group = (group or 1) * 100
        elif word in ("thousand", "million", "billion"):
            total += (group or 1) * _SCALES[word]
            group = 0
    return total + group
