"""Formats with one column for each part of an exercise: Alpaca, question/answer, and the Self-Instruct seed tasks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from curation.formats.base import Format, Layout, with_fields
from curation.formats.columns import INSTANCES, INSTRUCTION, Columns, missing
from curation.formats.errors import misfit
from curation.formats.exchange import Exchange, dialogue, single
from curation.formats.layouts import alpaca_fields, question_answer_fields, system_field
from curation.formats.slots import Field, Turns, put_scalar, take_optional, take_scalar


class Alpaca(Format):
    """`instruction`, `input`, `output`, with an optional `system` and `history` of [question, answer] pairs.

    Turns, in the order of the conversation: system, history, instruction, input (both by the user), output. An empty
    `input` or `system` makes no turn. As a conversation, instruction and input are one message, parted by a line break;
    a conversation of several questions becomes an Alpaca record with a history.
    """

    name = "alpaca"
    title = "Alpaca (instruction, input, output)"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        layout = alpaca_fields(columns)
        if isinstance(layout, str):
            return layout
        kinds = {field.kind for field in layout}
        name = next(field.column for field in layout if field.kind == "user")
        if not name.isascii() and not kinds & {"input", "history"}:
            return missing("the input", ("输入",))  # 指令 and 输出 alone are a question and its answer
        return layout

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        found = dialogue(exchange)
        *history, (question, answer) = found.pairs
        columns: dict[str, Any] = {"instruction": question, "input": "", "output": answer}
        if found.system is not None:
            columns["system"] = found.system
        if history:
            columns["history"] = [list(pair) for pair in history]
        return with_fields(columns, exchange.fields)


class QuestionAnswer(Format):
    """A question and its answer under any common pair of names, English or Chinese, with an optional system prompt."""

    name = "qa"
    title = "Question and answer"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        return question_answer_fields(columns)

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        system, question, answer = single(exchange)
        columns = {"question": question, "answer": answer}
        if system is not None:
            columns = {"system": system, **columns}
        return with_fields(columns, exchange.fields)


class SelfInstruct(Format):
    """The seed tasks of Self-Instruct (Wang et al. 2022): an `instruction` with `instances` of `input` and `output`.

    One object is one record. Its turns are the instruction, then, for each instance, its input (unless empty) and its
    output. It can be written as a conversation only if it has a single instance: several are several examples, and one
    record never becomes several.
    """

    name = "self_instruct"
    title = "Self-Instruct tasks (instruction, instances)"

    def find(self, columns: Columns) -> Layout | str:
        """See `Format.find`."""
        instruction, instances = columns.first(INSTRUCTION), columns.first(INSTANCES)
        if instruction is None:
            return missing("the instruction", INSTRUCTION)
        if instances is None:
            return missing("the instances", INSTANCES)
        return (
            *system_field(columns),
            Field(instruction, "user", "user", take_scalar("user"), put_scalar),
            Field(instances, "instances", "", _take_instances, _put_instances),
        )

    def from_messages(self, exchange: Exchange) -> dict[str, Any]:
        """See `Format.from_messages`."""
        system, question, answer = single(exchange)
        columns: dict[str, Any] = {"instruction": question, "instances": [{"input": "", "output": answer}]}
        if system is not None:
            columns["system"] = system
        return with_fields(columns, exchange.fields)


_TAKE_INPUT = take_optional("user")
_TAKE_OUTPUT = take_scalar("assistant")


def _take_instances(value: Any, turns: Turns) -> Any:
    if type(value) is not list:
        raise misfit(f"the instances are of type {type(value).__name__}")
    template = []
    for instance in value:
        if type(instance) is not dict or "output" not in instance:
            raise misfit("an instance has no output")
        taken = dict(instance)
        if "input" in taken:
            taken["input"] = _TAKE_INPUT(taken["input"], turns)
        taken["output"] = _TAKE_OUTPUT(taken["output"], turns)
        template.append(taken)
    return template


def _put_instances(mark: Any, turns: Sequence[tuple[str, str]]) -> Any:
    return [
        {key: put_scalar(value, turns) if key in ("input", "output") else value for key, value in instance.items()}
        for instance in mark
    ]
