"""Rendering by transformers itself, so that the text is what `apply_chat_template` gives, character by character."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from training.template.errors import TemplateError

Chat = Sequence[Mapping[str, str]]
Span = tuple[int, int]

_MARK = re.compile(r"\{%[-+]?\s*(?:end)?generation\s*[-+]?%\}")


def has_marks(source: str) -> bool:
    """Whether the template says by itself which characters the model writes."""
    return _MARK.search(source) is not None


def without_marks(source: str) -> str:
    """The template for engines that do not know `{% generation %}`."""
    return _MARK.sub("", source)


def render(
    source: str,
    chat: Chat,
    variables: Mapping[str, str],
    *,
    generation_prompt: bool = False,
) -> tuple[str, list[Span]]:
    """The text, and the characters between generation marks. Raises TemplateError where the template refuses."""
    import jinja2
    from transformers.utils.chat_template_utils import render_jinja_template

    render_chats: Any = render_jinja_template  # annotated as returning str, returns texts and spans
    try:
        texts, spans = render_chats(
            conversations=[list(chat)],
            chat_template=source,
            return_assistant_tokens_mask=has_marks(source),
            add_generation_prompt=generation_prompt,
            **variables,
        )
    except jinja2.TemplateSyntaxError as error:
        raise TemplateError(f"The template is broken in line {error.lineno}: {error.message}.") from error
    except (
        jinja2.TemplateError,
        TypeError,
        ValueError,
        KeyError,
        IndexError,
        AttributeError,
        ArithmeticError,
    ) as error:
        raise TemplateError(
            f"The template cannot write this conversation: {error}.",
            "Change the conversation (two turns of one role can become one), or take another template, such as chatml.",
        ) from error
    return texts[0], list(spans[0]) if spans else []
