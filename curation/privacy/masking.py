"""From texts to masked texts: search, one answer where spans overlap, masks put in, and searched again until nothing is
found.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from curation.privacy.json_text import Piece, View, view_of, written
from curation.privacy.operators.fake_numbers import nobodys
from curation.privacy.operators.fake_words import SHAPES
from curation.privacy.operators.labels import LABEL
from curation.privacy.places import markers, trimmed, whole_characters, without
from curation.privacy.repeats import repeats, said_again
from curation.privacy.spans import Span, resolve

ROUNDS = 4  # searches of one text; what a mask makes look like a value is masked too, until nothing is found

_GUARDED = re.compile(LABEL)
_GUARDED_FAKES = re.compile(f"{LABEL}|{SHAPES}")

Find = Callable[[Sequence[str], Sequence[str]], list[list[Span]]]
Mask = Callable[[str, str], str]


@dataclass(slots=True)
class Masked:
    """What became of one text. counts: masks by entity type. left: values that were only to be pointed out or to drop.

    values: entity, value and mask of each, for the vault alone; they leave the process in no other way. masks, was: where
    each mask stands in `text`, from left to right, and how many characters it took the place of; all that is between
    them stands as it did.
    """

    text: str
    counts: Counter[str] = field(default_factory=Counter)
    left: Counter[str] = field(default_factory=Counter)
    recognisers: set[str] = field(default_factory=set)
    values: list[tuple[str, str, str]] = field(default_factory=list)
    masks: list[tuple[int, int]] = field(default_factory=list)
    was: list[int] = field(default_factory=list)


@dataclass(frozen=True)
class Masking:
    """find: the spans of texts. operators: by entity type, what turns a value into its mask; types without one are only
    counted. allowed: whether a value is never masked. fakes: types whose operator makes fakes.
    """

    find: Find
    operators: Mapping[str, Mask]
    allowed: Callable[[str], bool] = lambda _: False
    fakes: frozenset[str] = frozenset()

    def mask(self, texts: Sequence[str], languages: Sequence[str], records: Sequence[int]) -> list[Masked]:
        """The texts masked. `records` says which record each belongs to: what is found in one text of a record is looked
        for in all of them.
        """
        states = [Masked(text) for text in texts]
        together: dict[int, list[int]] = {}
        for place, record in enumerate(records):
            together.setdefault(record, []).append(place)
        todo = list(range(len(texts)))
        for number in range(ROUNDS):
            views = {place: view_of(states[place].text) for place in todo}
            found = self.find([views[place].text for place in todo], [languages[place] for place in todo])
            spans = {place: self._kept(views[place], each) for place, each in zip(todo, found, strict=True) if each}
            self._repeated(states, views, spans, {records[place] for place in spans}, together)
            todo = [
                place
                for place in sorted(spans)
                if spans[place] and self._put(states[place], views[place], spans[place], number == 0)
            ]
            if not todo:
                break
        return states

    def _kept(self, view: View, spans: Iterable[Span]) -> list[Span]:
        return [span for span in spans if not self.allowed(view.text[span.start : span.end])]

    def _repeated(
        self,
        states: Sequence[Masked],
        views: dict[int, View],
        spans: dict[int, list[Span]],
        records: Iterable[int],
        together: Mapping[int, Sequence[int]],
    ) -> None:
        """Add the other places of what was found in a record, in all of its texts."""
        for record in sorted(records):
            found = Counter(
                (span.entity, views[place].text[span.start : span.end])
                for place in together[record]
                for span in spans.get(place, ())
                if span.entity in self.operators
            )
            values = said_again([states[place].text for place in together[record]], found) if found else set()
            if not values:
                continue
            for place in together[record]:
                view = views[place] if place in views else views.setdefault(place, view_of(states[place].text))
                more = self._kept(view, repeats(view.text, values))
                if more:
                    spans[place] = spans.get(place, []) + more

    def _put(self, state: Masked, view: View, spans: Sequence[Span], first: bool) -> bool:
        """Put masks into a text; whether it changed. Values that are not masked are counted the first time only."""
        guarded = self._guarded(state, view)
        masked = [span for span in spans if span.entity in self.operators]
        chosen = covered(view.text, masked)
        if first:
            places = [(span.start, span.end) for span in chosen]
            others = [span for span in spans if span.entity not in self.operators]
            for span in covered(view.text, others):
                if any(True for _ in without(span.start, span.end, places)):
                    state.left[span.entity] += 1
                    state.recognisers.add(span.recogniser)
        changes = list(self._changes(state, view, chosen, guarded))
        if not changes:
            return False
        _rewrite(state, changes)
        return True

    def _guarded(self, state: Masked, view: View) -> list[tuple[int, int]]:
        """What is not masked again, or ever: masks, fakes, and markers of templates; in order and apart."""
        taken = markers(view.text)
        shapes = _GUARDED_FAKES if self.fakes else _GUARDED
        if self.fakes or "<" in view.text:
            taken += [found.span() for found in shapes.finditer(view.text)]
        for start, end in state.masks:
            at = (
                (start, end)
                if view.places is None
                else (bisect_left(view.places, start), bisect_left(view.places, end))
            )
            taken.append(at)
        return _joined(taken)

    def _changes(
        self, state: Masked, view: View, spans: Iterable[Span], guarded: Sequence[tuple[int, int]]
    ) -> Iterator[tuple[int, int, str]]:
        """From left to right: start and end in the state's text, and what is written there."""
        last = done = 0
        for span in spans:
            start, end = whole_characters(view.text, max(span.start, last), span.end)
            parts = list(without(max(start, last), end, guarded))
            if parts != [(start, end)]:
                parts = [part for each in parts if (part := trimmed(view.text, *each)) is not None]
            counted = False
            for left, right in parts:
                for piece in view.cut(left, right):
                    value = view.text[piece.start : piece.end]
                    if piece.start < done:  # a number that a span before this one had a part of is masked already
                        continue
                    if value.isspace() or not value or (len(value) < len(view.text[left:right]) and not _says(value)):
                        continue
                    if span.entity in self.fakes and nobodys(span.entity, value):
                        continue
                    mask = self.operators[span.entity](span.entity, value)
                    if mask == value or self._starred(view.text, piece, span.entity):
                        continue
                    state.values.append((span.entity, value, mask))
                    counted = True
                    done = piece.end
                    yield view.place(piece.start), view.place(piece.end), written(mask, piece)
            if counted:
                state.counts[span.entity] += 1
                state.recognisers.add(span.recogniser)
            last = max(last, end)

    def _starred(self, text: str, piece: Piece, entity: str) -> bool:
        """Whether the piece and the stars around it are a partial mask already: R in R*****."""
        start, end = piece.start, piece.end
        while start and text[start - 1] == "*":
            start -= 1
        while end < len(text) and text[end] == "*":
            end += 1
        return (start, end) != (piece.start, piece.end) and self.operators[entity](entity, text[start:end]) == text[
            start:end
        ]


