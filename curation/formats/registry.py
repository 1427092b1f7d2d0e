"""All formats, and the four things done with them: recognise a source, find by name, read a record, write one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from curation.errors import RecipeError, nearest
from curation.formats.base import Format, add_columns
from curation.formats.chats import Messages, ShareGPT
from curation.formats.instruct import Alpaca, QuestionAnswer, SelfInstruct
from curation.formats.meta import dump_template, load_template
from curation.formats.pairs import KTO, Preference, PromptCompletion
from curation.formats.slots import Turns
from curation.formats.text import MARKUPS, PlainText
from curation.readers.payload import BadRecord

# In order of priority: the more a format asks of an object, the earlier it is tried.
FORMATS: dict[str, Format] = {
    found.name: found
    for found in (
        Preference(),
        KTO(),
        Messages(),
        ShareGPT(),
        SelfInstruct(),
        Alpaca(),
        PromptCompletion(),
        QuestionAnswer(),
        *MARKUPS,
        PlainText(),
    )
}


def get(name: str) -> Format:
    """The format of this name. Raises RecipeError with the nearest valid name."""
    try:
        return FORMATS[name]
    except KeyError:
        raise RecipeError(f"There is no format '{name}'.", nearest(name, FORMATS)) from None


def detect(objects: Sequence[Mapping[str, Any]]) -> str | None:
    """The format that most of these objects have; of equally frequent ones the first in priority. None for none."""
    found = Counter(name for name in map(recognise, objects) if name is not None)
    return max(FORMATS, key=lambda name: found[name]) if found else None


def recognise(obj: Mapping[str, Any]) -> str | None:
    """The first format that an object has, or None."""
    return next((name for name, known in FORMATS.items() if known.recognises(obj)), None)


def read_record(obj: Mapping[str, Any], primary: str | None, forced: str | None) -> tuple[str, Turns, str]:
    """Format, turns and meta (the template as JSON) of an object.

    `forced` is the only format tried; `primary`, that of the source, is tried first. Raises BadRecord with a reason in
    FORMAT_REASONS, RecipeError for an unknown name.
    """
    name = forced or primary
    if name is not None:
        found = FORMATS.get(name) or get(name)
        try:
            turns, template = found.parse(obj)
            return name, turns, dump_template(template)
        except BadRecord:
            if forced is not None:
                raise
    without_text: BadRecord | None = None
    for other, known in FORMATS.items():
        if isinstance(known.layout(tuple(obj)), str):
            continue
        try:
            turns, template = known.parse(obj)
        except BadRecord as error:
            if error.reason == "no_text" and without_text is None:
                without_text = error
            continue
        return other, turns, dump_template(template)
    if without_text is not None:
        raise without_text
    raise _unknown(obj)


def _unknown(obj: Mapping[str, Any]) -> BadRecord:
    names = ", ".join(name[:40] for name in list(obj)[:12]) + (" …" if len(obj) > 12 else "")
    near = []
    for known in FORMATS.values():
        if not isinstance(known.layout(tuple(obj)), str):
            try:
                known.parse(obj)
            except BadRecord as error:
                near.append(f"{known.name}: {error.detail}")
    detail = f"columns: {names or 'none'}"
    return BadRecord("unknown_format", f"{detail}; {near[0]}" if near else detail)


def write_record(
    format_name: str,
    meta_json: str,
    turns: Sequence[tuple[str, str]],
    out_format: str | None,
    extra: Mapping[str, Any] | None,
) -> dict[str, Any]:
    """The object of a record in its own format, or in `out_format`, with `extra` columns appended.

    `turns` are those that `read_record` gave, their contents possibly edited. Where `out_format` is None, nothing else
    has changed; where it is the record's own, lists that were JSON text in a cell (of a CSV file) are lists again. A
    column of `extra` whose name is taken gets trailing underscores. Raises Inexpressible where `out_format` would lose
    something.
    """
    known = FORMATS.get(format_name) or get(format_name)
    template = load_template(meta_json)
    if out_format is None:
        obj = known.fill(template, turns)
    elif out_format == format_name:
        obj = known.render(known.opened(template), turns)
    else:
        obj = get(out_format).from_messages(known.to_messages(template, turns))
    if extra:
        add_columns(obj, extra)
    return obj


def original(format_name: str, meta_json: str, turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
    """The object of a record in its own format."""
    return get(format_name).render(load_template(meta_json), turns)


def text_columns(format_name: str, template: Mapping[str, Any]) -> list[str]:
    """The columns of a template that stand for text: their values there are slots, not data."""
    return [field.column for field in get(format_name).fields(template) if field.kind != "label"]
