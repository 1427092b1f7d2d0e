"""Whether the model is trained after the very tokens that it will be asked with, in the words of its own template."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from training.preflight.context import Check, PreflightContext, Sampled
from training.preflight.finding import Finding, Reason, around, finding, many

OWN = 16  # records rendered with the model's own template, to compare

REASONS = {
    "prompt_differs": Reason(
        ("block", "warn"),
        "Prompts that are written otherwise when an answer is asked for than when it is trained.",
        "The model is trained after one text and asked after another. Only a warning for the model's own template: "
        "reasoning models open a <think> when they are asked.",
        "Use a template whose generation prompt is the beginning of what is trained.",
    ),
    "prompt_melts": Reason(
        ("warn",),
        "Prompts whose last token melts into the answer.",
        "The tokens before an answer in training are not those that the model is asked with.",
        "Use a template that ends its prompt with a special token or a newline; trim answers that begin with a blank.",
    ),
    "template_differs": Reason(
        ("warn",),
        "The template is not the model's own.",
        "A chat model has learned its own; another one takes more training, and programs that use the model's own "
        "will ask in a way that was never trained.",
        "Use the model's own: template.name=auto.",
    ),
}
_Hit = tuple[str, str]  # a record's id and what to show of it


def _examine(context: PreflightContext) -> Iterator[Finding]:
    other, melted = _prompts(context)
    total = len(context.sample)
    if other:
        yield finding(
            "prompt_differs",
            "warn" if context.template.origin.startswith("the model's own") else "block",
            f"The prompts of {len(other):,} of the {total:,} records looked at are written otherwise when an answer is "
            "asked for.",
            f"Use a template whose generation prompt is the beginning of what is trained: {context.other_template}.",
            ids=[name for name, _ in other],
            shown=other[0][1],
        )
    straddling = [(one.record_id, "") for one in (*context.train, *context.validation) if getattr(one, "straddling", 0)]
    if melted or straddling:
        hits = [*melted, *straddling]
        yield finding(
            "prompt_melts",
            "warn",
            f"The last token before the answer melts into it in {many(len({name for name, _ in hits}), 'record')}.",
            "Trim answers that begin with a blank; else use a template that ends its prompt with a special token or a "
            f"newline, such as {context.other_template}.",
            ids=[name for name, _ in hits],
            shown=hits[0][1] or context.shown(hits[0][0]),
        )
    yield from _own(context, context.sample)


def _prompts(context: PreflightContext) -> tuple[list[_Hit], list[_Hit]]:
    """Records whose prompt is another text, and those of which only the tokens are others."""
    from training.token_reader import TokenReader

    other: list[_Hit] = []
    melted: list[_Hit] = []
    reader = TokenReader.of(context.tokenizer)
    for one in context.sample:
        if one.messages[-1].role != "assistant" or len(one.messages) < 2:
            continue
        asked = context.template.render(one.messages[:-1], generation_prompt=True)
        text, begin = one.rendered.text, asked.text
        if not text.startswith(begin):
            at = next((i for i, (a, b) in enumerate(zip(begin, text, strict=False)) if a != b), len(text))
            other.append((one.example.record_id, around(begin, at, at + 1, 80)))
            continue
        ids = reader.read([asked])[0].ids
        if one.read.ids[: len(ids)] != ids:
            melted.append((one.example.record_id, around(text, len(begin), len(begin) + 1, 60)))
    return other, melted


def _own(context: PreflightContext, sample: Sequence[Sampled]) -> Iterator[Finding]:
    """Compare with what the model's own template makes of some records."""
    if not context.tokenizer.chat_template:
        return
    differing: list[_Hit] = []
    looked = [one for one in sample if one.messages[0].role != "text"][:OWN]
    for one in looked:
        said = [{"role": role, "content": content} for role, content in one.messages]
        try:
            own = str(context.tokenizer.apply_chat_template(said, tokenize=False))
        except Exception:  # a model's own template may refuse a role by any error it likes
            continue
        if own.rstrip() != one.rendered.text.rstrip():
            differing.append((one.example.record_id, own))
    if differing:
        yield finding(
            "template_differs",
            "warn",
            f"The template {context.template.name} writes {len(differing):,} of {len(looked):,} records otherwise than "
            "the model's own.",
            "Use the model's own: --set template.name=auto.",
            ids=[name for name, _ in differing],
            shown=differing[0][1],
        )


CHECK = Check("prompts", REASONS, _examine)
