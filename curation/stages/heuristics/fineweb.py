"""The rules FineWeb adds to Gopher's and C4's: Penedo et al. 2024, "The FineWeb Datasets", section 3.6.

For text of unspaced scripts a closing quote may follow the mark that ends a line, a line's length counts
three times (one character of Chinese says about as much as three of English), and words are estimated from
characters.
"""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from curation.stages.heuristics.duplicates import duplicate_characters
from curation.stages.heuristics.rules import Rule, first_failing, ratio
from curation.stages.heuristics.scripts import THAI_END, WIDTH
from curation.stages.heuristics.texts import Texts

REASONS = {
    "fineweb_empty": "no line of it has anything but white space (FineWeb)",
    "fineweb_few_terminal_lines": "too few of its lines end with a mark that ends a sentence (FineWeb)",
    "fineweb_short_lines": "too many of its lines are short (FineWeb)",
    "fineweb_duplicate_lines": "too many of its characters are in repeated lines (FineWeb)",
    "fineweb_many_newlines": "it has too many line breaks for its words: a list or a menu (FineWeb)",
}

_TERMINAL = r"\p{Sentence_Terminal}$"
_TERMINAL_UNSPACED = r"\p{Sentence_Terminal}[”’」』）】》\"')]*$"


@dataclass(frozen=True)
class FineWebRules:
    """Thresholds, None = off. `short_line_chars` is what counts as a short line, in characters."""

    empty: bool
    min_terminal_lines: float | None
    max_short_lines: float | None
    short_line_chars: int
    max_duplicate_lines: float | None
    max_newlines: float | None

    def judge(self, texts: Texts) -> pl.DataFrame:
        """`reason, score, threshold` of the first failing rule of each text."""
        rules = [
            Rule("fineweb_empty", 1 if self.empty else None, "below"),
            Rule("fineweb_few_terminal_lines", self.min_terminal_lines, "below"),
            Rule("fineweb_short_lines", self.max_short_lines, "above"),
            Rule("fineweb_duplicate_lines", self.max_duplicate_lines, "above"),
        ]
        verdict = first_failing(self._line_measures(texts), rules)
        if self.max_newlines is None:
            return verdict
        # Words are only counted where nothing has failed yet.
        left = verdict["reason"].is_null()
        newlines = first_failing(
            _newline_ratio(texts, left), [Rule("fineweb_many_newlines", self.max_newlines, "above")]
        )
        return verdict.select(pl.coalesce(pl.col(name), newlines[name]) for name in verdict.columns)

    def _line_measures(self, texts: Texts) -> pl.DataFrame:
        line = pl.col("line")
        wide = pl.col("row").is_in(texts.unspaced.arg_true().implode())
        any_wide = texts.unspaced.any()
        terminal, length = line.str.contains(_TERMINAL), line.str.len_chars()
        if any_wide:
            ended = line.str.contains(_TERMINAL_UNSPACED) | line.str.contains(THAI_END)
            terminal = pl.when(wide).then(ended).otherwise(terminal)
            length = pl.when(wide).then(length * WIDTH).otherwise(length)
        lines = (
            pl.DataFrame({"line": texts.series.str.split("\n")})
            .with_row_index("row")
            .explode("line")
            .filter(line.str.contains(r"\S"))
            .with_columns(terminal=terminal, short=length <= self.short_line_chars)
        )
        frame = pl.DataFrame(
            {
                "terminal": texts.per_text(lines["row"], lines["terminal"]),
                "short": texts.per_text(lines["row"], lines["short"]),
                "repeated": duplicate_characters(lines.select("row", unit="line"), len(texts)),
                "lines": texts.per_text(lines["row"]),
                "characters": texts.series.str.len_chars() - texts.series.str.count_matches("\n", literal=True),
            }
        )
        whole = pl.col("lines")
        return frame.select(
            fineweb_empty=whole,
            fineweb_few_terminal_lines=ratio(pl.col("terminal"), whole),
            fineweb_short_lines=ratio(pl.col("short"), whole),
            fineweb_duplicate_lines=ratio(pl.col("repeated"), pl.col("characters")),
        )


def _newline_ratio(texts: Texts, chosen: pl.Series) -> pl.DataFrame:
    words = texts.word_counts_of(chosen)
    newlines = texts.series.str.count_matches("\n", literal=True)
    frame = pl.DataFrame({"newlines": newlines, "words": words})
    return frame.select(fineweb_many_newlines=ratio(pl.col("newlines"), pl.col("words")))
