"""Texts with what several rules need of them, worked out at most once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
import polars as pl

from curation.stages.heuristics.scripts import WORD_SHARES, script_frame
from curation.stages.heuristics.words import SYMBOL, Floats, WordTable

# What ends a line besides "\n": the other line ends of Unicode and of Python's `str.splitlines`.
_OTHER_ENDS = r"\r\n|[\r\x0b\x0c\x1c-\x1e\x{85}\x{2028}\x{2029}]"


@dataclass(frozen=True)
class Texts:
    """Some texts. `series` holds no nulls."""

    series: pl.Series

    def __len__(self) -> int:
        return len(self.series)

    @cached_property
    def words(self) -> WordTable:
        """Their words."""
        return WordTable.of(self.series)

    @cached_property
    def word_counts(self) -> Floats:
        """How many words each has, marks included; a character of an unspaced script is a part of a word."""
        return self._weigh(np.ones(len(self.words.numbers), np.bool_))

    @cached_property
    def real_word_counts(self) -> Floats:
        """The same without the words that are nothing but punctuation and symbols."""
        return self._weigh(~self.words.has(SYMBOL))

    def weighed(self, kind: int) -> Floats:
        """How many words of this kind each has."""
        return self._weigh(self.words.has(kind))

    def _weigh(self, chosen: npt.NDArray[np.bool_]) -> Floats:
        table = self.words
        if not self.unspaced.any():
            return table.total(chosen)
        return table.total(np.where(chosen, table.weights[table.numbers], 0)) / WORD_SHARES

    def word_counts_of(self, chosen: pl.Series) -> pl.Series:
        """`word_counts` of the chosen texts, null for the others, which are only split if that was done before."""
        if "words" in self.__dict__ or chosen.all():
            counts = pl.Series(self.word_counts)
            return pl.select(pl.when(chosen).then(counts)).to_series()
        places = np.full(len(self), np.nan)
        places[chosen.to_numpy()] = Texts(self.series.filter(chosen)).word_counts
        return pl.Series(places, nan_to_null=True)

    @cached_property
    def scripts(self) -> pl.DataFrame:
        """`unspaced` and `language` of each (see `script_frame`)."""
        return script_frame(self.series)

    @cached_property
    def unspaced(self) -> pl.Series:
        """Whether each is mostly of a script without spaces."""
        return self.scripts["unspaced"]

    @cached_property
    def lines(self) -> pl.DataFrame:
        """`row, line`: the lines as `str.splitlines` finds them, in order; a text without characters has none."""
        return split_lines(self.series)

    def per_text(self, rows: pl.Series, amounts: pl.Series | None = None) -> Floats:
        """The sum of `amounts` (1 each by default) by text number."""
        weights = None if amounts is None else amounts.to_numpy()
        return np.bincount(rows.to_numpy(), weights, len(self)).astype(np.float64)


def split_lines(texts: pl.Series) -> pl.DataFrame:
    """`row` (number of the text) and `line`, as `str.splitlines` finds them."""
    frame = pl.DataFrame({"line": texts}).with_row_index("row").filter(pl.col("line") != "")
    unusual = frame["line"].str.contains(_OTHER_ENDS[4:])
    if unusual.any():
        one_end = pl.when(unusual).then(pl.col("line").str.replace_all(_OTHER_ENDS, "\n")).otherwise("line")
        frame = frame.with_columns(line=one_end)
    return frame.with_columns(pl.col("line").str.strip_suffix("\n").str.split("\n")).explode("line")