def _says(value: str) -> bool:
    return any(character.isalnum() for character in value)


def _rewrite(state: Masked, changes: Sequence[tuple[int, int, str]]) -> None:
    """Put the changes into the state's text, and keep where masks stand, those of earlier rounds too."""
    out: list[str] = []
    masks: list[tuple[int, int]] = []
    was: list[int] = []
    older = iter(sorted(zip(state.masks, state.was, strict=True)))
    waiting = next(older, None)
    at = moved = 0
    for start, end, mask in changes:
        while waiting is not None and waiting[0][1] <= start:
            masks.append((waiting[0][0] + moved, waiting[0][1] + moved))
            was.append(waiting[1])
            waiting = next(older, None)
        out += [state.text[at:start], mask]
        masks.append((start + moved, start + moved + len(mask)))
        was.append(end - start)
        moved += len(mask) - (end - start)
        at = end
    while waiting is not None:
        masks.append((waiting[0][0] + moved, waiting[0][1] + moved))
        was.append(waiting[1])
        waiting = next(older, None)
    out.append(state.text[at:])
    state.text, state.masks, state.was = "".join(out), masks, was


def covered(text: str, spans: Sequence[Span]) -> list[Span]:
    """Spans that do not overlap and leave nothing out that any span covers: what is left of one that lost to a surer one
    is a span of its own. From left to right.
    """
    chosen: list[Span] = []
    for cluster in _clusters(_united(spans)):
        kept = resolve(cluster) if len(cluster) > 1 else cluster
        losers = [span for span in cluster if span not in kept]
        while losers:
            places = [(span.start, span.end) for span in kept]
            rest = [
                Span(*part, span.entity, span.score, span.recogniser)
                for span in losers
                for each in without(span.start, span.end, places)
                if (part := trimmed(text, *each)) is not None
            ]
            added = resolve(rest)
            losers = [span for span in rest if span not in added]
            kept = sorted([*kept, *added], key=lambda span: span.start)
        chosen += kept
    return chosen


def _united(spans: Sequence[Span]) -> list[Span]:
    """Overlapping spans of one type as one span: as sure as the surest, found by what found that one."""
    united: list[Span] = []
    for span in sorted(spans, key=lambda s: (s.entity, s.start, -s.end, -s.score, s.recogniser)):
        before = united[-1] if united else None
        if before is None or before.entity != span.entity or before.end <= span.start:
            united.append(span)
            continue
        surer = before if before.score >= span.score else span
        united[-1] = Span(before.start, max(before.end, span.end), span.entity, surer.score, surer.recogniser)
    return united


def _clusters(spans: Sequence[Span]) -> Iterator[list[Span]]:
    """Spans that touch each other together, from left to right, since `resolve` compares each with each."""
    cluster: list[Span] = []
    end = -1
    for span in sorted(spans, key=lambda s: (s.start, s.end)):
        if cluster and span.start >= end:
            yield cluster
            cluster = []
        cluster.append(span)
        end = max(end, span.end) if len(cluster) > 1 else span.end
    if cluster:
        yield cluster


def _joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Places in order, overlapping ones as one."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start < joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    return joined
