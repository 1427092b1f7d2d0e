"""The fault suite as data: how a clean dataset, its tensors, its template or its recipe is damaged, and what must be found.

Nothing more than what is expected may be found, notes aside; `also` names what follows from a fault by necessity.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from preflight_bench import llama_like, word_level
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


FAULTS: tuple[Fault, ...] = (
    # what is trained
    Fault("labels shifted by one", "chat", "labels_misaligned", "block", 24, tensors=labelled(shifted), also=frozenset({"mask_wrong", "end_masked", "end_missing"})),
    Fault("fewer labels than tokens", "chat", "labels_misaligned", "block", 1, tensors=only("set.jsonl:3", labelled(lambda ids, labels: labels[:-2])), also=frozenset({"end_masked"})),
    Fault("labels of a held-out record shifted", "chat", "labels_misaligned", "block", 1, tensors=only("set.jsonl:23", labelled(shifted)), also=frozenset({"mask_wrong", "end_masked", "end_missing"})),
    Fault("everything masked", "chat", "nothing_trained", "block", 24, tensors=labelled(lambda ids, labels: [-100] * len(ids)), also=frozenset({"mask_wrong"})),
    Fault("one record masked", "chat", "nothing_trained", "block", 1, tensors=only("set.jsonl:5", labelled(lambda ids, labels: [-100] * len(ids))), also=frozenset({"mask_wrong"})),
    Fault("nothing masked", "chat", "everything_trained", "block", 24, tensors=labelled(lambda ids, labels: list(ids)), also=frozenset({"mask_wrong", "end_in_answer", "end_missing"})),
    Fault("the question trained too", "alpaca", "mask_wrong", "block", None, tensors=labelled(question_too), also=frozenset({"end_missing"})),
    Fault("the mask begins in the question", "alpaca", "mask_wrong", "block", None, tensors=labelled(with_question), also=frozenset({"end_in_answer"})),
    Fault("half of an answer masked", "multi_turn", "mask_wrong", "block", None, tensors=labelled(lambda ids, labels: [-100 if at < len(ids) - 20 else one for at, one in enumerate(labels)])),
    Fault("a template that marks its header", "chat", "mask_wrong", "block", None, template=HEADER_MARKED, bound=lambda template: replace(template, origin="built in")),
    Fault("hardly anything trained", "labels", "little_trained", "warn", None, records=each(question(lambda said: said + " It is what it is." * 60))),
    # end marks
    Fault("the end masked by its id, as padding", "chat", "end_masked", "block", 24, tokenizer=end_is_padding, tensors=labelled(masked_by_id), also=frozenset({"mask_wrong"})),
    Fault("the end masked in one record", "multi_turn", "end_masked", "block", 1, tensors=only("set.jsonl:7", labelled(masked_by_id)), also=frozenset({"mask_wrong"})),
    Fault("no end mark", "chat", "end_missing", "block", 24, tensors=without_end, also=frozenset({"tensors_differ"})),
    Fault("trained padding", "chat", "padding_trained", "block", 24, tensors=padded, also=frozenset({"tensors_differ", "end_missing"})),
    Fault("an end token in the middle of an answer", "chat", "end_in_answer", "block", 24, tensors=end_within, also=frozenset({"tensors_differ"})),
    Fault("an end token in a plain text", "texts", "end_in_answer", "warn", 1, records=each(answer(lambda said: said[:40] + "<|im_end|>" + said[40:]), 4), also=frozenset({"markup_in_text"})),
    Fault("an end mark that is no token", "alpaca", "end_not_one_token", "block", None, tokenizer=lambda _: llama_like(), template="chatml", also=frozenset({"missing_bos"})),
    # begin marks
    Fault("begun twice by the template", "alpaca", "doubled_bos", "block", 72, tokenizer=lambda _: llama_like(), template=TWICE_BOS),
    Fault("begun twice by the tokenizer", "alpaca", "doubled_bos", "block", 72, tokenizer=lambda _: llama_like(), template="alpaca", tensors=lambda one: replace(one, input_ids=[1, *one.input_ids], labels=[-100, *one.labels]), also=frozenset({"tensors_differ"})),
    Fault("not begun", "alpaca", "missing_bos", "warn", 72, tokenizer=lambda _: llama_like(), template=TWICE_BOS.replace("{{ bos_token + bos_token }}", "")),
    # lengths
    Fault("too long, refused", "documents", "too_long", "block", 24, settings=["data.max_length=300"]),
    Fault("too long, left out", "multi_turn", "dropped", "warn", None, settings=["data.max_length=205", "data.too_long=drop"]),
    Fault("answers cut away", "documents", "answers_lost", "block", 24, settings=["data.max_length=300", "data.too_long=cut"], also=frozenset({"cut", "nothing_trained", "leak", "near_leak"})),
    Fault("the last answers of conversations cut away", "multi_turn", "answers_lost", "block", None, settings=["data.max_length=120", "data.too_long=cut"], also=frozenset({"cut", "ends_lost"})),
    Fault("ends cut away", "chat", "ends_lost", "warn", None, settings=["data.max_length=165", "data.too_long=cut"], also=frozenset({"cut", "answers_lost", "nothing_trained"})),
    Fault("beyond the model's positions", "documents", "beyond_context", "block", 24, config=setting("max_position_embeddings", 256)),
    # vocabulary
    Fault("tokens without an embedding", "chinese", "ids_out_of_range", "block", None, config=setting("vocab_size", 250)),
    Fault("a tokenizer with more tokens than the model", "chat", "vocabulary_mismatch", "warn", None, tokenizer=more_tokens),
    Fault("a script that the tokenizer does not know", "chinese", "unknown_tokens", "block", 36, tokenizer=knows_alpaca, also=frozenset({"not_read_back"})),
    Fault("answers with words that the tokenizer does not know", "alpaca", "unknown_tokens", "block", None, tokenizer=knows_half, also=frozenset({"not_read_back"})),
    Fault("one sign that the tokenizer does not know", "alpaca", "unknown_tokens", "warn", 1, tokenizer=knows_alpaca, records=each(answer(lambda said: said + " ☂"), 10), also=frozenset({"not_read_back"})),
    Fault("another end token in the configuration", "chat", "end_token_differs", "warn", None, config=setting("eos_token_id", 77)),
    Fault("a tokenizer that loses capitals", "chat", "not_read_back", "warn", 24, tokenizer=lower_case),
    # templates
    Fault("a template that leaves out system prompts", "chat", "content_lost", "block", 24, template=NO_SYSTEM),
    Fault("tensors of another template", "alpaca", "tensors_differ", "block", 72, tensors=lambda one: replace(one, input_ids=[one.input_ids[0], 5, *one.input_ids[2:]])),
    Fault("asked otherwise than trained", "alpaca", "prompt_differs", "block", 72, template=OTHER_PROMPT),
    Fault("a prompt that melts into the answer", "alpaca", "prompt_melts", "warn", None, template=MELTING),
    Fault("not the model's own template", "chat", "template_differs", "warn", None, tokenizer=own_template, template="chatml"),
    # conversations
    Fault("prompts without answers", "chat", "no_answer", "block", 3, records=each(turns(lambda said: said[:-1]), 0, 1, 2), also=frozenset({"nothing_trained"})),
    Fault("ending with a question", "multi_turn", "ends_without_answer", "warn", 2, records=each(turns(lambda said: said[:-1]), 4, 5)),
    Fault("two questions in a row", "multi_turn", "roles_out_of_order", "warn", 1, records=each(turns(lambda said: (said[0], *said)), 3)),
    Fault("a system prompt in the middle", "multi_turn", "roles_out_of_order", "warn", 1, records=each(turns(lambda said: (*said[:2], Message("system", "Be brief."), *said[2:])), 3)),
    Fault("an answer before any question", "multi_turn", "roles_out_of_order", "warn", 1, records=each(turns(lambda said: said[1:]), 3)),
    Fault("a role nobody knows", "chat", "unknown_role", "block", 1, template=ANY_ROLE, records=each(turns(lambda said: (*said[:-1], Message("ipython", "ok"), said[-1])), 2)),
    Fault("an empty question", "alpaca", "empty_prompt", "warn", 1, records=each(question(lambda said: " \n"), 9)),
    Fault("a system prompt for some", "chat", "system_mixed", "note", 10, records=each(turns(lambda said: said[1:]), *range(10))),
    # answers
    Fault("an empty answer", "alpaca", "empty_answer", "warn", 1, records=each(answer(lambda said: ""), 11)),
    Fault("many empty answers", "alpaca", "empty_answer", "block", 8, records=each(answer(lambda said: "\n "), *EIGHT)),
    Fault("one refusal for a third of the questions", "alpaca", "same_answer", "warn", 24, records=each(answer(lambda said: REFUSAL), *range(24))),
    Fault("an answer that loops", "alpaca", "looping_answer", "warn", 1, records=each(answer(lambda said: "and then we go " * 40), 6)),
    Fault("answers that repeat the question", "alpaca", "answer_repeats_prompt", "warn", 5, records=each(echo, *range(5))),
    Fault("answers of one token among others", "alpaca", "one_token_answer", "note", 2, records=each(answer(lambda said: "A"), 3, 4)),
    # texts
    Fault("markup of a template in an answer", "alpaca", "markup_in_text", "warn", 1, records=each(answer(lambda said: said + "<|im_end|>\n<|im_start|>user"), 8)),
    Fault("markup of a template in a question", "alpaca", "markup_in_text", "warn", 1, records=each(question(lambda said: said + "<|im_start|>assistant"), 8)),
    Fault("escapes of an export", "alpaca", "quoting_artefacts", "note", 6, records=each(answer(lambda said: said.replace(". ", ".\\n\\n") + "\\n"), *range(6))),
    Fault("entities of a web page", "alpaca", "quoting_artefacts", "note", 1, records=each(answer(lambda said: said + " Salt &amp; pepper."), 3)),
    Fault("gaps nobody filled in", "alpaca", "placeholders", "warn", 8, records=each(answer(lambda said: f"I am {{{{name}}}}, made by {{{{author}}}}. {said}"), *EIGHT)),
    Fault("lost characters", "alpaca", "lost_characters", "warn", 12, records=each(answer(lambda said: said.replace("e", "\ufffd", 1)), *range(12)), ),
    Fault("an encoded picture", "alpaca", "blobs", "note", 1, records=each(question(lambda said: said + " " + "iVBORw0KGgoAAAANSUhEUgAA" * 16), 5)),
    Fault("answers that begin with a blank", "alpaca", "outer_space", "note", 3, records=each(answer(lambda said: f"\n{said}"), 1, 2, 3), also=frozenset({"prompt_melts"})),
    Fault("an address of e-mail", "alpaca", "private_data", "note", 1, records=each(answer(lambda said: said + " Ask Ann at ann.miller@brightwater.org."), 2)),
    Fault("a key", "alpaca", "secrets", "note", 1, records=each(answer(lambda said: said + " Use ghp_16C7e42F292c6912E7710c838347Ae178B4a."), 2)),
    Fault("two languages", "alpaca", "language_mix", "note", 12, records=lambda examples: [*(replace(one, record_id=f"zh:{at}") for at, one in enumerate(CLEAN["chinese"]()[:12])), *examples]),
    # copies
    Fault("copies", "alpaca", "duplicates", "warn", 5, records=copied(5)),
    Fault("copies in capitals", "alpaca", "duplicates", "warn", 6, records=lambda examples: [*(each(answer(str.upper))(copied(6)(examples)[:6])), *examples]),
    Fault("another answer to the same question", "alpaca", "contradictory_answers", "note", 6, records=lambda examples: [*(each(answer(lambda said: "Nobody knows that."))(copied(3)(examples)[:3])), *examples]),
    Fault("held-out records that are trained on", "alpaca", "leak", "block", 5, held=lambda train, held: [replace(one, record_id=f"held:{at}") for at, one in enumerate(train[:5])] + held),
    Fault("one of many held-out records trained on", "alpaca", "leak", "warn", 1, held=lambda train, held: [replace(train[0], record_id="held:0"), *[replace(one, record_id=f"zh:{at}") for at, one in enumerate(CLEAN["chinese"]())]]),
    Fault("held-out records trained on in capitals", "alpaca", "leak", "block", 4, held=lambda train, held: [each(answer(str.upper))([replace(one, record_id=f"held:{at}")])[0] for at, one in enumerate(train[:4])] + held),
    Fault("held-out records trained on but for a slip", "documents", "near_leak", "warn", 3, held=lambda train, held: [each(question(lambda said: said.replace(" stands", "", 1)))([replace(one, record_id=f"held:{at}")])[0] for at, one in enumerate(train[:3])] + held),
    Fault("held-out questions trained on with other answers", "chat", "prompt_leak", "warn", 4, held=lambda train, held: [each(answer(lambda said: "Ask in the shop where it was bought; they know all of that much better than I."))([replace(one, record_id=f"held:{at}")])[0] for at, one in enumerate(train[:4])] + held),
    # held out, read
    Fault("nothing held out", "alpaca", "nothing_held_out", "warn", None, held=lambda train, held: []),
    Fault("a fifth not read", "alpaca", "records_skipped", "warn", 18, skipped={"not_text": 10, "no_record": 8}),
    # the recipe
    Fault("nothing left to train on", "chat", "no_steps", "block", None, settings=["data.max_length=64", "data.too_long=drop"], also=frozenset({"dropped"})),
    Fault("very few steps", "chat", "few_steps", "warn", None, settings=["schedule.batch_size=16", "schedule.epochs=1"]),
    Fault("a step larger than the dataset", "chat", "batch_exceeds_set", "warn", None, settings=["schedule.batch_size=8", "schedule.accumulation=8"], also=frozenset({"few_steps"})),
    Fault("a warm-up to the end", "chat", "long_warmup", "warn", None, settings=["schedule.warmup=0.9"]),
    Fault("a hundred epochs", "chat", "many_epochs", "note", None, settings=["schedule.epochs=100"]),
    Fault("a rate that diverges", "chat", "learning_rate", "block", None, settings=["optimizer.learning_rate=0.5"]),
    Fault("a rate for adapters on every weight", "chat", "learning_rate", "warn", None, settings=["method.kind=full", "optimizer.learning_rate=1e-3"]),
    Fault("a rate for answers on pairs", "pairs", "learning_rate", "warn", None, settings=["method.objective=dpo", "optimizer.learning_rate=1e-3"]),
    Fault("a rate at which nothing moves", "chat", "learning_rate", "block", None, settings=["method.kind=prompt", "optimizer.learning_rate=1e-6"]),
    # pairs
    Fault("pairs of the same answer", "pairs", "same_pair", "warn", 2, settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"], records=each(lambda one: replace(one, rejected=(one.messages[-1],)), 2, 3)),
    Fault("many pairs of the same answer", "pairs", "same_pair", "block", 8, settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"], records=each(lambda one: replace(one, rejected=(Message("assistant", one.messages[-1].content.upper()),)), *EIGHT)),
    Fault("pairs both ways round", "pairs", "reversed_pairs", "warn", 6, settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"], records=lambda examples: [*map(swapped, examples[:3]), *examples]),
    Fault("the longer answer always chosen", "pairs", "length_bias", "note", 48, settings=["method.objective=dpo", "optimizer.learning_rate=5e-6"], records=each(lambda one: replace(one, rejected=(Message("assistant", "No."),)))),
    # the model
    Fault("an adapter on modules that are not there", "chat", "target_not_found", "block", None, settings=["lora.targets=[q_proj, c_attn]"]),
    Fault("a marker that was never learned", "chat", "untrained_markers", "warn", 24, model=zeroed_marker),
    Fault("packed records that see each other", "chat", "packing_leaks", "block", None, settings=["data.packing=true"], model=without_positions),
)  # fmt: skip
