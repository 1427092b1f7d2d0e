"""Examples for each reason: a record as it was when a stage decided about it, and what the decision changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import Any

from markupsafe import Markup

from curation.ledger import Event, Story, reason_text, stories
from curation.privacy.told import USE
from curation.report.facts import Key, LedgerFacts
from curation.report.marks import marked, visible
from curation.textdiff import likeness

MOST_TURNS = 6  # of one record, so that one long conversation does not fill the page
# Reasons of the stage `pii` after which nothing that was found is left in the texts. A decision that a person overruled
# is none of them.
_SEARCHED = frozenset({"masked", "masked_in_part", "columns", "not_searched"})
LIKE = 0.5  # mean share of unchanged text above which two records are shown as one, with marks


@dataclass(frozen=True)
class ShownTurn:
    """A turn to show: its role, and its text as safe markup."""

    role: str
    text: Markup


@dataclass(frozen=True)
class Shown:
    """One example: the record, the decision's numbers, its turns, and the twin it was compared with.

    Where the two are alike, `turns` are marked with what this record has differently, and `twin_turns` is empty.
    """

    record_id: str
    fate: str
    facts: tuple[str, ...]
    turns: tuple[ShownTurn, ...]
    turns_left_out: int
    twin_id: str | None
    twin_turns: tuple[ShownTurn, ...]
    same: bool  # as its twin, to the letter
    hidden: bool = False  # its texts are withheld: they had not been searched for personal data, or hold some
    twin_hidden: bool = False  # so are those of its twin


@dataclass(frozen=True)
class ReasonExamples:
    """A reason, how often it was given, and some records it was given to."""

    stage: str
    action: str
    reason: str
    sentence: str
    count: int
    shown: tuple[Shown, ...]


def reason_examples(folder: Path, summary: Mapping[str, Any], facts: LedgerFacts) -> Iterator[ReasonExamples]:
    """The examples of every reason that dropped, edited or flagged records, in the order of the recipe."""
    privacy = _Privacy(summary)
    told = {story.record_id: story for story in stories(folder, sorted({*chain(*facts.picked.values())}))}
    related = {event.related_id for story in told.values() for event in story.events if event.related_id}
    told |= {story.record_id: story for story in stories(folder, sorted(related - told.keys()))}
    for stage in summary["stages"]:
        for item in stage["reasons"]:
            key = (stage["stage"], item["action"], item["reason"])
            if item["action"] == "annotate":
                continue
            mine = [told[record_id] for record_id in facts.picked.get(key, ()) if record_id in told]
            shown = tuple(_shown(told, key, story, privacy) for story in mine)
            sentence = reason_text(stage["use"], item["reason"])
            yield ReasonExamples(*key, sentence, item["count"], shown)


class _Privacy:
    """What may be shown in a run that masks personal data: no text as it was before that, on no page."""

    def __init__(self, summary: Mapping[str, Any]) -> None:
        self._order = {stage["stage"]: number for number, stage in enumerate(summary["stages"])}
        self._stages = {stage["stage"] for stage in summary["stages"] if stage["use"] == USE}
        self._in_part = any(fact["part"] != "record" for fact in summary.get("privacy", ()))
        self._last = max((self._order[name] for name in self._stages), default=-1)

    def masks(self, stage: str) -> bool:
        """Whether this stage is the last one that masks."""
        return self._order.get(stage) == self._last

    def hides(self, story: Story, stage: str, action: str) -> bool:
        """Whether the record's text is withheld where `stage` decided about it: it had not been searched yet, or not
        all of it, or what was found stayed in it.
        """
        if not self._stages:
            return False
        if self._in_part:
            return True
        early = self._order.get(stage, self._last + 1) < self._last or (self.masks(stage) and action != "edit")
        mine = [event for event in story.events if event.stage in self._stages]
        return early or any("_left" in event.values or event.reason not in _SEARCHED for event in mine)

    def hides_end(self, story: Story) -> bool:
        """Whether the text that a record ended with is withheld: it was dropped before it was masked, or by masking."""
        at = next((self._order.get(e.stage, self._last + 1) for e in story.events if e.action == "drop"), None)
        return self.hides(story, "", "") or (at is not None and at <= self._last)


def _shown(told: Mapping[str, Story], key: Key, story: Story, privacy: _Privacy) -> Shown:
    if privacy.hides(story, key[0], key[1]):
        event = next(event for event in story.events if (event.stage, event.action, event.reason) == key)
        return Shown(story.record_id, story.fate, tuple(_facts(event)), (), 0, event.related_id, (), False, hidden=True)
    place = next(at for at, event in enumerate(story.events) if (event.stage, event.action, event.reason) == key)
    event = story.events[place]
    before = _state(story, story.events[:place])
    after = {turn.turn: turn.content for turn in event.after}
    touched = [turn for turn in before if turn in after] if event.action == "edit" else list(before)
    chosen = touched[:MOST_TURNS]
    found = told.get(event.related_id) if event.related_id else None  # a parent may be a document, not a record
    twin = found if found is not None and not privacy.hides_end(found) else None
    against = {turn.turn: turn.content for turn in twin.final()} if twin else {}
    alike = twin is not None and _alike(chosen, against, before)
    if privacy.masks(key[0]):  # masks on both sides: what stood in their place is nobody's business
        before = {**before, **after}
        after = {}
    pairs = {turn: (before[turn], after[turn]) for turn in after}
    if alike:
        pairs |= {turn: (against.get(turn, ""), before[turn]) for turn in chosen}
    roles = {turn.turn: turn.role for turn in story.turns}
    beside = twin.final()[:MOST_TURNS] if twin and not alike else ()
    return Shown(
        story.record_id,
        story.fate,
        tuple(_facts(event)),
        tuple(
            ShownTurn(roles[turn], marked(*pairs[turn]) if turn in pairs else visible(before[turn])) for turn in chosen
        ),
        len(touched) - len(chosen),
        event.related_id,
        tuple(ShownTurn(turn.role, visible(turn.content)) for turn in beside),
        alike and all(against.get(turn) == before[turn] for turn in chosen),
        twin_hidden=found is not None and twin is None,
    )


def _alike(turns: Sequence[int], one: Mapping[int, str], other: Mapping[int, str]) -> bool:
    return sum(likeness(one.get(turn, ""), other[turn]) for turn in turns) > LIKE * len(turns)


def _state(story: Story, events: Sequence[Event]) -> dict[int, str]:
    """The text of each turn after `events`."""
    state = {turn.turn: turn.content for turn in story.turns}
    for event in events:
        state.update({turn.turn: turn.content for turn in event.after})
    return state


def _facts(event: Event) -> Iterator[str]:
    if event.score is not None:
        held = f", held against {number(event.threshold)}" if event.threshold is not None else ""
        yield f"measured {number(event.score)}{held}"
    if event.detail:
        yield event.detail
    yield from (f"{name} {_listed(value)}" for name, value in event.values.items())
    if event.actor != "stage":
        yield f"decided by a {event.actor}"


def _listed(value: Any) -> str:
    """A value of a decision in words: what is in a list or a mapping, one after the other."""
    if isinstance(value, dict):
        return ", ".join(f"{name} {_listed(inner)}" for name, inner in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def number(value: float) -> str:
    """A number as short as it can be said: `12`, `0.25`, `1,234.5`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
