"""Plans: how many items of what, in turns, the same every time."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from curation.errors import InputError
from curation.schema import content_hash
from curation.synthesis.model import Chunk, Origin, Unit
from curation.synthesis.plan import plan, spread
from curation.synthesis.recipe import GenerateRecipe
from curation.synthesis.sections import QUESTION_TYPES


def recipe(*changes: str, preset: str = "documents") -> GenerateRecipe:
    return GenerateRecipe.load(preset).with_settings(list(changes))


def chunks(count: int) -> list[Chunk]:
    return [Chunk(f"d/{n:04}", "d", n * 10, n * 10 + 9, f"Chunk {n:03}", (), 2) for n in range(count)]


def origins(count: int, *, answer: str = "It is so.") -> list[Origin]:
    found = []
    for n in range(count):
        turns = (("user", f"Question {n}?"), ("assistant", answer))
        found.append(Origin(f"in.csv:{n + 1}", turns, content_hash(turns)))
    return found


def items(units: list[Unit]) -> int:
    return sum(unit.wanted for unit in units)


@settings(max_examples=60, deadline=None)
@given(
    count=st.integers(1, 40), total=st.integers(1, 200), per_call=st.integers(1, 6),
    kind=st.sampled_from(["documents", "seeds", "texts", "records"]),
)  # fmt: skip
def test_so_many_items_as_were_asked_for_in_calls_of_the_size_that_was_asked_for(
    count: int, total: int, per_call: int, kind: str
) -> None:
    asked = recipe(f"source.kind={kind}", f"ask.items={total}", f"ask.per_call={per_call}")
    units = plan(asked, chunks(count) if kind == "documents" else [], [] if kind == "documents" else origins(count))
    assert items(units) == total
    assert all(1 <= unit.wanted <= per_call for unit in units)
    assert [unit.unit_id for unit in units] == [f"u{n + 1:05}" for n in range(len(units))]
    assert all(len(unit.types) == (unit.wanted if kind == "documents" else 0) for unit in units)
    assert units == plan(
        asked, chunks(count) if kind == "documents" else [], [] if kind == "documents" else origins(count)
    )
    if kind in ("documents", "texts", "records"):
        about = Counter()
        for unit in units:
            about[unit.chunk_id or unit.record_ids] += unit.wanted
        assert max(about.values()) - min(about.values()) <= 1
        assert len(about) == min(count, total)


@given(st.integers(0, 500), st.integers(1, 60))
def test_items_are_spread_evenly(total: int, places: int) -> None:
    shares = spread(total, places)
    assert sum(shares) == total
    assert max(shares) - min(shares) <= 1
    places_of = [place for place, share in enumerate(shares) if share]
    if 0 < total < places:  # the few that are asked about are not all at one end
        assert max(after - before for before, after in pairwise([-1, *places_of, places])) <= places // total + 1


@pytest.mark.parametrize("items", ["0", "3"])
@pytest.mark.parametrize("kind", ["documents", "seeds", "texts", "records"])
def test_nothing_to_ask_about_is_said_in_a_sentence(kind: str, items: str) -> None:
    """Documents of a word or two, for one, leave no chunk; with a number of items as without."""
    asked = recipe(f"source.kind={kind}", *([f"ask.items={items}"] if items != "0" else []))
    with pytest.raises(InputError, match="no text to ask about" if kind == "documents" else "There are no"):
        plan(asked, [], [])


@pytest.mark.parametrize(
    ("kind", "there", "wanted"),
    [("documents", 4, 12), ("seeds", 7, 7), ("texts", 5, 5), ("records", 5, 5)],
)
def test_without_a_number_as_many_as_the_source_says(kind: str, there: int, wanted: int) -> None:
    units = plan(recipe(f"source.kind={kind}"), chunks(there) if kind == "documents" else [], origins(there))
    assert items(units) == wanted


@pytest.mark.parametrize(
    ("kind", "how", "expected"),
    [
        ("documents", "rewrite", "qa"), ("seeds", "rewrite", "similar"), ("texts", "rewrite", "instruction"),
        ("records", "rewrite", "rewrite"), ("records", "translate", "translate"), ("records", "deepen", "deepen"),
    ],
)  # fmt: skip
def test_what_is_asked_follows_from_the_source(kind: str, how: str, expected: str) -> None:
    found = plan(recipe(f"source.kind={kind}", f"source.how={how}", "ask.languages=[zh]"), chunks(2), origins(2))
    assert {unit.kind for unit in found} == {expected}


def test_types_difficulties_and_languages_are_taken_in_turns_and_not_in_step() -> None:
    """Four types and two difficulties, asked one by one: plain turns would couple each type to one difficulty."""
    asked = recipe(
        "ask.per_call=1", "ask.per_chunk=1", "ask.difficulties=[easy, hard]", "ask.languages=[en, zh]",
        "ask.types=[factual, explanation, how_to, inference]",
    )  # fmt: skip
    units = plan(asked, chunks(160), [])
    found = Counter((unit.types[0], unit.difficulty, unit.language) for unit in units)
    every = product(("factual", "explanation", "how_to", "inference"), ("easy", "hard"), ("en", "zh"))
    assert {each: found[each] for each in every} == dict.fromkeys(found, 10)


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from(QUESTION_TYPES), min_size=1, max_size=5, unique=True),
    st.integers(1, 3), st.integers(1, 3), st.integers(1, 4), st.integers(1, 30),
)  # fmt: skip
def test_turns_are_even_at_every_moment(types: list[str], levels: int, tongues: int, per_call: int, count: int) -> None:
    asked = recipe(
        f"ask.types=[{', '.join(types)}]", f"ask.difficulties=[{', '.join(('easy', 'medium', 'hard')[:levels])}]",
        f"ask.languages=[{', '.join(('en', 'zh', 'fr')[:tongues])}]", f"ask.per_call={per_call}",
    )  # fmt: skip
    units = plan(asked, chunks(count), [])
    for names, wanted in (
        ([name for unit in units for name in unit.types], len(types)),
        ([unit.difficulty for unit in units], levels),
        ([unit.language for unit in units], tongues),
    ):
        counts = Counter(names)
        least = min(counts.values()) if len(counts) == wanted else 0
        assert max(counts.values()) - least <= 1


def test_seeds_are_dealt_like_cards() -> None:
    units = plan(recipe("ask.items=60", "ask.per_call=1", "ask.examples=4", preset="seeds"), [], origins(12))
    shown = Counter(record for unit in units for record in unit.record_ids)
    assert set(shown.values()) == {20}, "every seed as often as any other"
    assert all(len(set(unit.record_ids)) == 4 for unit in units)
    assert len({unit.record_ids for unit in units}) > 50, "drawn anew for each prompt"
    others = plan(recipe("ask.items=60", "ask.per_call=1", "ask.seed=1", preset="seeds"), [], origins(12))
    assert [unit.record_ids for unit in others] != [unit.record_ids for unit in units]


def test_fewer_seeds_than_are_to_be_shown_are_all_shown() -> None:
    (unit,) = plan(recipe("ask.items=1", "ask.examples=8", preset="seeds"), [], origins(3))
    assert sorted(unit.record_ids) == ["in.csv:1", "in.csv:2", "in.csv:3"]


def test_no_two_requests_about_a_chunk_are_sampled_alike() -> None:
    units = plan(recipe("ask.per_call=1", "ask.per_chunk=5"), chunks(20), [])
    assert len({unit.seed for unit in units}) == 100
    assert all(0 <= unit.seed < 1 << 31 for unit in units)


def test_more_documents_at_the_end_leave_the_plan_of_the_others_alone() -> None:
    before, after = plan(recipe(), chunks(10), []), plan(recipe(), chunks(15), [])
    assert after[: len(before)] == before


def test_a_chunk_is_sampled_alike_wherever_it_stands() -> None:
    """What was paid for is found again after a document was added before it, as far as its seed decides."""
    first, second = chunks(2)
    alone = plan(recipe("ask.per_chunk=1"), [second], [])
    behind = plan(recipe("ask.per_chunk=1"), [first, second], [])
    assert alone[0].seed == behind[1].seed


def test_only_records_without_an_answer_are_completed() -> None:
    short = Origin("in.csv:9", (("user", "Why?"), ("assistant", "是。")), "x")
    bare = Origin("in.csv:8", (("user", "Why?"),), "y")
    there = [*origins(2, answer="A long and complete answer to the question."), bare, short]
    found = plan(recipe("source.kind=records", "source.how=complete"), [], there)
    assert [unit.record_ids for unit in found] == [("in.csv:8",)]
    found = plan(recipe("source.kind=records", "source.how=complete", "gates.answer_min=20"), [], there)
    assert [unit.record_ids for unit in found] == [("in.csv:8",), ("in.csv:9",)]
    with pytest.raises(InputError, match="nothing is to complete"):
        plan(recipe("source.kind=records", "source.how=complete"), [], there[:2])


@pytest.mark.parametrize("kind", ["documents", "seeds", "texts", "records"])
def test_nothing_to_ask_about_is_an_error_that_says_so(kind: str) -> None:
    with pytest.raises(InputError) as caught:
        plan(recipe(f"source.kind={kind}"), [], [])
    assert caught.value.hint


def test_language_names_become_codes() -> None:
    (unit,) = plan(recipe("ask.languages=[zh-CN]", "ask.items=1"), chunks(1), [])
    assert unit.language == "zh"
