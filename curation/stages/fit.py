"""How well an answer fits its question, by the vectors of the two. Nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from curation.embedding.encoder import DEFAULT, encoder
from curation.embedding.shared import side_vectors, sides
from curation.machine.answer import width
from curation.schema import Batch, Decisions
from curation.stage import RecordStage, StageContext


class Fit(RecordStage):
    """Note how close each answer is to what was asked: the cosine of the two, from about 0 (nothing in common) to 1.

    The embedded model was trained to put answers beside their questions. "Write a slogan" is far from every slogan, so a
    low score alone is no proof; what the rest of the corpus makes of it is the stage `conflicts`. How often it is right:
    docs/select_planted.md.
    """

    name: ClassVar[str] = "fit"
    version: ClassVar[int] = 2
    reasons: ClassVar[Mapping[str, str]] = {
        "fits": "the answer speaks of what was asked",
        "echo": "the answer says little else than the question",
        "unrelated": "the answer does not speak of what was asked",
        "brief": "an answer of a few letters, whose closeness says little",
    }

    model: str = Field(
        DEFAULT, description="multilingual (embedded), or a sentence-transformers model: a folder or a name on the Hub"
    )
    least: float = Field(0.1, ge=-1, le=1, description="cosine below which an answer is unrelated to its question")
    echo: float = Field(
        0.95, ge=0, le=1, description="cosine from which an answer is taken for an echo of its question"
    )
    brief: int = Field(
        10,
        ge=0,
        le=200,
        description="letters and digits below which an answer is too brief to tell; an ideograph is three",
    )

    def assets(self) -> Mapping[str, str]:
        """The model that compares."""
        return {"model": encoder(self.model).digest()}

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One annotation for each record that has a question and an answer."""
        prompts, answers = sides(batch)
        there = ((prompts != "") & (answers != "")).arg_true().to_list()
        if not there:
            return Decisions.none()
        asked, answered = side_vectors(self.model, prompts, answers)
        cosines = np.einsum("ij,ij->i", asked[there], answered[there]).tolist()
        lengths = [width(answers[row]) for row in there]
        told = [self._reason(cosine, length) for cosine, length in zip(cosines, lengths, strict=True)]
        return Decisions.of(
            pl.DataFrame(
                {
                    "record_id": batch.records["record_id"].gather(there),
                    "action": ["annotate"] * len(there),
                    "reason": [reason for reason, _ in told],
                    "score": [round(cosine, 4) for cosine in cosines],
                    "threshold": [bound for _, bound in told],
                    "values": [json.dumps({"letters": length}) for length in lengths],
                },
                schema_overrides={"threshold": pl.Float64},
            )
        )

    def _reason(self, cosine: float, length: float) -> tuple[str, float | None]:
        if length < self.brief:
            return "brief", None
        if cosine < self.least:
            return "unrelated", self.least
        return ("echo", self.echo) if cosine >= self.echo else ("fits", None)
