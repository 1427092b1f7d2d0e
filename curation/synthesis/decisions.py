"""What people decided about items: `decisions.jsonl`, one line a decision, and what the lines come to.

A decision replaces nothing in `outcomes.jsonl`. `standing` says what an item is once both are read: an item that a person
accepted is accepted, whatever gate had turned it away, and one that a person turned away has the reason `human`.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

from curation.json_lines import append_line
from curation.synthesis.model import DECISIONS, Chunk, Decision, Exchange, Item, Span, Unit, read_rows

Action = Literal["accept", "reject", "edit", "restore", "regenerate"]


@dataclass(frozen=True)
class Decided:
    """What the decisions about one item come to. action: the one that counts. exchanges: the text a person gave it, () for
    the model's own; spans: where its quotes stand. anew: which of its regenerations this is, from 1; 0 for other actions.
    """

    item_id: str
    action: Action
    author: str
    at: float
    exchanges: tuple[Exchange, ...] = ()
    spans: tuple[Span, ...] = ()
    anew: int = 0


def decided(folder: Path) -> dict[str, Decided]:
    """What people decided about the items of a run, by item_id. Items that are as the run had them are left out."""
    return fold(read_rows(folder / DECISIONS, Decision))


def fold(decisions: Iterable[Decision]) -> dict[str, Decided]:
    """What `decisions`, in their order, come to by item_id."""
    counts: dict[str, Decided] = {}
    asked: dict[str, int] = {}
    for each in decisions:
        before = counts.get(each.item_id)
        if each.action == "restore":
            counts.pop(each.item_id, None)
            continue
        if each.action == "regenerate":
            asked[each.item_id] = asked.get(each.item_id, 0) + 1
        written = each if each.exchanges else before
        text, spans = (written.exchanges, written.spans) if written is not None else ((), ())
        anew = asked[each.item_id] if each.action == "regenerate" else 0
        counts[each.item_id] = Decided(each.item_id, each.action, each.author, each.at, text, spans, anew)
    return counts


def standing(item: Item, found: Decided | None) -> Item:
    """The item with what was decided about it: what the dataset, the counts and the gates go by.

    Accepting changes nothing where the model wrote nothing that can be read; a call that failed stays failed until
    somebody writes the text.
    """
    if found is None:
        return item
    if found.exchanges:
        item = replace(item, exchanges=found.exchanges, spans=found.spans)
    if found.action in ("accept", "edit"):
        return replace(item, status="accepted", reason="", detail="") if item.exchanges else item
    if item.status == "failed" and not found.exchanges:
        return item
    return replace(item, status="rejected", reason="human", detail="")


def spans_in(exchanges: Sequence[Exchange], chunk: Chunk | None) -> tuple[Span, ...] | None:
    """Where the quotes of exchanges that a person wrote stand in the chunk's document; None where one of them does not.
    Without a chunk, and of exchanges without a quote, there are none."""
    from curation.synthesis.gates.quote import locate

    spans = []
    for place, exchange in enumerate(exchanges):
        if chunk is None or not exchange.quote.strip():
            continue
        found = locate(exchange.quote, chunk.text)
        if found is None:
            return None
        spans.append(Span(place, chunk.start + found[0], chunk.start + found[1]))
    return tuple(spans)


def decide(
    folder: Path,
    item_id: str,
    action: Action,
    author: str,
    exchanges: Sequence[Exchange] = (),
    spans: Sequence[Span] = (),
    *,
    undoes: bool = False,
) -> Decision:
    """Append a decision, on the disk when this returns. Raises OutputError where the disk refuses."""
    made = Decision(item_id, action, author, time.time(), tuple(exchanges), undoes, tuple(spans))
    append_line(folder / DECISIONS, made.as_json())
    return made


def undo(folder: Path, author: str, made: Collection[str] = ()) -> Decision | None:
    """Take the latest decision back that was not yet, by one that says what stood before; None where there is none.

    made: ids of the units there are. A regeneration that has been asked for is not asked for again: its item is rejected.
    """
    lines: list[Decision] = read_rows(folder / DECISIONS, Decision)
    last = latest(lines)
    if last is None:
        return None
    item_id = lines[last].item_id
    before = fold(lines[:last]).get(item_id)
    if before is None:
        return decide(folder, item_id, "restore", author, undoes=True)
    action = before.action
    if action == "regenerate" and anew_id(item_id, before.anew) in made:
        action = "reject"
    return decide(folder, item_id, action, author, before.exchanges, before.spans, undoes=True)


def latest(decisions: Sequence[Decision]) -> int | None:
    """The place of the latest decision that was not taken back; None where all were."""
    stack: list[int] = []
    for place, each in enumerate(decisions):
        if each.undoes:
            del stack[-1:]
        elif each.action == "restore":  # a run did that, for what was decided was about another text
            stack = [at for at in stack if decisions[at].item_id != each.item_id]
        else:
            stack.append(place)
    return stack[-1] if stack else None


def anew_id(item_id: str, count: int) -> str:
    """The id of the unit that asks for an item anew, the count-th time: `u00003.1` → `u00003-1r1`."""
    return f"{item_id.replace('.', '-')}r{count}"


def asked_anew(found: Mapping[str, Decided], units: Sequence[Unit]) -> list[Unit]:
    """The units that regenerations ask for and that `units` has not: one item each, about the same source, another seed.

    They belong behind `units`, in `units.jsonl`, and depend on nothing but the decisions and the units.
    """
    known = {unit.unit_id: unit for unit in units}
    wanted = []
    for item_id, each in found.items():
        unit_id, _, place = item_id.rpartition(".")
        unit = known.get(unit_id)
        new = anew_id(item_id, each.anew)
        if each.action != "regenerate" or unit is None or new in known:
            continue
        one = slice(int(place), int(place) + 1) if place.isdecimal() else slice(0)
        types, anchors, seed = unit.types[one], unit.anchors[one], _seed(unit.seed, new)
        wanted.append(replace(unit, unit_id=new, wanted=1, types=types, anchors=anchors, seed=seed, again=item_id))
    return sorted(wanted, key=lambda unit: unit.unit_id)


def _seed(seed: int, unit_id: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{seed}:{unit_id}".encode()).digest()[:4], "big") >> 1
