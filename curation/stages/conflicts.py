"""Answers that are likely wrong, seen from the rest of the corpus. Nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from curation.conflicts.disagreement import Disagreement, Pair
from curation.conflicts.exchanges import Exchanges
from curation.conflicts.placing import Placed, placed
from curation.embedding.encoder import DEFAULT, F32, encoder
from curation.embedding.multilingual import Multilingual
from curation.embedding.neighbours import close_pairs
from curation.embedding.shared import packed, side_vectors, sides
from curation.schema import Batch, Decisions
from curation.stage import CorpusStage, StageContext

SOFT = 0.6  # of the standing: the score is 0.27 where it is so much below its bound, and 0.73 where so much above


class Conflicts(CorpusStage):
    """Note answers that suit another question better, that suit none, or that contradict another answer to the question.

    Every record with a question and an answer gets a score from 0 to 1, which is low where the answer is likely wrong,
    and the numbers behind it: `standing` (how well the two belong together, in deviations from the median of the corpus), `fit`
    (their cosine), `elsewhere` (the cosine to the question that suits the answer best), `agreement`. Of answers that contradict
    each other both are noted: which is right, no stage can tell. How often it is right: docs/select_planted.md.
    """

    name: ClassVar[str] = "conflicts"
    lazy: ClassVar[bool] = True
    vector_bytes: ClassVar[int] = 2048
    drops: ClassVar[bool] = False
    reasons: ClassVar[Mapping[str, str]] = {
        "swapped": "its answer suits the question of the related record better than its own",
        "off_topic": "its answer suits its question worse than answers usually do, and no other question well",
        "other_number": "the related record answers the same question with another number",
        "negated": "the related record answers the same question with the opposite",
        "other_answer": "the related record answers the same question otherwise",
        "consistent": "nothing in the corpus speaks against its answer",
    }

    model: str = Field(
        DEFAULT, description="multilingual (embedded), or a sentence-transformers model: a folder or a name on the Hub"
    )
    doubt: float = Field(
        -2.1,
        ge=-20,
        le=5,
        description="standing below which an answer does not belong to its question; higher finds more",
    )
    near: float = Field(
        0.25,
        ge=0,
        le=1,
        description="cosine to its own question from which an answer is never doubted; higher finds more",
    )
    elsewhere: float = Field(
        0.35, ge=0, le=1, description="cosine to another question from which such an answer is swapped, else off topic"
    )
    alike: float = Field(
        0.6, ge=0.3, le=1, description="cosine of two questions from which an answer may well fit both"
    )
    certainty: float = Field(
        0.4, ge=0.05, le=1, description="least probability, by the verifier, that two questions ask the same"
    )
    apart: float = Field(
        0.5, ge=0, le=1, description="cosine of two answers to one question below which they are different answers"
    )
    agreement: float = Field(
        0.6,
        ge=0,
        le=1,
        description="agreement below which two answers are taken to contradict each other; higher finds more",
    )
    neighbours: int = Field(10, ge=1, le=100, description="closest questions and answers that each is held against")

    def fingerprint_facts(self) -> Mapping[str, object]:
        """The model alone: every other parameter is only used to decide, so that moving one embeds nothing again."""
        return {"model": self.model}

    def assets(self) -> Mapping[str, str]:
        """The model that compares, and the one behind the verifier."""
        return {"model": encoder(self.model).digest(), "verifier": Multilingual().digest()}

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:  # noqa: ARG002
        """`record_id`, the texts `prompt` and `answer`, their vectors `asked` and `answered` (float16 bytes or null)."""
        prompts, answers = sides(batch)
        asked, answered = side_vectors(self.model, prompts, answers)
        return batch.records.select("record_id").with_columns(
            prompts.alias("prompt"),
            answers.alias("answer"),
            packed(asked).alias("asked"),
            packed(answered).alias("answered"),
        )

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:  # noqa: ARG002
        """One annotation for each record that has a question and an answer."""
        exchanges = Exchanges(fingerprints)
        if not len(exchanges):
            return Decisions.none()
        asked, answered = exchanges.vectors("asked"), exchanges.vectors("answered")
        place = placed(asked, answered, self.neighbours, self.alike)
        left, right, _ = close_pairs(asked, self.alike, self.neighbours)
        exchanges.hold(np.union1d(left, right))
        found = self._disagreements(exchanges, left.tolist(), right.tolist())
        ids = exchanges.record_ids().to_list()
        standings = place.standing
        told = [self._told(number, place, standings, found.get(number), ids) for number in range(len(exchanges))]
        schema = {"reason": pl.String, "score": pl.Float64, "threshold": pl.Float64}
        schema |= {"related_id": pl.String, "values": pl.String}
        rows = pl.DataFrame(told, schema=schema, orient="row").with_row_index("exchange")
        joined = exchanges.records.join(rows, on="exchange", how="left", maintain_order="left")
        return Decisions.of(joined.drop("exchange").with_columns(action=pl.lit("annotate")))

    def _disagreements(
        self, exchanges: Exchanges, left: list[int], right: list[int]
    ) -> dict[int, tuple[Disagreement, int, float]]:
        """For each exchange in a pair that asks the same, the gravest: what it is, with which, and how likely the two
        are the same all the same.
        """
        verifier = exchanges.verifier
        gravest: dict[int, tuple[Disagreement, int, float]] = {}
        for one, other in zip(left, right, strict=True):
            pair = Pair(verifier, exchanges.text(one), exchanges.text(other), self.certainty)
            if not pair.same_question:
                continue
            found = pair.disagreement(self.apart)
            if not found.kind:
                continue
            weight = 1 - found.closeness if found.kind == "other_answer" else found.closeness
            agreement = 1 - pair.same_question * weight
            for mine, twin in ((one, other), (other, one)):
                if mine not in gravest or agreement < gravest[mine][2]:
                    gravest[mine] = (found, twin, agreement)
        return gravest

    def _told(
        self,
        number: int,
        place: Placed,
        standings: F32,
        conflict: tuple[Disagreement, int, float] | None,
        ids: list[str],
    ) -> tuple[str, float, float | None, str | None, str]:
        """`reason, score, threshold, related_id, values` of an exchange."""
        standing, agreement = float(standings[number]), conflict[2] if conflict else 1.0
        belongs = float(1 / (1 + np.exp(-np.clip((standing - self.doubt) / SOFT, -30, 30))))
        reason, bound, other = "consistent", None, -1
        if conflict and agreement < self.agreement and (agreement < belongs or belongs >= 0.5):
            reason, bound, other = conflict[0].kind, self.agreement, conflict[1]
        elif belongs < 0.5 and place.own[number] < self.near:
            swapped = place.elsewhere[number] >= self.elsewhere
            reason, bound, other = "swapped" if swapped else "off_topic", self.doubt, int(place.other[number])
        measured = {
            "standing": standing,
            "fit": float(place.own[number]),
            "elsewhere": float(place.elsewhere[number]),
            "agreement": agreement,
        }
        values = json.dumps({name: round(value, 4) for name, value in measured.items()})
        related = ids[other] if other >= 0 and reason != "off_topic" else None
        return reason, round(min(belongs, agreement), 4), bound, related, values
