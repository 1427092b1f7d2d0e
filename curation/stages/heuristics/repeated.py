"""The repetition rules of Gopher: Rae et al. 2021, "Scaling Language Models", table A1.

For text of unspaced scripts every character is a word of the n-grams, so an n-gram of n words is one of n
times the mean word length of the language in characters (1.6 in Chinese): the share of text it covers then
means the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from curation.stages.heuristics.duplicates import duplicates
from curation.stages.heuristics.ngrams import duplicate_characters, repeats, top_characters
from curation.stages.heuristics.rules import Rule, first_failing
from curation.stages.heuristics.scripts import HAN_PER_WORD, KANA_PER_WORD, THAI_PER_WORD, width
from curation.stages.heuristics.texts import Texts
from curation.stages.heuristics.words import SYMBOL, Floats, WordTable

_CHARACTERS_PER_WORD = {"": 1.0, "zh": HAN_PER_WORD, "ja": (HAN_PER_WORD + KANA_PER_WORD) / 2, "th": THAI_PER_WORD}


@dataclass(frozen=True)
class Shares:
    """What a text is measured for, None = off: shares of units for `*_frac`, of characters for the others.

    top, dup: limits by n, in words. min_words, min_lines: texts with fewer are not measured for n-grams, for
    lines and paragraphs; min_line_chars: shorter lines and paragraphs are not counted at all. min_count: how
    often the most frequent n-gram must occur to count. answers: a text without characters is nothing bad, and
    the characters of marks (blanks to fill in, rules of dashes) are not counted as repeated.
    """

    dup_para_frac: float | None
    dup_para_char_frac: float | None
    dup_line_frac: float | None
    dup_line_char_frac: float | None
    top: Mapping[int, float]
    dup: Mapping[int, float]
    min_words: int | None
    min_lines: int | None
    min_line_chars: int | None
    min_count: int
    answers: bool

    def judge_lines(self, texts: pl.Series) -> pl.DataFrame:
        """`reason, score, threshold` by repeated paragraphs and lines, null where none fails."""
        characters = _characters(texts)
        paragraphs = texts.str.strip_chars().str.replace_all(r"\n{2,}", "\n\n").str.split("\n\n")
        measures = pl.DataFrame(
            self._shares("dup_para", paragraphs, characters)
            | self._shares("dup_line", texts.str.replace_all(r"\n+", "\n").str.split("\n"), characters)
        ).with_columns(empty=characters)
        rules = [
            Rule("empty", None if self.answers else 1, "below"),
            Rule("dup_para_frac", self.dup_para_frac, "above"),
            Rule("dup_para_char_frac", self.dup_para_char_frac, "above"),
            Rule("dup_line_frac", self.dup_line_frac, "above"),
            Rule("dup_line_char_frac", self.dup_line_char_frac, "above"),
        ]
        return first_failing(measures, rules)

    def _shares(self, name: str, units: pl.Series, characters: Floats) -> dict[str, pl.Series]:
        """Repeated units among all units, their characters among all characters; null where units are too few."""
        flat = pl.DataFrame({"unit": units}).with_row_index("row").explode("unit")
        if self.min_line_chars is not None:
            flat = flat.filter(width(pl.col("unit")) >= self.min_line_chars)
        counts = np.bincount(flat["row"].to_numpy(), minlength=len(units))
        repeated, repeated_characters = duplicates(flat, len(units))
        few = counts < max(self.min_lines or 0, 1)
        with np.errstate(invalid="ignore", divide="ignore"):
            of_units = np.where(few, np.nan, repeated / counts)
            of_characters = np.where(few, np.nan, repeated_characters / characters)
        return {
            f"{name}_frac": pl.Series(of_units, nan_to_null=True),
            f"{name}_char_frac": pl.Series(of_characters, nan_to_null=True),
        }

    def judge_ngrams(self, series: pl.Series) -> pl.DataFrame:
        """`reason, score, threshold` by repeated n-grams, null where none fails."""
        texts = Texts(series)
        characters = _characters(series)
        if self.min_words is not None:
            characters[texts.word_counts < self.min_words] = np.inf  # every share of it is 0
        found = pl.DataFrame(
            schema={"row": pl.UInt32, "reason": pl.String, "score": pl.Float64, "threshold": pl.Float64}
        )
        for (language,), rows in texts.scripts.with_row_index("row").group_by("language", maintain_order=True):
            chosen = rows["row"].to_numpy()
            table = texts.words if len(chosen) == len(texts) else WordTable.of(series.gather(chosen))
            if self.answers:
                marks = (table.kinds & SYMBOL) != 0
                table = replace(table, lengths=np.where(marks, 0, table.lengths))
            verdict = self._judge_table(table, characters[chosen], str(language))
            found = found.vstack(verdict.insert_column(0, rows["row"]))
        return found.sort("row").drop("row")

    def _judge_table(self, table: WordTable, characters: Floats, language: str) -> pl.DataFrame:
        scale = _CHARACTERS_PER_WORD[language]
        joint = 1 if language == "" and not self.answers else 0
        top = {round(n * scale): (f"top_{n}gram", limit) for n, limit in self.top.items()}
        dup = {round(n * scale): (f"dup_{n}gram", limit) for n, limit in self.dup.items()}
        measures: dict[str, Floats] = {"": characters}
        whole = np.maximum(characters, 1)
        failed = np.zeros(len(table), np.bool_)
        for repeated in repeats(table, max([*top, *dup, 0])):
            if repeated.n in top:
                reason, limit = top[repeated.n]
                measures[reason] = top_characters(table, repeated, joint, self.min_count) / whole
                failed |= measures[reason] > limit
            if repeated.n in dup:
                reason, limit = dup[repeated.n]
                # What has failed before needs no exact figure here.
                exact_from = np.where(failed, np.inf, limit * whole)
                measures[reason] = duplicate_characters(table, repeated, exact_from) / whole
                failed |= measures[reason] > limit
        rules = [Rule(reason, limit, "above") for reason, limit in (*top.values(), *dup.values())]
        return first_failing(pl.DataFrame(measures), rules)


def _characters(texts: pl.Series) -> Floats:
    return texts.str.len_chars().to_numpy().astype(np.float64)
