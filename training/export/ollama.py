"""Ollama: a Modelfile whose template, in Go's language, writes what ours writes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from curation.errors import StudioError
from training.export.conversations import COUNT, conversations, keeps_white_space
from training.export.go_text import render_for_ollama
from training.export.turns import ASSISTANT, START, Turns, learn_turns
from training.template.guards import unused

if TYPE_CHECKING:
    from training.examples import Message
    from training.template import Template


@dataclass(frozen=True)
class OllamaTemplate:
    """source: the template in Go's language. conversations: on how many it was found to write what ours writes.
    keeps_white_space: false where ours strips contents, which Go's templates cannot."""

    source: str
    conversations: int
    keeps_white_space: bool


def ollama_template(template: Template, *, adds_bos: bool, count: int = COUNT) -> OllamaTemplate:
    """The template for Ollama, verified on `count` conversations.

    adds_bos: whether the engine puts BOS before every text by itself, as the GGUF file says. Raises StudioError where
    Go's template language cannot write what the template writes.
    """
    turns = learn_turns(template)
    bos = str(template.variables.get("bos_token", "")) if adds_bos else ""
    source = go_template(turns.without_first(bos))
    chats = conversations(template, count, tools="tool" in turns.roles)
    for chat in chats:
        wanted = asked_text(template, chat).removeprefix(bos)
        found = render_for_ollama(source, [{"role": one.role, "content": one.content} for one in chat])
        if found != wanted:
            raise StudioError(
                f"The template {template.name} ({template.origin}) cannot be written in Ollama's template language: "
                f"{_difference(wanted, found)}.",
                "Leave ollama out: llama.cpp and LM Studio read the template inside the GGUF file. Or train with a "
                "built-in template, such as chatml.",
            )
    return OllamaTemplate(source, len(chats), keeps_white_space(template))


def asked_text(template: Template, chat: Sequence[Message]) -> str:
    """What the model sees when `chat` is to be answered; where it ends with an answer, when that is to be continued."""
    if chat[-1].role != ASSISTANT:
        return template.render(chat, generation_prompt=True).text
    mark = unused([template.source, *(message.content for message in chat)], 1)
    begun = chat[-1]._replace(content=chat[-1].content + mark)
    return template.render([*chat[:-1], begun]).text.partition(mark)[0]


def go_template(turns: Turns) -> str:
    """A table of turns in Go's template language, as Ollama executes it. Literal text stands in quotes, so that white
    space around actions means nothing."""
    lines = ['{{- $before := "" -}}', "{{- range .Messages -}}"]
    for number, role in enumerate(turns.roles):
        lines.append(f'{{{{- {"else if" if number else "if"} eq .Role "{role}" -}}}}')
        cases = [
            (before, turns.between[before, role]) for before in (START, *turns.roles) if (before, role) in turns.between
        ]
        lines += _switch(cases)
    lines += ["{{- end -}}", "{{- .Content -}}", "{{- $before = .Role -}}", "{{- end -}}"]
    lines += _switch([(role, turns.opened[role]) for role in turns.roles if role in turns.opened])
    return "\n".join(lines)


def _switch(cases: Sequence[tuple[str, str]]) -> list[str]:
    """One text for each role before; nothing where all are empty."""
    if not any(text for _, text in cases):
        return []
    lines = []
    for number, (before, text) in enumerate(cases):
        lines.append(f'{{{{- {"else if" if number else "if"} eq $before "{before}" -}}}}')
        if text:
            lines.append(f"{{{{- {json.dumps(text, ensure_ascii=False)} -}}}}")
    return [*lines, "{{- end -}}"]


def modelfile(gguf: str, source: str, stops: Sequence[str], about: str) -> str:
    """The Modelfile. gguf: the file's path, relative to the Modelfile. stops: what ends an answer. about: a comment.

    Format: https://docs.ollama.com/modelfile. Raises StudioError for a template with three quotes, which it cannot hold.
    """
    if '"""' in source or any('"' in stop or "\n" in stop for stop in stops):
        raise StudioError("The template holds three quotes, which a Modelfile cannot.", "Leave ollama out.")
    lines = [f"# {line}" for line in about.splitlines()]
    lines += [f"FROM ./{gguf}", f'TEMPLATE """{source}"""']
    lines += [f'PARAMETER stop "{stop}"' for stop in stops if stop]
    return "\n".join(lines) + "\n"


def _difference(wanted: str, found: str) -> str:
    at = next((i for i, (a, b) in enumerate(zip(wanted, found, strict=False)) if a != b), min(len(wanted), len(found)))
    begin = max(0, at - 20)
    return f"after {wanted[begin:at]!r} it writes {wanted[at : at + 30]!r}, and Ollama {found[at : at + 30]!r}"
