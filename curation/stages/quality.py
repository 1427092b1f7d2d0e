"""Quality by rules of thumb: Gopher, C4 and FineWeb, each rule with its own reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Literal

import polars as pl
from pydantic import Field, field_validator, model_validator

from curation.schema import PART_ROLES, Batch, Decisions, Part
from curation.stage import RecordStage, StageContext
from curation.stages.heuristics import c4, fineweb, gopher, notices
from curation.stages.heuristics.profiles import Profile, fill_in
from curation.stages.heuristics.stopwords import Language
from curation.stages.heuristics.texts import Texts

RuleSet = Literal["gopher", "c4", "fineweb"]

_WEB: dict[str, Any] = {
    "rules": ("gopher", "c4", "fineweb"),
    "min_words": 50,
    "min_mean_word_length": 3.0,
    "max_mean_word_length": 10.0,
    "min_alpha_words": 0.8,
    "min_stop_words": 2,
    "ratio_min_words": None,
    "ratio_min_lines": None,
    "c4_citations": True,
    "c4_terminal": True,
    "c4_min_sentences": 5,
    "c4_min_line_words": 3,
    "c4_max_word_length": 1000,
    "fineweb_min_terminal_lines": 0.12,
    "fineweb_max_short_lines": 0.67,
    "fineweb_max_duplicate_lines": 0.01,
    "fineweb_max_newlines": 0.3,
}


class Quality(RecordStage):
    """Drop records that published rules of thumb take for no good text; C4 can remove single lines instead.

    profile: web holds documents to the thresholds as published. profile: sft is for answers, which may be one
    word, a list, a table, code or a poem: rules that need a page are off, and the others look at what is
    wrong in an answer too (garbage of symbols, dummy text, unfilled templates, notices of web pages). A
    threshold of null turns its rule off.

    The turns of the part are judged as one text, joined by line feeds; a rejected answer is judged apart from
    the chosen one. The sets of rules run in the order given, each on what the one before left.
    """

    name: ClassVar[str] = "quality"
    reasons: ClassVar[Mapping[str, str]] = {
        **gopher.REASONS,
        **c4.DROP_REASONS,
        **notices.DROP_REASONS,
        **c4.EDIT_REASONS,
        **fineweb.REASONS,
    }

    rules: tuple[RuleSet, ...] = Field(
        ("gopher", "c4"), min_length=1, description="the sets of rules, in the order they run (web: also fineweb)"
    )
    profile: Profile = Field(
        "sft", description="sft: for answers; web: documents, thresholds as published. Sets the default of the others"
    )
    language: Language = Field(
        "auto", description="whose stop words are looked for; auto: of the language the text has most of"
    )
    part: Part = Field("answer", description="which turns are judged: the answer (or the text), the prompt, …")

    min_words: int | None = Field(None, ge=1, description="fewest words, without marks (Gopher; web: 50)")
    max_words: int | None = Field(100_000, ge=1, description="most words, without marks (Gopher)")
    min_mean_word_length: float | None = Field(
        None, gt=0, description="shortest mean word in characters (Gopher; web: 3); spaced scripts only"
    )
    max_mean_word_length: float | None = Field(None, gt=0, description="longest mean word (Gopher; web: 10)")
    max_hashes: float | None = Field(0.1, ge=0, description="most # for each word (Gopher)")
    max_ellipses: float | None = Field(0.1, ge=0, description="most ellipses for each word (Gopher)")
    max_bullet_lines: float | None = Field(
        0.9,
        ge=0,
        le=1,
        description="largest share of lines that begin with a bullet (Gopher); sft: that are only a bullet",
    )
    max_ellipsis_lines: float | None = Field(
        0.3, ge=0, le=1, description="largest share of lines that end with an ellipsis (Gopher)"
    )
    min_alpha_words: float | None = Field(
        0.2,
        ge=0,
        le=1,
        description="smallest share of words with a letter (Gopher; web: 0.8); sft: or a digit or emoji",
    )
    min_stop_words: int | None = Field(None, ge=1, description="fewest different stop words (Gopher; web: 2)")
    stop_words: tuple[str, ...] | None = Field(None, description="stop words to look for instead of the language's")
    ratio_min_words: int | None = Field(
        10, ge=1, description="texts with fewer words are not judged by shares of words (web: off)"
    )
    ratio_min_lines: int | None = Field(
        5, ge=1, description="texts with fewer lines are not judged by shares of lines (web: off)"
    )

    c4_remove_lines: bool = Field(
        False, description="remove the lines C4 would remove, instead of only not counting them"
    )
    c4_citations: bool = Field(False, description="cut [1], [edit], [citation needed] out of lines (web: on)")
    c4_terminal: bool = Field(False, description='lines must end with . ? ! " or 。！？ (web: on)')
    c4_min_sentences: int | None = Field(None, ge=1, description="fewest sentences in the lines that count (web: 5)")
    c4_min_line_words: int | None = Field(None, ge=1, description="fewest words of a line (web: 3)")
    c4_max_word_length: int | None = Field(None, ge=1, description="longest word of a line in characters (web: 1000)")
    c4_lorem_ipsum: bool = Field(True, description="no lorem ipsum; sft: no dummy text, it may be talked about")
    c4_javascript: bool = Field(True, description="no line with JavaScript; sft: no line that asks to enable it")
    c4_curly_bracket: bool = Field(True, description="no curly bracket; sft: no unfilled {{template}} outside code")
    c4_policy: bool = Field(True, description="no line about privacy policy or cookies; sft: no cookie notice")

    fineweb_min_terminal_lines: float | None = Field(
        None, ge=0, le=1, description="smallest share of lines that end like a sentence (web: 0.12)"
    )
    fineweb_max_short_lines: float | None = Field(
        None, ge=0, le=1, description="largest share of short lines (web: 0.67)"
    )
    fineweb_short_line_chars: int = Field(
        30, ge=1, description="how long a short line is; 10 for Chinese when it is 30"
    )
    fineweb_max_duplicate_lines: float | None = Field(
        None, ge=0, le=1, description="largest share of characters in repeated lines (web: 0.01)"
    )
    fineweb_max_newlines: float | None = Field(None, ge=0, description="most line feeds for each word (web: 0.3)")

    @field_validator("rules")
    @classmethod
    def _once_each(cls, rules: tuple[RuleSet, ...]) -> tuple[RuleSet, ...]:
        if len(set(rules)) < len(rules):
            raise ValueError("a set of rules is named twice")
        return rules

    @model_validator(mode="after")
    def _defaults_of_profile(self) -> Quality:
        fill_in(self, _WEB)
        return self

    def decide(self, batch: Batch, context: StageContext) -> Decisions:  # noqa: ARG002
        """A drop for each record that fails, with the first rule it fails; an edit where C4 removed lines."""
        parts = _parts(batch, self.part)
        first = parts
        drops: list[pl.DataFrame] = []
        removed: list[pl.DataFrame] = []
        for rules in self.rules:
            texts = parts.group_by("unit", maintain_order=True).agg(
                pl.col("record_id", "side").first(), pl.col("content").str.join("\n")
            )
            if rules == "c4":
                verdict, parts, taken = self._c4(texts["content"], parts)
                removed.append(taken)
            else:
                judge = self._gopher().judge if rules == "gopher" else self._fineweb().judge
                verdict = judge(Texts(texts["content"]))
            failed = texts.select("record_id", "side").hstack(verdict).filter(pl.col("reason").is_not_null())
            drops.append(failed)
            parts = parts.join(failed, on="record_id", how="anti", maintain_order="left")
        return _decisions(pl.concat(drops), first, parts, removed)

    def _c4(self, texts: pl.Series, parts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame, pl.DataFrame]:
        """The verdict on each text, the parts as they would be, and the lines taken out: `record_id, reason, len`."""
        taken: list[pl.DataFrame] = []
        reasons = pl.repeat(None, len(texts), dtype=pl.String, eager=True)
        if self.profile == "sft":
            seen = notices.Notices(self.c4_lorem_ipsum, self.c4_javascript, self.c4_curly_bracket, self.c4_policy)
            reasons = seen.judge(texts, lines=not self.c4_remove_lines)
            if self.c4_remove_lines:
                parts, counts = _with_edits(parts, *seen.remove(parts["content"]))
                taken.append(counts)
        nothing = pl.lit(None, pl.Float64)
        verdict = pl.DataFrame({"reason": reasons}).with_columns(score=nothing, threshold=nothing)
        rules = self._line_rules()
        if rules.active():
            lines = rules.look(parts["content"], parts["unit"].rank("dense").cast(pl.UInt32) - 1)
            judged = rules.judge(lines, len(texts))
            verdict = pl.select(pl.coalesce(verdict[name], judged[name]).alias(name) for name in judged.columns)
            if self.c4_remove_lines:
                parts, counts = _with_edits(parts, *c4.removals(lines, parts["content"]))
                taken.append(counts)
        return verdict, parts, pl.concat(taken) if taken else _NOTHING_TAKEN

    def _gopher(self) -> gopher.GopherRules:
        return gopher.GopherRules(
            min_words=self.min_words,
            max_words=self.max_words,
            min_mean_word_length=self.min_mean_word_length,
            max_mean_word_length=self.max_mean_word_length,
            max_hashes=self.max_hashes,
            max_ellipses=self.max_ellipses,
            max_bullet_lines=self.max_bullet_lines,
            max_ellipsis_lines=self.max_ellipsis_lines,
            min_alpha_words=self.min_alpha_words,
            min_stop_words=self.min_stop_words,
            stop_words=self.stop_words,
            language=self.language,
            ratio_min_words=self.ratio_min_words,
            ratio_min_lines=self.ratio_min_lines,
            answers=self.profile == "sft",
        )

    def _line_rules(self) -> c4.C4Rules:
        """In the sft profile the rules about what lines say are those of `notices`."""
        web = self.profile == "web"
        return c4.C4Rules(
            citations=self.c4_citations,
            terminal=self.c4_terminal,
            min_sentences=self.c4_min_sentences,
            min_line_words=self.c4_min_line_words,
            max_word_length=self.c4_max_word_length,
            lorem_ipsum=web and self.c4_lorem_ipsum,
            javascript=web and self.c4_javascript,
            curly_bracket=web and self.c4_curly_bracket,
            policy=web and self.c4_policy,
        )

    def _fineweb(self) -> fineweb.FineWebRules:
        return fineweb.FineWebRules(
            empty=self.profile == "web",  # an answer without text may hold a tool call
            min_terminal_lines=self.fineweb_min_terminal_lines,
            max_short_lines=self.fineweb_max_short_lines,
            short_line_chars=self.fineweb_short_line_chars,
            max_duplicate_lines=self.fineweb_max_duplicate_lines,
            max_newlines=self.fineweb_max_newlines,
        )


_NOTHING_TAKEN = pl.DataFrame(schema={"record_id": pl.String, "reason": pl.String, "len": pl.UInt32})


def _parts(batch: Batch, part: Part) -> pl.DataFrame:
    """The turns to be judged, `record_id, turn, content, side, unit`; turns of one unit are one text.

    A rejected answer is a unit of its own: beside the chosen one every line would look repeated.
    """
    roles = PART_ROLES[part]
    turns = batch.turns if roles is None else batch.turns.filter(pl.col("role").is_in(roles))
    sided = turns.select("record_id", "turn", "content", side=pl.col("role") == "rejected")
    units = sided.select("record_id", "side").unique(maintain_order=True).with_row_index("unit")
    return sided.join(units, on=["record_id", "side"], maintain_order="left").sort("unit", maintain_order=True)


def _with_edits(parts: pl.DataFrame, edited: pl.DataFrame, counts: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The parts with `edited` (`row, after`) put in; `counts` (`row, reason, len`) with record ids for row numbers."""
    rows = parts.with_row_index("row")
    after = rows.join(edited, on="row", how="left", maintain_order="left").select(pl.coalesce("after", "content"))
    taken = counts.join(edited, on="row", how="semi").join(rows.select("row", "record_id"), on="row")
    return parts.with_columns(content=after.to_series()), taken.select(_NOTHING_TAKEN.columns)


