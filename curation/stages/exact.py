"""Exact duplicates: records whose text is the same, after as much normalisation as asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar, Literal

import numpy as np
import polars as pl
import xxhash
from pydantic import Field, model_validator

from curation.dedup.keep import Keep, check_keep, rank
from curation.dedup.pairs import sharing
from curation.formats.unseen import unseen, with_unseen
from curation.parts import numbers_of, parts_of, rows_at
from curation.schema import Batch, Decisions, Part
from curation.stage import CorpusStage, StageContext

_NOT_LETTERS = r"[\s\p{P}\p{S}\p{Cf}]+"


class Exact(CorpusStage):
    """Drop records whose text was seen before, and say which copy was kept.

    Roles are compared too, so that a question is never a duplicate of an answer. A record without any text in `part` is
    left alone.
    """

    name: ClassVar[str] = "exact"
    reasons: ClassVar[Mapping[str, str]] = {"duplicate": "the same text as the kept record"}

    part: Part = Field("record", description="what is compared: the whole record, its prompt, its answer, …")
    normalise: Literal["none", "whitespace", "letters"] = Field(
        "whitespace",
        description="none: byte for byte; whitespace: runs of white space count as one blank; letters: also Unicode "
        "compatibility forms, case, punctuation and symbols are ignored",
    )
    keep: Keep = Field(
        "first", description="which copy stays: first, best (complete, then long), longest, column, source"
    )
    column: str = Field("", description="with keep: column, the original column; the highest number wins")
    sources: list[str] = Field([], description="with keep: source, names or patterns of sources, the dearest first")

    @model_validator(mode="after")
    def _fits(self) -> Exact:
        check_keep(self.keep, self.column, self.sources)
        return self

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:  # noqa: ARG002
        """`record_id, digest (16 bytes, null without text), rank (the highest stays)`."""
        texts = normalised(batch, self.part, self.normalise)
        # Pictures, tools and their calls are no text, but two questions about two pictures are two questions.
        told = (texts["text"] + "\x1d").cast(pl.Binary).to_list()
        metas = batch.records["meta"]
        for at in with_unseen(metas):
            told[at] += unseen(metas[at]).encode()
        digests: list[bytes | None] = list(map(xxhash.xxh3_128_digest, told))
        for at in (texts["text"] == "").arg_true():
            digests[at] = None
        return texts.select("record_id").with_columns(
            digest=pl.Series(digests, dtype=pl.Binary),
            rank=rank(batch, self.keep, self.column, self.sources).cast(pl.Float64),
        )

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:
        """All but the highest-ranked of each digest are dropped; among equals the first stays."""
        members = _sharing_a_digest(parts_of(fingerprints, context.parts))
        ranked = members.sort(["rank", "ordinal"], descending=[True, False], nulls_last=True).with_columns(
            kept=pl.col("record_id").first().over("digest"), copies=pl.len().over("digest")
        )
        dropped = ranked.filter(pl.col("record_id") != pl.col("kept")).sort("ordinal")
        return Decisions.drop(
            dropped.select(
                "record_id",
                reason=pl.lit("duplicate"),
                score=pl.col("copies"),
                related_id="kept",
                detail=pl.lit(f"{self.part}, {self.normalise}; score: copies"),
            )
        )


def _sharing_a_digest(parts: Sequence[pl.LazyFrame]) -> pl.DataFrame:
    """The rows whose digest others have too. Of all the others only two numbers are in memory, never their names."""
    there = [part.filter(pl.col("digest").is_not_null()) for part in parts]
    hashes = numbers_of(there, pl.col("digest").hash(0)).astype(np.uint64)
    places = numbers_of(there, "ordinal").astype(np.uint64)[sharing(hashes)]
    found = rows_at(there, places, ["record_id", "digest", "rank"])
    return found.filter(pl.col("digest").is_duplicated())


def normalised(batch: Batch, part: Part, level: str) -> pl.DataFrame:
    """`record_id, text`: the turns of `part`, each led by its role, normalised; "" where there is no letter at all.

    level: none, whitespace or letters, as documented on `Exact.normalise`.
    """
    content = pl.col("content")
    if level == "whitespace":
        content = content.str.replace_all(r"\s+", " ").str.strip_chars(" ")
    elif level == "letters":
        content = content.str.normalize("NFKC").str.to_lowercase().str.replace_all(_NOT_LETTERS, "")
    # U+001F, the unit separator, stands between role and text; an empty turn does not count as text.
    led = pl.when(content != "").then(pl.concat_str(pl.col("role"), pl.lit("\x1f"), content)).otherwise(pl.lit(""))
    return (
        Batch(batch.records, batch.turns.with_columns(content=led))
        .texts(part, separator="")
        .select("record_id", "text")
    )
