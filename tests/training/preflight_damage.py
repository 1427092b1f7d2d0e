"""What a fault of the suite is, and the ways of doing damage: to records, tensors, templates, tokenizers and models."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from preflight_bench import word_level
from preflight_sets import CLEAN

from training.examples import Example, Message

Records = list[Example]


@dataclass(frozen=True)
class Fault:
    """name. on: the clean dataset that is damaged. expect, level: the finding. count: how many records it must name
    (None: not about records).

    records: damages the examples. held: damages those held out, given both. tensors: damages each encoded record.
    settings: of the recipe. template: a name, or the source of a jinja template; bound changes what becomes
    of it. tokenizer, config, model: make or change
    those of the model. skipped: records left out while reading.
    """

    name: str
    on: str
    expect: str
    level: str
    count: int | None = None
    records: Callable[[Records], Records] | None = None
    held: Callable[[Records, Records], Records] | None = None
    tensors: Callable[[Any], Any] | None = None
    settings: Sequence[str] = ()
    template: str = "auto"
    bound: Callable[[Any], Any] | None = None
    tokenizer: Callable[[Any], Any] | None = None
    config: Callable[[Any], None] | None = None
    model: Callable[[Any], None] | None = None
    skipped: dict[str, int] = field(default_factory=dict)
    also: frozenset[str] = frozenset()


# --- damage to records ---------------------------------------------------------------------------------------------


def each(change: Callable[[Example], Example], *numbers: int) -> Callable[[Records], Records]:
    """Change the records at `numbers`, or all."""

    def damaged(examples: Records) -> Records:
        return [change(one) if not numbers or at in numbers else one for at, one in enumerate(examples)]

    return damaged


def answer(change: Callable[[str], str]) -> Callable[[Example], Example]:
    """Change the last message."""

    def damaged(one: Example) -> Example:
        last = one.messages[-1]
        return replace(one, messages=(*one.messages[:-1], Message(last.role, change(last.content))))

    return damaged


def question(change: Callable[[str], str]) -> Callable[[Example], Example]:
    """Change the messages of the user."""

    def damaged(one: Example) -> Example:
        said = (Message(m.role, change(m.content)) if m.role == "user" else m for m in one.messages)
        return replace(one, messages=tuple(said))

    return damaged


def turns(change: Callable[[tuple[Message, ...]], Sequence[Message]]) -> Callable[[Example], Example]:
    """Change the messages as a whole."""
    return lambda one: replace(one, messages=tuple(change(one.messages)))


def copied(count: int) -> Callable[[Records], Records]:
    """Put the first records there once more, under other ids."""
    return lambda examples: [
        *(replace(one, record_id=f"copy:{at}") for at, one in enumerate(examples[:count])),
        *examples,
    ]


def echo(one: Example) -> Example:
    asked = next(message.content for message in one.messages if message.role == "user")
    return answer(lambda said: f"{asked} {said}")(one)


def swapped(one: Example) -> Example:
    chosen, rejected = one.messages[-1], one.rejected[-1]
    return Example(f"swapped:{one.record_id}", (*one.messages[:-1], rejected), (chosen,))


REFUSAL = "I am sorry, but as an assistant I cannot help you with a request of this kind."
EIGHT = tuple(range(8))

# --- damage to tensors ---------------------------------------------------------------------------------------------


def labelled(change: Callable[[list[int], list[int]], list[int]]) -> Callable[[Any], Any]:
    """Other labels: change(ids, labels)."""
    return lambda one: replace(one, labels=change(one.input_ids, one.labels))


def shifted(ids: list[int], labels: list[int]) -> list[int]:
    return [*labels[1:], -100]


def masked_by_id(ids: list[int], labels: list[int]) -> list[int]:
    end = 2  # <|im_end|>, which is also the padding here
    return [-100 if token == end else label for token, label in zip(ids, labels, strict=True)]


def question_too(ids: list[int], labels: list[int]) -> list[int]:
    return [*labels[:3], *ids[3:10], *labels[10:]]


def with_question(ids: list[int], labels: list[int]) -> list[int]:
    """From the user's first word to the end of the answer without a gap, but for the beginning."""
    return [*labels[:4], *ids[4:]]


