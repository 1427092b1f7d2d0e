"""The records worth training on: as many as asked for, by quality, by what they cover, or by both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal, Self

import numpy as np
import polars as pl
from pydantic import Field, model_validator

from curation.columns import original_column
from curation.embedding.encoder import DEFAULT, encoder
from curation.embedding.shared import packed, part_vectors, unpacked
from curation.errors import StageError, nearest
from curation.schema import Batch, Decisions, Part
from curation.selection.budget import Share, shared
from curation.selection.choose import By, Candidates, Counted, choose
from curation.selection.coverage import COMPARED
from curation.selection.likeness import FLOOR, prepared
from curation.selection.model import F64
from curation.selection.quality import ranked
from curation.selection.scored import known_numbers, number_of, product_of, wanted_numbers
from curation.selection.told import Told, tell
from curation.selection.weighed import counter_digest, token_counts
from curation.stage import CorpusStage, StageContext


class Select(CorpusStage):
    """Keep the records worth training on: a number of records, a share, or a number of tokens.

    By quality (an earlier stage's number), by coverage (facility location: every region is like a kept record), by spread
    (k-centre: kept ones are far from each other) or by a blend of quality and coverage, with shares of sources, topics or
    columns if wanted. What is kept says its place and what it added, what is dropped says to which record it lost. The
    choice follows from content alone. Vectors of all records are held in memory: 2 KB a record.
    """

    name: ClassVar[str] = "select"
    version: ClassVar[int] = 2
    lazy: ClassVar[bool] = True
    vector_bytes: ClassVar[int] = 1024
    reads_scores: ClassVar[bool] = True
    reasons: ClassVar[Mapping[str, str]] = {
        "chosen": "it stays; its place and what it added are noted",
        "less_quality": "the related record was better and took the place",
        "covered": "the related record stays and is like it; what this one would add was less",
        "over_quota": "it was next, but its group had its share",
        "too_long": "it was next, but longer than what was left of the budget",
        "unscored": "it has no such number, and the others took all places",
        "out_of_range": "its number is below `least` or above `most`",
        "no_text": "it has no text to compare",
    }

    records: int | None = Field(default=None, ge=1, description="number of records to keep; all where there are fewer")
    fraction: float | None = Field(default=None, gt=0, le=1, description="share of the records to keep")
    tokens: int | None = Field(default=None, ge=1, description="most tokens of all kept records together")
    by: By = Field(
        "coverage",
        description="quality: the best; coverage: such that every region is like a kept one; spread: far from each other; "
        "blend: quality and coverage",
    )
    score: str = Field(
        "",
        description="what an earlier stage measured: its name (its score), name.value, or a product: a.quality * a.depth",
    )
    best: Literal["highest", "lowest"] = Field("highest", description="which end of the score is good")
    least: float | None = Field(default=None, description="records with a lower score are dropped")
    most: float | None = Field(default=None, description="records with a higher score are dropped")
    diversity: float = Field(
        0.5, ge=0, le=1, description="with by: blend, the weight of coverage; the rest is quality's"
    )
    counted: Counted = Field(
        "region",
        description="in coverage, region: a crowd of any size counts as one, so that small topics are reached; record: every "
        "record counts, so that what is kept is like most",
    )
    quota: Literal["none", "source", "format", "column", "topic"] = Field(
        "none", description="give each source, format, value of `column` or `topic` a share of the budget"
    )
    share: Share = Field(
        "equal", description="equal: as much of each; root: by the square root of its size; proportional: by its size"
    )
    column: str = Field("", description="with quota: column, the original column")
    topic: str = Field(
        "topics.topic", description="with quota: topic, the number of an earlier stage that names the topic"
    )
    part: Part = Field("record", description="what is compared: the whole record, its prompt, its answer, …")
    model: str = Field(
        DEFAULT, description="multilingual (embedded), or a sentence-transformers model: a folder or a name on the Hub"
    )
    compared: int = Field(
        COMPARED, ge=1_000, le=1_000_000, description="records that coverage is measured on, where there are more"
    )
    tokenizer: str = Field(
        "", description="what counts tokens: a tokenizer.json, a folder or a name on the Hub; empty: the embedded one"
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        if sum(size is not None for size in (self.records, self.fraction, self.tokens)) != 1:
            raise ValueError("give one of records, fraction and tokens")
        if self.by in ("quality", "blend") and not self.score:
            raise ValueError(f"by: {self.by} needs a score, such as score: signals")
        if (self.least is not None or self.most is not None) and not self.score:
            raise ValueError("'least' and 'most' need a score")
        if self.least is not None and self.most is not None and self.least > self.most:
            raise ValueError("'least' must not be above 'most'")
        if (self.quota == "column") != bool(self.column):
            raise ValueError("quota: column and the name of the column go together")
        if self.tokenizer and self.tokens is None:
            raise ValueError("a tokenizer needs a budget in tokens")
        wanted_numbers(self.score)
        wanted_numbers(self.topic)
        return self

    def reads(self) -> Sequence[tuple[str, str]]:
        """The stages that measured the score and named the topics."""
        found = [("score", name) for name in wanted_numbers(self.score)]
        found += [("topic", self.topic)] if self.quota == "topic" else []
        return [(parameter, name.partition(".")[0]) for parameter, name in found]

    def fingerprint_facts(self) -> Mapping[str, object]:
        """All but what is only used to decide, so that another budget or weight embeds nothing again."""
        return {
            "score": self.score,
            "quota": [self.quota, self.column, self.topic if self.quota == "topic" else ""],
            "compared": [self.part, self.model] if self._compares() else None,
            "counted": None if self.tokens is None else self.tokenizer,
        }

    def assets(self) -> Mapping[str, str]:
        """The model that compares and the tokenizer that counts, as far as they are used."""
        found = {"model": encoder(self.model).digest()} if self._compares() else {}
        return found if self.tokens is None else {**found, "tokenizer": counter_digest(self.tokenizer)}

    def _compares(self) -> bool:
        return self.by != "quality"

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:
        """`record_id, content (its hash), number (null: none), group, cost (1, or tokens), vector (float16 bytes; null
        where there is no text)` and, in the first row, `known`: the numbers there are, for a message.
        """
        numbers = pl.Series([known_numbers(context.scores)], dtype=pl.String)
        return batch.records.select("record_id", content="content_hash").with_columns(
            product_of(batch, context.scores, self.score).alias("number"),
            self._groups(batch, context).alias("group"),
            token_counts(batch, self.tokenizer).alias("cost")
            if self.tokens is not None
            else pl.lit(1, dtype=pl.Int64).alias("cost"),
            self._vectors(batch).alias("vector"),
            numbers.extend_constant(None, len(batch) - 1).alias("known")
            if len(batch)
            else numbers.clear().alias("known"),
        )

    def _groups(self, batch: Batch, context: StageContext) -> pl.Series:
        if self.quota in ("source", "format"):
            return batch.records[self.quota]
        if self.quota == "column":
            return original_column(batch, self.column)
        if self.quota == "topic":
            return number_of(batch, context.scores, self.topic).cast(pl.String)
        return pl.Series([""], dtype=pl.String).new_from_index(0, len(batch))

    def _vectors(self, batch: Batch) -> pl.Series:
        if not self._compares():
            return pl.Series([None], dtype=pl.Binary).new_from_index(0, len(batch))
        return packed(part_vectors(self.model, batch, self.part))

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:  # noqa: ARG002
        """Every record is decided about: the chosen are annotated, the others dropped."""
        # In the order of content, which is no order: so names of files do not matter, and the first are a fair sample.
        prints = fingerprints.sort("content", "ordinal").collect()
        if not prints.height:
            return Decisions.none()
        self._check(prints)
        number = prints["number"].fill_null(np.nan).to_numpy()
        inside = ~((number < _or(self.least, -np.inf)) | (number > _or(self.most, np.inf)))
        able = inside & (prints["vector"].is_not_null().to_numpy() if self._compares() else True)
        rows = np.flatnonzero(able)
        known = self._candidates(prints[rows], number[rows], prints.height)
        picked = choose(self.by, known, self.diversity, self.compared, self.counted, FLOOR)
        told = Told(self.by, number, inside, self.least, self.most, self.tokens is not None)
        return tell(prints, rows, known, picked, told)

    def _check(self, prints: pl.DataFrame) -> None:
        there = sorted({name for names in prints["known"].drop_nulls() for name in names.split("\n") if name})
        wanted = {self.score: prints["number"]} if self.score else {}
        wanted |= {self.topic: prints["group"]} if self.quota == "topic" else {}
        for name, column in wanted.items():
            if column.is_not_null().any():
                continue
            single = next((one for one in wanted_numbers(name) if one not in there), name)
            hint = nearest(single, there) or "No stage before it measures anything: put one that does before `select`."
            raise StageError(f"select: no record has the number '{single}'", hint)

    def _candidates(self, prints: pl.DataFrame, number: F64, total: int) -> Candidates:
        quality = ranked(number if self.best == "highest" else -number) if self.score else None
        costs = prints["cost"].to_numpy().astype(np.int64)
        names = prints["group"].fill_null("")
        groups = names.rank("dense").to_numpy().astype(np.int64) - 1
        budget = self.records or self.tokens or max(1, int((self.fraction or 0) * total + 0.5 + 1e-9))
        sizes = np.bincount(groups, weights=costs, minlength=1).astype(np.int64)
        limits = np.asarray([budget]) if self.quota == "none" else shared(budget, sizes, self.share)
        return Candidates(
            quality, prepared(unpacked(prints["vector"])) if self._compares() else None, costs, groups, limits
        )


def _or(bound: float | None, otherwise: float) -> float:
    return otherwise if bound is None else bound
