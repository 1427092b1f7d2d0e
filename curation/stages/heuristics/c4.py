"""The rules of C4: Raffel et al. 2020, "Exploring the Limits of Transfer Learning", section 2.2.

The paper keeps the lines that are sentences, then drops the pages that have too few of them. A line goes for,
in this order: a word too long, no mark that ends a sentence, too few words, JavaScript, a policy notice. A
page goes as soon as one of its remaining lines has "lorem ipsum" or a curly bracket.

For lines of unspaced scripts 。！？ end a sentence, also before a closing quote, and words are estimated from
characters; Thai, which ends its sentences with a space, is held neither to terminal marks nor to a number of
sentences. What is left of these rules for answers is in `notices`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from curation.stages.heuristics.scripts import CJK_PUNCTUATION, THAI_END, UNSPACED, unspaced_words
from curation.stages.heuristics.sentences import sentence_counts
from curation.stages.heuristics.texts import split_lines
from curation.stages.heuristics.words import WordTable

DROP_REASONS = {
    "c4_lorem_ipsum": "it has the placeholder text lorem ipsum (C4)",
    "c4_curly_bracket": "it has a curly bracket: code, or a template that was never filled in (C4)",
    "c4_too_few_sentences": "its whole lines hold too few sentences (C4)",
}
EDIT_REASONS = {
    "c4_line_long_word": "lines with a word that is too long were removed (C4)",
    "c4_line_no_terminal": "lines that do not end like a sentence were removed (C4)",
    "c4_line_few_words": "lines with too few words were removed (C4)",
    "c4_line_javascript": "lines about JavaScript were removed (C4)",
    "c4_line_policy": "lines with a privacy, cookie or terms notice were removed (C4)",
    "c4_citations": "citation marks such as [1] or [edit] were removed (C4)",
    "c4_trimmed": "blank lines, and blanks at the ends of lines, were removed (C4)",
}

_CITATION = r"\[\d*\]|\[edit\]|\[citation needed\]"
_TERMINAL = r"""(?:[.?!"']|[。！？｡︒][”’」』）】》]*)$"""
_ELLIPSIS = r"(?:\.\.\.|。。。)$"
_POLICIES = r"(?i)terms of use|privacy policy|cookie policy|uses cookies|use of cookies|use cookies"
_FATAL = ("c4_lorem_ipsum", "c4_curly_bracket")


@dataclass(frozen=True)
class C4Rules:
    """Which rules are on, and their thresholds (None = off)."""

    citations: bool
    terminal: bool
    min_sentences: int | None
    min_line_words: int | None
    max_word_length: int | None
    lorem_ipsum: bool
    javascript: bool
    curly_bracket: bool
    policy: bool

    def active(self) -> bool:
        """Whether any rule is on."""
        return any(value not in (None, False) for value in vars(self).values())

    def look(self, parts: pl.Series, owners: pl.Series) -> pl.DataFrame:
        """Every line of every part (a text has one or more parts, its turns).

        Columns: `row` (number of the part), `owner` (of the text), `line` as it would stay, `cited` (a
        citation was cut), `why` it would go (null: it stays).
        """
        lines = split_lines(parts)
        whole = lines["line"].str.strip_chars()
        line = _without_citations(whole) if self.citations else whole
        why = pl.lit(None, pl.String)
        for reason, fails in reversed(self._tests(whole, line)):
            why = pl.when(fails).then(pl.lit(reason)).otherwise(why)
        return lines.select("row", owners.gather(lines["row"]).alias("owner"), line=line, cited=line != whole, why=why)

    def _tests(self, whole: pl.Series, line: pl.Series) -> list[tuple[str, pl.Series]]:
        """Which lines fail what, in the order of the paper's code; words are counted before citations are cut."""
        tests = []
        if self.max_word_length is not None:
            tests.append(("c4_line_long_word", _has_long_word(whole, self.max_word_length)))
        if self.terminal:
            ended = line.str.contains(_TERMINAL) & ~line.str.contains(_ELLIPSIS)
            tests.append(("c4_line_no_terminal", ~(ended | line.str.contains(THAI_END))))
        if self.min_line_words is not None:
            tests.append(("c4_line_few_words", _line_words(whole) < self.min_line_words))
        if self.lorem_ipsum:
            tests.append(("c4_lorem_ipsum", line.str.contains("(?i)lorem ipsum")))
        if self.javascript:
            tests.append(("c4_line_javascript", line.str.contains("(?i)javascript")))
        if self.curly_bracket:
            tests.append(("c4_curly_bracket", line.str.contains("{", literal=True)))
        if self.policy:
            tests.append(("c4_line_policy", line.str.contains(_POLICIES)))
        return tests

    def judge(self, lines: pl.DataFrame, texts: int) -> pl.DataFrame:
        """`reason, score, threshold` of each of `texts` texts from its lines, null where it stays."""
        fatal = lines.filter(pl.col("why").is_in(_FATAL)).unique("owner", keep="first", maintain_order=True)
        every = pl.DataFrame({"owner": pl.int_range(texts, dtype=pl.UInt32, eager=True)})
        verdict = every.join(fatal.select("owner", reason="why"), on="owner", how="left", maintain_order="left")
        if self.min_sentences is None:
            nothing = pl.lit(None, pl.Float64)
            return verdict.select("reason", score=nothing, threshold=nothing)
        sentences = _sentences(lines, verdict["reason"].is_null(), self.min_sentences)
        few = pl.col("sentences") < self.min_sentences
        return verdict.with_columns(sentences=sentences).select(
            reason=pl.when(few).then(pl.lit("c4_too_few_sentences")).otherwise("reason"),
            score=pl.when(few).then("sentences"),
            threshold=pl.when(few).then(pl.lit(self.min_sentences, pl.Float64)),
        )


def removals(lines: pl.DataFrame, parts: pl.Series) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What is left of the parts that `look` would change, and why.

    First frame: `row, after` of each part that changes. Second: `row, reason, len`, how many of its lines
    each reason took.
    """
    stays = pl.col("why").is_null()
    joined = pl.col("line").str.join("\n").str.strip_chars()
    left = lines.filter(stays).group_by("row", maintain_order=True).agg(after=joined)
    edited = (
        pl.DataFrame({"before": parts})
        .with_row_index("row")
        .join(left, on="row", how="left", maintain_order="left")
        .with_columns(pl.col("after").fill_null(""))
        .filter(pl.col("after") != pl.col("before"))
        .select("row", "after")
    )
    cited = lines.filter(stays & pl.col("cited")).select("row", reason=pl.lit("c4_citations"))
    gone = lines.filter(~stays & (pl.col("line") != "")).select("row", reason="why")
    counts = pl.concat([gone, cited]).group_by("row", "reason").len()
    trimmed = edited.join(counts, on="row", how="anti").select(
        "row", reason=pl.lit("c4_trimmed"), len=pl.lit(1, pl.UInt32)
    )
    return edited, pl.concat([counts, trimmed]).cast({"len": pl.UInt32})


def _without_citations(line: pl.Series) -> pl.Series:
    bracketed = line.str.contains("[", literal=True)
    if not bracketed.any():
        return line
    return line.str.replace_all(_CITATION, "").zip_with(bracketed, line)


def _has_long_word(line: pl.Series, longest: int) -> pl.Series:
    """Lines with a word of more than `longest` characters; an unspaced script is not one long word."""
    candidates = line.str.len_chars() > longest
    if not candidates.any():
        return candidates
    spaced = line.filter(candidates).str.replace_all(f"[{UNSPACED}{CJK_PUNCTUATION}]", " ")
    long = [any(len(word) > longest for word in text.split()) for text in spaced]
    return pl.Series(np.isin(np.arange(len(line)), candidates.arg_true().to_numpy()[long]))


def _line_words(line: pl.Series) -> pl.Series:
    """Words of each line, as whitespace separates them; characters of unspaced scripts as parts of words."""
    counts = line.str.count_matches(r"\S+").cast(pl.Float64)
    wide = line.str.contains(f"[{UNSPACED}]")
    if not wide.any():
        return counts
    spaced = pl.col("line").str.replace_all(f"[{UNSPACED}{CJK_PUNCTUATION}]", " ").str.count_matches(r"\S+")
    words = pl.DataFrame({"line": line}).select(spaced + unspaced_words(pl.col("line"))).to_series()
    return words.zip_with(wide, counts)


def _sentences(lines: pl.DataFrame, alive: pl.Series, enough: int) -> pl.Series:
    """Sentences in the lines that stay, exact where there are fewer than `enough`, at least `enough`
    elsewhere.

    A line holds at least one sentence, so only texts with fewer lines than that need their words looked at.
    Null for texts that are dead already, and for Thai.
    """
    stays = lines.filter(pl.col("why").is_null())
    counts = np.bincount(stays["owner"].to_numpy(), minlength=len(alive)).astype(np.float64)
    short = stays.filter(pl.Series(counts < enough).gather(stays["owner"]) & alive.gather(stays["owner"]))
    if short.height:
        exact = sentence_counts(WordTable.of(short["line"]))
        owners = short["owner"].to_numpy()
        counts[owners] = 0
        np.add.at(counts, owners, exact)
    sentences = pl.Series(counts)
    thai = lines.filter(pl.col("line").str.contains(THAI_END))["owner"].unique()
    known = alive & ~pl.int_range(len(alive), dtype=pl.UInt32, eager=True).is_in(thai.implode())
    return pl.select(pl.when(known).then(sentences)).to_series()
