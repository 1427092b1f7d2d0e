"""From examples to the very numbers that are trained: token ids, and labels that are -100 where nothing is learned.

Ids are what `tokenizer.apply_chat_template` gives: no special token is added to what the template wrote. Characters become
tokens by the offsets of the fast tokenizer; a token that lies only partly in an answer is learned, as transformers does
with `{% generation %}`.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.template.errors import TemplateError
from training.token_reader import Read, TokenReader

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from training.examples import Example, Message
    from training.sections import DataSettings
    from training.template import Rendered, Template

MASKED = -100
_BATCH = 512  # texts tokenized at once: enough for every core, little memory


@dataclass(frozen=True, slots=True)
class Encoded:
    """One record as tokens. labels: the id where it is learned, else -100. cut_tokens: how many are over max_length
    (gone with too_long=cut, still there else). lost_answers: learned answers whose end mark lies beyond it.
    straddling: tokens that lie only partly in an answer, and are learned whole."""

    record_id: str
    input_ids: list[int]
    labels: list[int]
    cut_tokens: int = 0
    lost_answers: int = 0
    straddling: int = 0


@dataclass(frozen=True, slots=True)
class EncodedPair:
    """One pair as tokens. prompt_ids: all before the answer; each answer with its end mark."""

    record_id: str
    prompt_ids: list[int]
    chosen_ids: list[int]
    rejected_ids: list[int]
    cut_tokens: int = 0
    lost_answers: int = 0


def encode(
    examples: Sequence[Example],
    template: Template,
    tokenizer: PreTrainedTokenizerBase,
    data: DataSettings,
    system: str = "",
) -> list[Encoded]:
    """Every example as tokens, in order. system: put before conversations that have none. Raises TemplateError."""
    reader = TokenReader.of(tokenizer)
    found: list[Encoded] = []
    for begin in range(0, len(examples), _BATCH):
        part = examples[begin : begin + _BATCH]
        rendered = [_rendered(example, template, example.messages, system) for example in part]
        tokens = reader.read(rendered)
        found += [_encoded(e.record_id, r, t, data) for e, r, t in zip(part, rendered, tokens, strict=True)]
    return found


def encode_pairs(
    examples: Sequence[Example],
    template: Template,
    tokenizer: PreTrainedTokenizerBase,
    data: DataSettings,
    system: str = "",
) -> list[EncodedPair]:
    """Every pair as tokens, in order, as DPOTrainer takes them. Raises TemplateError."""
    reader = TokenReader.of(tokenizer)
    found: list[EncodedPair] = []
    for begin in range(0, len(examples), _BATCH):
        part = examples[begin : begin + _BATCH]
        for example in part:
            _checked(example)
        chosen = [_rendered(example, template, example.messages, system) for example in part]
        rejected = [
            _rendered(example, template, (*example.messages[:-1], *example.rejected), system) for example in part
        ]
        tokens = reader.read([*chosen, *rejected])
        for at, example in enumerate(part):
            pair = (chosen[at], tokens[at]), (rejected[at], tokens[len(part) + at])
            found.append(_pair(example, *pair, data))
    return found


def encode_prompt(
    messages: Sequence[Message], template: Template, tokenizer: PreTrainedTokenizerBase, system: str = ""
) -> list[int]:
    """What the model sees when it is asked to answer `messages`: the tokens that stand before that answer in training."""
    rendered = template.render(with_system(messages, system), generation_prompt=True)
    return TokenReader.of(tokenizer).read([rendered])[0].ids


def unlike_prompts(
    examples: Sequence[Example], template: Template, tokenizer: PreTrainedTokenizerBase, system: str = ""
) -> list[str]:
    """The records whose last answer is learned behind other tokens than it will be asked with: where the header and the
    answer run into one token, or the template writes a prompt otherwise than the same turns in a conversation."""
    reader = TokenReader.of(tokenizer)
    asked = [e for e in examples if len(e.messages) > 1 and e.messages[-1].role == "assistant"]
    whole = [_rendered(example, template, example.messages, system) for example in asked]
    learned = zip(asked, whole, reader.read(whole), strict=True)
    return [
        example.record_id
        for example, rendered, read in learned
        if read.ids[: read.tokens_of(rendered.spans[-1])[0]]
        != encode_prompt(example.messages[:-1], template, tokenizer, system)
    ]


def unrenderable(examples: Sequence[Example], template: Template, system: str = "") -> Iterator[tuple[str, str]]:
    """The examples that the template cannot write: record id, and why."""
    for example in examples:
        answers = [example.messages[-1:], example.rejected] if example.rejected else [example.messages[-1:]]
        for answer in answers:
            messages = (*example.messages[:-1], *answer)
            try:
                template.render(with_system(messages, system))
            except TemplateError as error:
                yield example.record_id, error.message
                break


def injected_specials(example: Example, tokenizer: PreTrainedTokenizerBase) -> int:
    """How many special tokens stand in the messages as text. They are not read as tokens, except in plain texts."""
    pattern = TokenReader.of(tokenizer).specials
    return sum(len(pattern.findall(message.content)) for message in (*example.messages, *example.rejected))


def with_system(messages: Sequence[Message], system: str) -> Sequence[Message]:
    """The conversation with a system prompt, where it has none and one is given."""
    from training.examples import Message

    if not system or not messages or any(message.role in ("system", "text") for message in messages):
        return messages
    return (Message("system", system), *messages)


def _rendered(example: Example, template: Template, messages: Sequence[Message], system: str) -> Rendered:
    try:
        return template.render(with_system(messages, system))
    except TemplateError as error:
        raise error.of_record(example.record_id) from error


def _encoded(record_id: str, rendered: Rendered, read: Read, data: DataSettings) -> Encoded:
    ids, spans = read.ids, rendered.spans
    over = max(0, len(ids) - data.max_length)
    learned = spans[-1:] if data.train_on == "last_answer" else spans
    ranges = [read.tokens_of(span) for span in learned]
    labels = list(ids) if data.train_on == "everything" else [MASKED] * len(ids)
    for start, end in ranges:
        labels[start:end] = ids[start:end]
    kept = data.max_length if data.too_long == "cut" else len(ids)
    return Encoded(
        record_id,
        ids[:kept],
        labels[:kept],
        cut_tokens=over,
        lost_answers=sum(end > data.max_length for _, end in ranges) if over else 0,
        straddling=sum(read.straddling(span) for span in learned),
    )


def _pair(
    example: Example, chosen: tuple[Rendered, Read], rejected: tuple[Rendered, Read], data: DataSettings
) -> EncodedPair:
    """Split where the answers begin; before that, where the tokens part, as DPOTrainer does."""
    (good, good_start, good_end), (bad, bad_start, bad_end) = _last_answer(*chosen), _last_answer(*rejected)
    start = min(good_start, bad_start)
    start = next((at for at in range(start) if good[at] != bad[at]), start)
    over = max(0, max(good_end, bad_end) - data.max_length)
    lost = int(good_end > data.max_length) + int(bad_end > data.max_length)
    end = data.max_length if data.too_long == "cut" else max(good_end, bad_end)
    return EncodedPair(
        example.record_id,
        prompt_ids=good[: min(start, end)],
        chosen_ids=good[start : min(good_end, end)],
        rejected_ids=bad[start : min(bad_end, end)],
        cut_tokens=over,
        lost_answers=lost,
    )


def _last_answer(rendered: Rendered, read: Read) -> tuple[list[int], int, int]:
    start, end = read.tokens_of(rendered.spans[-1])
    return read.ids, start, end


def _checked(example: Example) -> None:
    for messages in (example.messages, example.rejected):
        if not messages or messages[-1].role != "assistant":
            raise TemplateError(
                f"Record {example.record_id} is no pair of a chosen and a rejected answer.",
                "Set method.objective to sft, or take a dataset of pairs.",
            )
