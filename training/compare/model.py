"""What a comparison is made of, and its files: one JSON object a line, appended, one writer each.

In the folder of a run of kind `compare`:

    prompts.jsonl      what is asked                              Prompt
    answers.jsonl      what either side answered                  Answer; the last one of a (prompt_id, side) counts
    losses.jsonl       records that were not trained on           RecordLoss
    suites.jsonl       small tasks scored by program              CaseResult
    judgements.jsonl   what a judge said                          training.compare.judge
    votes.jsonl        what people said, blind                    training.compare.votes
    notes.jsonl        notes and favourites of people             training.compare.notes
    calls.sqlite       calls of a judge at an endpoint            curation.llm.ledger
    compare.json, compare.html, card.md                           training.compare.report, made from all of the above
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, TypeVar

from training.examples import Message

SideName = Literal["a", "b"]
SIDES: tuple[SideName, SideName] = ("a", "b")
Ending = Literal["end", "length", "stopped"]

PROMPTS = "prompts.jsonl"
ANSWERS = "answers.jsonl"
LOSSES = "losses.jsonl"
SUITES = "suites.jsonl"
JUDGEMENTS = "judgements.jsonl"
VOTES = "votes.jsonl"
NOTES = "notes.jsonl"
CALLS = "calls.sqlite"
ASKS = "asks.jsonl"
"""What an open comparison is still asked to do, by whoever looks at it (`training.compare.asks`)."""


class Piece(NamedTuple):
    """A generated token as text, and its log-probability (nats) among all tokens, NaN where it is not known. Joined,
    the texts of an answer's pieces are its text."""

    text: str
    logprob: float


@dataclass(frozen=True)
class Prompt:
    """A conversation that waits for an answer. source: heldout, train, file, typed. record_id: of the record it was
    taken from, "" for none. reference: the answer that record has."""

    prompt_id: str
    messages: tuple[Message, ...]
    reference: str = ""
    source: str = "typed"
    record_id: str = ""


@dataclass(frozen=True)
class Answer:
    """What a side answered. tokens: generated, the end mark included; seconds: from the first forward pass;
    stopped: how it ended (by itself, at max_tokens, by the user). seed: that its draws began with."""

    prompt_id: str
    side: SideName
    text: str
    tokens: int
    seconds: float
    stopped: Ending
    seed: int = 0
    pieces: tuple[Piece, ...] = ()


@dataclass(frozen=True)
class RecordLoss:
    """Negative log-likelihood of a record's answers on one side: sum over `tokens` trained tokens, nats.
    dataset: heldout or retention. bytes: UTF-8 length of these answers, to compare sides of different tokenizers."""

    dataset: str
    record_id: str
    side: SideName
    loss_sum: float
    tokens: int
    bytes: int


@dataclass(frozen=True)
class CaseResult:
    """One case of a suite, answered by a side and scored by extraction: 0 or 1."""

    suite: str
    language: str
    case_id: str
    side: SideName
    score: float
    question: str
    answer: str
    expected: str


Row = TypeVar("Row", Prompt, Answer, RecordLoss, CaseResult)


def as_json(row: Prompt | Answer | RecordLoss | CaseResult) -> dict[str, Any]:
    """A line of a comparison's file, in plain values; a log-probability that is not known is null."""
    found = asdict(row)
    if isinstance(row, Prompt):
        found["messages"] = [message._asdict() for message in row.messages]
    if isinstance(row, Answer):
        found["pieces"] = [
            [piece.text, piece.logprob if piece.logprob == piece.logprob else None] for piece in row.pieces
        ]
    return found


def from_json(kind: type[Row], found: Mapping[str, Any]) -> Row:
    """The row that `as_json` wrote."""
    values = dict(found)
    if kind is Prompt:
        values["messages"] = tuple(Message(one["role"], one["content"]) for one in values["messages"])
    if kind is Answer:
        values["pieces"] = tuple(
            Piece(text, float("nan") if logprob is None else logprob) for text, logprob in values["pieces"]
        )
    return kind(**values)


def append(path: Path, row: Prompt | Answer | RecordLoss | CaseResult) -> None:
    """Append one row in one write, flushed to the disk; a torn line before it is closed off. Mode 0600."""
    from curation.json_lines import append_line

    append_line(path, as_json(row))


def read(path: Path, kind: type[Row]) -> list[Row]:
    """All rows of a file; none where it is not there. A torn line is passed over."""
    from curation.json_lines import lines_of

    return [from_json(kind, found) for found in lines_of(path)]


def last_answers(folder: Path) -> dict[tuple[str, SideName], Answer]:
    """The answer of each (prompt_id, side) that counts: the last one that was not stopped by hand, else the last."""
    found: dict[tuple[str, SideName], Answer] = {}
    for answer in read(folder / ANSWERS, Answer):
        key = (answer.prompt_id, answer.side)
        if answer.stopped != "stopped" or key not in found or found[key].stopped == "stopped":
            found[key] = answer
    return found


def answer_digest(answer: Answer | str) -> str:
    """SHA-256 of an answer's text, in hex: what a vote or a judgement saw. One that is generated again has another one
    when it says something else. Lone surrogates, which a tokenizer cannot make but a file can hold, count as they are."""
    text = answer if isinstance(answer, str) else answer.text
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()


def canonical(value: Any) -> str:
    """JSON with sorted keys, for digests."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True, allow_nan=False)
