"""Examples for each reason: a record as it was when a stage decided about it, and what the decision changed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from markupsafe import Markup

from curation.errors import InputError
from curation.ledger import Event, Story, reason_text, why
from curation.report.facts import Key, LedgerFacts
from curation.report.marks import marked, visible

MOST_TURNS = 6  # of one record, so that one long conversation does not fill the page


@dataclass(frozen=True)
class ShownTurn:
    """A turn to show: its role, and its text as safe markup."""

    role: str
    text: Markup


@dataclass(frozen=True)
class Shown:
    """One example: the record, the decision's numbers, its turns, and the twin it was compared with."""

    record_id: str
    fate: str
    facts: tuple[str, ...]
    turns: tuple[ShownTurn, ...]
    turns_left_out: int
    twin_id: str | None
    twin_turns: tuple[ShownTurn, ...]


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
    for stage in summary["stages"]:
        for item in stage["reasons"]:
            key = (stage["stage"], item["action"], item["reason"])
            if item["action"] == "annotate":
                continue
            shown = tuple(_shown(folder, key, record_id) for record_id in facts.picked.get(key, ()))
            sentence = reason_text(stage["use"], item["reason"])
            yield ReasonExamples(*key, sentence, item["count"], shown)


def _shown(folder: Path, key: Key, record_id: str) -> Shown:
    story = why(folder, record_id)
    place = next(
        place
        for place, event in enumerate(story.events)
        if (event.stage, event.action, event.reason) == key
    )
    event = story.events[place]
    before = _state(story, story.events[:place])
    after = {turn.turn: turn.content for turn in event.after}
    roles = {turn.turn: turn.role for turn in story.turns}
    touched = [turn for turn in before if turn in after] if event.action == "edit" else list(before)
    turns = tuple(
        ShownTurn(roles[turn], marked(before[turn], after[turn]) if turn in after else visible(before[turn]))
        for turn in touched[:MOST_TURNS]
    )
    left_out = len(before) - len(turns)
    twin_id, twin_turns = _twin(folder, event, [before[turn] for turn in touched])
    return Shown(record_id, story.fate, tuple(_facts(event)), turns, left_out, twin_id, twin_turns)


def _state(story: Story, events: Sequence[Event]) -> dict[int, str]:
    """The text of each turn after `events`."""
    state = {turn.turn: turn.content for turn in story.turns}
    for event in events:
        state.update({turn.turn: turn.content for turn in event.after})
    return state


def _twin(folder: Path, event: Event, own: Sequence[str]) -> tuple[str | None, tuple[ShownTurn, ...]]:
    """The kept twin as it was read, marked where this record differs from it."""
    if event.related_id is None:
        return None, ()
    try:
        twin = why(folder, event.related_id)
    except InputError:  # a parent that is a document, or a record of another run
        return event.related_id, ()
    pairs = zip(twin.turns[:MOST_TURNS], own, strict=False)
    return twin.record_id, tuple(ShownTurn(turn.role, marked(turn.content, text)) for turn, text in pairs)


def _facts(event: Event) -> Iterator[str]:
    if event.score is not None:
        held = f", held against {number(event.threshold)}" if event.threshold is not None else ""
        yield f"measured {number(event.score)}{held}"
    if event.detail:
        yield event.detail
    yield from (f"{name} {value}" for name, value in event.values.items())
    if event.actor != "stage":
        yield f"decided by a {event.actor}"


def number(value: float) -> str:
    """A number as short as it can be said: `12`, `0.25`, `1,234.5`."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.4g}"
