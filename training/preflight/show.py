"""A record as the model is given it: its tokens, each with the text it stands for and whether it is trained."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

from training.preflight.context import PreflightContext
from training.preflight.finding import Report
from training.preflight.tensors import MASKED

if TYPE_CHECKING:
    from training.examples import Example, Message


class Token(NamedTuple):
    """text: the characters of the rendered text that it stands for; "" where it is one more piece of the character
    before it. trained: whether it counts in the loss."""

    text: str
    trained: bool
    id: int


class Run(NamedTuple):
    """Neighbouring tokens that are all trained or all masked."""

    text: str
    trained: bool
    tokens: int


@dataclass(frozen=True)
class Shown:
    """One sequence of a record. part: chosen or rejected for a pair, else "". cut: tokens over max_length."""

    record_id: str
    part: str
    tokens: tuple[Token, ...]
    cut: int = 0

    @property
    def trained(self) -> int:
        """Tokens that are trained."""
        return sum(token.trained for token in self.tokens)

    def runs(self) -> Iterator[Run]:
        """Neighbours put together, as they are drawn."""
        for trained, group in groupby(self.tokens, key=lambda token: token.trained):
            held = list(group)
            yield Run("".join(token.text for token in held), trained, len(held))

    def as_json(self) -> dict[str, Any]:
        """Plain JSON values; each token as [text, trained]."""
        return {
            "record_id": self.record_id,
            "part": self.part,
            "cut": self.cut,
            "tokens": [[token.text, token.trained] for token in self.tokens],
        }


def show(context: PreflightContext, example: Example) -> tuple[Shown, ...]:
    """The sequences of one record, from the tensors: one, or both answers of a pair; none for a record without tensors."""
    from training.tokenize import EncodedPair

    one = context.encoded_by_id.get(example.record_id)
    if one is None:
        return ()
    if isinstance(one, EncodedPair):
        prompt = [MASKED] * len(one.prompt_ids)
        answers = (
            ("chosen", one.chosen_ids, example.messages),
            ("rejected", one.rejected_ids, (*example.messages[:-1], *example.rejected)),
        )
        return tuple(
            Shown(
                example.record_id,
                part,
                _tokens(context, [*one.prompt_ids, *ids], [*prompt, *ids], messages),
                one.cut_tokens,
            )
            for part, ids, messages in answers
        )
    tokens = _tokens(context, one.input_ids, one.labels, example.messages)
    return (Shown(example.record_id, "", tokens, one.cut_tokens),)


def worth_showing(context: PreflightContext, report: Report, count: int) -> list[Example]:
    """`count` records: those that findings name, then ones of every combination of roles."""
    named = [one.example for one in report.findings if one.example is not None]
    sampled = [one.example.record_id for one in context.sample]
    step = max(1, len(sampled) // max(1, count))
    ids = dict.fromkeys([*named, *sampled[::step], *sampled])
    return [context.by_id[name] for name in ids if name in context.by_id][:count]


def _tokens(
    context: PreflightContext, ids: Sequence[int], labels: Sequence[int], messages: Sequence[Message]
) -> tuple[Token, ...]:
    texts = _texts(context, ids, messages)
    return tuple(Token(text, label != MASKED, token) for text, label, token in zip(texts, labels, ids, strict=False))


def _texts(context: PreflightContext, ids: Sequence[int], messages: Sequence[Message]) -> list[str]:
    """The text of each token: cut out of the rendered text where it became these tokens, else decoded."""
    from training.token_reader import TokenReader

    rendered = context.template.render(context.as_encoded(tuple(messages)))
    read = TokenReader.of(context.tokenizer).read([rendered])[0]
    if list(ids) != read.ids[: len(ids)]:
        return [context.text_of([token]) for token in ids]
    texts, told = [], 0
    for low, high in zip(read.starts[: len(ids)], read.ends[: len(ids)], strict=True):
        low = max(low, told)
        texts.append(rendered.text[low : max(low, high)])
        told = max(told, high)
    return texts
