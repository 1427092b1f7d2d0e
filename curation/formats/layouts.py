"""The columns of the common shapes: prompts with an answer, in whatever form. Several formats are made of them."""

from __future__ import annotations

from curation.formats.base import Layout
from curation.formats.chat import chat_taker, put_messages
from curation.formats.columns import (
    COMPLETION,
    CONVERSATIONS,
    HISTORY,
    INPUT,
    INSTRUCTION,
    MESSAGES,
    OUTPUT,
    PROMPT,
    QUESTION_ANSWER,
    SYSTEM,
    Columns,
    missing,
)
from curation.formats.errors import misfit
from curation.formats.sides import put_side, side_taker
from curation.formats.slots import (
    Field,
    Turns,
    put_listed,
    put_scalar,
    take_listed,
    take_optional,
    take_scalar,
)

_ANSWER = take_scalar("assistant")
_USER = take_scalar("user")
_INPUT = take_optional("user")
_SYSTEM = take_optional("system")


def system_field(columns: Columns) -> Layout:
    """The column of the system prompt, if there is one."""
    name = columns.first(SYSTEM)
    return (Field(name, "system", "", _SYSTEM, put_scalar),) if name else ()


def history_field(columns: Columns) -> Layout:
    """The column of earlier questions and answers, if there is one."""
    name = columns.first(HISTORY)
    return (Field(name, "history", "", _take_history, _put_history),) if name else ()


def instruction_fields(columns: Columns) -> Layout | str:
    """System, history, instruction and input of Alpaca, without the answer."""
    instruction = columns.first(INSTRUCTION)
    if instruction is None:
        return missing("the instruction", INSTRUCTION)
    given = columns.first(INPUT)
    return (
        *system_field(columns),
        *history_field(columns),
        Field(instruction, "user", "user", _USER, put_scalar),
        *((Field(given, "input", "", _INPUT, put_scalar),) if given else ()),
    )


def alpaca_fields(columns: Columns) -> Layout | str:
    """All columns of Alpaca."""
    fields = instruction_fields(columns)
    output = columns.first(OUTPUT)
    if isinstance(fields, str):
        return fields
    if output is None:
        return missing("the output", OUTPUT)
    return (*fields, answer_field(output))


def question_answer_fields(columns: Columns) -> Layout | str:
    """A question and its answer, with an optional system prompt."""
    for questions, answers in QUESTION_ANSWER:
        question, answer = columns.first(questions), columns.first(answers)
        if question is not None and answer is not None:
            return (*system_field(columns), question_field(question), answer_field(answer))
    questions, answers = QUESTION_ANSWER[0]
    if columns.first(questions) is None:
        return missing("the question", questions)
    return missing("the answer", answers)


def question_field(name: str) -> Field:
    """A column that is a question."""
    return Field(name, "user", "user", _USER, put_scalar)


def answer_field(name: str) -> Field:
    """A column that is an answer."""
    return Field(name, "answer", "assistant", _ANSWER, put_scalar)


def prompt_field(columns: Columns) -> Layout:
    """System and prompt, the latter a string or messages; empty without a prompt."""
    name = columns.first(PROMPT)
    if name is None:
        return ()
    return (*system_field(columns), Field(name, "prompt", "", side_taker("user"), put_side))


def prompt_completion_fields(columns: Columns) -> Layout | str:
    """A prompt and its completion, strings or messages each."""
    prompt = prompt_field(columns)
    if not prompt:
        return missing("the prompt", PROMPT)
    completion = columns.first(COMPLETION)
    if completion is None:
        return missing("the completion", COMPLETION)
    return (*prompt, Field(completion, "completion", "", side_taker("assistant"), put_side))


def chat_fields(columns: Columns, names: tuple[str, ...] = (*MESSAGES, *CONVERSATIONS)) -> Layout | str:
    """A list of messages, with an optional system prompt beside it."""
    name = columns.first(names)
    if name is None:
        return missing("the messages", names)
    return (*system_field(columns), Field(name, "chat", "", take_chat, put_chat))


take_chat = take_listed(chat_taker("from"))
put_chat = put_listed(put_messages)


def _take_pairs(value: object, turns: Turns) -> object:
    if type(value) is not list:
        raise misfit(f"the history is of type {type(value).__name__}")
    template = []
    for pair in value:
        if type(pair) is not list or len(pair) != 2 or type(pair[0]) is not str or type(pair[1]) is not str:
            raise misfit("the history is not a list of pairs of texts")
        template.append([len(turns), len(turns) + 1])
        turns += [("user", pair[0]), ("assistant", pair[1])]
    return template


def _take_history(value: object, turns: Turns) -> object:
    if value is None or value == "":
        return value
    return _TAKE_LISTED(value, turns)


def _put_history(mark: object, turns: object) -> object:
    return mark if mark is None or mark == "" else _PUT_LISTED(mark, turns)  # type: ignore[arg-type]


def _put_pairs(mark: list[list[int]], turns: list[tuple[str, str]]) -> object:
    return [[turns[question][1], turns[answer][1]] for question, answer in mark]


_TAKE_LISTED = take_listed(_take_pairs)
_PUT_LISTED = put_listed(_put_pairs)  # type: ignore[arg-type]
