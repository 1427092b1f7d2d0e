"""Semantic duplicates: records that say the same in other words, or in another language."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from curation.dedup.keep import Keep, check_keep, rank
from curation.dedup.shingles import I64
from curation.dedup.verify import REASONS, Finding
from curation.dedup.verify_cluster import Texts, settle
from curation.dedup.wipeout import check_wipeout
from curation.embedding.encoder import DEFAULT, F32, encoder
from curation.embedding.multilingual import Multilingual
from curation.embedding.neighbours import close_pairs, pair_cosines
from curation.embedding.shared import packed, shared_vectors
from curation.embedding.stored import Chosen, there
from curation.parts import parts_of
from curation.schema import Batch, Decisions, Part
from curation.stage import CorpusStage, StageContext
from curation.stages.near import decisions_of

_ANSWERS = ("answer", "assistant")  # parts that are compared without what was asked
_REASONS = {
    "semantic_duplicate": "says the same as the kept record in other words",
    "kept_copy": "the best of its copies; it stays",
    "other_number": "close to its neighbour, with another number; it stays",
    "negated": "close to its neighbour, denied or turned into its opposite; it stays",
    "swapped": "the same words as its neighbour with their parts exchanged; it stays",
    "other_entity": "close to its neighbour, about something or somebody else; it stays",
    "other_answer": "asks the same as its neighbour and answers differently; it stays",
    "conflict": "asks the same as its neighbour and answers differently; it stays and is flagged",
    "unlike": "close to its neighbour, not surely the same; it stays",
}
_VERDICTS = {"copy": "semantic_duplicate"} | {reason: reason for reason in REASONS}


class Semantic(CorpusStage):
    """Drop records that mean the same as another, in English, in Chinese and across languages.

    An embedding proposes pairs, a verifier decides: numbers, negations, swapped roles, other things or another question
    keep a record, and so does another answer. Every refusal is in the ledger with its reason. Vectors of all records
    are held in memory to be compared: 2 KB a record for one part, 4 KB for the whole record.
    """

    name: ClassVar[str] = "semantic"
    version: ClassVar[int] = 2
    lazy: ClassVar[bool] = True
    vector_bytes: ClassVar[int] = 3072
    reasons: ClassVar[Mapping[str, str]] = _REASONS

    part: Part = Field(
        "record", description="what proposes: prompt and answer together (record), the prompt, the answer, …"
    )
    model: str = Field(
        DEFAULT, description="multilingual (embedded), or a sentence-transformers model: a folder or a name on the Hub"
    )
    threshold: float = Field(
        0.6, ge=0.3, le=1, description="least cosine of a pair that is looked at; may be moved on a finished run"
    )
    verify: Literal["scorer", "none"] = Field(
        "scorer", description="scorer: the embedded verifier decides; none: cosine alone does, which removes too much"
    )
    certainty: float = Field(
        0.4, ge=0.05, le=1, description="least probability, by the verifier, that two records are the same"
    )
    neighbours: int = Field(32, ge=1, le=250, description="closest records that each record is held against")
    keep: Keep = Field(
        "best", description="which copy stays: best (complete, then long), longest, first, column, source"
    )
    column: str = Field("", description="with keep: column, the original column; the highest number wins")
    sources: list[str] = Field([], description="with keep: source, names or patterns of sources, the dearest first")
    conflicts: Literal["keep", "flag"] = Field(
        "keep", description="the same question answered differently: keep says so in the ledger, flag flags the record"
    )
    allow_wipeout: bool = Field(
        False, description="go on when one cluster or the loss of one source looks like boilerplate, not duplicates"
    )

    @model_validator(mode="after")
    def _fits(self) -> Semantic:
        check_keep(self.keep, self.column, self.sources)
        return self

    def fingerprint_facts(self) -> Mapping[str, object]:
        """All but what is only used to decide, so that moving a threshold embeds nothing again."""
        return self.model_dump(
            mode="json", exclude={"threshold", "verify", "certainty", "neighbours", "conflicts", "allow_wipeout"}
        )

    def assets(self) -> Mapping[str, str]:
        """The model that proposes, and the one behind the verifier."""
        return {"model": encoder(self.model).digest(), "verifier": Multilingual().digest()}

    def scratch_bytes(self) -> int:
        """The vectors once more, and once by cells."""
        return 2 * self.vector_bytes

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:  # noqa: ARG002
        """`record_id, source, rank`, the texts `prompt` and `answer` ("" where there is none) and their vectors `asked`
        and `answered` as float16 bytes (null where there is no text).
        """
        prompts, answers = self._sides(batch)
        # One call, so that texts of like length are computed together and the same text once, wherever it stands.
        vectors = shared_vectors(self.model, [*prompts, *answers])
        return batch.records.select("record_id", "source").with_columns(
            rank(batch, self.keep, self.column, self.sources).cast(pl.Float64).alias("rank"),
            prompts.alias("prompt"),
            answers.alias("answer"),
            packed(vectors[: len(batch)]).alias("asked"),
            packed(vectors[len(batch) :]).alias("answered"),
        )

    def _sides(self, batch: Batch) -> tuple[pl.Series, pl.Series]:
        if self.part in _ANSWERS:
            answers = batch.texts(self.part)["text"].str.strip_chars()
            return pl.Series([""], dtype=pl.String).new_from_index(0, len(batch)), answers
        prompts = batch.texts("prompt" if self.part == "record" else self.part)["text"].str.strip_chars()
        return prompts, batch.texts("answer")["text"].str.strip_chars()

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:
        """Close pairs, each verified; copies dropped, and what stays beside one annotated or flagged."""
        parts = parts_of(fingerprints, context.parts)
        total = sum(part.select(pl.len()).collect().item() for part in parts)
        compared = pl.any_horizontal(pl.col(self._compared()).is_not_null())
        texts = Texts([part.filter(compared) for part in parts])
        pairs = self._proposed(texts, context.scratch)
        if self.verify == "scorer":
            texts.hold(np.union1d(pairs[0], pairs[1]))
        members = texts.spread(settle(len(texts), *pairs, partial(self._compare, texts)))
        if not self.allow_wipeout:
            sizes = dict(texts.facts["source"].value_counts().iter_rows())
            check_wipeout(self.name, members, texts.facts, sizes, total)
        decisions = decisions_of(members, texts.facts["record_id"], self.threshold, _VERDICTS)
        return self._flagged(decisions) if self.conflicts == "flag" else decisions

    def _compared(self) -> list[str]:
        return ["asked"] if self.part in ("prompt", "system", "user") else ["asked", "answered"]

    def _proposed(self, texts: Texts, folder: Path | None) -> tuple[I64, I64, F32]:
        """Pairs close enough in what is compared and, when conflicts are to be flagged, in their question alone."""
        with texts.vectors(self._compared(), folder) as compared:
            left, right, cosines = close_pairs(compared, self.threshold, self.neighbours, folder=folder)
            if self.conflicts == "keep" or self._compared() == ["asked"]:
                return left, right, cosines
            with texts.vectors(["asked"], folder) as asked:
                rows = there(asked)
                alike = Chosen(asked, rows)
                more_left, more_right, _ = close_pairs(alike, self.threshold, self.neighbours, folder=folder)
            count = len(compared)
            keys = np.union1d(left * count + right, rows[more_left] * count + rows[more_right])
            left, right = keys // count, keys % count
            return left, right, pair_cosines(compared, left, right)

    def _compare(self, texts: Texts, one: int, other: int) -> Finding:
        if self.verify == "none":
            return Finding(True, 1.0, "")
        return texts.verifier.compare(texts.text(one), texts.text(other), self.certainty)

    def _flagged(self, decisions: Decisions) -> Decisions:
        """Conflicts as flags. Both of the records are flagged: which of the answers is right, no stage can tell."""
        conflict = pl.col("reason") == "other_answer"
        rows = decisions.rows.with_columns(
            action=pl.when(conflict).then(pl.lit("flag")).otherwise("action"),
            reason=pl.when(conflict).then(pl.lit("conflict")).otherwise("reason"),
        )
        return Decisions(rows, decisions.edits)
