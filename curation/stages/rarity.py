"""How far a record is from its nearest neighbours. Nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import polars as pl
from pydantic import Field

from curation.conflicts.placing import index_of
from curation.embedding.cells import BLOCK
from curation.embedding.encoder import DEFAULT, F32, encoder
from curation.embedding.shared import ALONE, packed, side_vectors, sides, unpacked
from curation.embedding.stored import I64
from curation.schema import Batch, Decisions, Part
from curation.stage import CorpusStage, StageContext


class Rarity(CorpusStage):
    """Note how rare each record is: its mean cosine distance to its nearest neighbours, from 0 (copies) to about 1.

    A high score is a thin region of the corpus, or a record that does not belong there; a low one a crowd. `nearest` is
    the distance to the closest one, which is the related record.
    """

    name: ClassVar[str] = "rarity"
    lazy: ClassVar[bool] = True
    vector_bytes: ClassVar[int] = 2048
    drops: ClassVar[bool] = False
    reasons: ClassVar[Mapping[str, str]] = {
        "rare": "its nearest neighbours are far",
        "crowded": "its nearest neighbours are close",
        "usual": "its nearest neighbours are neither far nor close",
    }

    part: Part = Field(
        "record", description="what is compared: prompt and answer side by side, the prompt, the answer, …"
    )
    model: str = Field(
        DEFAULT, description="multilingual (embedded), or a sentence-transformers model: a folder or a name on the Hub"
    )
    neighbours: int = Field(10, ge=1, le=250, description="nearest records whose distances are averaged")
    rare: float = Field(0.7, ge=0, le=2, description="mean distance from which a record is rare")
    crowded: float = Field(0.3, ge=0, le=2, description="mean distance up to which a record is in a crowd")

    def model_post_init(self, context: object, /) -> None:  # noqa: ARG002
        """ValueError when the bounds cross."""
        if self.crowded >= self.rare:
            raise ValueError(f"'crowded' ({self.crowded}) must be below 'rare' ({self.rare})")

    def fingerprint_facts(self) -> Mapping[str, object]:
        """What is compared by which model; the rest is only used to decide."""
        return {"part": self.part, "model": self.model}

    def assets(self) -> Mapping[str, str]:
        """The model that compares."""
        return {"model": encoder(self.model).digest()}

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:  # noqa: ARG002
        """`record_id` and the vectors `asked` and `answered` (float16 bytes; null where there is no text)."""
        prompts, answers = sides(batch, self.part)
        asked, answered = side_vectors(self.model, prompts, answers)
        there = (
            pl.lit(None, dtype=pl.Binary).alias("answered")
            if self.part in ALONE
            else packed(answered).alias("answered")
        )
        return batch.records.select("record_id").with_columns(packed(asked).alias("asked"), there)

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:  # noqa: ARG002
        """One annotation for each record with a text, if there is another one to be held against."""
        prints = fingerprints.filter(pl.any_horizontal(pl.col("asked", "answered").is_not_null()))
        told = prints.select("record_id", "asked", "answered").collect()
        if told.height < 2:
            return Decisions.none()
        distances, closest = nearest(_matrix(told), self.neighbours)
        mean = distances.mean(axis=1)
        return Decisions.of(
            pl.DataFrame(
                {
                    "record_id": told["record_id"],
                    "action": ["annotate"] * told.height,
                    "reason": [self._reason(float(value)) for value in mean],
                    "score": [round(float(value), 4) for value in mean],
                    "related_id": told["record_id"].gather(closest),
                    "values": [json.dumps({"nearest": round(float(value), 4)}) for value in distances[:, 0]],
                }
            )
        )

    def _reason(self, distance: float) -> str:
        if distance >= self.rare:
            return "rare"
        return "crowded" if distance <= self.crowded else "usual"


def nearest(vectors: F32, neighbours: int) -> tuple[F32, I64]:
    """Cosine distances (n, k), ascending, of the closest other vectors of each of (n, d), and which is the closest (n,)."""
    index = index_of(vectors)
    count = len(vectors)
    wanted = min(neighbours + 1, count)
    distances = np.zeros((count, wanted - 1), dtype=np.float32)
    closest = np.zeros(count, dtype=np.int64)
    for start in range(0, count, BLOCK):
        near, found = index.search(vectors[start : start + BLOCK], wanted)
        rows = np.arange(start, start + len(found))
        # Copies have the same cosine as the record itself, which may then come anywhere, or not at all.
        mine = found == rows[:, None]
        mine[~mine.any(axis=1), -1] = True
        others = np.argsort(mine, axis=1, kind="stable")[:, : wanted - 1]
        distances[rows] = np.clip(1 - np.take_along_axis(near, others, axis=1), 0, 2)
        closest[rows] = np.take_along_axis(found, others[:, :1], axis=1)[:, 0]
    return distances, closest


def _matrix(told: pl.DataFrame) -> F32:
    """Both halves side by side (n, 2d), or the one there is, each row of length 1."""
    halves = [unpacked(told[name]) for name in ("asked", "answered") if told[name].is_not_null().any()]
    whole = np.concatenate(halves, axis=1)
    whole /= np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), 1e-9)
    return np.ascontiguousarray(whole)