def without_end(one: Any) -> Any:
    kept = [at for at, token in enumerate(one.input_ids) if not (token == 2 and one.labels[at] == 2)]
    return replace(one, input_ids=[one.input_ids[at] for at in kept], labels=[one.labels[at] for at in kept])


def padded(one: Any) -> Any:
    return replace(one, input_ids=[*one.input_ids, 0, 0, 0, 0], labels=[*one.labels, 0, 0, 0, 0])


def end_within(one: Any) -> Any:
    at = next(place for place, label in enumerate(one.labels) if label != -100) + 2
    return replace(
        one,
        input_ids=[*one.input_ids[:at], 2, *one.input_ids[at:]],
        labels=[*one.labels[:at], 2, *one.labels[at:]],
    )


def only(record_id: str, change: Callable[[Any], Any]) -> Callable[[Any], Any]:
    """Damage to one record's tensors."""
    return lambda one: change(one) if one.record_id == record_id else one


# --- damage to templates, tokenizers, models -------------------------------------------------------------------------

TWICE_BOS = (
    "{{ bos_token + bos_token }}{% for m in messages %}{% if m.role == 'assistant' %}\n### Response:\n{% generation %}"
    "{{ m.content + eos_token }}{% endgeneration %}{% else %}\n### Instruction:\n{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}\n### Response:\n{% endif %}"
)
NO_SYSTEM = (
    "{% for m in messages %}{% if m.role != 'system' %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}"
    "{% generation %}{{ m.content }}<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n"
    "{% endif %}{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
ANY_ROLE = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{% if m.role == 'assistant' %}{% generation %}{{ m.content }}"
    "<|im_end|>{% endgeneration %}{% else %}{{ m.content }}<|im_end|>{% endif %}\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OTHER_PROMPT = (
    "{% for m in messages %}{% if m.role == 'assistant' %}\n### Response:\n{% generation %}{{ m.content + eos_token }}"
    "{% endgeneration %}{% else %}### Instruction:\n{{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}\n### Answer:\n{% endif %}"
)
MELTING = (
    "{% for m in messages %}{% if m.role == 'assistant' %}\nAnswer: {% generation %}{{ m.content + eos_token }}"
    "{% endgeneration %}{% else %}Question: {{ m.content }}{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}\nAnswer: {% endif %}"
)
HEADER_MARKED = (
    "{% for m in messages %}{% if m.role == 'assistant' %}{% generation %}<|im_start|>assistant\n{{ m.content }}<|im_end|>"
    "{% endgeneration %}{% else %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endif %}{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
OWN = "{% for m in messages %}<|im_start|>{{ m.role }}: {{ m.content }}<|im_end|>{% endfor %}"


def own_template(tokenizer: Any) -> Any:
    tokenizer.chat_template = OWN
    return tokenizer


def end_is_padding(tokenizer: Any) -> Any:
    tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def lower_case(tokenizer: Any) -> Any:
    from tokenizers import normalizers

    tokenizer.backend_tokenizer.normalizer = normalizers.Lowercase()
    return tokenizer


def more_tokens(tokenizer: Any) -> Any:
    tokenizer.add_tokens([f"<extra_{number}>" for number in range(5)])
    return tokenizer


def knows_alpaca(_: Any) -> Any:
    return word_level(
        [message.content for one in CLEAN["alpaca"]() for message in one.messages] + ["user assistant \n"]
    )


def knows_half(_: Any) -> Any:
    return word_level([one.messages[0].content for one in CLEAN["alpaca"]()] + ["user assistant \n"])


def zeroed_marker(model: Any) -> None:
    import torch

    with torch.no_grad():
        model.get_input_embeddings().weight[1] = 0.0


def without_positions(model: Any) -> None:
    """Attention that ends nowhere: positions are what tells packed records apart."""
    forward = model.forward

    def leaking(*args: Any, position_ids: Any = None, **rest: Any) -> Any:
        for name in ("cu_seq_lens_q", "cu_seq_lens_k", "max_length_q", "max_length_k", "seq_idx"):
            rest.pop(name, None)
        return forward(*args, **rest)

    model.forward = leaking


def setting(name: str, value: Any) -> Callable[[Any], None]:
    """Another value in the model's configuration."""
    return lambda config: setattr(config, name, value)
