"""From files to training examples: conversations, plain texts, or pairs of a chosen and a rejected answer.

Any schema that `studio curate` reads is read here too; a finished run of it stands for its dataset.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from curation.datasets import datasets_of
from curation.errors import InputError

if TYPE_CHECKING:
    from curation.readers.model import Source

TEXT = "text"
ANY = "any"
"""An objective that takes conversations and pairs alike: to ask, not to learn."""


class Message(NamedTuple):
    """One message. Roles: system, user, assistant, tool, and `text` for a record that is no conversation."""

    role: str
    content: str


@dataclass(frozen=True, slots=True)
class Example:
    """One record to learn from. rejected: of a preference pair, the answer that was not chosen; `messages` end with
    the one that was."""

    record_id: str
    messages: tuple[Message, ...]
    rejected: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Examples:
    """What was read. skipped: how many records were left out, by reason. split_by: `dataset` where it has splits of
    its own, else `share`."""

    train: tuple[Example, ...]
    validation: tuple[Example, ...]
    skipped: Mapping[str, int]
    split_by: str


SKIP_REASONS: Mapping[str, str] = {
    "no_record": "Not a record: the line cannot be read, or no format fits.",
    "not_text": "A message is not text (a picture, a list of parts, nothing).",
    "tool_calls": "A message calls a tool; templates differ too much in how they write calls.",
    "unwanted_answer": "Labelled as an answer that nobody wants.",
    "several_answers": "More than one chosen or rejected answer.",
    "no_pair": "Not a pair of a chosen and a rejected answer.",
    "pair": "A pair of answers, which only dpo learns from.",
    "template": "The template cannot write it: its roles are in an order that the model does not know.",
    "other": "It cannot be written as a conversation.",
}
_VALIDATION = ("validation", "valid", "val", "dev")
_TEST = ("test", "heldout", "held_out")
_QUESTIONS = ("prompt", "question", "instruction", "query")  # what lists of prompts call them
_CHUNK_RECORDS, _CHUNK_BYTES = 4096, 16 << 20


class _Skip(Exception):
    """A record that cannot be learned from, by the name of its reason."""


def read_examples(
    inputs: Sequence[str],
    *,
    objective: str = "sft",
    format: str | None = None,  # noqa: A002 - the name users know from the command line
    limit: int | None = None,
    validation: float = 0.05,
    seed: int = 0,
) -> Examples:
    """Everything that `inputs` (files, folders, globs, finished runs) hold, split into train and validation.

    A file named train, validation (valid, val, dev) or test says what it is; test is left for comparing. Where no file
    says so, `validation` (a share) is drawn by `seed`; records with the same prompt stay on one side. limit: of the
    records for training. Raises InputError, for one when nothing is left to learn from.
    """
    from curation.readers import find_sources

    skipped: Counter[str] = Counter()
    sources = find_sources([file for name in inputs for file in datasets_of(name)])
    by_split: dict[str, list[Example]] = {"train": [], "validation": []}
    for source in sources:
        split = _split_of(source.name)
        if split == "test" and len(sources) > 1:
            continue
        into = by_split["validation" if split == "validation" else "train"]
        for example in _examples(source, objective, format, skipped):
            if limit is not None and len(into) >= limit:
                break
            into.append(example)
    train, held = by_split["train"], by_split["validation"]
    if not train:
        raise InputError(f"There is nothing to learn from in {', '.join(inputs)}.", _why_nothing(skipped))
    split_by = "dataset" if held else "share"
    if not held and validation:
        train, held = _drawn(train, validation, seed)
    return Examples(tuple(train), tuple(held), dict(skipped), split_by)


def examples_to_ask(inputs: Sequence[str]) -> list[Example]:
    """Every record of `inputs`, whatever part its file says it is; where files say that they are test, only theirs.

    Pairs are among them. Raises InputError for what cannot be read.
    """
    from curation.readers import find_sources

    sources = find_sources([file for name in inputs for file in datasets_of(name)])
    tests = [source for source in sources if _split_of(source.name) == "test"]
    return [example for source in tests or sources for example in _examples(source, ANY, None, Counter())]


def _split_of(name: str) -> str:
    """By any part between dots: `validation.jsonl`, `clean.validation.csv.gz`."""
    parts = name.rpartition("/")[2].lower().split(".")
    if any(part in _VALIDATION for part in parts):
        return "validation"
    return "test" if any(part in _TEST for part in parts) else "train"


def _examples(source: Source, objective: str, forced: str | None, skipped: Counter[str]) -> Iterator[Example]:
    from contextlib import closing

    from curation.formats import BadRecord, Inexpressible, detect
    from curation.readers import parse_payload, read_chunks, sample_objects

    primary = forced or detect(sample_objects(source))
    with closing(read_chunks(source, chunk_records=_CHUNK_RECORDS, chunk_bytes=_CHUNK_BYTES)) as chunks:
        for chunk in chunks:
            skipped["no_record"] += len(chunk.bad)
            for number, payload in enumerate(chunk.payloads):
                try:
                    messages, rejected = _read(parse_payload(payload), primary, forced, objective)
                except BadRecord:
                    skipped["no_record"] += 1
                except Inexpressible as error:
                    skipped[error.reason if error.reason in SKIP_REASONS else "other"] += 1
                except _Skip as error:
                    skipped[str(error)] += 1
                else:
                    yield Example(f"{source.name}:{chunk.positions[number]}", messages, rejected)
    skipped += Counter()  # without the zeros


def _read(
    found: Mapping[str, Any], primary: str | None, forced: str | None, objective: str
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    from curation.formats import read_record

    asked = _bare_question(found) if objective == ANY else ""
    return ((Message("user", asked),), ()) if asked else _taken(*read_record(found, primary, forced), objective)


def _bare_question(found: Mapping[str, Any]) -> str:
    """The question of an object that has nothing else, such as `{"prompt": "…"}`; "" for any other."""
    texts = [found[key] for key in _QUESTIONS if key in found]
    return texts[0] if len(found) == len(texts) == 1 and isinstance(texts[0], str) else ""


def _taken(
    name: str, turns: Sequence[tuple[str, str]], meta: str, objective: str
) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    """The messages of a record, and those of its rejected answer."""
    from curation.formats import get
    from curation.formats.meta import load_template

    if name == "preference":
        if objective not in ("dpo", ANY):
            raise _Skip("pair")
        return _pair(turns)
    if objective == "dpo":
        raise _Skip("no_pair")
    if name == "text":
        return tuple(Message(TEXT, said) for _, said in turns), ()
    exchange = get(name).to_messages(load_template(meta), turns)
    return tuple(_message(message) for message in exchange.messages), ()


def _message(message: Mapping[str, Any]) -> Message:
    content = message.get("content")
    if message.get("tool_calls") or message.get("function_call"):
        raise _Skip("tool_calls")
    if not isinstance(content, str):
        raise _Skip("not_text")
    role = str(message["role"])
    return Message("system" if role == "developer" else role, content)


def _pair(turns: Sequence[tuple[str, str]]) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
    chosen = [said for role, said in turns if role == "chosen"]
    rejected = [said for role, said in turns if role == "rejected"]
    if len(chosen) != 1 or len(rejected) != 1:
        raise _Skip("several_answers")
    context = tuple(Message(role, said) for role, said in turns if role not in ("chosen", "rejected"))
    return (*context, Message("assistant", chosen[0])), (Message("assistant", rejected[0]),)


def _drawn(examples: Sequence[Example], share: float, seed: int) -> tuple[list[Example], list[Example]]:
    """A share of the examples held out: whole groups of records with one prompt, in the order of a seeded draw."""
    groups: dict[tuple[Message, ...], list[int]] = {}
    for index, example in enumerate(examples):
        prompt = example.messages[:-1] or example.messages
        groups.setdefault(prompt, []).append(index)
    order = list(groups.values())
    if len(order) < 2:
        return list(examples), []
    random.Random(seed).shuffle(order)
    wanted = max(1, round(share * len(examples)))
    held: set[int] = set()
    for group in order[:-1]:  # one group at least is left to learn from
        if len(held) >= wanted:
            break
        held.update(group)
    return (
        [example for index, example in enumerate(examples) if index not in held],
        [example for index, example in enumerate(examples) if index in held],
    )


def _why_nothing(skipped: Mapping[str, int]) -> str:
    if not skipped:
        return "The files are empty."
    reason = max(skipped, key=lambda name: skipped[name])
    return f"{skipped[reason]} records were left out: {SKIP_REASONS[reason]}"
