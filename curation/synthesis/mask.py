"""Personal data out of texts before they are sent: found and replaced exactly as the stage `pii` does by default.

A value becomes the name of its type, `<PERSON>`: stable, readable, the same in every run and for whoever reads it, with
no key to lose. Where each stood is kept, so that a quote of the masked text can be found in the document.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

from curation.errors import StageError, StudioError

if TYPE_CHECKING:
    from curation.stages.pii import Pii

_HAN = re.compile("[\u3040-\u30ff\u3400-\u9fff]")
_BLANK_LINE = re.compile(r"\n[ \t\r]*\n")
Replaced = tuple[tuple[int, int, int], ...]


@dataclass(frozen=True)
class Hidden:
    """A text and what is hidden in it. places: start and end of each value in `original`, and the mask that takes its
    place; in order, apart. counts: values by entity type."""

    original: str
    places: tuple[tuple[int, int, str], ...] = ()
    counts: Counter[str] = field(default_factory=Counter)

    def cut(self, start: int, end: int) -> tuple[str, Replaced]:
        """`original[start:end]` masked, and `Material.replaced` of it. Of a value that is cut through, the mask stands
        whole and nothing else does."""
        out: list[str] = []
        replaced: list[tuple[int, int, int]] = []
        at, size = start, 0
        first = bisect_right(self.places, start, key=lambda place: place[1])
        for left, right, mask in self.places[first:]:
            if left >= end:
                break
            left, right = max(left, start), min(right, end)
            out += [self.original[at:left], mask]
            size += left - at
            replaced.append((size, size + len(mask), right - left))
            size += len(mask)
            at = right
        out.append(self.original[at:end])
        return "".join(out), tuple(replaced)

    @cached_property
    def text(self) -> str:
        """All of it, masked."""
        return self.cut(0, len(self.original))[0]


class Masker:
    """Masks texts. entities: types to look for; none: those that the stage `pii` masks by default. May be shared by
    threads, if one at a time calls it."""

    def __init__(self, entities: Sequence[str] = ()) -> None:
        self._entities = tuple(entities)

    @cached_property
    def _stage(self) -> Pii:
        from curation.stages.pii import Pii

        return Pii.model_validate({"only": self._entities})

    def mask(self, texts: Sequence[str], owners: Sequence[int]) -> tuple[list[Hidden], list[str]]:
        """Each text masked, and its language ("" where it cannot be told). What is found in one text of an owner (a
        document, a record) is masked in all of its texts.

        Raises StudioError where a search fails; the message holds nothing of the texts.
        """
        try:
            return self._mask(texts, owners)
        except StudioError:
            raise
        except Exception as error:  # whose message may quote a text
            raise StageError(
                f"the search for personal data failed: {type(error).__name__}",
                "Its message is withheld, since it may hold text of a document. privacy.entities names what is looked for.",
            ) from None

    def blind(self, languages: Sequence[str]) -> dict[str, tuple[str, ...]]:
        """By language, the types that are to be masked and cannot be looked for in it."""
        return self._stage.search().blind(sorted(set(languages)))

    def _mask(self, texts: Sequence[str], owners: Sequence[int]) -> tuple[list[Hidden], list[str]]:
        pieces = [(place, start, end) for place, text in enumerate(texts) for start, end in passages(text)]
        cut = [texts[place][start:end] for place, start, end in pieces]
        of = [owners[place] for place, _, _ in pieces]
        languages = languages_of(cut, of)
        found: list[list[tuple[int, int, str]]] = [[] for _ in texts]
        counts: list[Counter[str]] = [Counter() for _ in texts]
        longest = [(0, "")] * len(texts)
        states = self._stage.masking().mask(cut, languages, of)
        for (place, start, end), state, language in zip(pieces, states, languages, strict=True):
            counts[place] += state.counts
            longest[place] = max(longest[place], (end - start, language))
            moved = start  # from a place in the masked piece to one in the text
            for (left, right), was in zip(state.masks, state.was, strict=True):
                found[place].append((left + moved, left + moved + was, state.text[left:right]))
                moved += was - (right - left)
        hidden = [Hidden(*each) for each in zip(texts, map(tuple, found), counts, strict=True)]
        return hidden, [language for _, language in longest]


def plain(texts: Sequence[str], owners: Sequence[int]) -> tuple[list[Hidden], list[str]]:
    """As `Masker.mask`, with nothing hidden."""
    return [Hidden(text) for text in texts], languages_of(texts, owners)


def languages_of(texts: Sequence[str], owners: Sequence[int]) -> list[str]:
    """The language of each text; of one too short to tell, that of its owner's texts together; "" for none."""
    import polars as pl

    from curation.stages import pii

    if not texts:
        return []
    frame = pl.DataFrame(
        {"content": list(texts), "record": list(owners)}, schema={"content": pl.String, "record": pl.Int64}
    )
    return pii.languages_of(frame)


def passages(text: str) -> list[tuple[int, int]]:
    """Start and end of the stretches in one script, Chinese (or Japanese) or another, cut at blank lines.

    The models that find names are of one language each, so a Chinese letter in an English document is searched as a
    Chinese text. A paragraph without letters goes with the one before it.
    """
    ends = [found.end() for found in _BLANK_LINE.finditer(text)] if _HAN.search(text) else []
    cuts = [0]
    last: bool | None = None
    for start, end in zip([0, *ends], [*ends, len(text)], strict=True):
        script = _is_han(text[start:end])
        if script is None:
            continue
        if last is not None and script != last:
            cuts.append(start)
        last = script
    return list(zip(cuts, [*cuts[1:], len(text)], strict=True))


def _is_han(text: str) -> bool | None:
    letters = sum(map(str.isalpha, text))
    return 4 * len(_HAN.findall(text)) >= letters if letters else None
