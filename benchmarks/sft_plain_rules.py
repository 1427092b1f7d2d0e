"""The recipe's rules for answers in plain Python, a text at a time, as the published filters are written."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

_HAN = "\u3400-\u9fff"
_WORD = re.compile(rf"[{_HAN}]|[^\W{_HAN}]+(?:['’-]\w+)*|[^\w\s]")
_CODE = re.compile(r"```.*?(?:```|$)", re.S)
_NOTICES = re.compile(
    r"lorem ipsum dolor|\{\{\s*[^\W\d][\w. -]*\}\}|^\W*(?:please enable javascript|javascript is (?:disabled|required)|"
    r"(?:this|our) (?:web ?)?site uses cookies|we use cookies (?:to|on|and|for)\b|请(?:启用|开启)\s*javascript|"
    r"(?:我们|本网站)(?:会)?使用\s*cookies?)",
    re.I | re.M,
)
TOP = {2: 0.4, 3: 0.36, 4: 0.32}
DUP = {5: 0.45, 6: 0.42, 7: 0.39, 8: 0.36, 9: 0.33, 10: 0.3}


def words_of(text: str) -> list[str]:
    """Words, a character of Chinese each one, and marks."""
    return _WORD.findall(text)


def quality(text: str) -> bool:
    """Whether the rules of Gopher and C4, as far as they hold for answers, would drop the text."""
    prose = _CODE.sub("", text)
    words = words_of(prose)
    if len(words) > 100_000 or _NOTICES.search(prose):
        return True
    if len(words) >= 10:
        ellipses = len(re.findall(r"\.{3,}|…+|。{3,}", prose))
        content = sum(any(character.isalnum() for character in word) for word in words)
        hashes = re.sub(r"^#+ |#\w+", "", prose, flags=re.M).count("#")
        if hashes > 0.1 * len(words) or ellipses > 0.1 * len(words) or content < 0.2 * len(words):
            return True
    lines = [line for line in prose.split("\n") if line.strip()]
    if len(lines) >= 5:
        bullets = sum(re.match(r"\s*[•·●*+-]\W*$", line) is not None for line in lines)
        cut = sum(line.rstrip().endswith(("...", "…")) for line in lines)
        return bullets > 0.9 * len(lines) or cut > 0.3 * len(lines)
    return False


def repetition(text: str) -> bool:
    """Whether the text ends in a loop, or repeats too many lines, paragraphs or runs of words."""
    return _loops(text.rstrip()) or _lines(_CODE.sub("", text)) or _runs(_CODE.sub("", text))


def _loops(text: str) -> bool:
    """Whether the last characters are one unit five times or more, over sixty characters."""
    for unit in range(1, min(len(text) // 5, 4_000) + 1):
        if text[-5 * unit : -unit] == text[-4 * unit :]:
            repeats = 5
            while text[-unit * (repeats + 1) : -unit * repeats] == text[-unit:]:
                repeats += 1
            wide = len(re.findall(rf"[{_HAN}]", text[-unit:]))
            width = unit + 2 * wide if re.search(r"[^\W\d_]", text[-unit:]) else unit / 5
            if repeats * width >= 60:
                return True
    return False


def _lines(text: str) -> bool:
    for units in (re.split(r"\n{2,}", text.strip()), re.split(r"\n+", text)):
        units = [unit for unit in units if len(unit) >= 20]
        if len(units) < 5:
            continue
        seen: set[str] = set()
        copies = [unit for unit in units if unit in seen or seen.add(unit)]  # type: ignore[func-returns-value]
        if len(copies) > 0.5 * len(units) or sum(map(len, copies)) > 0.4 * len(text):
            return True
    return False


def _runs(text: str) -> bool:
    words = words_of(text)
    if len(words) < 50:
        return False
    scale = 1.6 if len(re.findall(rf"[{_HAN}]", text)) > len(text) / 4 else 1
    for n, limit in TOP.items():
        counts = Counter(" ".join(run) for run in _ngrams(words, round(n * scale)))
        run, count = counts.most_common(1)[0]
        if count >= 3 and count * sum(map(len, run.split())) > limit * len(text):
            return True
    return any(_duplicated(words, round(n * scale)) > limit * len(text) for n, limit in DUP.items())


def _ngrams(words: Sequence[str], n: int) -> list[tuple[str, ...]]:
    return list(zip(*(words[at:] for at in range(n)), strict=False))


def _duplicated(words: Sequence[str], n: int) -> int:
    """Characters of runs of `n` words that stood before, those that overlap counted once."""
    seen: set[str] = set()
    characters = at = 0
    while at + n <= len(words):
        run = "".join(words[at : at + n])
        if run in seen:
            characters += len(run)
            at += n
        else:
            seen.add(run)
            at += 1
    return characters
