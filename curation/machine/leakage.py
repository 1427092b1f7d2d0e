"""Prompts that leaked into answers: marks of chat templates, system prompts, role labels, nods to the instructions."""

from __future__ import annotations

from collections.abc import Container

from curation.machine.answer import Answer
from curation.machine.finding import Finding
from curation.machine.rulebook import Rulebook

# What a prompt may ask for so that the rule's words belong into the answer.
_WELCOME: dict[str, tuple[str, ...]] = {
    "marker": ("prompting",),
    "stock_prompt": ("prompting",),
    "system_prompt": ("prompting", "drafting"),
    "role_label": ("dialogue", "prompting"),
    "instructed": ("drafting",),
}


def prompt_leak(answer: Answer, book: Rulebook, off: Container[str]) -> Finding | None:
    """Text of a prompt, unquoted and outside code, that nobody asked for."""
    text = answer.said
    for name, pattern in book.rules["prompt_leak"].items():
        if f"prompt_leak.{name}" in off:
            continue
        match = pattern.search(text)
        if match is None or book.asks(answer.prompt, *_WELCOME[name]):
            continue
        if match[0].strip() in answer.prompt:  # the prompt is written so itself: its layout is being continued
            continue
        return Finding("prompt_leak", name)
    return None
