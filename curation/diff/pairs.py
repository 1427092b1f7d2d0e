"""A hunk of two datasets: which fields differ between a record and its partner."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from curation.diff.frames import NOWHERE
from curation.diff.model import STATUSES, Cause, FieldChange, Hunk
from curation.diff.records import Text
from curation.formats import original, text_columns
from curation.formats.meta import load_template
from curation.ledger import Turn
from curation.readers.payload import dumps_exact

if TYPE_CHECKING:
    from curation.diff.index import ReviewIndex

STAGE = "diff"  # what stands for the stage where two datasets are compared
MOST = 2000  # characters of a column's value that a hunk carries

HOW = {
    "key": "the same key",
    "content": "the same text",
    "prompt": "the same prompt",
    "answer": "the same answer",
    "similar": "similar text",
    "place": "the same place between two neighbours that did not change",
}


def fields_of(text: Text) -> Iterator[tuple[str, str]]:
    """`(name, value)` of every field of a record: its turns by role, its other columns as JSON.

    A role that a record has several times is numbered: user, assistant, user 2, assistant 2 …
    """
    seen: Counter[str] = Counter()
    for turn in text.turns.values():
        seen[turn.role] += 1
        yield (turn.role if seen[turn.role] == 1 else f"{turn.role} {seen[turn.role]}"), turn.content
    yield from columns_of(text)


def columns_of(text: Text) -> Iterator[tuple[str, str]]:
    """`(name, value as JSON)` of the columns that are no text, keys sorted within."""
    template = load_template(text.meta)
    taken = set(text_columns(text.format, template))
    for name, value in template.items():
        if name not in taken:
            yield name, canonical(value)
    # What stands beside the text inside a text column (tool calls, weights, names) differs by itself.
    skeleton = {name: template[name] for name in template if name in taken and not isinstance(template[name], int)}
    if skeleton:
        yield "structure", canonical([text.format, skeleton])
    else:
        yield "structure", canonical([text.format, sorted(taken)])


def canonical(value: Any) -> str:
    """JSON in which the order of keys makes no difference."""
    return dumps_exact(_sorted(value))


def _sorted(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _sorted(value[key]) for key in sorted(value)}
    return [_sorted(item) for item in value] if isinstance(value, list) else value


def pair_hunk(number: int, row: Mapping[str, Any], index: ReviewIndex, before: Text | None, after: Text | None) -> Hunk:
    """The hunk of a row, with the fields that differ as its causes."""
    here = index.before.record_id(row["at"]) if row["at"] != NOWHERE else None
    there = index.after.record_id(row["b_at"]) if row["b_at"] != NOWHERE else None
    known = before or after
    score = float(row["score"]) if row["score"] is not None else None
    how = index.facts["hows"][row["stage"]]
    names = list(changed_fields(before, after)) if before and after else []
    side, at = (index.before, row["at"]) if here else (index.after, row["b_at"])
    return Hunk(
        number,
        STATUSES[row["status"]],
        here or there or "",
        known.content_hash if known else "",
        side.sources[at >> 40],
        STAGE,
        index.facts["reasons"][row["reason"]],
        score,
        None,
        tuple(Cause(STAGE, "edit", name, f"matched by {HOW[how]}" if how in HOW else "", score) for name in names),
        tuple(before.turns.values()) if before else (),
        tuple(after.turns.values()) if after else (),
        tuple(_field_changes(before, after)) if before and after else (),
        there if here else None,
        index.verdict_of(number),
    )


def changed_fields(before: Text, after: Text) -> Iterator[str]:
    """The names of the fields that differ, in order."""
    old, new = dict(fields_of(before)), dict(fields_of(after))
    yield from (name for name in {**old, **new} if old.get(name) != new.get(name))


def _field_changes(before: Text, after: Text) -> Iterator[FieldChange]:
    old, new = dict(columns_of(before)), dict(columns_of(after))
    for name in {**old, **new}:
        if old.get(name) != new.get(name):
            yield FieldChange(name, _cut(old.get(name)), _cut(new.get(name)))


def _cut(value: str | None) -> str | None:
    return value if value is None or len(value) <= MOST else f"{value[:MOST]}…"


def turns_of(text: Text) -> tuple[Turn, ...]:
    """The turns in order."""
    return tuple(text.turns.values())


def object_of(text: Text) -> dict[str, Any]:
    """The record's object in its own format."""
    return original(text.format, text.meta, [(turn.role, turn.content) for turn in text.turns.values()])
