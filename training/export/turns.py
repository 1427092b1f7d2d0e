"""What a chat template writes between two messages, learned by letting it write; enough for engines without Jinja.

A template is seen as a table: the text between a message of one role and the next one, the text at the beginning, and the
text that opens an answer. All built-in templates are such tables, and most models' own. Whether one is, nobody has to
believe: the table is only used after it wrote many conversations to the letter (`training.export.ollama`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from training.template.errors import TemplateError
from training.template.guards import unused

if TYPE_CHECKING:
    from training.template import Template

START = ""
ASSISTANT = "assistant"
ROLES = ("system", "user", ASSISTANT, "tool")
# s: system, u: user, a: assistant, t: tool. Orders that templates refuse are passed over.
_PROBES = ("suauau", "uauau", "sau", "uatau", "uattau", "suatau", "utau", "uasuau", "uat", "uatt", "sut", "s", "u")


@dataclass(frozen=True)
class Turns:
    """between: (role of the message before, role) -> what is written before a content; "" is the beginning.
    opened: role of the last message -> what is written after it to open an answer."""

    between: Mapping[tuple[str, str], str]
    opened: Mapping[str, str]

    @property
    def roles(self) -> tuple[str, ...]:
        """Those that the template knows, in the order of `ROLES`."""
        known = {role for _, role in self.between}
        return tuple(role for role in ROLES if role in known)

    def without_first(self, text: str) -> Turns:
        """The same, but that every conversation lacks `text` at its beginning, where it has it: a BOS that the engine
        adds by itself."""
        between = {pair: said.removeprefix(text) if pair[0] == START else said for pair, said in self.between.items()}
        return Turns(between, self.opened)


def learn_turns(template: Template) -> Turns:
    """The table of a template. Raises TemplateError where it leaves out what is asked or answered."""
    letters = {role[0]: role for role in ROLES}
    between: dict[tuple[str, str], str] = {}
    opened: dict[str, str] = {}
    for probe in _PROBES:
        roles = [letters[letter] for letter in probe]
        parts = _parts(template, roles)
        if parts is None:
            continue
        for before, role, text in zip([START, *roles], roles, parts, strict=False):
            between.setdefault((before, role), text)
        if roles[-1] != ASSISTANT:
            opened.setdefault(roles[-1], parts[-1])
    if (START, "user") not in between or ("user", ASSISTANT) not in between:
        raise TemplateError(
            f"The template {template.name} does not write what is asked and answered.",
            "Take a built-in template, such as chatml, and train with it.",
        )
    return Turns(between, opened)


def _parts(template: Template, roles: Sequence[str]) -> list[str] | None:
    """What stands before, between and behind the contents; None where the template refuses the order of roles."""
    from training.examples import Message

    marks = unused([template.source], len(roles))
    messages = [Message(role, mark) for role, mark in zip(roles, marks, strict=True)]
    try:
        text = template.render(messages, generation_prompt=roles[-1] != ASSISTANT).text
    except TemplateError:
        return None
    parts = []
    for mark in marks:
        part, found, text = text.partition(mark)
        if not found:
            return None
        parts.append(part)
    return [*parts, text]
