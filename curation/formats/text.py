"""Plain text, and chat markup inside a text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.formats.base import Format, Layout, with_fields
from curation.formats.columns import TEXT, Columns, missing
from curation.formats.errors import Inexpressible, misfit
from curation.formats.exchange import Dialogue, Exchange, Message, dialogue
from curation.formats.markup import DIALECTS, Dialect
from curation.formats.slots import Field, Turns, put_scalar, take_scalar


class PlainText(Format):
    """One text (`text`, `content`, `文本` …), with one turn of role text. It is no conversation and becomes none."""

    name = "text"
    title = "Plain text"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        name = columns.first(TEXT)
        if name is None:
            return missing("the text", TEXT)
        return (Field(name, "text", "text", take_scalar("text"), put_scalar),)

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:  # noqa: ARG002
        """Never possible: the turns of a conversation would run together."""
        raise Inexpressible("conversation")


class Markup(Format):
    """A text that is a conversation in a dialect of chat markup. Marks and the white space around them are carried."""

    def __init__(self, dialect: Dialect) -> None:
        super().__init__()
        self.name = dialect.name
        self.title = dialect.title
        self._dialect = dialect

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        name = columns.first(TEXT)
        if name is None:
            return missing("the text", TEXT)
        return (Field(name, "markup", "", self._take, _put_pieces),)

    def to_messages(self, template: Mapping[str, Any], turns: Sequence[tuple[str, str]]) -> Exchange:
        """See `Format.to_messages`."""
        (field,) = self.fields(template)
        messages: list[Message] = []
        for slot in (piece for piece in template[field.column] if type(piece) is int):
            role, said = turns[slot]
            if messages and messages[-1]["role"] == role:  # Instruction and Input are one question
                messages[-1]["content"] += f"\n{said}"
            else:
                messages.append({"role": role, "content": said})
        return Exchange(messages, {key: value for key, value in template.items() if key != field.column})

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`. What was written is read again, so that no text is taken for a mark."""
        found = dialogue(exchange)
        text = self._dialect.write(found)
        pieces = self._dialect.split(text)
        if pieces is None or [(role, said) for role, said in pieces if role] != said_in(found):
            raise Inexpressible("markup_in_text")
        return with_fields({"text": text}, exchange.fields)

    def _take(self, value: Any, turns: Turns) -> Any:
        pieces = self._dialect.split(value) if type(value) is str else None
        if pieces is None:
            raise misfit(f"there is no {self.title} markup in the text")
        template: list[str | int] = []
        for role, piece in pieces:
            if role:
                template.append(len(turns))
                turns.append((role, piece))
            else:
                template.append(piece)
        return template


def said_in(found: Dialogue) -> list[tuple[str, str]]:
    """A dialogue as turns, without the white space that markup does not keep."""
    turns = [] if found.system is None else [("system", found.system.strip())]
    for question, answer in found.pairs:
        turns += [("user", question.strip()), ("assistant", answer.strip())]
    return turns


def _put_pieces(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:
    return "".join(turns[piece][1] if type(piece) is int else piece for piece in mark)


MARKUPS = tuple(Markup(dialect) for dialect in DIALECTS)
