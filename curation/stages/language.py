"""The stage `language`: keeps the languages that are wanted, and says which language each record is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from curation.language.codes import UNKNOWN, language_code
from curation.schema import Batch, Decisions, Part
from curation.stage import RecordStage, StageContext


class Language(RecordStage):
    """Which language a record is written in, by its letters and by fastText's classifier of 176 languages.

    Code, markup, addresses and numbers do not count. A record in two languages is judged by the one most of its words
    are in. How often the answer is right: docs/language.md.
    """

    name: ClassVar[str] = "language"
    reasons: ClassVar[Mapping[str, str]] = {
        "not_allowed": "Its language is not one of those in `allow`.",
        "denied": "Its language is one of those in `deny`.",
        "unknown_language": "Its language could not be told: too few letters, or a score below `threshold`.",
        "detected": "The language that was found, as an annotation.",
    }

    allow: tuple[str, ...] = Field(
        default=(), description="ISO 639 codes of the languages to keep, such as [en, zh]; empty: every language."
    )
    deny: tuple[str, ...] = Field(default=(), description="ISO 639 codes of the languages to drop.")
    among: tuple[str, ...] = Field(
        default=(),
        description="The only languages there are, if you know them: short texts in the same script are told apart "
        "better. A text in a script that none of them uses is still found to be what it is.",
    )
    threshold: float = Field(
        default=0.5, ge=0.0, le=1.0, description="A language with a lower score than this counts as unknown."
    )
    unknown: Literal["keep", "drop", "flag"] = Field(
        default="keep", description="What becomes of a record whose language is unknown."
    )
    part: Part = Field(default="record", description="Which part of the record is looked at.")
    annotate: bool = Field(
        default=False, description="Note `language` and `language_score` for kept records too, not only for dropped."
    )
    chars: int = Field(
        default=200, ge=20, le=100_000, description="How many characters of the part are looked at, from its beginning."
    )

    @field_validator("allow", "deny", "among", mode="after")
    @classmethod
    def _codes(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(dict.fromkeys(language_code(name) for name in names))

    @model_validator(mode="after")
    def _no_contradiction(self) -> Language:
        both = sorted(set(self.allow) & set(self.deny))
        if both:
            raise ValueError(f"'{both[0]}' is both in allow and in deny")
        return self

    def assets(self) -> Mapping[str, str]:
        """SHA-256 of the classifier's weights."""
        from curation.language.weights import weights_digest

        return {"lid.176.ftz": weights_digest()}

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """Drop by `deny`, then by `unknown` or `allow`; flag or annotate the rest as far as that is asked for."""
        from curation.language.detect import detect_languages

        texts = batch.texts(self.part)
        found = detect_languages(texts["text"], chars=self.chars, among=self.among)
        guess, score = pl.col("language"), pl.col("language_score")
        sure = (guess != UNKNOWN) & (score >= self.threshold)
        rows = pl.concat([texts.select("record_id"), found], how="horizontal").with_columns(
            language=pl.when(sure).then(guess).otherwise(pl.lit(UNKNOWN)),
            detail=pl.when(sure)
            .then(None)
            .when(guess == UNKNOWN)
            .then(pl.lit("too few letters"))
            .otherwise(pl.lit("most like ") + guess),
        )
        action, reason = self._verdict(pl.col("language"))
        rows = rows.with_columns(action=action, reason=reason).filter(pl.col("action").is_not_null())
        values = pl.struct("language", "language_score").struct.json_encode()
        return Decisions.of(rows.with_columns(score=score, threshold=pl.lit(self.threshold), values=values))

    def _verdict(self, language: pl.Expr) -> tuple[pl.Expr, pl.Expr]:
        """Action and reason by the language that was found; a null action where there is nothing to say."""
        unknown = language == UNKNOWN
        denied = language.is_in(list(self.deny))
        outside = ~unknown & ~language.is_in(list(self.allow)) if self.allow else pl.lit(value=False)
        noted = pl.lit("annotate") if self.annotate else pl.lit(None, dtype=pl.String)
        acted = pl.lit(self.unknown) if self.unknown != "keep" else noted
        action = pl.when(denied | outside).then(pl.lit("drop")).when(unknown).then(acted).otherwise(noted)
        reason = (
            pl.when(denied)
            .then(pl.lit("denied"))
            .when(outside)
            .then(pl.lit("not_allowed"))
            .when(unknown & (self.unknown != "keep"))
            .then(pl.lit("unknown_language"))
            .otherwise(pl.lit("detected"))
        )
        return action, reason
