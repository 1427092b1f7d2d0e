"""Whether the template, the tensors and the texts say the same: rendered, encoded and read back."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence

from training.preflight.context import Check, PreflightContext, Sampled
from training.preflight.finding import Finding, Level, Reason, around, finding
from training.preflight.tensors import MASKED
from training.template.template import BUILT_IN
from training.tokenize import EncodedPair

_GAPS = re.compile(r"\s+")
_THOUGHT = re.compile(r"<think>.*?</think>", re.DOTALL)

REASONS = {
    "template_refuses": Reason(
        ("block",),
        "Conversations that the template cannot render.",
        "Some templates know no system or tool messages, or insist on turns that alternate.",
        "Use another template, or take those messages out.",
    ),
    "reasoning_left_out": Reason(
        ("note",),
        "Reasoning (<think> … </think>) of earlier answers, which the template leaves out.",
        "Reasoning models are asked that way later, so it is right for them; what stands there is not learned.",
        "Nothing, or one record for each answer.",
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
}
_Hit = tuple[Sampled, str]  # a record and what to show of it


def _examine(context: PreflightContext) -> Iterator[Finding]:
    if context.refused:
        ids = [record_id for record_id, _ in context.refused]
        yield finding(
            "template_refuses",
            "block",
            f"The template {context.template.name} cannot render {len(ids):,} of the records looked at: "
            f"{context.refused[0][1]}",
            f"Use another template, such as {context.other_template}.",
            ids=ids,
            shown=context.shown(ids[0]),
        )
    sample = context.sample
    other = f"Use another template, such as {context.other_template}."
    lost, thoughts = _lost(sample)
    yield from _told(sample, "content_lost", lost, "The template leaves out messages of {}.", other)
    yield from _told(
        sample,
        "reasoning_left_out",
        thoughts,
        "The template leaves out reasoning in earlier answers of {}.",
        "Nothing to do.",
    )
    again = "Encode the records again with this template."
    differing = _other_tokens(context, sample)
    yield from _told(sample, "tensors_differ", differing, "The tokens of {} are not those of the rendered text.", again)
    if context.recipe.data.train_on != "everything":
        unlike = {one.example.record_id for one, _ in differing}
        same = [one for one in sample if one.example.record_id not in unlike]
        yield from _told(
            sample, "mask_wrong", _other_mask(context, same), "Of {}, not exactly the answers are trained.", other
        )
    yield from _read_back(context, sample)


def _told(sample: Sequence[Sampled], reason: str, hits: list[_Hit], message: str, fix: str) -> Iterator[Finding]:
    if hits:
        ids = [one.example.record_id for one, _ in hits]
        said = message.format(f"{len(ids):,} of the {len(sample):,} records looked at")
        yield finding(reason, REASONS[reason].levels[0], said, fix, ids=ids, shown=hits[0][1])


def _lost(sample: Sequence[Sampled]) -> tuple[list[_Hit], list[_Hit]]:
    """Records of which a message is not in the text; and those of which only the reasoning of answers is not."""
    lost: list[_Hit] = []
    thoughts: list[_Hit] = []
    for one in sample:
        text = _GAPS.sub("", one.rendered.text)
        missing = [message for message in one.messages if _GAPS.sub("", message.content) not in text]
        if not missing:
            continue
        whole = all(
            message.role == "assistant" and _GAPS.sub("", _said(message.content)) in text for message in missing
        )
        (thoughts if whole else lost).append((one, f"{missing[0].role}: {missing[0].content}"))
    return lost, thoughts


def _said(answer: str) -> str:
    """An answer without its reasoning."""
    return _THOUGHT.sub("", answer)


def _other_tokens(context: PreflightContext, sample: Sequence[Sampled]) -> list[_Hit]:
    """Records whose tokens are not those of the text; of a pair, those of its chosen answer."""
    found = []
    for one in sample:
        given = _ids(one)
        if given is None:
            continue
        wanted = one.read.ids[: len(given)] if _is_cut(context, one) else one.read.ids
        if context.is_dpo:  # what stands behind the answer, such as a newline, is not in a pair
            wanted = wanted[: len(given)]
        if given != wanted:
            at = next((i for i, (a, b) in enumerate(zip(given, wanted, strict=False)) if a != b), 0)
            found.append((one, context.text_of(given[max(0, at - 4) : at + 12])))
    return found


def _other_mask(context: PreflightContext, sample: Sequence[Sampled]) -> list[_Hit]:
    """Records whose labels are not their answers; or whose template marks something else than the answers."""
    found = []
    for one in sample:
        text, labels = one.rendered.text, _labels(one)
        marked = _badly_marked(context, one)
        if marked is not None:
            found.append((one, marked))
            continue
        if labels is None:
            continue
        only_last = context.recipe.data.train_on == "last_answer" or context.is_dpo
        spans = one.rendered.spans[-1:] if only_last else one.rendered.spans
        for low, high, label in zip(one.read.starts, one.read.ends, labels, strict=False):
            if low < high and (label != MASKED) != any(low < end and high > start for start, end in spans):
                found.append((one, around(text, low, high, 80)))
                break
    return found


def _badly_marked(context: PreflightContext, one: Sampled) -> str | None:
    """What is marked as an answer and is none, or the other way round.

    A template of the model itself may write more into an answer than the record says, such as an empty <think>; never
    what somebody else says.
    """
    answers = [message.content for message in one.messages if message.role in ("assistant", "text")]
    others = [message.content.strip() for message in one.messages if message.role not in ("assistant", "text")]
    marked = [one.rendered.text[start:end] for start, end in one.rendered.spans]
    if len(answers) != len(marked):
        return one.rendered.text
    for answer, text in zip(answers, marked, strict=True):
        said = answer.strip() if answer.strip() in text else _said(answer).strip()
        if said not in text:
            return text
        rest = text.replace(said, "", 1)
        for stop in context.template.stops:
            rest = rest.replace(stop, "", 1)
        theirs = any(other and other in rest for other in others)
        if theirs or (rest.strip() and context.template.origin == BUILT_IN):
            return text
    return None


def _read_back(context: PreflightContext, sample: Sequence[Sampled]) -> Iterator[Finding]:
    hard: list[_Hit] = []
    soft: list[_Hit] = []
    for one in sample:
        back, text = context.text_of(one.read.ids), one.rendered.text
        if back == text:
            continue
        forms = [_GAPS.sub("", unicodedata.normalize("NFKC", each)) for each in (back, text)]
        at = next((i for i, (a, b) in enumerate(zip(back, text, strict=False)) if a != b), 0)
        (soft if forms[0] == forms[1] else hard).append((one, around(text, at, at + 1, 80)))
    levels: tuple[tuple[Level, list[_Hit], str], ...] = (
        ("warn", hard, "."),
        ("note", soft, ", by Unicode form or white space only."),
    )
    for level, hits, ending in levels:
        if hits:
            ids = [one.example.record_id for one, _ in hits]
            message = f"{len(hits):,} of the {len(sample):,} records looked at, changed when read back from their tokens{ending}"
            fix = "Clean those characters with `studio curate` (the stage clean), or use another model."
            yield finding("not_read_back", level, message, fix, ids=ids, shown=hits[0][1])


def _ids(one: Sampled) -> list[int] | None:
    if one.encoded is None:
        return None
    if isinstance(one.encoded, EncodedPair):
        return [*one.encoded.prompt_ids, *one.encoded.chosen_ids]
    return list(one.encoded.input_ids)


def _labels(one: Sampled) -> list[int] | None:
    if one.encoded is None:
        return None
    if isinstance(one.encoded, EncodedPair):
        return [*[MASKED] * len(one.encoded.prompt_ids), *one.encoded.chosen_ids]
    return list(one.encoded.labels)


def _is_cut(context: PreflightContext, one: Sampled) -> bool:
    return context.recipe.data.too_long == "cut" and one.encoded is not None and one.encoded.cut_tokens > 0


CHECK = Check("template", REASONS, _examine)
