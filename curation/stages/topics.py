"""Which topic each record is about. Nothing is dropped."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field

from curation.embedding.encoder import DEFAULT, encoder
from curation.embedding.shared import packed, part_vectors, shared_vectors, unpacked
from curation.schema import Batch, Decisions
from curation.stage import CorpusStage, StageContext
from curation.topics.clusters import cluster
from curation.topics.texts import mapped_texts


class Topics(CorpusStage):
    """Note the topic of each record, as a number from 1, the largest topic first: so that `select` can take of all topics.

    Topics are clusters of embeddings, found as for `studio map`, which names them by their words. The score is how central
    the record is in its topic: the cosine to its middle, of vectors less the mean of all.
    """

    name: ClassVar[str] = "topics"
    version: ClassVar[int] = 2
    lazy: ClassVar[bool] = True
    vector_bytes: ClassVar[int] = 1024
    drops: ClassVar[bool] = False
    reasons: ClassVar[Mapping[str, str]] = {
        "in_topic": "nearest to the middle of this topic",
        "no_text": "it has no text to compare; its topic is 0",
    }

    topics: int = Field(0, ge=0, le=200, description="how many topics; 0 lets the data decide")
    part: Literal["record", "prompt", "answer"] = Field(
        "record", description="what of a record is compared: prompt and answer, or the beginning of one of them"
    )
    model: str = Field(
        DEFAULT, description="multilingual (embedded), or a sentence-transformers model: a folder or a name on the Hub"
    )

    def fingerprint_facts(self) -> Mapping[str, object]:
        """What is compared by which model; the number of topics is only used to decide."""
        return {"part": self.part, "model": self.model}

    def assets(self) -> Mapping[str, str]:
        """The model that compares."""
        return {"model": encoder(self.model).digest()}

    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:  # noqa: ARG002
        """`record_id` and `vector` (float16 bytes; null where there is no text)."""
        if self.part == "record":  # as other stages compare records, so that texts are embedded once
            vectors = part_vectors(self.model, batch)
        else:
            texts = mapped_texts(batch.records["record_id"], batch.turns, self.part)["text"]
            vectors = shared_vectors(self.model, texts.to_list())
        return batch.records.select("record_id").with_columns(packed(vectors).alias("vector"))

    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:
        """One annotation a record, its topic in `values`."""
        told = fingerprints.select("record_id", "vector").collect()
        there = told["vector"].is_not_null().to_numpy()
        numbers = np.zeros(told.height, dtype=np.int64)
        central = np.zeros(told.height, dtype=np.float64)
        if there.any():
            found = cluster(unpacked(told["vector"].filter(there)), self.topics, context.seed)
            numbers[there], central[there] = found.topics + 1, found.central
        return Decisions.of(
            pl.DataFrame(
                {
                    "record_id": told["record_id"],
                    "action": ["annotate"] * told.height,
                    "reason": ["in_topic" if one else "no_text" for one in there.tolist()],
                    "score": [
                        round(value, 4) if one else None
                        for value, one in zip(central.tolist(), there.tolist(), strict=True)
                    ],
                    "values": [json.dumps({"topic": number}) for number in numbers.tolist()],
                },
                schema_overrides={"score": pl.Float64},
            )
        )
