from __future__ import annotations

import pytest
from batches import batch_of, decide, dropped, joined
from pydantic import ValidationError

from curation.stages.exact import Exact

QA = [("user", "Where is it?"), ("assistant", "Here.")]


def test_the_first_copy_stays_and_is_named() -> None:
    batch = batch_of(["one", "two", "one", "one"])
    assert dropped(decide(Exact(), batch)) == {"a:3": "a:1", "a:4": "a:1"}


@pytest.mark.parametrize(
    ("level", "twins"),
    [
        ("none", []),
        ("whitespace", ["a:2"]),
        ("letters", ["a:2", "a:3", "a:4"]),
    ],
)
def test_normalise_says_what_counts_as_the_same(level: str, twins: list[str]) -> None:
    batch = batch_of(["Hello, world", "Hello,  world\n", "hello world!", "ＨＥＬＬＯ， world"])
    assert list(dropped(decide(Exact(normalise=level), batch))) == twins


def test_part_says_what_is_compared() -> None:
    other = [("user", "Where is it?"), ("assistant", "There.")]
    third = [("user", "And now?"), ("assistant", "Here.")]
    batch = batch_of([QA, other, third])
    assert dropped(decide(Exact(), batch)) == {}
    assert dropped(decide(Exact(part="prompt"), batch)) == {"a:2": "a:1"}
    assert dropped(decide(Exact(part="answer"), batch)) == {"a:3": "a:1"}


def test_a_question_is_no_duplicate_of_an_answer() -> None:
    swapped = [("user", "Here."), ("assistant", "Where is it?")]
    assert dropped(decide(Exact(normalise="letters"), batch_of([QA, swapped]))) == {}


def test_records_without_text_are_left_alone() -> None:
    assert dropped(decide(Exact(normalise="letters"), batch_of(["", "", "...", "!!"]))) == {}


def test_keep_longest() -> None:
    batch = batch_of(["a   b", "a b", "a    b"])
    assert dropped(decide(Exact(keep="longest"), batch)) == {"a:1": "a:3", "a:2": "a:3"}


def test_keep_best_prefers_a_finished_answer() -> None:
    cut = [("user", "Why?"), ("assistant", "Because it rains and rains")]
    whole = [("user", "Why?"), ("assistant", "Because it rains and rains.")]
    assert dropped(decide(Exact(keep="best", normalise="letters"), batch_of([cut, whole]))) == {"a:1": "a:2"}


def test_keep_by_column() -> None:
    batch = batch_of(["x", "x", "x"], meta=[{"votes": 1}, {"votes": "12"}, {}])
    assert dropped(decide(Exact(keep="column", column="votes"), batch)) == {"a:1": "a:2", "a:3": "a:2"}


def test_keep_by_source() -> None:
    batch = joined(batch_of(["x"], "web"), batch_of(["x"], "book"))
    assert dropped(decide(Exact(keep="source", sources=["book", "w*"]), batch)) == {"web:1": "book:1"}
    assert dropped(decide(Exact(keep="source", sources=["w*", "book"]), batch)) == {"book:1": "web:1"}


@pytest.mark.parametrize("wrong", [{"keep": "column"}, {"column": "votes"}, {"keep": "source"}, {"sources": ["a"]}])
def test_keep_and_what_it_needs_go_together(wrong: dict) -> None:
    with pytest.raises(ValidationError):
        Exact(**wrong)


def test_questions_about_different_pictures_are_no_duplicates() -> None:
    pictures = [{"images": ["a.png"]}, {"images": ["b.png"]}, {"images": ["a.png"]}]
    assert dropped(decide(Exact(), batch_of([QA] * 3, meta=pictures))) == {"a:3": "a:1"}
