"""The words of a text that carry its content, and those that name somebody or something."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING
from unicodedata import normalize

from curation.dedup.verify_words import is_stop
from curation.stages.heuristics.scripts import HAN, KANA, THAI
from curation.synthesis.gates import numerals
from curation.synthesis.gates.inflection import is_common, stem

if TYPE_CHECKING:
    from curation.privacy.names.lac import Lac

_HAN_RUN = re.compile(f"[{HAN}]+")
_OTHER_RUN = re.compile(f"[{KANA}{THAI}]{{2,}}")
_WORD = re.compile(rf"[^\W\d_{HAN}{KANA}{THAI}](?:[^\W_{HAN}{KANA}{THAI}]|['’](?=[^\W\d_]))*")
_LETTER = rf"[^\W{HAN}{KANA}{THAI}]"
_NAME = re.compile(rf"(?<!{_LETTER})[A-ZÀ-ÖØ-Þ](?:(?:{_LETTER}|['’&-])*{_LETTER})?")
_MASK = re.compile(r"<[A-Z][A-Z_]+>")  # in place of personal data
# Behind these a capital says only that something begins.
_BEGINS = re.compile(r"(?:^|[.!?:;…。！？：；\n\"“”‘«「『(\[（【*#>|]|[-–—•] |\d[.)])[\s\"“‘'(*_]*$")
_TITLED = 0.7  # share of capital words from which they say nothing: a heading, a text in capitals
_FEW = 5  # words below which that share says nothing
_NEAR = 0.75  # of the longer of two stems, what they must have in common at their beginning to be of one word
_LONGEST = 12  # characters of a Chinese name; what is tagged beyond that is a sentence
_LEAST = 4  # letters, of that
_WORDY = ("ly", "ing", "ed", "tion", "ness", "ment", "ity")  # a word that begins a sentence and ends so is no name


@dataclass(frozen=True)
class Known:
    """What a source says, for looking up what an answer says."""

    text: str

    @cached_property
    def folded(self) -> str:
        """Without case and width."""
        return _fold(self.text)

    @cached_property
    def squeezed(self) -> str:
        """Folded, and without any blanks."""
        return "".join(self.folded.split())

    @cached_property
    def numbers(self) -> frozenset[float]:
        """What its numbers may mean."""
        return numerals.values(self.text)

    @cached_property
    def stems(self) -> frozenset[str]:
        """Of all of its words."""
        return frozenset(stem(word) for word in _words(self.text))

    @cached_property
    def _beginnings(self) -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in sorted(self.stems):
            found.setdefault(each[:_LEAST], []).append(each)
        return found

    @cached_property
    def _initials(self) -> str:
        return " ".join(word[0] for word in _words(self.text))

    def has(self, word: str) -> bool:
        """Whether it says a word: itself, another form of it, or a word that begins like it; in Chinese, its characters."""
        if _HAN_RUN.match(word) or _OTHER_RUN.match(word):
            return word in self.squeezed
        return stem(word) in self.stems or any(
            _alike(stem(word), known) for known in self._beginnings.get(stem(word)[:_LEAST], ())
        )

    def has_name(self, name: str) -> bool:
        """Whether it names this: the name itself, a form of it ("Spartan" beside Sparta), or the words it abbreviates."""
        folded = _fold(name)
        if "".join(folded.split()) in self.squeezed or self.has(folded):
            return True
        parts = [part for part in re.split(r"[-'’&]", folded) if part]
        if len(parts) > 1 and all(self.has(part) for part in parts):
            return True
        return name.isupper() and 2 <= len(name) <= 6 and " ".join(folded) in self._initials


@lru_cache(maxsize=128)
def known(text: str) -> Known:
    """What a source says; kept for the items that follow about the same."""
    return Known(text)


def content_words(text: str) -> list[str]:
    """The words that carry content, in order, as they are written but for case and width; what stands for personal data
    is none of them. Chinese is cut by jieba, other scripts without blanks into pairs of characters."""
    text = _MASK.sub(" ", text)
    found = [word for word in _words(text) if len(word) > 1 and not is_stop(word)]
    for run in _HAN_RUN.findall(_fold(text)):
        found += [word for word in _cut(run) if not is_stop(word)]
    for run in _OTHER_RUN.findall(text):
        found += [run[place : place + 2] for place in range(len(run) - 1)]
    return found


def names(texts: Iterable[str]) -> list[str]:
    """What texts name: capital words that do not stand where a sentence begins; Latin words in Chinese; people, places and
    organisations with Chinese names."""
    found: list[str] = []
    chinese: list[str] = []
    for text in texts:
        bare = _MASK.sub(" ", text)
        if _HAN_RUN.search(bare):
            chinese.append(bare)
            found += [word for word in _NAME.findall(bare) if len(word) > 1]
        else:
            found += _latin_names(bare)
    return list(dict.fromkeys([*found, *_chinese_names(tuple(chinese))]))


def _latin_names(text: str) -> list[str]:
    words = list(_WORD.finditer(text))
    longer = [word for word in words[1:] if len(word[0]) > 3]
    capitals = [word for word in longer if word[0][0].isupper()]
    if len(longer) >= _FEW and len(capitals) >= _TITLED * len(longer):
        return []
    found = []
    for match in _NAME.finditer(text):
        name = re.sub(r"['’]s?$", "", match[0])
        if len(name) < 2 or is_stop(name.lower()) or is_common(name.lower()):
            continue
        begins = not text[: match.start()].strip() or _BEGINS.search(text, max(0, match.start() - 8), match.start())
        if begins and (name.isupper() or stem(name.lower()) in _common_stems() or name.lower().endswith(_WORDY)):
            continue
        found.append(name)
    return found


@lru_cache(maxsize=1)
def _common_stems() -> frozenset[str]:
    from curation.privacy.names.words import common_words

    return frozenset(map(stem, common_words()))


@lru_cache(maxsize=512)
def _chinese_names(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not texts:
        return ()
    found = []
    for text, spans in zip(texts, _lac().tag(texts), strict=True):
        found += [text[span.start : span.end].strip() for span in spans]
    return tuple(name for name in found if 2 <= len(name) <= _LONGEST and _HAN_RUN.fullmatch(name))


@lru_cache(maxsize=1)
def _lac() -> Lac:
    from curation.privacy.names.lac import Lac

    return Lac()


def _words(text: str) -> list[str]:
    return [word.replace("’", "'").removesuffix("'s").removesuffix("'") for word in _WORD.findall(_fold(text))]


def _alike(one: str, other: str) -> bool:
    longest = max(len(one), len(other))
    shared = next(
        (place for place, (a, b) in enumerate(zip(one, other, strict=False)) if a != b), min(len(one), len(other))
    )
    return shared >= _LEAST and shared >= _NEAR * longest


def _cut(run: str) -> list[str]:
    import jieba

    jieba.setLogLevel(60)
    words: list[str] = jieba.lcut(run)
    return words


def _fold(text: str) -> str:
    return normalize("NFKC", text).lower()
