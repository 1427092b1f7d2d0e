"""Formats that hold an answer apart from its prompt: prompt/completion, preference pairs, KTO labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from curation.formats.base import Format, Layout, with_fields
from curation.formats.chat import Shared, leading, said_in
from curation.formats.columns import CHOSEN, KTO_TAG, LABEL, QUESTION_ANSWER, REJECTED, Columns, missing
from curation.formats.errors import Inexpressible, misfit
from curation.formats.exchange import Exchange
from curation.formats.layouts import (
    alpaca_fields,
    chat_fields,
    instruction_fields,
    prompt_completion_fields,
    prompt_field,
    question_answer_fields,
    question_field,
    system_field,
)
from curation.formats.sides import listed, put_side, side_taker, take_side
from curation.formats.slots import Field, Turns, is_json_mark
from curation.readers.payload import BadRecord


class PromptCompletion(Format):
    """`prompt` and `completion` (or response, output, answer), each a string or a list of messages, as TRL has them.

    Conversations are written with lists of messages, the last answer being the completion: a plain string would lose
    where one turn ends and the next begins.
    """

    name = "prompt_completion"
    title = "Prompt and completion"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        return prompt_completion_fields(columns)

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        return with_fields(_prompt_and_completion(exchange), exchange.fields)


class KTO(Format):
    """A prompt, an answer, and whether the answer is wanted: TRL's `prompt`, `completion` and `label`, or messages,
    question/answer or Alpaca columns with LLaMA-Factory's `kto_tag`. The label may be written true, 1 or "true".

    An answer that is not wanted is never made part of a conversation.
    """

    name = "kto"
    title = "KTO (an answer with a label)"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        tag = columns.first(KTO_TAG)
        if tag is not None:
            for shape in (chat_fields, prompt_completion_fields, alpaca_fields, question_answer_fields):
                found = shape(columns)
                if not isinstance(found, str):
                    return (*found, _label_field(tag))
            return "there is a kto_tag, but no conversation"
        label = columns.first(LABEL)
        if label is None:
            return missing("the label", (*LABEL, *KTO_TAG))
        found = prompt_completion_fields(columns)
        return found if isinstance(found, str) else (*found, _label_field(label))

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        if not any(name in exchange.fields and _is_label(exchange.fields[name]) for name in (*LABEL, *KTO_TAG)):
            raise Inexpressible("no_label")
        return with_fields(_prompt_and_completion(exchange), exchange.fields)


class Preference(Format):
    """A chosen and a rejected answer: strings, single messages or lists of messages, and, as a rule, what they answer
    (`prompt`, a conversation, instruction and input, or a question). Without it, both lists hold the prompt themselves.

    Answers have the roles chosen and rejected. Messages that both lists begin with, and a prompt that is repeated in
    them, are one turn each, so that an edit reaches every copy.
    """

    name = "preference"
    title = "Preference pairs (chosen, rejected)"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        chosen, rejected = columns.first(CHOSEN), columns.first(REJECTED)
        if chosen is None:
            return missing("the chosen answer", CHOSEN)
        if rejected is None:
            return missing("the rejected answer", REJECTED)
        return (
            *_context(columns),
            Field(chosen, "chosen", "", side_taker("chosen"), put_side),
            Field(rejected, "rejected", "", side_taker("rejected"), put_side),
        )

    def parse(self, obj: Mapping[str, Any]) -> tuple[Turns, dict[str, Any]]:
        """See `Format.parse`. Turns that stand in several places are taken once."""
        layout = self.layout(tuple(obj))
        if isinstance(layout, str):
            raise misfit(layout)
        *context, chosen, rejected = layout
        turns: Turns = []
        template = dict(obj)
        for field in context:
            template[field.column] = field.take(template[field.column], turns)
        plain = _common(obj[chosen.column], obj[rejected.column])
        shared = _shared(template, context, obj[chosen.column], turns)
        template[chosen.column] = take_side(obj[chosen.column], turns, "chosen", shared, plain)
        begun = _leading(template[chosen.column], turns)[:plain] if plain else ()
        template[rejected.column] = take_side(obj[rejected.column], turns, "rejected", begun, plain)
        if not turns:
            raise BadRecord("no_text", f"columns of format '{self.name}'")
        return turns, template

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:  # noqa: ARG002
        """Never possible: a conversation has no rejected answer."""
        raise Inexpressible("no_rejected")


def _prompt_and_completion(exchange: Exchange) -> dict[str, Any]:
    messages = exchange.messages
    if not messages or messages[-1]["role"] != "assistant":
        raise Inexpressible("no_answer")
    return {"prompt": messages[:-1], "completion": messages[-1:]}


def _label_field(name: str) -> Field:
    return Field(name, "label", "", _take_label, _put_label)


def _take_label(value: Any, turns: Turns) -> Any:  # noqa: ARG001 - a label is no text
    if not _is_label(value):
        raise misfit("the label is neither true nor false")
    return value


def _put_label(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:  # noqa: ARG001
    return mark


def _is_label(value: Any) -> bool:
    if isinstance(value, str):
        return value.strip().lower() in ("true", "false")
    return type(value) is bool or (type(value) is int and value in (0, 1))


def _context(columns: Columns) -> Layout:
    prompt = prompt_field(columns)
    if prompt:
        return prompt
    for shape in (chat_fields, instruction_fields):
        found = shape(columns)
        if not isinstance(found, str):
            return found
    question = columns.first(QUESTION_ANSWER[0][0])
    return (*system_field(columns), *((question_field(question),) if question else ()))


def _common(chosen: Any, rejected: Any) -> int:
    """How many messages two lists begin with in common; the last of each is an answer and never counts."""
    ours, theirs = listed(chosen), listed(rejected)
    if ours is None or theirs is None:
        return 0
    most = min(len(ours), len(theirs)) - 1
    for index in range(most):
        said = said_in(ours[index])
        if said is None or said != said_in(theirs[index]):
            return index
    return max(most, 0)


def _shared(
    template: Mapping[str, Any], context: Sequence[Field], chosen: Any, turns: Turns
) -> list[tuple[str, str, int]]:
    """What the chosen messages may repeat: the turns of the context, without a system prompt they do not repeat."""
    messages = listed(chosen)
    if messages is None or len(messages) < 2:
        return []
    found: list[tuple[str, str, int]] = []
    for field in context:
        mark = template[field.column]
        found += [(*turns[mark], mark)] if type(mark) is int else _leading(mark, turns)
    first = said_in(messages[0])
    return [item for item in found if item[0] != "system" or (first is not None and first[0] == "system")]


def _leading(mark: Any, turns: Turns) -> Shared:
    if type(mark) is dict and is_json_mark(mark):
        mark = mark["list"]
    return leading(mark, turns) if type(mark) is list and mark and type(mark[0]) is dict else []
