"""Names, places, organisations and postal addresses in many texts at once: a model a language, and rules beside it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import lru_cache

from curation.privacy.names import beside, chinese, chinese_address, english, english_address, words
from curation.privacy.names.taggers import BUILT_IN, NO_MODEL, Tagger, tagger
from curation.privacy.spans import Span, resolve

ENTITIES = ("PERSON", "ADDRESS", "LOCATION", "ORGANIZATION")
VERSION = "2"  # raised whenever the same text may get other spans
BY_RULE: Mapping[str, frozenset[str]] = {
    "en": frozenset({"PERSON", "ADDRESS"}),
    "zh": frozenset({"PERSON", "ADDRESS"}),
}
_HAN = re.compile(r"[㐀-䶿一-鿿]")
_KANA = re.compile(r"[ぁ-ヿ]")
_LATIN = re.compile(r"[A-Za-zÀ-ɏ]{2}")


class NameFinder:
    """The name-and-place tier.

    entities: which of PERSON, ADDRESS, LOCATION and ORGANIZATION to return. models: language to model, in place of the
    built-in ones (English: spaCy's small model; Chinese: Baidu's LAC): a spaCy package, a local folder, a name on the
    Hub, or "none" for rules alone. public_figures: return public figures, and people in general knowledge, too.
    Nothing is loaded before the first text in a language is searched. StageError when a model cannot be loaded.
    """

    def __init__(
        self, entities: frozenset[str], models: Mapping[str, str] | None = None, *, public_figures: bool = False
    ) -> None:
        self.entities = frozenset(entities) & frozenset(ENTITIES)
        self.models = {**BUILT_IN, **(models or {})}
        self.public_figures = public_figures

    def find(self, texts: Sequence[str], languages: Sequence[str]) -> list[list[Span]]:
        """The spans of each text, from left to right, none overlapping.

        languages: an ISO 639 code for each text, or "" where it is unknown: then the script decides between English
        and Chinese. Passages in the other of these two scripts are searched with its rules.
        """
        chosen = [_language(text, language) for text, language in zip(texts, languages, strict=True)]
        tagged: list[list[Span]] = [[] for _ in texts]
        for language in sorted(set(chosen)):
            model = self._tagger(language)
            if model is not None and self._wants_model(model):
                numbers = [n for n, each in enumerate(chosen) if each == language]
                pieces = [(n, *piece) for n in numbers for piece in _pieces(texts[n], language)]
                found = model.tag([texts[n][start:end] for n, start, end in pieces])
                for (n, shift, _), spans in zip(pieces, found, strict=True):
                    tagged[n] += [replace(span, start=span.start + shift, end=span.end + shift) for span in spans]
        return [self._one(*each) for each in zip(texts, chosen, tagged, strict=True)]

    def blind(self, languages: Collection[str]) -> dict[str, tuple[str, ...]]:
        """Language to the types of entity asked for that cannot be looked for in it; languages without gaps are absent.

        Of a text in no known language ("") nothing can be promised, though its script decides what is tried.
        """
        gaps = {}
        for language in sorted(set(languages)):
            model = self._tagger(language)
            seen = BY_RULE.get(language, frozenset()) | (model.entities if model else frozenset())
            missing = tuple(name for name in ENTITIES if name in self.entities - seen)
            if missing:
                gaps[language] = missing
        return gaps

    def assets(self) -> dict[str, str]:
        """Digests of the models and word lists that the spans depend on."""
        found = {"names": VERSION, "names:words": words.digest()}
        for language, name in sorted(self.models.items()):
            if name != NO_MODEL:
                found[f"names:{language}:{name.rstrip('/').rsplit('/', 1)[-1]}"] = _digest(name)
        return found

    def _tagger(self, language: str) -> Tagger | None:
        name = self.models.get(language, NO_MODEL)
        return None if name == NO_MODEL else tagger(name)

    def _wants_model(self, model: Tagger) -> bool:
        """Addresses are joined from places; every other type is asked for by its own name."""
        return bool(model.entities & self.entities) or "ADDRESS" in self.entities

    def _one(self, text: str, language: str, tagged: list[Span]) -> list[Span]:
        spans: list[Span] = []
        if language == "zh" or (language == "en" and _HAN.search(text)):
            spans += chinese_address.join(text, list(chinese.tidy(text, tagged if language == "zh" else [])))
            spans += chinese.rules(text)
            spans += chinese_address.addresses(text)
        if language == "en" or (language == "zh" and _LATIN.search(text)):
            spans += english.tidy(text, tagged if language == "en" else [])
            spans += english.rules(text)
            spans += english_address.addresses(text)
            spans += beside.initialed(text)
            spans += beside.listed(text, spans)
            spans += beside.spoken(text, spans)
        if language not in BY_RULE:
            spans += tagged
        spans = _settle(spans)
        if not self.public_figures:
            spans = [span for span in spans if not (span.entity == "PERSON" and _public(text, span))]
        spans = _settle(spans + _again(text, spans))
        return [span for span in spans if span.entity in self.entities]


def _language(text: str, language: str) -> str:
    """The language whose model and rules are used; by script where it is unknown or varies ("zh-Hant" is zh)."""
    if language:
        return language.split("-")[0].split("_")[0].lower()
    if _HAN.search(text) and not _KANA.search(text):
        return "zh" if 4 * len(_HAN.findall(text)) >= sum(map(str.isalpha, text)) else "en"
    return "en" if _LATIN.search(text) else ""


def _pieces(text: str, language: str) -> Iterable[tuple[int, int]]:
    """What of a text its model looks at."""
    return english.worth(text) if language == "en" else [(0, len(text))]


def _public(text: str, span: Span) -> bool:
    return chinese.public(text, span) if _HAN.search(text[span.start : span.end]) else english.public(text, span)


def _settle(spans: Sequence[Span]) -> list[Span]:
    """Names of people that overlap become one; then the surest of what overlaps is kept."""
    people = sorted((span for span in spans if span.entity == "PERSON"), key=lambda span: (span.start, -span.end))
    joined: list[Span] = []
    for span in people:
        if joined and span.start < joined[-1].end:
            last = joined[-1]
            best = max(last, span, key=lambda each: each.score)
            joined[-1] = replace(best, start=last.start, end=max(last.end, span.end))
        else:
            joined.append(span)
    every = sorted([*joined, *(span for span in spans if span.entity != "PERSON")], key=lambda span: span.start)
    settled: list[Span] = []
    group: list[Span] = []
    reach = 0
    for span in every:  # `resolve` compares all with all, so it is given one knot of overlapping spans at a time
        if group and span.start >= reach:
            settled += resolve(group)
            group = []
        group.append(span)
        reach = max(reach, span.end) if len(group) > 1 else span.end
    return settled + resolve(group)


def _again(text: str, spans: Sequence[Span]) -> list[Span]:
    """The same names elsewhere in the text: whole ones in Chinese; in Latin script their parts of four letters too."""
    names: dict[str, Span] = {}
    for span in spans:
        name = text[span.start : span.end]
        if (
            span.entity != "PERSON"
            or span.score < 0.7
            or len(name) < (3 if span.recogniser == "zh_introduction" else 2)
        ):
            continue
        names.setdefault(name, span)
        if not _HAN.search(name) and " " in name:
            for part in re.split(r"[ .]+", name):
                if len(part) > 3 and part[0].isupper() and part not in words.given_names()[1]:
                    names.setdefault(part, span)
    return [Span(*place, "PERSON", 0.86, names[text[slice(*place)]].recogniser) for place in _places(text, names)]


def _places(text: str, names: Iterable[str]) -> Iterable[tuple[int, int]]:
    """Where one of the names stands as a whole word, from left to right, of those that begin at one place the longest."""
    found = []
    for name in names:
        at = text.find(name)
        while at >= 0:
            if not (_joins(text[at - 1 : at]) or _joins(text[at + len(name) : at + len(name) + 1])):
                found.append((at, -len(name)))
            at = text.find(name, at + 1)
    last = 0
    for start, length in sorted(found):
        if start >= last:
            last = start - length
            yield start, last


def _joins(character: str) -> bool:
    """Whether a character ("" at an end) goes on with a word that it stands beside; a Chinese one does not."""
    return (character.isalnum() or character == "_") and not "\u3400" <= character <= "\u9fff"


@lru_cache(maxsize=16)
def _digest(name: str) -> str:
    return tagger(name).digest()
