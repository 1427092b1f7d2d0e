"""Whether the template, the tensors and the texts say the same: rendered, encoded and read back."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from training.preflight.context import Check, PreflightContext, Sampled
from training.preflight.finding import Finding, Level, Reason, finding
from training.preflight.tensors import MASKED

OWN = 16  # records rendered with the model's own template, to compare
_GAPS = re.compile(r"\s+")

REASONS = {
    "template_refuses": Reason(
        ("block",),
        "Conversations that the template cannot render.",
        "Some templates know no system or tool messages, or insist on turns that alternate.",
        "Use another template, or take those messages out.",
    ),
    "content_lost": Reason(
        ("block",),
        "Messages whose text is not in what the template makes of the conversation.",
        "What the record teaches is not what is trained: a template may leave out system or tool messages silently.",
        "Use a template that writes every role.",
    ),
    "tensors_differ": Reason(
        ("block",),
        "Tokens that are not those of the rendered text.",
        "Something else is trained than what the template says, such as tensors of an older template.",
        "Encode the records again.",
    ),
    "mask_wrong": Reason(
        ("block",),
        "Trained tokens outside the answers, or answers that are masked in part.",
        "The model learns to write the user's part, or only pieces of its own.",
        "Use another template; the marks of this one do not surround the answers.",
    ),
    "not_read_back": Reason(
        ("warn", "note"),
        "Texts that come back from their tokens changed.",
        "The tokenizer loses or alters characters, so the model cannot learn to write them. Only a note where the "
        "difference is one of Unicode form or white space.",
        "Look at the example; clean those characters, or use another model.",
    ),
    "prompt_differs": Reason(
        ("block",),
        "Prompts that are written otherwise when an answer is asked for than when it is trained.",
        "The model is trained after one text and asked after another.",
        "Use a template whose generation prompt is the beginning of what is trained.",
    ),
    "prompt_melts": Reason(
        ("warn",),
        "Prompts whose last token melts into the answer.",
        "The tokens before an answer in training are not those that the model is asked with.",
        "Use a template that ends its prompt with a special token or a newline.",
    ),
    "template_differs": Reason(
        ("warn",),
        "The template is not the model's own.",
        "A chat model has learned its own; another one takes more training, and programs that use the model's own "
        "will ask in a way that was never trained.",
        "Use the model's own: template.name=auto.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    if context.refused:
        ids = [record_id for record_id, _ in context.refused]
        yield finding(
            "template_refuses",
            "block",
            f"The template {context.template.name} cannot render {len(ids):,} of the records looked at: "
            f"{context.refused[0][1]}",
            "Use another template, such as --set template.name=chatml.",
            ids=ids,
            shown=context.shown(ids[0]),
        )
    sample = context.sample
    yield from _told(context, sample, "content_lost", _lost(sample))
    yield from _told(context, sample, "tensors_differ", _other_tokens(context, sample))
    yield from _told(context, sample, "mask_wrong", _other_mask(context, sample))
    yield from _read_back(context, sample)
    yield from _prompts(context, sample)
    yield from _own(context, sample)


_Hit = tuple[Sampled, str]  # a record and what to show of it

_SAID: dict[str, tuple[Level, str, str]] = {
    "content_lost": (
        "block",
        "The template leaves out messages of {count} of the {of} records looked at.",
        "Use a template that writes every role, such as --set template.name=chatml.",
    ),
    "tensors_differ": (
        "block",
        "The tokens of {count} of the {of} records looked at are not those of the rendered text.",
        "Encode the records again with this template.",
    ),
    "mask_wrong": (
        "block",
        "Of {count} of the {of} records looked at, what is trained is not exactly the answers.",
        "Use another template, such as --set template.name=chatml.",
    ),
    "prompt_differs": (
        "block",
        "The prompts of {count} of the {of} records looked at are written otherwise when an answer is asked for.",
        "Use a template whose generation prompt is the beginning of what is trained, such as --set template.name=chatml.",
    ),
    "prompt_melts": (
        "warn",
        "The last token of the prompt melts into the answer in {count} of the {of} records looked at.",
        "Use a template that ends its prompt with a special token or a newline, such as --set template.name=chatml.",
    ),
}


def _told(context: PreflightContext, sample: Sequence[Sampled], reason: str, hits: list[_Hit]) -> Iterator[Finding]:
    if hits:
        level, message, fix = _SAID[reason]
        ids = [one.example.record_id for one, _ in hits]
        said = message.format(count=f"{len(ids):,}", of=f"{len(sample):,}")
        yield finding(reason, level, said, fix, ids=ids, shown=hits[0][1] or context.shown(ids[0]))


def _lost(sample: Sequence[Sampled]) -> list[_Hit]:
    found = []
    for one in sample:
        text = _GAPS.sub("", one.rendered.text)
        missing = [message for message in one.messages if _GAPS.sub("", message.content) not in text]
        if missing:
            found.append((one, f"{missing[0].role}: {missing[0].content}"))
    return found


def _other_tokens(context: PreflightContext, sample: Sequence[Sampled]) -> list[_Hit]:
    found = []
    for one in sample:
        given = _ids(one)
        if given is None:
            continue
        wanted = context.tokenizer(one.rendered.text, add_special_tokens=False)["input_ids"]
        if _is_cut(context, one):
            wanted = wanted[: len(given)]
        if given != wanted:
            at = next((i for i, (a, b) in enumerate(zip(given, wanted, strict=False)) if a != b), 0)
            found.append((one, context.text_of(given[max(0, at - 4) : at + 12])))
    return found


def _other_mask(context: PreflightContext, sample: Sequence[Sampled]) -> list[_Hit]:
    if context.recipe.data.train_on == "everything":
        return []
    found = []
    for one in sample:
        given, labels = _ids(one), _labels(one)
        if given is None or labels is None or len(given) != len(labels):
            continue
        spans = _trained_spans(context, one)
        encoded = context.tokenizer(one.rendered.text, add_special_tokens=False, return_offsets_mapping=True)
        if encoded["input_ids"][: len(given)] != given:
            continue  # told as tensors_differ
        for (low, high), token, label in zip(encoded["offset_mapping"], given, labels, strict=False):
            if low < high and (label != MASKED) != any(low < end and high > start for start, end in spans):
                found.append((one, f"{one.rendered.text[max(0, low - 40) : high + 40]} ({context.text_of([token])})"))
                break
    return found


def _trained_spans(context: PreflightContext, one: Sampled) -> Sequence[tuple[int, int]]:
    """Which characters are to be trained: of pairs and with last_answer only the last answer."""
    only_last = context.recipe.data.train_on == "last_answer" or context.is_dpo
    return one.rendered.spans[-1:] if only_last else one.rendered.spans


def _read_back(context: PreflightContext, sample: Sequence[Sampled]) -> Iterator[Finding]:
    import unicodedata

    hard: list[_Hit] = []
    soft: list[_Hit] = []
    for one in sample:
        given = _ids(one)
        if given is None or _is_cut(context, one):
            continue
        back, text = context.text_of(given), one.rendered.text
        if back == text:
            continue
        forms = [_GAPS.sub("", unicodedata.normalize("NFKC", each)) for each in (back, text)]
        at = next((i for i, (a, b) in enumerate(zip(back, text, strict=False)) if a != b), 0)
        (soft if forms[0] == forms[1] else hard).append((one, text[max(0, at - 30) : at + 50]))
    for level, hits in (("warn", hard), ("note", soft)):
        if hits:
            ids = [one.example.record_id for one, _ in hits]
            message = f"{len(hits):,} of the {len(sample):,} records looked at come back from their tokens changed"
            message += "." if level == "warn" else ", by Unicode form or white space only."
            fix = "Clean those characters with `studio curate` (the stage clean), or use another model."
            kind: Level = "warn" if level == "warn" else "note"
            yield finding("not_read_back", kind, message, fix, ids=ids, shown=hits[0][1])


def _prompts(context: PreflightContext, sample: Sequence[Sampled]) -> Iterator[Finding]:
    other: list[_Hit] = []
    melted: list[_Hit] = []
    for one in sample:
        if one.messages[-1].role != "assistant" or len(one.messages) < 2:
            continue
        asked = context.template.render(one.messages[:-1], generation_prompt=True).text
        text = one.rendered.text
        if not text.startswith(asked):
            at = next((i for i, (a, b) in enumerate(zip(asked, text, strict=False)) if a != b), len(text))
            other.append((one, asked[max(0, at - 40) : at + 40]))
            continue
        ids = context.tokenizer(asked, add_special_tokens=False)["input_ids"]
        whole = context.tokenizer(text, add_special_tokens=False)["input_ids"]
        if whole[: len(ids)] != ids:
            melted.append((one, text[max(0, len(asked) - 30) : len(asked) + 20]))
    yield from _told(context, sample, "prompt_differs", other)
    yield from _told(context, sample, "prompt_melts", melted)


def _own(context: PreflightContext, sample: Sequence[Sampled]) -> Iterator[Finding]:
    """Compare with what the model's own template makes of some records."""
    if not context.tokenizer.chat_template:
        return
    differing = []
    looked = [one for one in sample if one.messages[0].role != "text"][:OWN]
    for one in looked:
        said = [{"role": role, "content": content} for role, content in one.messages]
        try:
            own = context.tokenizer.apply_chat_template(said, tokenize=False)
        except Exception:  # a model's own template may refuse a role by any error it likes
            continue
        if str(own).rstrip() != one.rendered.text.rstrip():
            differing.append((one, str(own)))
    if differing:
        ids = [one.example.record_id for one, _ in differing]
        yield finding(
            "template_differs",
            "warn",
            f"The template {context.template.name} writes {len(ids):,} of {len(looked):,} records otherwise than the "
            "model's own.",
            "Use the model's own: --set template.name=auto.",
            ids=ids,
            shown=differing[0][1],
        )


def _ids(one: Sampled) -> list[int] | None:
    if one.encoded is None:
        return None
    if hasattr(one.encoded, "prompt_ids"):
        return [*one.encoded.prompt_ids, *one.encoded.chosen_ids]
    return list(one.encoded.input_ids)


def _labels(one: Sampled) -> list[int] | None:
    if one.encoded is None:
        return None
    if hasattr(one.encoded, "prompt_ids"):
        return [*[MASKED] * len(one.encoded.prompt_ids), *one.encoded.chosen_ids]
    return list(one.encoded.labels)


def _is_cut(context: PreflightContext, one: Sampled) -> bool:
    return context.recipe.data.too_long == "cut" and one.encoded is not None and one.encoded.cut_tokens > 0


CHECK = Check("template", REASONS, _examine)
