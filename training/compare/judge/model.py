"""What a judge said, as lines of `judgements.jsonl`: verdicts on pairs, scores of answers, and the failures of both.

A line names the digests of what was judged and of how, so that a judgement of an answer that has been given anew is
never taken for one of the new answer.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from curation.json_lines import append_line, lines_of
from training.compare.model import JUDGEMENTS, SideName

Winner = Literal["a", "b", "tie", "failed"]
PAIR, SCORE = "pair", "score"

FAILURES: Mapping[str, str] = {
    "no_object": "What the judge wrote holds no JSON object.",
    "several_objects": "What the judge wrote holds more than one JSON object.",
    "wrong_keys": "The object lacks a key that was asked for, or has one that was not.",
    "wrong_value": "A value is of another kind than was asked for, or not among the allowed ones.",
    "out_of_range": "The score lies outside of its scale.",
    "not_quoted": "The judge holds against the answer what the answer does not say.",
    "no_likelihood": "The model gave no usable probabilities for the verdicts.",
    "unaskable": "The question is longer than the judge can read.",
    "metric": "A metric of DeepEval failed.",
    "connection": "The endpoint could not be reached.",
    "timeout": "The endpoint did not answer in time.",
    "rate_limited": "The endpoint refused for now: too many calls.",
    "server": "The endpoint had an error of its own.",
    "refused": "The endpoint refused the call.",
    "not_json": "The endpoint's answer is no JSON.",
    "no_choices": "The endpoint's answer holds no message.",
    "empty": "The message is empty.",
    "truncated": "The message was cut at judge.max_tokens.",
    "cut_stream": "The connection ended in the middle of the message.",
    "budget": "judge.max_calls were made.",
    "no_key": "The endpoint wants a key.",
}
"""Why there is no verdict. Down to `metric` it is the judge's doing; the others are `curation.llm`'s."""

FINAL = ("no_object", "several_objects", "wrong_keys", "wrong_value", "out_of_range", "not_quoted", "no_likelihood",
         "unaskable", "truncated")  # fmt: skip
"""Failures that asking again in the same way would only repeat. After any other, a resumed comparison asks again."""


@dataclass(frozen=True)
class Failure:
    """Why there is no verdict: a key of FAILURES, a sentence, and the beginning of what the judge wrote, where it did."""

    kind: str
    message: str
    said: str = ""


@dataclass(frozen=True)
class Verdict:
    """What the judge said in one order. first: the side that it saw first; winner: of the sides, whatever the order.

    shares: probability of each winner, where the verdict was read from token probabilities; else empty. calls: how
    often the judge was asked: 2 where its first answer could not be read.
    """

    first: SideName
    winner: Winner
    reason: str = ""
    failure: Failure | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    calls: int = 1


@dataclass(frozen=True)
class PairJudgement:
    """Which answer is better. winner: what both orders say; `tie` where they disagree, `failed` where one failed.

    digests: of the answers of a and of b. how: digest of the settings, the prompt and the wording. judge: its name for
    people; identity: what it is. verdicts: with a first, then with b first; none where the answers are equal.
    """

    prompt_id: str
    winner: Winner
    verdicts: tuple[Verdict, ...]
    digests: tuple[str, str]
    how: str
    judge: str
    identity: str
    seconds: float = 0.0

    @property
    def why(self) -> str:
        """One text for people: the reasons, or what failed."""
        if not self.verdicts:
            return "The answers are equal, character for character; the judge was not asked."
        failed = next((one.failure for one in self.verdicts if one.failure), None)
        if failed:
            return f"No verdict ({failed.kind}): {failed.message}"
        said = [one.reason for one in self.verdicts]
        first, second = (one.winner for one in self.verdicts)
        if first != second:
            names = {"a": "a", "b": "b", "tie": "neither"}
            said.insert(0, f"With a first: {names[first]}; with b first: {names[second]}. Disagreement is a tie.")
        return " ".join(dict.fromkeys(text for text in said if text))

    @property
    def key(self) -> tuple[str, ...]:
        """What this judgement is of, and how it came to be: the same key need not be judged again."""
        return (PAIR, self.prompt_id, *self.digests, self.how, self.identity)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """Of either order."""
        return tuple(one.failure for one in self.verdicts if one.failure)


@dataclass(frozen=True)
class RubricScore:
    """How good one answer is by one rubric: 0 to 1, more is better; None where there is no score.

    rubric: its name, or `deepeval:ClassName`. flagged: what the answer says that counts against it, quoted. shares:
    probability of each mark, where the score was read from token probabilities. Else as PairJudgement.
    """

    prompt_id: str
    side: SideName
    rubric: str
    score: float | None
    digest: str
    how: str
    judge: str
    identity: str
    reason: str = ""
    flagged: tuple[str, ...] = ()
    failure: Failure | None = None
    shares: Mapping[str, float] = field(default_factory=dict)
    calls: int = 1
    seconds: float = 0.0

    def passes(self, threshold: float) -> bool | None:
        """Whether the score is at least the threshold; None where there is no score."""
        return None if self.score is None else self.score >= threshold

    @property
    def key(self) -> tuple[str, ...]:
        """See `PairJudgement.key`."""
        return (SCORE, self.prompt_id, self.side, self.rubric, self.digest, self.how, self.identity)

    @property
    def failures(self) -> tuple[Failure, ...]:
        """None or one."""
        return (self.failure,) if self.failure else ()


Judgement = PairJudgement | RubricScore


def as_json(row: Judgement) -> dict[str, Any]:
    """A line of judgements.jsonl, in plain values."""
    return {"kind": PAIR if isinstance(row, PairJudgement) else SCORE, **asdict(row)}


def from_json(found: Mapping[str, Any]) -> Judgement:
    """The row that `as_json` wrote."""
    values = dict(found)
    if values.pop("kind") == PAIR:
        verdicts = tuple(Verdict(**{**one, "failure": _failure(one["failure"])}) for one in values["verdicts"])
        digest_a, digest_b = values["digests"]
        return PairJudgement(**{**values, "verdicts": verdicts, "digests": (digest_a, digest_b)})
    return RubricScore(**{**values, "flagged": tuple(values["flagged"]), "failure": _failure(values["failure"])})


def _failure(found: Mapping[str, Any] | None) -> Failure | None:
    return None if found is None else Failure(**found)


def append(folder: Path, row: Judgement) -> None:
    """Append one line to the folder's judgements.jsonl, flushed to the disk."""
    append_line(folder / JUDGEMENTS, as_json(row))


