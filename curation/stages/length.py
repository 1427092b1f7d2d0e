"""How long a record is: in characters, words, tokens and turns."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Self

import polars as pl
from pydantic import Field, model_validator

from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext
from curation.stages.tokens import count_tokens, tokenizer_digest

# Each Chinese or Japanese character is a word: those scripts put no blanks between words, and counts by segmenters
# differ too much from one another to be a threshold. Thai, Lao, Khmer and Burmese have no blanks either, but several
# characters a letter-word: every four of them, or what is left, count as one. Everything else: letters, marks and
# figures in a row, apostrophes, hyphens and decimal points inside included.
_HAN = r"\p{Han}\p{Hiragana}\p{Katakana}\p{Bopomofo}ー"
_UNSPACED = r"\p{Thai}\p{Lao}\p{Khmer}\p{Myanmar}"
_LETTER = rf"[[\p{{L}}\p{{M}}\p{{N}}]--[{_HAN}{_UNSPACED}]]"
WORD = rf"[{_HAN}]|[{_UNSPACED}]{{1,4}}|{_LETTER}+(?:['’\-]{_LETTER}+|[.,]\p{{N}}+)*"


class Length(RecordStage):
    """Drop records that are too short or too long.

    The turns of `part` are counted together, separators and roles left out; a record without such turns has length 0. A
    Chinese or Japanese character counts as a word, as do four characters of Thai, Lao, Khmer or Burmese.
    """

    name: ClassVar[str] = "length"
    reasons: ClassVar[Mapping[str, str]] = {
        "too_short": "fewer characters, words, tokens or turns than asked for",
        "too_long": "more characters, words, tokens or turns than asked for",
    }

    part: Part = Field(default="record", description="what is measured: the whole record, its prompt, its answer, …")
    min_chars: int | None = Field(default=None, ge=0, description="fewest characters (Unicode code points)")
    max_chars: int | None = Field(default=None, ge=0, description="most characters")
    min_words: int | None = Field(
        default=None, ge=0, description="fewest words; a Chinese or Japanese character is one"
    )
    max_words: int | None = Field(default=None, ge=0, description="most words")
    min_tokens: int | None = Field(
        default=None, ge=0, description="fewest tokens of `tokenizer`, special ones not counted"
    )
    max_tokens: int | None = Field(default=None, ge=0, description="most tokens of `tokenizer`")
    min_turns: int | None = Field(default=None, ge=0, description="fewest turns (messages)")
    max_turns: int | None = Field(default=None, ge=0, description="most turns")
    tokenizer: str = Field(
        default="",
        max_length=400,
        description="a folder with a tokenizer, a tokenizer.json, or a name on the Hugging Face Hub",
    )

    @model_validator(mode="after")
    def _fits(self) -> Self:
        bounds = self._bounds()
        if not bounds:
            raise ValueError("give at least one bound, such as min_chars")
        for unit, (low, high) in bounds.items():
            if low is not None and high is not None and low > high:
                raise ValueError(f"the fewest {unit} ({low}) are more than the most ({high})")
        if ("tokens" in bounds) != bool(self.tokenizer):
            raise ValueError(
                "a bound on tokens needs a tokenizer" if "tokens" in bounds else "tokenizer needs a bound on tokens"
            )
        return self

    def assets(self) -> Mapping[str, str]:
        """The digest of the tokenizer, if one is used."""
        return {"tokenizer": tokenizer_digest(self.tokenizer)} if self.tokenizer else {}

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """The first bound that a record breaks drops it: characters, words, tokens, turns, in this order."""
        roles = PART_ROLES[self.part]
        turns = batch.turns if roles is None else batch.turns.filter(pl.col("role").is_in(roles))
        left = batch.records.select("record_id")
        dropped = []
        for unit, (low, high) in self._bounds().items():
            measured = self._measured(unit, left, turns)
            wrong = _outside(measured, unit, low, high)
            dropped.append(wrong)
            left = left.join(wrong, on="record_id", how="anti", maintain_order="left")
        rows = batch.records.select("record_id").join(pl.concat(dropped), on="record_id", maintain_order="left")
        return Decisions.drop(rows)

    def _bounds(self) -> dict[str, tuple[int | None, int | None]]:
        bounds = {
            "characters": (self.min_chars, self.max_chars),
            "words": (self.min_words, self.max_words),
            "tokens": (self.min_tokens, self.max_tokens),
            "turns": (self.min_turns, self.max_turns),
        }
        return {unit: pair for unit, pair in bounds.items() if pair != (None, None)}

    def _measured(self, unit: str, records: pl.DataFrame, turns: pl.DataFrame) -> pl.DataFrame:
        """`record_id, score`: the length of each of `records` in one unit."""
        turns = turns.join(records, on="record_id", how="semi", maintain_order="left")
        content = pl.col("content")
        if unit == "characters":
            counts = turns.select("record_id", size=content.str.len_chars())
        elif unit == "words":
            counts = turns.select("record_id", size=content.str.count_matches(WORD))
        elif unit == "turns":
            counts = turns.select("record_id", size=pl.lit(1))
        else:
            sizes = pl.Series("size", count_tokens(self.tokenizer, turns["content"]), dtype=pl.Int64)
            counts = turns.select("record_id").with_columns(sizes)
        sums = counts.group_by("record_id").agg(score=pl.col("size").cast(pl.Int64).sum())
        return records.join(sums, on="record_id", how="left", maintain_order="left").with_columns(
            pl.col("score").fill_null(0)
        )


def _outside(measured: pl.DataFrame, unit: str, low: int | None, high: int | None) -> pl.DataFrame:
    """The records below `low` or above `high`, as decisions."""
    short = pl.col("score") < low if low is not None else pl.lit(False)
    long = pl.col("score") > high if high is not None else pl.lit(False)
    return measured.filter(short | long).select(
        "record_id",
        "score",
        reason=pl.when(short).then(pl.lit("too_short")).otherwise(pl.lit("too_long")),
        threshold=pl.when(short).then(pl.lit(low, dtype=pl.Int64)).otherwise(pl.lit(high, dtype=pl.Int64)),
        detail=pl.lit(unit),
    )
