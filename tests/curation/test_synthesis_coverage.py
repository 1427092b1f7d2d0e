"""How much of the documents is in the dataset, counted from a run's files."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from curation.synthesis.coverage import Coverage, balance, coverage, united
from curation.synthesis.decisions import decide
from curation.synthesis.model import (
    CHUNKS,
    DOCUMENTS,
    ORIGINS,
    OUTCOMES,
    UNITS,
    Chunk,
    Document,
    Exchange,
    Item,
    Origin,
    Outcome,
    Span,
    Unit,
)
from curation.synthesis.sources import write_rows

EXCHANGE = Exchange(
    "When does the library open in the morning?", "The library opens at nine in the morning.", "at nine"
)
CHINESE = Exchange("图书馆每天早上几点开门？", "图书馆每天早上九点开门，晚上六点关门。", "九点开门")


def item(item_id: str, status: str, spans: Sequence[tuple[int, int]] = (), *, said: Exchange = EXCHANGE) -> Item:
    placed = tuple(Span(0, start, end) for start, end in spans)
    reason = "" if status == "accepted" else "too_short" if status == "rejected" else "timeout"
    return Item(item_id, status, reason, exchanges=(said,), spans=placed, type="factual")  # type: ignore[arg-type]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two documents of 100 characters: three chunks with two topics, and one chunk of which nothing was accepted."""
    documents = [Document(name, f"{name}.md", f"About {name}", "", "", "", 100) for name in ("a", "b")]
    chunks = [
        Chunk("a/0", "a", 0, 40, "x" * 40, ("Title", "One"), 10),
        Chunk("a/1", "a", 30, 60, "x" * 30, ("Title", "One", "Deeper"), 10),
        Chunk("a/2", "a", 60, 100, "x" * 40, ("Title", "Two"), 10),
        Chunk("b/0", "b", 0, 90, "x" * 90, (), 10),
    ]
    units = [
        Unit("u00001", "qa", 2, chunk_id="a/0", types=("factual", "cause"), difficulty="easy"),
        Unit("u00002", "qa", 1, chunk_id="a/1", types=("factual",), difficulty="hard"),
        Unit("u00003", "qa", 1, chunk_id="a/2", types=("factual",), difficulty="hard"),
        Unit("u00004", "qa", 2, chunk_id="b/0", types=("factual", "factual"), difficulty="easy"),
        Unit("u00005", "qa", 1, chunk_id="b/0", types=("factual",), difficulty="easy"),
    ]
    outcomes = [
        Outcome("u00001", (item("u00001.0", "accepted", [(0, 20)]), item("u00001.1", "accepted", [(10, 35)]))),
        Outcome("u00002", (item("u00002.0", "accepted", [(30, 40)], said=CHINESE),)),
        Outcome("u00003", (item("u00003.0", "rejected", [(60, 70)]),)),
        Outcome("u00004", (item("u00004.0", "failed"), item("u00004.1", "rejected"))),
    ]
    for name, rows in ((DOCUMENTS, documents), (CHUNKS, chunks), (UNITS, units), (OUTCOMES, outcomes)):
        write_rows(tmp_path / name, rows)
    return tmp_path


def test_documents_chunks_and_characters(folder: Path) -> None:
    found = coverage(folder)
    a, b = found.documents
    assert (a.document_id, a.title, a.path) == ("a", "About a", "a.md")
    assert (a.chunks, a.chunks_with, a.requested, a.accepted, a.characters) == (3, 2, 4, 3, 100)
    assert a.covered == 40, "0 to 40: overlapping quotes are counted once"
    assert a.share == 0.4
    assert (b.chunks, b.chunks_with, b.requested, b.accepted, b.covered) == (1, 0, 2, 0, 0)
    assert (found.documents_with, found.chunks, found.chunks_with, found.share) == (1, 4, 2, 0.2)


def test_topics_types_difficulties_and_languages(folder: Path) -> None:
    found = coverage(folder)
    one, two, none = found.topics
    assert (one.headings, one.chunks, one.characters, one.requested, one.accepted) == (("Title", "One"), 2, 70, 3, 3)
    assert (two.headings, two.requested, two.accepted) == (("Title", "Two"), 1, 0)
    assert (none.document_id, none.headings, none.requested) == ("b", (), 2)
    assert found.topic_balance == pytest.approx(70 / 200)
    assert found.types == {"factual": (6, 3)}
    assert found.difficulties == {"easy": (4, 2), "hard": (2, 1)}
    assert found.languages == {"en": 2, "zh": 1}


def test_what_people_decided_counts(folder: Path) -> None:
    decide(folder, "u00003.0", "accept", "ann")
    decide(folder, "u00001.0", "reject", "ann")
    a = coverage(folder).documents[0]
    assert (a.chunks_with, a.accepted) == (3, 3)
    assert a.covered == 40, "10 to 40 and 60 to 70"


def test_seeds_that_something_was_made_from(tmp_path: Path) -> None:
    write_rows(tmp_path / ORIGINS, [Origin(f"s.csv:{n}", (("user", "Q"),), "") for n in range(5)])
    write_rows(
        tmp_path / UNITS, [Unit(f"u0000{n}", "similar", 1, record_ids=(f"s.csv:{n}", "s.csv:4")) for n in (1, 2)]
    )
    write_rows(
        tmp_path / OUTCOMES,
        [Outcome("u00001", (item("u00001.0", "accepted"),)), Outcome("u00002", (item("u00002.0", "failed"),))],
    )
    found = coverage(tmp_path)
    assert (found.origins, found.origins_with, found.documents) == (5, 2, ())
    assert found.share == 0
    assert found.as_json()["origins_with"] == 2


def test_a_folder_in_which_nothing_was_begun(tmp_path: Path) -> None:
    assert coverage(tmp_path) == Coverage()


@given(st.lists(st.tuples(st.integers(0, 60), st.integers(0, 60)).map(lambda pair: (min(pair), max(pair)))))
def test_characters_in_several_spans_are_counted_once(spans: list[tuple[int, int]]) -> None:
    assert united(spans) == len({place for start, end in spans for place in range(start, end)})


@given(st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=8))
def test_balance_is_a_share(pairs: list[tuple[int, int]]) -> None:
    found, expected = [pair[0] for pair in pairs], [pair[1] for pair in pairs]
    assert -1e-9 <= balance(found, expected) <= 1 + 1e-9
    assert balance(expected, expected) == pytest.approx(1)


def test_balance_by_hand() -> None:
    assert balance([10, 0], [5, 5]) == 0.5
    assert balance([10, 0], [0, 5]) == 0
    assert balance([2, 2], [50, 50]) == 1
