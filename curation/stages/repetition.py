"""Repetition within a text: Gopher's rules for lines, paragraphs and n-grams, and endings that loop."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

import polars as pl
from pydantic import Field, model_validator

from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext
from curation.stages.heuristics.loops import looping
from curation.stages.heuristics.profiles import Profile, fill_in
from curation.stages.heuristics.prose import without_code
from curation.stages.heuristics.repeated import Shares

_WEB: dict[str, Any] = {
    "dup_para_frac": 0.3,
    "dup_para_char_frac": 0.2,
    "dup_line_frac": 0.3,
    "dup_line_char_frac": 0.2,
    "top_2gram": 0.2,
    "top_3gram": 0.18,
    "top_4gram": 0.16,
    "dup_5gram": 0.15,
    "dup_6gram": 0.14,
    "dup_7gram": 0.13,
    "dup_8gram": 0.12,
    "dup_9gram": 0.11,
    "dup_10gram": 0.1,
    "min_lines": None,
    "min_line_chars": None,
    "min_words": None,
    "min_count": 1,
}

_LINE_REASONS = {
    "empty": "it has no text at all (web profile)",
    "dup_para_frac": "too many of its paragraphs are repeated (Gopher)",
    "dup_para_char_frac": "too many of its characters are in repeated paragraphs (Gopher)",
    "dup_line_frac": "too many of its lines are repeated (Gopher)",
    "dup_line_char_frac": "too many of its characters are in repeated lines (Gopher)",
}
_TOP = (2, 3, 4)
_DUP = (5, 6, 7, 8, 9, 10)


def _top(n: int, sft: float, web: float) -> Any:
    return Field(sft, ge=0, le=1, description=f"largest share of the most frequent {n} words in a row (web: {web})")


def _dup(n: int, sft: float, web: float) -> Any:
    return Field(sft, ge=0, le=1, description=f"largest share of repeated runs of {n} words (web: {web})")


class Repetition(RecordStage):
    """Drop records that say the same again and again: lines, paragraphs, runs of words, or an ending that
    loops.

    profile: web has the thresholds of Gopher as published. profile: sft is for answers, where lists, tables,
    verses and definitions repeat by nature: thresholds are looser, code is left out, marks do not count, and
    short texts are only looked at for loops. Each turn of the part is judged by itself; the first that fails
    gives the reason.

    Shares are of the characters of the text; dup_line_frac and dup_para_frac are of its lines and paragraphs.
    null turns a rule off.
    """

    name: ClassVar[str] = "repetition"
    reasons: ClassVar[Mapping[str, str]] = {
        "looping": "its end is one unit over and over",
        **_LINE_REASONS,
        **{f"top_{n}gram": f"too much of it is its most frequent run of {n} words (Gopher)" for n in _TOP},
        **{f"dup_{n}gram": f"too much of it is in repeated runs of {n} words (Gopher)" for n in _DUP},
    }

    profile: Profile = Field(
        "sft", description="sft: for answers; web: documents, thresholds as published. Sets the default of the others"
    )
    part: Part = Field("answer", description="which turns are judged: the answer (or the text), the prompt, …")
    loop_repeats: int | None = Field(5, ge=2, description="how often a unit must stand at the end to be a loop")
    loop_min_chars: int = Field(
        60, ge=2, description="fewest characters of a loop; a character of Chinese counts as three"
    )
    min_lines: int | None = Field(
        5, ge=1, description="texts with fewer lines (paragraphs) are not judged by them (web: off)"
    )
    min_line_chars: int | None = Field(
        20, ge=1, description="shorter lines and paragraphs do not count; a character of Chinese is three (web: off)"
    )
    min_words: int | None = Field(
        50, ge=1, description="texts with fewer words are not judged by runs of words (web: off)"
    )
    min_count: int = Field(3, ge=1, description="how often the most frequent run must occur to count at all (web: 1)")
    dup_para_frac: float | None = Field(0.5, ge=0, le=1, description="largest share of repeated paragraphs (web: 0.3)")
    dup_para_char_frac: float | None = Field(0.4, ge=0, le=1, description="the same by characters (web: 0.2)")
    dup_line_frac: float | None = Field(0.5, ge=0, le=1, description="largest share of repeated lines (web: 0.3)")
    dup_line_char_frac: float | None = Field(0.4, ge=0, le=1, description="the same by characters (web: 0.2)")
    top_2gram: float | None = _top(2, 0.4, 0.2)
    top_3gram: float | None = _top(3, 0.36, 0.18)
    top_4gram: float | None = _top(4, 0.32, 0.16)
    dup_5gram: float | None = _dup(5, 0.45, 0.15)
    dup_6gram: float | None = _dup(6, 0.42, 0.14)
    dup_7gram: float | None = _dup(7, 0.39, 0.13)
    dup_8gram: float | None = _dup(8, 0.36, 0.12)
    dup_9gram: float | None = _dup(9, 0.33, 0.11)
    dup_10gram: float | None = _dup(10, 0.3, 0.1)

    @model_validator(mode="after")
    def _defaults_of_profile(self) -> Repetition:
        fill_in(self, _WEB)
        return self

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """A drop for each record with a turn that fails."""
        roles = PART_ROLES[self.part]
        chosen = batch.turns if roles is None else batch.turns.filter(pl.col("role").is_in(roles))
        verdict = self._judge(chosen["content"])
        several = chosen["record_id"].is_duplicated()
        failed = (
            chosen.select("record_id", "turn")
            .hstack(verdict)
            .with_columns(several=several)
            .filter(pl.col("reason").is_not_null())
            .unique("record_id", keep="first", maintain_order=True)
        )
        turn = pl.when("several").then(pl.format("turn {}", "turn"))
        return Decisions.drop(
            failed.with_columns(detail=pl.concat_str(turn, "detail", separator="; ", ignore_nulls=True))
        )

    def _judge(self, texts: pl.Series) -> pl.DataFrame:
        """`reason, score, threshold, detail` of each text, cheap rules first, dear ones only for what is left."""
        verdict = self._loops(texts)
        shares = self._shares()
        prose = without_code(texts) if self.profile == "sft" else texts
        for judge in (shares.judge_lines, shares.judge_ngrams):
            left = verdict["reason"].is_null()
            found = judge(prose.filter(left)).with_columns(left.arg_true().alias("index"))
            verdict = verdict.with_row_index().update(found, on="index").drop("index")
        return verdict

    def _loops(self, texts: pl.Series) -> pl.DataFrame:
        limit = pl.lit(self.loop_repeats, pl.Float64)
        if self.loop_repeats is None:
            loops = pl.select(repeats=pl.repeat(None, len(texts), dtype=pl.Int64), unit=pl.lit(None, pl.Int64))
        else:
            loops = looping(texts, self.loop_repeats, self.loop_min_chars)
        found = pl.col("repeats").is_not_null()
        return loops.select(
            reason=pl.when(found).then(pl.lit("looping")),
            score=pl.col("repeats").cast(pl.Float64),
            threshold=pl.when(found).then(limit),
            detail=pl.when(found).then(pl.format("a unit of {} characters", "unit")),
        )

    def _shares(self) -> Shares:
        top = {n: getattr(self, f"top_{n}gram") for n in _TOP}
        dup = {n: getattr(self, f"dup_{n}gram") for n in _DUP}
        return Shares(
            dup_para_frac=self.dup_para_frac,
            dup_para_char_frac=self.dup_para_char_frac,
            dup_line_frac=self.dup_line_frac,
            dup_line_char_frac=self.dup_line_char_frac,
            top={n: limit for n, limit in top.items() if limit is not None},
            dup={n: limit for n, limit in dup.items() if limit is not None},
            min_words=self.min_words,
            min_lines=self.min_lines,
            min_line_chars=self.min_line_chars,
            min_count=self.min_count,
            answers=self.profile == "sft",
        )
