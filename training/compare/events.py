"""What a comparison tells its listeners, besides the events that every run has (`curation/events.py`)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from curation.events import EVENT_NAMES, Event
from training.compare.model import Ending, Piece, SideName


@dataclass(frozen=True)
class ComparePrepared(Event):
    """Who is compared, on what. a, b: facts of the sides (name, label, digest, kind). prompts: how many.
    changes: what is not as the recipe says, a sentence each."""

    a: dict[str, str]
    b: dict[str, str]
    template: str
    device: str
    prompts: int
    changes: list[str]


@dataclass(frozen=True)
class AnswerBegan(Event):
    """A side begins to answer a prompt, or begins anew: what it said about this prompt before is void."""

    prompt_id: str
    side: SideName


@dataclass(frozen=True)
class AnswerGrew(Event):
    """More of an answer: `[text, log-probability]` of each new token, null where it is not known; at most about eight
    times a second and side."""

    prompt_id: str
    side: SideName
    pieces: list[list[Any]]


@dataclass(frozen=True)
class Answered(Event):
    """An answer is whole, and in answers.jsonl. stopped: end, length or stopped."""

    prompt_id: str
    side: SideName
    tokens: int
    seconds: float
    stopped: Ending


@dataclass(frozen=True)
class Judged(Event):
    """A judge has said which answer is better. winner: a, b or tie."""

    prompt_id: str
    winner: str
    why: str


@dataclass(frozen=True)
class LossesMeasured(Event):
    """Both sides were measured on a dataset. a, b: mean negative log-likelihood, nats a token; tokens: of side a."""

    dataset: str
    a: float
    b: float
    tokens: int


@dataclass(frozen=True)
class SuiteDone(Event):
    """A suite was answered by both sides. a, b: mean scores, 0 to 1."""

    suite: str
    language: str
    a: float
    b: float


@dataclass(frozen=True)
class Concluded(Event):
    """What the comparison shows, as in compare.json."""

    conclusion: dict[str, Any]


@dataclass(frozen=True)
class Waiting(Event):
    """The comparison has nothing to do, and waits for asks (`on`), or goes on."""

    on: bool


def plain(pieces: Sequence[Piece]) -> list[list[Any]]:
    """Pieces as an event has them: a log-probability that is not known is null."""
    return [[text, logprob if logprob == logprob else None] for text, logprob in pieces]


EVENT_NAMES.update(
    {
        ComparePrepared: "compare_prepared",
        AnswerBegan: "answer_began",
        AnswerGrew: "answer_grew",
        Answered: "answered",
        Judged: "judged",
        LossesMeasured: "losses_measured",
        SuiteDone: "suite_done",
        Concluded: "concluded",
        Waiting: "waiting",
    }
)
