"""Everything the checks look at, laid out once: the tensors, the texts, and a sample rendered by the template."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import polars as pl
import xxhash
from numpy.typing import NDArray

from training.preflight.finding import Finding, Reason
from training.preflight.tensors import Bools, Tensors, lay_out

if TYPE_CHECKING:
    from training.examples import Example, Examples, Message
    from training.recipe import TrainRecipe
    from training.template import Rendered, Template
    from training.token_reader import Read
    from training.tokenize import Encoded, EncodedPair

U64 = NDArray[np.uint64]
SAMPLED = 256  # records that are rendered again; every combination of roles is among them
_BLOCK = 1 << 20  # characters folded at once


class Sampled(NamedTuple):
    """A record rendered and read again. messages: as they were rendered, system prompt included. encoded: the tensors
    it became; None where those were not given."""

    example: Example
    messages: tuple[Message, ...]
    rendered: Rendered
    read: Read
    encoded: Encoded | EncodedPair | None


@dataclass(frozen=True)
class PreflightContext:
    """What a run would train, and on what.

    train, validation: the encoded records, in the order of `examples`. config: the model's configuration
    (`transformers.PretrainedConfig`). model: the loaded model, for what only it can tell; it is not changed.
    pairs (objective dpo): both answers of each pair are looked at.
    """

    recipe: TrainRecipe
    examples: Examples
    template: Template
    tokenizer: Any
    train: Sequence[Encoded] | Sequence[EncodedPair]
    validation: Sequence[Encoded] | Sequence[EncodedPair]
    config: Any = None
    model: Any = None
    measured: dict[str, Any] = field(default_factory=dict)  # figures that checks leave for the report

    @property
    def is_dpo(self) -> bool:
        """Whether pairs are learned from."""
        return self.recipe.method.objective == "dpo"

    @cached_property
    def records(self) -> tuple[Example, ...]:
        """Every record, those held out last."""
        return (*self.examples.train, *self.examples.validation)

    @cached_property
    def held(self) -> Bools:
        """Which of `records` are held out."""
        mask = np.zeros(len(self.records), dtype=bool)
        mask[len(self.examples.train) :] = True
        return mask

    @cached_property
    def by_id(self) -> dict[str, Example]:
        """Records by their id."""
        return {example.record_id: example for example in self.records}

    @cached_property
    def encoded_by_id(self) -> dict[str, Encoded | EncodedPair]:
        """Encoded records by their id."""
        return {one.record_id: one for one in (*self.train, *self.validation)}

    @cached_property
    def all_tensors(self) -> Tensors:
        """Every sequence, those held out last, whatever its length."""
        return lay_out([*self.train, *self.validation])

    @cached_property
    def tensors(self) -> Tensors:
        """The sequences that the trainer gets: without those that are too long where these are dropped."""
        tensors = self.all_tensors
        return tensors.kept(tensors.cut == 0) if self.recipe.data.too_long == "drop" else tensors

    @cached_property
    def in_train(self) -> Bools:
        """Which sequences of `tensors` are trained on; the others are held out."""
        held = {example.record_id for example in self.examples.validation}
        return np.array([record not in held for record in self.tensors.records], dtype=bool)

    @cached_property
    def stops(self) -> NDArray[np.int64]:
        """Ids that end an answer: the template's that are single tokens, and the tokenizer's own end token."""
        encoded = [self.tokenizer.encode(stop, add_special_tokens=False) for stop in self.template.stops]
        ids = {ids[0] for ids in encoded if len(ids) == 1}
        if self.tokenizer.eos_token_id is not None:
            ids.add(int(self.tokenizer.eos_token_id))
        return np.array(sorted(ids), dtype=np.int64)

    @cached_property
    def turns(self) -> pl.DataFrame:
        """Every message: `row` (of `records`), `turn`, `role`, `content`. Rejected answers have the role `rejected`."""
        rows: list[int] = []
        numbers: list[int] = []
        roles: list[str] = []
        contents: list[str] = []
        for row, example in enumerate(self.records):
            said = [*example.messages, *(("rejected", message.content) for message in example.rejected)]
            rows.extend([row] * len(said))
            numbers.extend(range(len(said)))
            roles.extend(one[0] for one in said)
            contents.extend(one[1] for one in said)
        return pl.DataFrame(
            {"row": rows, "turn": numbers, "role": roles, "content": map(_sendable, contents)},
            schema={"row": pl.UInt32, "turn": pl.UInt32, "role": pl.String, "content": pl.String},
        )

    @cached_property
    def answers(self) -> list[str]:
        """What each record teaches at its end: its last message where that is an answer or a plain text, else ""."""
        return [
            example.messages[-1].content
            if example.messages and example.messages[-1].role in ("assistant", "text")
            else ""
            for example in self.records
        ]

    @cached_property
    def prompts(self) -> list[str]:
        """All that stands before the last answer, roles included; "" for a plain text."""
        return ["\n".join(f"{role}: {content}" for role, content in example.messages[:-1]) for example in self.records]

    @cached_property
    def prompt_hashes(self) -> U64:
        """A hash of each prompt, byte for byte; 0 where there is none."""
        return hashes(self.prompts)

    @cached_property
    def answer_hashes(self) -> U64:
        """A hash of each last answer, byte for byte; 0 where there is none."""
        return hashes(self.answers)

    @cached_property
    def folded_hashes(self) -> U64:
        """A hash of the letters and digits of each record, capitals and forms folded away; 0 where it has none."""
        return folded(["\n".join(f"{role}: {said}" for role, said in example.messages) for example in self.records])

    @cached_property
    def sample(self) -> list[Sampled]:
        """About SAMPLED records, of every combination of roles, rendered again, but for those that are `refused`."""
        return self._sampled[0]

    @cached_property
    def refused(self) -> list[tuple[str, str]]:
        """Records of the sample that the template cannot render, and why."""
        return self._sampled[1]

    @cached_property
    def _sampled(self) -> tuple[list[Sampled], list[tuple[str, str]]]:
        from curation.errors import StudioError
        from training.token_reader import TokenReader

        reader = TokenReader.of(self.tokenizer)
        found: list[Sampled] = []
        refused: list[tuple[str, str]] = []
        for row in _strata([tuple(role for role, _ in example.messages) for example in self.records], SAMPLED):
            example = self.records[row]
            messages = self.as_encoded(example.messages)
            try:
                rendered = self.template.render(messages)
            except StudioError as error:
                refused.append((example.record_id, error.message))
            else:
                read = reader.read([rendered])[0]
                found.append(Sampled(example, messages, rendered, read, self.encoded_by_id.get(example.record_id)))
        return found, refused

    def as_encoded(self, messages: tuple[Message, ...]) -> tuple[Message, ...]:
        """Messages as they are rendered: with the recipe's system prompt where they have none of their own."""
        from training.tokenize import with_system

        return tuple(with_system(messages, self.recipe.template.system))

    def ids_of(self, rows: Sequence[int] | NDArray[np.int64]) -> list[str]:
        """The record ids of rows of `records`."""
        return [self.records[int(row)].record_id for row in rows]

    def shown(self, record_id: str) -> str:
        """A piece of a record for a finding: what was asked and what was answered."""
        example = self.by_id.get(record_id)
        if example is None:
            return ""
        said = [content.strip() for role, content in example.messages if role != "system"][-2:]
        return " → ".join(one if len(one) <= 70 else one[:69] + "…" for one in said)

    @property
    def other_template(self) -> str:
        """The setting of a template to try instead: the model's own, or where it is that already, a plain one."""
        if self.recipe.template.name != "auto":
            return "--set template.name=auto"
        fits = len(self.tokenizer.encode("<|im_end|>", add_special_tokens=False)) == 1
        return f"--set template.name={'chatml' if fits and self.template.name != 'chatml' else 'alpaca'}"

    def text_of(self, ids: Sequence[int]) -> str:
        """The text of tokens, markers included."""
        return str(self.tokenizer.decode(list(ids), skip_special_tokens=False, clean_up_tokenization_spaces=False))


