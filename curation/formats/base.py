"""What a format is: it finds its columns, takes the text out of them, and puts it back."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import Any

from curation.formats.columns import Columns
from curation.formats.errors import misfit
from curation.formats.exchange import Exchange, Message, export
from curation.formats.slots import Field, Turns, is_json_mark
from curation.readers.payload import BadRecord

Layout = tuple[Field, ...]

_MOST_KEYS = 50_000  # in all the sets of keys that a format remembers (4 MB); a source has few sets, hostile input many


class Format(ABC):
    """A way of writing training examples as JSON objects.

    Law: `render(*reversed(parse(obj)))` is JSON-equal to `obj`, key order included, for every object that `parse`
    accepts. Instances hold no state but a cache, and may be shared by threads.
    """

    name: str
    title: str

    def __init__(self) -> None:
        self._layouts: dict[tuple[str, ...], Layout | str] = {}
        self._keys = 0

    @abstractmethod
    def find(self, columns: Columns) -> Layout | str:
        """The columns to take apart, in the order of the conversation, or a sentence saying which one is missing."""

    @abstractmethod
    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """A new object of this format. Raises Inexpressible rather than lose anything."""

    def layout(self, keys: tuple[str, ...]) -> Layout | str:
        """`find`, remembered by the keys of the object (a template has the same keys)."""
        found = self._layouts.get(keys)
        if found is None:
            found = self.find(Columns(keys))
            self._keys += len(keys) + 1
            if self._keys > _MOST_KEYS:
                self._layouts.clear()
                self._keys = len(keys) + 1
            self._layouts[keys] = found
        return found

    def recognises(self, obj: Mapping[str, Any]) -> bool:
        """Whether `parse` accepts the object."""
        if isinstance(self.layout(tuple(obj)), str):
            return False
        try:
            self.parse(obj)
        except BadRecord:
            return False
        return True

    def parse(self, obj: Mapping[str, Any]) -> tuple[Turns, dict[str, Any]]:
        """The turns (role, content) and the template: `obj` with slots in the place of text (see `slots.py`).

        Raises BadRecord: wrong_format (a column is missing or of a wrong type) or no_text.
        """
        layout = self._layouts.get(tuple(obj)) or self.layout(tuple(obj))
        if isinstance(layout, str):
            raise misfit(layout)
        turns: Turns = []
        template = dict(obj)
        for column, _, role, take, _ in layout:
            value = template[column]
            if role and type(value) is str:
                template[column] = len(turns)
                turns.append((role, value))
            else:
                template[column] = take(value, turns)
        if not turns:
            raise BadRecord("no_text", f"columns of format '{self.name}'")
        return turns, template

    def render(self, template: Mapping[str, Any], turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """The object again. `turns` may have other contents than those taken, but as many."""
        return self.fill(dict(template), turns)

    def fill(self, template: dict[str, Any], turns: Sequence[tuple[str, str]]) -> dict[str, Any]:
        """`render` for a template that nobody else has: it becomes the object."""
        layout = self._layouts.get(tuple(template))
        if layout is None or isinstance(layout, str):
            layout = self.fields(template)
        for column, _, role, _, put in layout:
            mark = template[column]
            template[column] = turns[mark][1] if role and type(mark) is int else put(mark, turns)
        return template

    def opened(self, template: Mapping[str, Any]) -> dict[str, Any]:
        """The template with lists in place of those that stand in a string as JSON."""
        opened = dict(template)
        for field in self.fields(template):
            mark = opened[field.column]
            if type(mark) is dict and is_json_mark(mark):
                opened[field.column] = mark["list"]
        return opened

    def fields(self, template: Mapping[str, Any]) -> Layout:
        """The columns of a template that hold text; all others are carried as they are."""
        layout = self.layout(tuple(template))
        if isinstance(layout, str):
            raise ValueError(f"no template of format '{self.name}': {layout}")
        return layout

    def to_messages(self, template: Mapping[str, Any], turns: Sequence[tuple[str, str]]) -> Exchange:
        """The record as a conversation and other columns. Raises Inexpressible."""
        obj = self.render(template, turns)
        messages: list[Message] = []
        layout = self.fields(template)
        for field in layout:
            export(field.kind, obj[field.column], messages)
        taken = {field.column for field in layout if field.kind != "label"}
        return Exchange(messages, {key: value for key, value in obj.items() if key not in taken})


def with_fields(columns: dict[str, Any], fields: Mapping[str, Any]) -> dict[str, Any]:
    """`columns`, then `fields`; a field whose name is taken gets trailing underscores."""
    add_columns(columns, fields)
    return columns


def add_columns(obj: dict[str, Any], extra: Mapping[str, Any]) -> list[str]:
    """Append `extra` to `obj` in place. Returns the names that were taken, and so were given trailing underscores."""
    taken = []
    for name, value in extra.items():
        free = name
        while free in obj or (free != name and free in extra):
            free += "_"
        if free != name:
            taken.append(name)
        obj[free] = value
    return taken