def read(folder: Path) -> list[Judgement]:
    """All judgements of a comparison, in order; torn lines are passed over."""
    return [from_json(found) for found in lines_of(folder / JUDGEMENTS)]


def last_pairs(rows: Iterable[Judgement]) -> dict[str, PairJudgement]:
    """The judgement of each prompt that counts: the last."""
    return {row.prompt_id: row for row in rows if isinstance(row, PairJudgement)}


def last_scores(rows: Iterable[Judgement]) -> dict[tuple[str, SideName, str], RubricScore]:
    """The score of each (prompt_id, side, rubric) that counts: the last."""
    return {(row.prompt_id, row.side, row.rubric): row for row in rows if isinstance(row, RubricScore)}


def position_facts(rows: Sequence[Judgement]) -> dict[str, int]:
    """How steady the judge is, over the pairs it gave two verdicts on: `asked`; `agreed`, both orders said the same;
    `first` and `second`, it preferred the answer at that place both times, whichever it was."""
    asked = [row.verdicts for row in last_pairs(rows).values() if len(row.verdicts) == 2 and not row.failures]
    places = [[_place(verdict) for verdict in verdicts] for verdicts in asked]
    return {
        "asked": len(asked),
        "agreed": sum(one.winner == other.winner for one, other in asked),
        "first": sum(both == ["first", "first"] for both in places),
        "second": sum(both == ["second", "second"] for both in places),
    }


def _place(verdict: Verdict) -> str:
    if verdict.winner not in ("a", "b"):
        return verdict.winner
    return "first" if verdict.winner == verdict.first else "second"
