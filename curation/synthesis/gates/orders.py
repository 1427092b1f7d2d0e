"""Where a source speaks to a model instead of to a reader: orders, forged roles and fences, what nobody sees.

Found by the words of `orders.yaml`. A source is not turned away for it; only nothing that rests on such a stretch is
believed, see `curation.synthesis.gates.told`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache, lru_cache
from importlib.resources import files
from typing import Any

from curation.privacy.places import markers
from curation.synthesis.model import Material

Stretch = tuple[int, int]

_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u2060-\u2064\u202a-\u202e\u2066-\u2069\ufeff]")
_SENTENCE_END = re.compile(r"[.!?。！？]+[\"'”’」）)]*(?=[\s<]|$|[^\x00-\x7f])|\n")
REACH = 2
"""Sentences behind an order that belong to it."""

_TAGS = 0xE0000
_BASE64 = re.compile(r"[A-Za-z0-9+/]{16,}={0,2}")
_PARAGRAPH = re.compile(r"\n[ \t]*\n|\Z")


@dataclass(frozen=True)
class Told:
    """A material taken apart. stretches: of its text that speak to a model, in order; said: their words, also decoded, and
    those of titles, headings and turns that do; clean: everything else that the source says."""

    stretches: tuple[Stretch, ...]
    said: str
    clean: str


def orders_in(text: str) -> tuple[Stretch, ...]:
    """The stretches, as they lie in the text, in order and apart. An order reaches over
    the next REACH sentences of its paragraph: what is to be written often stands behind it."""
    seen, places = _seen(text)
    found = [_back(match.span(), places) for pattern in _stretches() for match in pattern.finditer(seen)]
    found += [(start, _end_of_line(text, end)) for start, end in markers(text)]
    orders = _orders()
    sentences = list(_sentences(seen))
    for number, (start, end) in enumerate(sentences):
        if orders.search(seen[start:end]):
            reach = sentences[min(number + REACH, len(sentences) - 1)][1]
            found.append(_back((start, min(reach, _end_of_paragraph(seen, end - 1))), places))
    return tuple(_merged(found))


@lru_cache(maxsize=256)
def told(material: Material) -> Told:
    """What in a material speaks to a model, and what does not."""
    stretches = orders_in(material.text)
    said = [material.text[start:end] for start, end in stretches]
    clean = [_without(material.text, stretches)]
    turns = [text for turns in (material.turns, *material.seeds) for _, text in turns]
    for text in dict.fromkeys(turns):
        inside = orders_in(text)
        said += [text[start:end] for start, end in inside]
        clean.append(_without(text, inside))
    for name in (material.title, *material.headings):
        (said if orders_in(name) else clean).append(name)
    said += [plain for each in said for plain in _decoded(each)]
    return Told(stretches, "\n".join(said), "\n".join(part for part in clean if part.strip()))


def _decoded(said: str) -> Iterable[str]:
    """What a stretch says to a model that decodes it: base64, tag characters, and backwards."""
    for blob in _BASE64.findall(said):
        try:
            yield base64.b64decode(blob + "=" * (-len(blob) % 4), validate=True).decode()
        except ValueError:
            continue
    if tags := "".join(chr(ord(each) - _TAGS) for each in said if _TAGS < ord(each) < _TAGS + 0x7F):
        yield tags
    yield said[::-1]


def _without(text: str, stretches: Iterable[Stretch]) -> str:
    kept, at = [], 0
    for start, end in stretches:
        kept.append(text[at:start])
        at = end
    return "\n".join([*kept, text[at:]])


def _sentences(text: str) -> Iterable[Stretch]:
    """Where sentences lie, blank ones left out."""
    at = 0
    for match in _SENTENCE_END.finditer(text):
        if text[at : match.end()].strip():
            yield at, match.end()
        at = match.end()
    if text[at:].strip():
        yield at, len(text)


def _seen(text: str) -> tuple[str, list[int]]:
    """The text without characters of no width, and where each of its characters stood."""
    places = [at for at, character in enumerate(text) if not _UNSEEN.match(character)]
    return "".join(text[at] for at in places), places


def _back(stretch: Stretch, places: list[int]) -> Stretch:
    start, end = stretch
    return places[start] if start < len(places) else 0, places[end - 1] + 1 if end else 0


def _end_of_line(text: str, at: int) -> int:
    end = text.find("\n", at)
    return len(text) if end < 0 else end


def _end_of_paragraph(text: str, at: int) -> int:
    found = _PARAGRAPH.search(text, at)
    return found.start() if found else len(text)


def _merged(found: Iterable[Stretch]) -> list[Stretch]:
    merged: list[Stretch] = []
    for start, end in sorted(each for each in found if each[0] < each[1]):
        if merged and start <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((start, end))
    return merged


@cache
def _lists() -> dict[str, Any]:
    from ruamel.yaml import YAML

    text = (files("curation.synthesis.gates") / "orders.yaml").read_text("utf-8")
    loaded: dict[str, Any] = YAML(typ="safe", pure=True).load(text)
    return loaded


@cache
def _orders() -> re.Pattern[str]:
    lists = _lists()
    patterns = [f"(?:{_with_words(each)})" for name in ("english", "chinese") for each in lists[name]]
    return re.compile("|".join(patterns), re.IGNORECASE | re.MULTILINE)


def _with_words(pattern: str) -> str:
    for name, words in _lists()["words"].items():
        pattern = pattern.replace(f"${name}", words)
    return pattern


@cache
def _stretches() -> tuple[re.Pattern[str], ...]:
    flags = re.IGNORECASE | re.MULTILINE | re.DOTALL
    return tuple(re.compile(each, flags) for each in _lists()["stretches"].values())
