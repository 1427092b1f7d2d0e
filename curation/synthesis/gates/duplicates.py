"""Items that repeat one that was accepted before, or a record that is there already."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from curation.machine.answer import is_chinese
from curation.synthesis.gates.alike import Sketched, Sketches, sketched
from curation.synthesis.gates.apart import Asked, differences
from curation.synthesis.gates.looked import Turned, mended
from curation.synthesis.gates.meaning import Meanings
from curation.synthesis.model import Item, Kind, Origin
from curation.synthesis.sections import GateSettings

# Of these an answer may be the user's own text, or a record of theirs: the same question twice is no repetition yet.
BY_WHOLE: tuple[Kind, ...] = ("instruction", "rewrite", "complete", "translate")


@dataclass(frozen=True)
class _Entry:
    name: str  # an item's id, or a record's
    asked: Asked
    said: str
    chinese: bool
    existing: bool

    @property
    def whole(self) -> str:
        return f"{self.asked.text}\n{self.said}"

    @property
    def pair(self) -> tuple[str, str]:
        return self.asked.text, self.said


class Duplicates:
    """All that items are held against, in the order in which it came. existing: records that are there already."""

    def __init__(self, settings: GateSettings, existing: Sequence[Origin] = ()) -> None:
        self._near, self._semantic = settings.near, settings.semantic
        self._entries: list[_Entry] = []
        self._place: dict[str, int] = {}
        self._asked, self._whole = Sketches(self._near), Sketches(self._near)
        self._meant = Meanings(self._semantic)
        self._take([_of_origin(origin) for origin in existing])

    def admit(self, item: Item, kind: Kind, again: str = "") -> tuple[Turned | None, str, dict[str, float]]:
        """Why the item repeats another, if it does, which one, and how alike they are; else it is taken in. again: the item
        that it replaces, which it may well be like."""
        entry, passed_over = _of_item(item), {item.item_id, again}
        sketch = sketched([entry.asked.text, entry.whole]) if self._near else None
        found = self._nearly(entry, sketch, kind, passed_over) or self._meaning(entry, passed_over)
        if found is None:
            self._take([entry], sketch)
            return None, "", {}
        reason, other, score = found
        measure = "semantic" if reason == "semantic_duplicate" else "near"
        return (
            Turned("in_dataset" if other.existing else reason, f"{measure} {score:.2f}"),
            other.name,
            {measure: score},
        )

    def remember(self, item: Item) -> None:
        """Take in an item without looking."""
        self._take([_of_item(item)])

    def _take(self, entries: list[_Entry], sketch: Sketched | None = None) -> None:
        for entry in entries:
            self._place[entry.name] = len(self._entries)
            self._entries.append(entry)
        if self._near:
            texts = [text for entry in entries for text in (entry.asked.text, entry.whole)]
            drawn = sketch or sketched(texts)
            self._asked.add(texts[::2], drawn.rows[::2])
            self._whole.add(texts[1::2], drawn.rows[1::2])
        if self._semantic:
            self._meant.add([entry.asked.text for entry in entries])

    def _nearly(
        self, entry: _Entry, sketch: Sketched | None, kind: Kind, passed_over: set[str]
    ) -> tuple[str, _Entry, float] | None:
        if sketch is None:
            return None
        found = self._whole.closest(sketch, 1)
        if kind not in BY_WHOLE:
            found = sorted([*found, *self._asked.closest(sketch, 0)], key=lambda each: (-each[1], each[0]))
        for number, score in found:
            other = self._entries[number]
            if self._counts(number, passed_over) and not any(differences(entry.asked, other.asked)):
                return "near_duplicate", other, score
        return None

    def _meaning(self, entry: _Entry, passed_over: set[str]) -> tuple[str, _Entry, float] | None:
        if not self._semantic:
            return None
        for number, score in self._meant.closest(entry.asked.text):
            other = self._entries[number]
            if not self._counts(number, passed_over) or other.chinese != entry.chinese:
                continue
            if self._meant.same(entry.pair, other.pair):
                return "semantic_duplicate", other, score
        return None

    def _counts(self, number: int, passed_over: set[str]) -> bool:
        """Whether an entry still stands: a later one of the same name has replaced it."""
        name = self._entries[number].name
        return name not in passed_over and self._place[name] == number


def _of_item(item: Item) -> _Entry:
    asked = "\n".join(each.question for each in item.exchanges)
    return _entry(item.item_id, asked, "\n".join(each.answer for each in item.exchanges), existing=False)


def _of_origin(origin: Origin) -> _Entry:
    asked = "\n".join(content for role, content in origin.turns if role == "user")
    said = "\n".join(content for role, content in origin.turns if role not in ("user", "system"))
    return _entry(origin.record_id, asked or said, said if asked else "", existing=True)


def _entry(name: str, asked: str, said: str, *, existing: bool) -> _Entry:
    asked, said = mended(asked), mended(said)
    return _Entry(name, Asked(asked), said, is_chinese(asked), existing)
