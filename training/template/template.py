"""A template bound to a tokenizer's special tokens: conversations in, text and answer spans out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from training.template import guards, jinja, spans
from training.template.errors import TemplateError
from training.template.guards import Span

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

    from training.examples import Message

BUILT_IN = "built in"


def token_id(text: str, tokenizer: PreTrainedTokenizerBase) -> int | None:
    """The token that is just this text, if the tokenizer has one."""
    ids = tokenizer.encode(text, add_special_tokens=False)
    return ids[0] if len(ids) == 1 and tokenizer.convert_ids_to_tokens(ids[0]) == text else None


@dataclass(frozen=True)
class Rendered:
    """A conversation as one text. spans: character ranges the model has to produce (an answer and its end mark, never
    the header before it), one for each answer. literal: ranges of special tokens that stand in a message: plain text
    there, not tokens."""

    text: str
    spans: tuple[Span, ...]
    literal: tuple[Span, ...] = ()


@dataclass(frozen=True)
class Template:
    """source: jinja, marked with {% generation %} where it is built in. stops: texts that end an answer, the first is
    the one trained. ends: of a template that is not built in, what it writes after an answer (mostly the first stop).
    variables: special tokens that the source names. first_token: BOS, where the tokenizer adds one by itself.
    specials: what must not be read as a token inside a message."""

    name: str
    source: str
    stops: tuple[str, ...]
    origin: str
    ends: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict, repr=False)
    first_token: str = ""
    specials: tuple[str, ...] = field(default=(), repr=False)

    def render(self, messages: Sequence[Message], *, generation_prompt: bool = False) -> Rendered:
        """The conversation as text. generation_prompt: open an answer at the end. Raises TemplateError."""
        if not messages:
            raise TemplateError("The conversation has no message.")
        if any(message.role == "text" for message in messages):
            return self._plain(messages)
        chat = [{"role": message.role, "content": message.content} for message in messages]
        guarded, pair = guards.guard(chat, self.specials)

        def render(part: jinja.Chat, opened: bool) -> tuple[str, list[Span]]:
            return jinja.render(self.source, part, self.variables, generation_prompt=opened)

        def text_of(part: jinja.Chat, opened: bool) -> str:
            return render(part, opened)[0]

        text, marked = render(guarded, generation_prompt)
        if not jinja.has_marks(self.source):
            marked = spans.derive(guarded, text, self.ends, text_of, generation_prompt)
        elif self.origin != BUILT_IN:
            marked = spans.tighten(guarded, text, marked, self.ends, text_of, generation_prompt, pair[:1])
        text, found, literal = guards.unguard(text, marked, pair)
        if pair and text != render(chat, generation_prompt)[0]:
            raise TemplateError(
                "The template treats a special token that stands in a message as its own.",
                "Remove it from the message, or take another template.",
            )
        return Rendered(text, tuple(found), tuple(literal))

    def chat_template(self) -> str:
        """What the tokenizer's chat_template becomes on saving: the model's own as it came, others without marks."""
        return self.source if self.origin.startswith("the model's own") else jinja.without_marks(self.source)

    def stop_ids(self, tokenizer: PreTrainedTokenizerBase) -> tuple[int, ...]:
        """The tokens that end an answer. Raises TemplateError where the trained one is no single token."""
        ids: list[int] = []
        for stop in self.stops:
            token = token_id(stop, tokenizer)
            if token is not None:
                ids.append(token)
            elif stop == self.stops[0]:
                raise TemplateError(
                    f"The template {self.name} ends answers with {stop}, which is no token of this model.",
                    "Take the model's own template (auto), or one that ends with the model's EOS, such as alpaca.",
                )
        return tuple(dict.fromkeys(ids))

    def _plain(self, messages: Sequence[Message]) -> Rendered:
        """A plain text: after BOS where the tokenizer adds it, closed by EOS. All of it is learned but BOS."""
        if len(messages) != 1:
            raise TemplateError("A plain text stands alone; it cannot be part of a conversation.")
        content, eos = messages[0].content, self.variables["eos_token"]
        text = content if self.first_token and content.startswith(self.first_token) else self.first_token + content
        text = text if text.endswith(eos) else text + eos
        start = len(self.first_token)
        return Rendered(text, ((start, len(text)),))