@dataclass(frozen=True)
class Check:
    """One idea that is looked into. reasons: the closed set of what it can find."""

    name: str
    reasons: dict[str, Reason]
    examine: Callable[[PreflightContext], Iterator[Finding]]


def hashes(texts: Sequence[str]) -> U64:
    """A 64-bit hash of each text; 0 for one without any."""
    digest = xxhash.xxh3_64_intdigest
    values = (digest(text.encode("utf-8", "surrogatepass")) if text else 0 for text in texts)
    return np.fromiter(values, np.uint64, len(texts))


def folded(texts: Sequence[str]) -> U64:
    """A hash of the tokens of each text, as duplicates are told apart in curation; 0 for one without letters or digits."""
    from curation.dedup.contamination import Rolling
    from curation.dedup.shingles import tokenise

    found = np.zeros(len(texts), dtype=np.uint64)
    for low, high in blocks(texts):
        rolling = Rolling(tokenise(texts[low:high]))
        has = np.flatnonzero(rolling.sizes)
        found[low + has] = rolling.hashes(rolling.firsts[has], rolling.sizes[has])
    return found


def blocks(texts: Sequence[str], most: int = _BLOCK) -> Iterator[tuple[int, int]]:
    """Ranges of texts of about `most` characters each."""
    low, size = 0, 0
    for place, text in enumerate(texts):
        size += len(text)
        if size >= most:
            yield low, place + 1
            low, size = place + 1, 0
    if low < len(texts):
        yield low, len(texts)


def _strata(kinds: Sequence[tuple[str, ...]], most: int) -> list[int]:
    """At most about `most` places: evenly spread ones of each kind, at least one of each of the first `most` kinds."""
    places: dict[tuple[str, ...], list[int]] = {}
    for place, kind in enumerate(kinds):
        places.setdefault(kind, []).append(place)
    share = max(1, most // max(1, len(places)))
    chosen: list[int] = []
    for of_kind in list(places.values())[:most]:
        step = max(1, len(of_kind) // share)
        chosen.extend(of_kind[::step][:share])
    return sorted(chosen)


def _sendable(text: str) -> str:
    """A text that polars can hold: a lone surrogate becomes a question mark."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
