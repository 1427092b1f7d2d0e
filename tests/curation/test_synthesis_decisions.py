"""What people decide about items: folded in order, taken back one by one, and asked anew exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.synthesis.decisions import (
    Decided,
    anew_id,
    asked_anew,
    decide,
    decided,
    fold,
    spans_in,
    standing,
    undo,
)
from curation.synthesis.model import DECISIONS, Chunk, Decision, Exchange, Item, Span, Unit, read_rows

TEXT = "Bring your old card. 续期只需五分钟，并且免费。"
CHUNK = Chunk("c1", "d1", 100, 100 + len(TEXT), TEXT, (), 12)
WRITTEN = (Exchange("What must I bring?", "Your old card.", "Bring your old card."),)
MADE = Item("u00001.0", "accepted", exchanges=(Exchange("What?", "A card."),), spans=(Span(0, 100, 105),))


def action_of(folder: Path, item_id: str = "u00001.0") -> str:
    found = decided(folder).get(item_id)
    return found.action if found is not None else ""


def test_the_last_decision_counts_and_text_stays_with_the_item(tmp_path: Path) -> None:
    spans = spans_in(WRITTEN, CHUNK)
    assert spans == (Span(0, 100, 120),)
    decide(tmp_path, "u00001.0", "edit", "ann", WRITTEN, spans)
    decide(tmp_path, "u00001.0", "reject", "bob")
    assert (found := decided(tmp_path)["u00001.0"]).author == "bob" and found.exchanges == WRITTEN
    assert (item := standing(MADE, found)).status == "rejected" and item.reason == "human"
    decide(tmp_path, "u00001.0", "accept", "ann")
    item = standing(MADE, decided(tmp_path)["u00001.0"])
    assert (item.status, item.reason, item.exchanges, item.spans) == ("accepted", "", WRITTEN, spans)
    decide(tmp_path, "u00001.0", "restore", "ann")
    assert decided(tmp_path) == {} and standing(MADE, None) is MADE


def test_a_rejected_item_can_be_accepted_and_one_without_a_text_cannot() -> None:
    accept = Decided("u00001.0", "accept", "ann", 1.0)
    turned = Item("u00001.0", "rejected", "leakage", "the passage", MADE.exchanges)
    assert standing(turned, accept).status == "accepted" and not standing(turned, accept).detail
    empty = Item("u00001.0", "failed", "truncated")
    for action in ("accept", "reject", "regenerate"):
        assert standing(empty, Decided("u00001.0", action, "ann", 1.0)) == empty
    assert standing(empty, Decided("u00001.0", "edit", "ann", 1.0, WRITTEN)).status == "accepted"


@pytest.mark.parametrize(
    ("quote", "found"),
    [
        ("续期只需五分钟", (Span(0, 121, 128),)),
        ("Bring your new card.", None),
        ("", ()),
    ],
)
def test_quotes_that_people_write_are_looked_for(quote: str, found: tuple[Span, ...] | None) -> None:
    exchanges = (Exchange("What?", "That.", quote),)
    assert spans_in(exchanges, CHUNK) == found
    assert spans_in(exchanges, None) == ()
    if found:
        assert TEXT[found[0].start - 100 : found[0].end - 100] == quote


def test_undo_goes_back_decision_by_decision(tmp_path: Path) -> None:
    decide(tmp_path, "u00001.0", "edit", "ann", WRITTEN, spans_in(WRITTEN, CHUNK) or ())
    decide(tmp_path, "u00001.0", "reject", "ann")
    decide(tmp_path, "u00002.0", "accept", "ann")
    taken = undo(tmp_path, "ann")
    assert taken is not None and (taken.item_id, taken.action) == ("u00002.0", "restore")
    assert action_of(tmp_path) == "reject" and not action_of(tmp_path, "u00002.0")
    assert (taken := undo(tmp_path, "ann")) is not None and taken.exchanges == WRITTEN and taken.spans
    assert action_of(tmp_path) == "edit"
    assert undo(tmp_path, "ann") is not None and undo(tmp_path, "ann") is None
    assert decided(tmp_path) == {}
    assert len(read_rows(tmp_path / DECISIONS, Decision)) == 6  # nothing is ever taken out


def test_what_the_run_took_back_is_not_brought_back_by_an_undo(tmp_path: Path) -> None:
    decide(tmp_path, "u00002.0", "reject", "ann")
    decide(tmp_path, "u00001.0", "accept", "ann")
    decide(tmp_path, "u00001.0", "restore", "studio")  # it is about another text now
    taken = undo(tmp_path, "ann")
    assert taken is not None and taken.item_id == "u00002.0" and decided(tmp_path) == {}


_ACTIONS = st.lists(
    st.tuples(st.sampled_from(("u00001.0", "u00001.1")), st.sampled_from(("accept", "reject", "edit", "undo"))),
    max_size=20,
)


@given(_ACTIONS)
def test_undo_brings_back_exactly_what_was_before(actions: list[tuple[str, str]]) -> None:
    """Against a list of states: a decision pushes, an undo pops."""
    lines: list[Decision] = []
    states: list[dict[str, str]] = [{}]
    for number, (item_id, action) in enumerate(actions):
        if action == "undo":
            from curation.synthesis.decisions import latest

            last = latest(lines)
            assert (last is None) == (len(states) == 1)
            if last is None:
                continue
            states.pop()
            name = lines[last].item_id
            before = fold(lines[:last]).get(name)
            back = before.action if before is not None else "restore"
            lines.append(Decision(name, back, "ann", number, before.exchanges if before else (), True))
        else:
            text = WRITTEN if action == "edit" else ()
            lines.append(Decision(item_id, action, "ann", number, text))  # type: ignore[arg-type]
            states.append({**states[-1], item_id: action})
        assert {name: found.action for name, found in fold(lines).items()} == states[-1]


def test_an_item_is_asked_anew_once_for_each_time_somebody_wants_it(tmp_path: Path) -> None:
    units = [Unit("u00001", "qa", 2, "c1", types=("factual", "how_to"), difficulty="hard", seed=7)]
    decide(tmp_path, "u00001.1", "regenerate", "ann")
    (new,) = asked_anew(decided(tmp_path), units)
    assert (new.unit_id, new.wanted, new.types, new.again) == ("u00001-1r1", 1, ("how_to",), "u00001.1")
    assert new.seed != 7 and (new.chunk_id, new.difficulty) == ("c1", "hard")
    units.append(new)
    assert asked_anew(decided(tmp_path), units) == []
    decide(tmp_path, "u00001.1", "regenerate", "ann")
    (again,) = asked_anew(decided(tmp_path), units)
    assert again.unit_id == "u00001-1r2" and again.seed != new.seed
    decide(tmp_path, "u00001-1r1.0", "regenerate", "ann")  # the one that came in its place
    names = [unit.unit_id for unit in asked_anew(decided(tmp_path), units)]
    assert names == ["u00001-1r1-0r1", "u00001-1r2"]
    decide(tmp_path, "nobody.0", "regenerate", "ann")
    assert len(asked_anew(decided(tmp_path), units)) == 2


def test_a_regeneration_that_was_taken_back_is_not_asked(tmp_path: Path) -> None:
    units = [Unit("u00001", "qa", 1, "c1")]
    decide(tmp_path, "u00001.0", "regenerate", "ann")
    undo(tmp_path, "ann")
    assert asked_anew(decided(tmp_path), units) == []
    decide(tmp_path, "u00001.0", "regenerate", "ann")
    (new,) = asked_anew(decided(tmp_path), units)
    assert new.unit_id == anew_id("u00001.0", 2)
    decide(tmp_path, "u00001.0", "accept", "ann")
    undo(
        tmp_path, "ann", {new.unit_id}
    )  # it has been asked meanwhile: the old item stays away, and nothing is asked twice
    assert action_of(tmp_path) == "reject" and asked_anew(decided(tmp_path), [*units, new]) == []
