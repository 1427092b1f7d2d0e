"""Made-up conversations that two ways of writing a template are held against each other with."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from training.examples import Message
from training.template.errors import TemplateError
from training.template.guards import unused

if TYPE_CHECKING:
    from training.template import Template

COUNT = 200
_TEXTS = (
    "What is the capital of France?",
    "The capital of France is Paris.",
    "借书证怎么办理？",
    "带上身份证到一楼服务台填写登记表即可。",
    "Write a function.\n\n```python\ndef add(a, b):\n    return a + b\n```",
    '{"name": "search", "arguments": {"query": "tyre \\"17\\" inch", "count": 3}}',
    "Braces {{ .Content }} and {% if x %} are only text, as are %s, $1, $before and C:\\new\\table.",
    'Quotes: "double", \'single\', `back`, """three""".',
    "<b>bold</b> & <i>italic</i>; 5 < 7 > 3 &amp; so on",
    "### Instruction:\nNot a header, only a question about headers.",
    "USER: is this a role? ASSISTANT: no.",
    "Naïve café, 42 %, 3.14 — “quotes”, 😀👩‍👩‍👧, e\u0301, \u200b.",
    "line one\r\nline two\ttabbed\n\n\nline five",
    "1",
    "a" * 300,
    "مرحبا، كيف حالك؟",
    "[INST] in brackets [/INST]",
    "0.1 + 0.2 = 0.30000000000000004",
)
_SPACED = ("  indented, and with a blank at the end ", "\nbegins with a new line", "ends with two\n\n")


def keeps_white_space(template: Template) -> bool:
    """Whether a template writes contents as they are, white space at their ends included."""
    mark = unused([template.source], 1)
    return f" {mark} \n" in template.render([Message("user", f" {mark} \n"), Message("assistant", mark)]).text


def conversations(template: Template, count: int = COUNT, *, tools: bool = False, seed: int = 0) -> list[list[Message]]:
    """`count` conversations that the template can write: with and without a system prompt, of one to five exchanges, in
    several languages and with whatever could be mistaken for markup. Most end with a question; some with an answer that
    was only begun. tools: with tool results. Contents have white space at their ends where the template keeps it.

    Raises TemplateError where it can write none.
    """
    draw = random.Random(seed)
    texts = (*_TEXTS, *_SPACED) if keeps_white_space(template) else _TEXTS
    found: list[list[Message]] = []
    problem: TemplateError | None = None
    for _ in range(10 * count):
        if len(found) == count:
            break
        chat = _conversation(draw, texts, tools=tools)
        try:
            template.render(chat, generation_prompt=chat[-1].role != "assistant")
        except TemplateError as error:
            problem = error
            continue
        found.append(chat)
    if not found and problem is not None:
        raise problem
    return found


def _conversation(draw: random.Random, texts: tuple[str, ...], *, tools: bool) -> list[Message]:
    chat = [Message("system", draw.choice(texts))] if draw.random() < 0.5 else []
    for _ in range(draw.randrange(5)):
        chat += [Message("user", draw.choice(texts)), Message("assistant", draw.choice(texts))]
        if tools and draw.random() < 0.4:
            chat += [Message("tool", draw.choice(texts)) for _ in range(draw.randint(1, 2))]
            chat.append(Message("assistant", draw.choice(texts)))
    chat.append(Message("user", draw.choice(texts)))
    if draw.random() < 0.2:
        chat.append(Message("assistant", draw.choice(texts)))
        if tools and draw.random() < 0.5:
            chat.append(Message("tool", draw.choice(texts)))
    return chat
