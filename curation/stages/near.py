"""Near duplicates: records that are copies of each other but for a few words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl
import xxhash
from pydantic import Field, model_validator

from curation.dedup.cluster import Member, resolve
from curation.dedup.corpus import Corpus
from curation.dedup.keep import Keep, check_keep, rank
from curation.dedup.minhash import Banding, band_hashes, signatures
from curation.dedup.numbers import WIDTH
from curation.dedup.shingles import U64, shingles_of
from curation.dedup.wipeout import check_wipeout
from curation.formats.unseen import unseen
from curation.parts import parts_of
from curation.schema import Batch, Decisions, Part
from curation.stage import CorpusStage, StageContext

RECALL = 0.985  # chance that a pair exactly at the lowest threshold becomes a candidate


class Near(CorpusStage):
    """Drop near duplicates by MinHash, each pair verified by its exact Jaccard similarity.

    A band collision is never a verdict. Members of a cluster which differ at the same slot are a template family and
    stay; so do short records that differ by a number, a negation or one content word. Every decision names its twin.
    """

    name: ClassVar[str] = "near"
    reasons: ClassVar[Mapping[str, str]] = {
        "near_duplicate": "a copy of the kept record but for a few words",
        "kept_copy": "the best of its copies; it stays",
        "template": "made from the same template as its neighbour, with another filling; it stays",
        "other_number": "differs from its neighbour by a number; it stays",
        "negated": "differs from its neighbour by a negation; it stays",
        "other_content": "as similar as a copy, but what differs is content; it stays",
    }

    part: Part = Field("record", description="what is compared: the whole record, its prompt, its answer, …")
    threshold: float = Field(
        0.7,
        ge=0.5,
        le=1,
        description="least exact Jaccard similarity of two copies' shingles; may be moved on a finished run",
    )
    lowest: float = Field(
        0.7, ge=0.5, le=1, description="the threshold candidates are found for; lower finds more and costs more"
    )
    words: int = Field(3, ge=1, le=10, description="words in a shingle, in scripts with blanks between words")
    characters: int = Field(5, ge=1, le=20, description="characters in a shingle, in scripts without")
    functions: int = Field(128, ge=16, le=512, description="hash functions of a signature")
    keep: Keep = Field(
        "best", description="which copy stays: best (complete, then long), longest, first, column, source"
    )
    column: str = Field("", description="with keep: column, the original column; the highest number wins")
    sources: list[str] = Field([], description="with keep: source, names or patterns of sources, the dearest first")
    allow_wipeout: bool = Field(
        False, description="go on when one cluster or the loss of one source looks like boilerplate, not duplicates"
    )

    @model_validator(mode="after")
    def _fits(self) -> Near:
        if self.threshold < self.lowest:
            raise ValueError(f"'threshold' ({self.threshold}) must not be below 'lowest' ({self.lowest})")
        check_keep(self.keep, self.column, self.sources)
        return self

    def fingerprint_facts(self) -> Mapping[str, object]:
        """All but what is only used to decide, so that moving the threshold hashes nothing again."""
        return self.model_dump(mode="json", exclude={"threshold", "allow_wipeout"})

    def banding(self) -> Banding:
        """The bands in which candidates are found."""
        return Banding.of(self.lowest, self.functions, RECALL)

    def scratch_bytes(self) -> int:
        """A number for each band, the rank and the place of a record."""
        return WIDTH * (self.banding().bands + 2)

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:
        """`record_id, source, rank, size (shingles), text` and one UInt64 column a band: `b0, b1, …`."""
        texts = batch.texts(self.part)["text"]
        shingles = shingles_of(texts.to_list(), self.words, self.characters)
        banding = self.banding()
        bands = band_hashes(signatures(shingles, banding.bands * banding.rows, context.seed), banding)
        bands ^= _unseen(batch)[:, None]
        return batch.records.select("record_id", "source").with_columns(
            rank(batch, self.keep, self.column, self.sources).cast(pl.Float64).alias("rank"),
            pl.Series("size", shingles.sizes(), dtype=pl.UInt32),
            texts.alias("text"),
            *(pl.Series(f"b{band}", bands[:, band]) for band in range(banding.bands)),
        )

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:
        """Candidates by band, verified; clusters resolved; copies dropped and what stays in a cluster annotated."""
        parts = parts_of(fingerprints, context.parts)
        compared = [part.filter(pl.col("size") > 0) for part in parts]
        with Corpus(compared, self.words, self.characters, context.seed, context.scratch) as corpus:
            members = [
                member
                for cluster in corpus.clusters(self.banding(), self.threshold)
                for member in resolve(cluster.number, cluster.rows, cluster.text, cluster.similarity, self.threshold)
            ]
            if not self.allow_wipeout:
                total = sum(part.select(pl.len()).collect().item() for part in parts)
                check_wipeout(self.name, members, corpus.facts, corpus.source_sizes(), total)
            return decisions_of(members, corpus.facts["record_id"], self.threshold)


def _unseen(batch: Batch) -> U64:
    """A hash of each record's pictures, tools and calls: records that differ in them share no band."""
    found = (unseen(meta) for meta in batch.records["meta"])
    return np.array([xxhash.xxh3_64_intdigest(text.encode()) if text else 0 for text in found], dtype=np.uint64)


_VERDICTS = {
    "copy": "near_duplicate",
    "template": "template",
    "number": "other_number",
    "negation": "negated",
    "content": "other_content",
}


def decisions_of(
    members: list[Member], ids: pl.Series, threshold: float, reasons: Mapping[str, str] = _VERDICTS
) -> Decisions:
    """One row a member of a cluster: a copy is dropped, what stays is annotated with its cluster (`_cluster`).

    reasons: what to write for each verdict.
    """
    if not members:
        return Decisions.none()
    ordered = sorted(members, key=lambda member: member.text)
    first_of = {member.cluster: member.text for member in sorted(members, key=lambda member: -member.text)}
    rows = pl.DataFrame(
        {
            "record_id": ids.gather([member.text for member in ordered]),
            "action": ["drop" if member.is_copy else "annotate" for member in ordered],
            "reason": ["kept_copy" if member.is_anchor else reasons[member.verdict] for member in ordered],
            "score": [member.score for member in ordered],
            "threshold": [threshold] * len(ordered),
            "related_id": [ids[member.twin] if member.twin >= 0 else None for member in ordered],
            "cluster": ids.gather([first_of[member.cluster] for member in ordered]),
        }
    )
    return Decisions.of(rows.with_columns(values=pl.struct(_cluster="cluster").struct.json_encode()))
