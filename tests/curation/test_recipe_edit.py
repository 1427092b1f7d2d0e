"""Edits of a recipe's text: values as one types them, comments kept."""

from __future__ import annotations

import pytest

from curation.recipe_draft import RecipeDraft
from curation.recipe_edit import typed_value, written


@pytest.mark.parametrize(
    ("value", "text"), [(None, "null"), (True, "true"), (0.5, "0.5"), ("keep", "keep"), (["en", "zh"], "[en, zh]")]
)
def test_a_value_is_written_as_one_would_type_it(value: object, text: str) -> None:
    assert written(value) == text


def test_what_is_typed_is_what_is_meant() -> None:
    assert typed_value("null", "whole number or null") is None
    assert typed_value("20", "whole number") == 20


def test_edits_keep_every_comment_and_undo_gives_the_text_back() -> None:
    draft = RecipeDraft.load("sft")
    text = draft.text
    names = [entry.name for entry in draft.entries]
    place = names.index("length")
    draft.set(place, "min_chars", 42)
    draft.move(place, place + 1)
    draft.switch(place + 1)
    assert "min_chars: 42" in draft.text
    assert draft.text.count("#") == text.count("#")
    assert [entry.name for entry in draft.entries][place + 1] == "length"
    assert draft.undo() and draft.undo() and draft.undo()
    assert draft.text == text
