"""What an export is checked on: prompts that the training held out, then general ones that come with the studio."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from importlib.resources import as_file, files
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError
from training.examples import TEXT, Example, Message, read_examples
from training.template.errors import TemplateError

if TYPE_CHECKING:
    from training.export.source import Source
    from training.template import Template

_LONGEST = 384  # tokens: a check is no benchmark


def check_prompts(source: Source, template: Template, tokenizer: Any, count: int) -> list[tuple[str, list[int]]]:
    """At most `count` prompts as (text, token ids), none twice: held out, then general, then parts of general ones.

    Raises StudioError where the template can write none.
    """
    from training.tokenize import encode_prompt

    system = source.recipe.template.system if source.run is not None else ""
    found: dict[tuple[int, ...], str] = {}
    for messages in _asked([*_held_out(source), *_general()]):
        if len(found) >= count:
            break
        with suppress(TemplateError):
            ids = encode_prompt(messages, template, tokenizer, system)
            if len(ids) <= _LONGEST:
                found.setdefault(tuple(ids), _text(messages, template, system))
    if not found:
        raise StudioError(f"The template {template.name} can write no prompt to check with.", "Take another one.")
    return [(text, list(ids)) for ids, text in found.items()]


def _text(messages: Sequence[Message], template: Template, system: str) -> str:
    from training.tokenize import with_system

    return template.render(with_system(messages, system), generation_prompt=True).text


def _asked(examples: Sequence[Example]) -> list[tuple[Message, ...]]:
    """What the examples ask; of plain texts, their first half; last, every question again in other words."""
    found: list[tuple[Message, ...]] = []
    for example in examples:
        if example.messages[0].role == TEXT:
            found.append((Message("user", example.messages[0].content[:400]),))
        elif example.messages[-1].role == "assistant" and len(example.messages) > 1:
            found.append(example.messages[:-1])
    again = [
        (*messages[:-1], Message("user", f"In one sentence: {messages[-1].content}"))
        for messages in found
        if messages[-1].role == "user"
    ]
    return found + again


def _held_out(source: Source) -> list[Example]:
    """None where the training's data is gone or was changed: the check does without."""
    if source.run is None:
        return []
    from training.compare.prompts import heldout_examples

    with suppress(StudioError):
        return heldout_examples(source.run.path)
    return []


def _general() -> list[Example]:
    with as_file(files("training").joinpath("retention", "general.jsonl")) as path:
        return list(read_examples([str(path)], validation=0).train)
