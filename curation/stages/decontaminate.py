"""Decontamination: no record may hold text of the evaluation files."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field, field_validator, model_validator

from curation.dedup.contamination import Hit, Index, Rules, distinct
from curation.dedup.evaluation import Stamp, digests, find_files, read_items
from curation.errors import StageError
from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext

if TYPE_CHECKING:
    from curation.embedding import Encoder
    from curation.embedding.encoder import F32

_REASONS = {"ngram": "ngram_overlap", "near": "near_copy", "semantic": "same_meaning"}
_TURNS_AT_ONCE = 4096  # turns embedded and compared together: at 10,000 items 160 MB of similarities


class Decontaminate(RecordStage):
    """Drop or flag records that hold text of evaluation files, so that a benchmark measures what it is meant to.

    Three ways: n-grams, slightly edited copies, the same meaning. What many evaluation items share (a prompt template)
    does not count, and a record made from the same template with other contents is no hit. Every decision names the
    evaluation item.
    """

    name: ClassVar[str] = "decontaminate"
    reasons: ClassVar[Mapping[str, str]] = {
        "ngram_overlap": "holds an evaluation item, or enough of its n-grams, word for word",
        "near_copy": "holds an evaluation item with slight edits",
        "same_meaning": "a turn means the same as an evaluation item",
    }

    against: tuple[str, ...] = Field(
        min_length=1, description="the evaluation files: paths, patterns or folders, in any format that can be read"
    )
    action: Literal["drop", "flag"] = Field("drop", description="what becomes of a record that is hit")
    part: Part = Field("record", description="what is searched: the whole record, its prompt, its answer, …")
    eval_part: Part = Field("prompt", description="what of an evaluation item is searched for")
    columns: tuple[str, ...] = Field(
        (), description="the columns of the evaluation files that hold the items, in place of eval_part"
    )
    ngram: int | None = Field(13, ge=5, le=100, description="words of an n-gram; null: do not look for n-grams")
    characters: int = Field(20, ge=5, le=200, description="characters of an n-gram in scripts without blanks")
    min_share: float = Field(
        0.5, gt=0, le=1, description="least share of an item's own n-grams; below 1 the rest must not be other content"
    )
    min_hits: int = Field(1, ge=1, description="fewest n-grams of an item, or all it has")
    min_words: int = Field(
        8,
        ge=1,
        description="shorter evaluation items are left alone; in scripts without blanks, the same share of an n-gram",
    )
    common: int = Field(5, ge=1, description="n-grams that more evaluation items than this share do not count")
    near: float | None = Field(
        0.8, ge=0.5, le=1, description="least Jaccard similarity of an edited copy; null: do not look for them"
    )
    semantic: float | None = Field(
        None, ge=0, le=1, description="least cosine similarity of a turn and an item; null: do not compare meanings"
    )
    encoder: str = Field("multilingual", description="with semantic: the sentence encoder, a folder or a Hub name")

    @field_validator("against", mode="after")
    @classmethod
    def _are_files(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name == "-" or name.startswith("hf:") or not name.strip():
                raise ValueError(f"evaluation files are files or folders on this machine, not {name!r}")
        return names

    @model_validator(mode="after")
    def _looks_for_something(self) -> Decontaminate:
        if self.ngram is None and self.near is None and self.semantic is None:
            raise ValueError("'ngram', 'near' and 'semantic' are all null: nothing would be looked for")
        return self

    def assets(self) -> Mapping[str, str]:
        """SHA-256 of each evaluation file, and the encoder if meanings are compared."""
        found = {f"evaluation file {name}": digest for name, digest in digests(self.against).items()}
        return found if self.semantic is None else {**found, "encoder": self._encoder().digest()}

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """One row a record that is hit: the item of its best hit as `related_id`, in `detail` how much was found."""
        items = _items(self, tuple(stamp for _, stamp in find_files(self.against)))
        by_record: dict[int, list[Hit]] = {}
        for hit in items.index.search(batch.texts(self.part)["text"].to_list()):
            by_record.setdefault(hit.record, []).append(hit)
        if self.semantic is not None:
            for hit in self._same_meaning(batch, items, by_record.keys(), self.semantic):
                by_record[hit.record] = [hit]
        if not by_record:
            return Decisions.none()
        numbers = sorted(by_record)
        rows = pl.DataFrame([self._row(by_record[number], items.ids) for number in numbers])
        return Decisions.of(rows.with_columns(record_id=batch.records["record_id"].gather(numbers)))

    def rules(self) -> Rules:
        """The parameters that the index needs."""
        return Rules(self.ngram, self.characters, self.min_words, self.min_share, self.min_hits, self.common, self.near)

    def _row(self, hits: Sequence[Hit], ids: Sequence[str]) -> dict[str, object]:
        best = hits[0]
        threshold = {"ngram": self.min_share, "near": self.near, "semantic": self.semantic}[best.way]
        more = f"; {len(hits) - 1} more evaluation items" if len(hits) > 1 else ""
        return {
            "action": self.action,
            "reason": _REASONS[best.way],
            "score": float(best.score),
            "threshold": threshold,
            "related_id": ids[best.item],
            "detail": f"{self._told(best)}{more}",
        }

    def _told(self, hit: Hit) -> str:
        if hit.way == "semantic":
            return f"cosine similarity by {self.encoder}"
        if hit.way == "near":
            return f"edited copy: {hit.found} of {hit.total} character n-grams shared"
        if hit.is_whole:
            return "the whole item, word for word"
        return f"{hit.found} of the item's {hit.total} own n-grams"

    def _encoder(self) -> Encoder:
        from curation.embedding import encoder

        return encoder(self.encoder)

    def _same_meaning(self, batch: Batch, items: _Items, known: Collection[int], least: float) -> list[Hit]:
        """The most similar item of each record not hit before, if it is similar enough and its numbers are there.

        Turns are compared one by one, since an answer beside the question would hide what the question means.
        """
        roles = PART_ROLES[self.part]
        rows = batch.records.select("record_id").with_row_index("row")
        turns = batch.turns if roles is None else batch.turns.filter(pl.col("role").is_in(roles))
        turns = turns.join(rows.filter(~pl.col("row").is_in(list(known))), on="record_id", maintain_order="left")
        turns = turns.filter(pl.col("content").str.contains(r"\S"))
        model, vectors = self._encoder(), items.vectors(self.encoder)
        best: dict[int, Hit] = {}
        for start in range(0, turns.height, _TURNS_AT_ONCE):
            part = turns[start : start + _TURNS_AT_ONCE]
            scores = model.encode(part["content"].to_list()) @ vectors.T
            for place, item in np.argwhere(scores >= least).tolist():
                record, score = part["row"][place], float(scores[place, item])
                if record in best and best[record].score >= score:
                    continue
                if _numbers(items.texts[items.searched[item]]) <= _numbers(part["content"][place]):
                    best[record] = Hit(record, items.searched[item], "semantic", score, 1, 1)
        return [best[record] for record in sorted(best)]


def _numbers(text: str) -> set[str]:
    return set(re.findall(r"\d+", text))


@dataclass
class _Items:
    """The evaluation items of a stage: their ids, their texts as written, what finds them. searched: the places of
    those that are long enough.
    """

    ids: list[str]
    texts: list[str]
    index: Index
    searched: list[int]
    _vectors: dict[str, F32] = field(default_factory=dict)

    def vectors(self, encoder_name: str) -> F32:
        """Vectors of the searched items, shape (items, dimensions), each of length 1."""
        from curation.embedding import encoder

        if encoder_name not in self._vectors:
            self._vectors[encoder_name] = encoder(encoder_name).encode([self.texts[place] for place in self.searched])
        return self._vectors[encoder_name]


@lru_cache(maxsize=2)
def _items(stage: Decontaminate, stamps: tuple[Stamp, ...]) -> _Items:  # noqa: ARG001 - changed files are read again
    """The evaluation items, read once a process; again when a file has changed since (`stamps`)."""
    ids: list[str] = []
    texts: list[str] = []
    for source, _ in find_files(stage.against):
        more_ids, more_texts = read_items(source, stage.eval_part, stage.columns)
        ids += more_ids
        texts += more_texts
    folded, places = distinct(texts)
    index = Index(folded, stage.rules())
    searched = np.flatnonzero(index.searched).tolist()
    if not searched:
        raise StageError(
            f"decontaminate: none of the {len(ids):,} evaluation items has {stage.min_words} words or more",
            "Lower 'min_words', or set eval_part: record so that questions are looked for with their answers.",
        )
    return _Items([ids[place] for place in places], [texts[place] for place in places], index, searched)