def _decisions(
    failed: pl.DataFrame, before: pl.DataFrame, after: pl.DataFrame, removed: list[pl.DataFrame]
) -> Decisions:
    """Drops of the failed records, in record order; edits of the parts that are left and differ."""
    drops = failed.unique("record_id", keep="first", maintain_order=True).select(
        "record_id",
        "reason",
        "score",
        "threshold",
        action=pl.lit("drop"),
        detail=pl.when("side").then(pl.lit("rejected answer")),
    )
    edits = (
        after.select("record_id", "turn", after="content")
        .join(before.select("record_id", "turn", "content"), on=["record_id", "turn"], maintain_order="left")
        .filter(pl.col("after") != pl.col("content"))
        .drop("content")
    )
    kinds = pl.concat([_NOTHING_TAKEN, *removed]).group_by("record_id", "reason").agg(pl.col("len").sum())
    edited = (
        kinds.join(edits, on="record_id", how="semi")
        .sort("record_id", "len", "reason", descending=[False, True, False])
        .group_by("record_id", maintain_order=True)
        .agg(
            pl.col("reason").first(),
            score=pl.col("len").sum().cast(pl.Float64),
            detail=pl.format("{}: {}", "reason", "len").str.join(", "),
        )
        .with_columns(action=pl.lit("edit"), threshold=pl.lit(None, pl.Float64))
        .select(drops.columns)
    )
    order = before.select("record_id").unique(maintain_order=True)
    rows = order.join(pl.concat([drops, edited]), on="record_id", maintain_order="left")
    return Decisions.of(rows, edits)
