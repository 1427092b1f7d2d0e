"""The held-out records of an experiment, and keeping them out of everything that is trained on."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from curation.errors import InputError

if TYPE_CHECKING:
    from curation.recipe import Recipe
    from training.examples import Example

_LONG = 8  # words of a prompt that is worth looking for by itself; in scripts without blanks, some 13 characters
_LONG_WITHOUT_BLANKS = 13


def held_out_examples(path: Path) -> tuple[Example, ...]:
    """Every record of the file that is a conversation or a text. Raises InputError where there is none."""
    from training.examples import examples_to_ask

    examples = tuple(examples_to_ask([str(path)]))
    if not examples:
        raise InputError(f"{path} holds nothing to measure with.", "Name a file of conversations with --heldout.")
    return examples


def keeping_out(path: Path, examples: Sequence[Example], seed: int) -> Recipe:
    """A curation recipe that does nothing but drop what holds a held-out record, or a held-out question of eight words
    or more; word for word or with slight edits."""
    from curation.recipe import Recipe

    where = json.dumps(str(path))
    questions = [message.content for example in examples for message in example.messages if message.role == "user"]
    text = f"""name: keep-out
description: The raw data, without what an experiment measures with.
seed: {seed}
stages:
  - use: decontaminate
    name: records
    against: [{where}]
    part: record
    eval_part: record
    min_words: 2
"""
    if any(_is_long(question) for question in questions):
        text += f"""  - use: decontaminate
    name: questions
    against: [{where}]
    part: prompt
    eval_part: prompt
    min_words: {_LONG}
"""
    return Recipe.from_text(text, "keep-out")


def drawing(size: int, seed: int, unit: Literal["records", "tokens"] = "records") -> Recipe:
    """A curation recipe that draws at random: so many records, or records of at most so many tokens (`tokens_in`)."""
    from curation.recipe import Recipe

    key = "n" if unit == "records" else "tokens"
    text = f"name: random\nseed: {seed}\nstages:\n  - use: sample\n    {key}: {size}\n"
    return Recipe.from_text(text, "random")


def tokens_in(inputs: Sequence[str]) -> int:
    """Tokens of all records of some files, as the stage `sample` counts them."""
    from curation.engine.intake import parse_chunk
    from curation.formats import detect
    from curation.readers import find_sources, read_chunks, sample_objects
    from curation.selection.weighed import token_counts

    total = 0
    for source in find_sources(inputs):
        primary = detect(sample_objects(source))
        for chunk in read_chunks(source, chunk_records=1000, chunk_bytes=8 << 20):
            total += int(token_counts(parse_chunk(chunk, primary, None)[0], "").sum())
    return total


def without_splits(recipe: Recipe) -> Recipe:
    """The recipe with every stage that holds records out switched off: all that is kept is trained on."""
    splitting = [step.name for step in recipe.steps() if step.use == "split" and step.enabled]
    return recipe.with_settings([f"{name}.enabled=false" for name in splitting]) if splitting else recipe


def _is_long(text: str) -> bool:
    return len(text.split()) >= _LONG or sum(ord(c) >= 0x2E80 for c in text) >= _LONG_WITHOUT_BLANKS
