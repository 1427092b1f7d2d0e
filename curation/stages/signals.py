"""How well an answer is made, as far as its text tells. Nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from math import prod
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field

from curation.machine.answer import Answer
from curation.schema import Batch, Decisions
from curation.signals.ending import closed, complete
from curation.signals.form import echo, length, structure
from curation.signals.kind import in_kind
from curation.stage import RecordStage, StageContext

Signal = Literal["complete", "closed", "in_kind", "length", "structure", "echo"]

_FAULTS: Mapping[Signal, str] = {
    "complete": "cut_off",
    "closed": "unclosed",
    "in_kind": "other_kind",
    "echo": "echo",
    "length": "short",
    "structure": "unstructured",
}


class Signals(RecordStage):
    """Note how well an answer is made: it ends, what it opens is closed, it is what was asked for, it is long enough.

    Each signal is a number from 0 to 1 among `values`; the score is their product, so that every fault counts. English
    and Chinese are known; in other languages only what does not depend on words says anything. The last answer of a
    conversation is looked at. How often it is right: docs/select_planted.md.
    """

    name: ClassVar[str] = "signals"
    reasons: ClassVar[Mapping[str, str]] = {
        "well_made": "no signal is below the bound",
        "cut_off": "it stops in the middle, or its last sentence has no end",
        "unclosed": "a fence, a bracket or a quotation is not closed",
        "other_kind": "asked for a list, code, JSON, a number or a language, it has not what was asked for",
        "echo": "it is the question again",
        "short": "it is shorter than its question calls for",
        "unstructured": "its list is numbered out of order or has empty items, or it is a wall of text",
    }

    bound: float = Field(
        0.6, gt=0, le=1, description="a signal below this gives the record its reason; the lowest one does"
    )
    shortest: int = Field(
        120, ge=0, le=5000, description="letters that suffice for an essay, a story, a letter; a third of it elsewhere"
    )
    omit: tuple[Signal, ...] = Field((), description="signals that are not looked at and not part of the score")

    def assets(self) -> Mapping[str, str]:
        """The word lists that say what a prompt asks for."""
        from curation.machine.rulebook import phrases_digest

        return {"phrases": phrases_digest()}

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One annotation for each record that has an answer."""
        told = [(record, *self._told(answer)) for record, answer in answers_of(batch)]
        if not told:
            return Decisions.none()
        schema = {"record_id": pl.String, "reason": pl.String, "score": pl.Float64, "values": pl.String}
        rows = pl.DataFrame(told, schema=schema, orient="row")
        return Decisions.of(rows.with_columns(action=pl.lit("annotate"), threshold=pl.lit(self.bound)))

    def _told(self, answer: Answer) -> tuple[str, float, str]:
        measured: dict[Signal, float] = {}
        for signal in _FAULTS:
            if signal not in self.omit:
                measured[signal] = round(self._measure(signal, answer), 4)
        worst = min(measured, key=lambda signal: measured[signal], default=None)
        reason = _FAULTS[worst] if worst and measured[worst] < self.bound else "well_made"
        return reason, round(prod(measured.values()), 4), json.dumps(measured)

    def _measure(self, signal: Signal, answer: Answer) -> float:
        if signal == "length":
            return length(answer, self.shortest)
        return _MEASURES[signal](answer)


_MEASURES = {"complete": complete, "closed": closed, "in_kind": in_kind, "structure": structure, "echo": echo}


def answers_of(batch: Batch) -> list[tuple[str, Answer]]:
    """The last answer of each record with all that was asked before it, in record order."""
    found: dict[str, Answer] = {}
    last, asked = "", ""
    for record, role, content in batch.turns.select("record_id", "role", "content").iter_rows():
        if record != last:
            last, asked = record, ""
        if role == "user":
            asked = f"{asked}\n{content}" if asked else content
        elif role in ("assistant", "chosen", "text"):
            found[record] = Answer(content, asked)
    return [(record, answer) for record in batch.records["record_id"] if (answer := found.get(record)) is not None]
