"""The quality rules of Gopher: Rae et al. 2021, "Scaling Language Models", appendix A.1.1.

Differences for text of unspaced scripts (Chinese, Japanese, Thai …): words are estimated from characters, the
mean word length is not judged, stop words are looked for anywhere in the text, a run of "……" is one ellipsis
and the bullets common there count as bullets. For the `sft` profile code, headings and hashtags do not count
as symbols, only bullets with nothing behind them count, a digit or an emoji counts as content, and shares of
fewer than `ratio_min_words` words or `ratio_min_lines` lines are not judged.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain

import numpy as np
import polars as pl

from curation.stages.heuristics import stopwords
from curation.stages.heuristics.prose import short_rules, without_code, without_hashtags
from curation.stages.heuristics.rules import Rule, first_failing, ratio
from curation.stages.heuristics.texts import Texts
from curation.stages.heuristics.words import CONTENT, LETTER, SYMBOL, UNSPACED, Floats

REASONS = {
    "gopher_too_few_words": "it has too few words (Gopher)",
    "gopher_too_many_words": "it has too many words (Gopher)",
    "gopher_short_words": "its words are too short on average (Gopher)",
    "gopher_long_words": "its words are too long on average (Gopher)",
    "gopher_hashes": "it has too many # for its words (Gopher)",
    "gopher_ellipses": "it has too many ellipses for its words (Gopher)",
    "gopher_bullet_lines": "too many of its lines begin with a bullet (Gopher)",
    "gopher_ellipsis_lines": "too many of its lines end with an ellipsis (Gopher)",
    "gopher_few_alphabetic": "too few of its words have a letter (Gopher)",
    "gopher_few_stop_words": "it has too few different stop words: hardly running text (Gopher)",
}

_BULLET = r"^\s*[•-]"
_BULLET_UNSPACED = r"^\s*[•·●○■□◆◇★☆※－-]"
_BULLET_EMPTY = r"^\s*[•·●○■□◆◇★☆※－*+-][^\p{L}\p{N}\p{S}]*$"
_ELLIPSIS_END = r"(?:\.\.\.|…)\s*$"
_ELLIPSIS_END_UNSPACED = r"(?:\.\.\.|…|。。。)\s*$"


@dataclass(frozen=True)
class GopherRules:
    """Thresholds, None = off; `answers` turns on the reading of the `sft` profile."""

    min_words: float | None
    max_words: float | None
    min_mean_word_length: float | None
    max_mean_word_length: float | None
    max_hashes: float | None
    max_ellipses: float | None
    max_bullet_lines: float | None
    max_ellipsis_lines: float | None
    min_alpha_words: float | None
    min_stop_words: int | None
    stop_words: Sequence[str] | None
    language: str
    ratio_min_words: int | None
    ratio_min_lines: int | None
    answers: bool

    def judge(self, texts: Texts) -> pl.DataFrame:
        """`reason, score, threshold` of the first failing rule of each text, in the order of the paper."""
        prose = Texts(short_rules(without_code(texts.series))) if self.answers else texts
        words, mean_length = texts.real_word_counts, _mean_word_length(texts)
        measures = pl.DataFrame(
            {
                "gopher_too_few_words": words,
                "gopher_too_many_words": words,
                "gopher_short_words": mean_length,
                "gopher_long_words": mean_length,
                "gopher_few_alphabetic": self._alphabetic(prose),
            }
        ).hstack([*self._symbols(prose), *self._lines(prose)])
        if self.min_stop_words is not None:
            measures = measures.with_columns(gopher_few_stop_words=self._stop_words(texts))
        return first_failing(measures, self._rules())

    def _rules(self) -> list[Rule]:
        return [
            Rule("gopher_too_few_words", self.min_words, "below"),
            Rule("gopher_too_many_words", self.max_words, "above"),
            Rule("gopher_short_words", self.min_mean_word_length, "below"),
            Rule("gopher_long_words", self.max_mean_word_length, "above"),
            Rule("gopher_hashes", self.max_hashes, "above"),
            Rule("gopher_ellipses", self.max_ellipses, "above"),
            Rule("gopher_bullet_lines", self.max_bullet_lines, "above"),
            Rule("gopher_ellipsis_lines", self.max_ellipsis_lines, "above"),
            Rule("gopher_few_alphabetic", self.min_alpha_words, "below"),
            Rule("gopher_few_stop_words", self.min_stop_words, "below"),
        ]

    def _symbols(self, prose: Texts) -> list[pl.Series]:
        """Hashes and ellipses for each word."""
        hashed = without_hashtags(prose.series) if self.answers else prose.series
        frame = pl.DataFrame(
            {"hashed": hashed, "text": prose.series, "words": _at_least(prose.word_counts, self.ratio_min_words)}
        )
        text = pl.col("text")
        dots = text.str.count_matches("...", literal=True)
        each = dots + text.str.count_matches("…", literal=True)
        runs = text.str.count_matches(r"\.{3,}|…+|。{3,}")
        ellipses = pl.when(prose.unspaced).then(runs).otherwise(each) if prose.unspaced.any() else each
        measured = frame.select(
            gopher_hashes=ratio(pl.col("hashed").str.count_matches("#", literal=True), pl.col("words")),
            gopher_ellipses=ratio(ellipses, pl.col("words")),
        )
        return measured.get_columns()

    def _lines(self, prose: Texts) -> list[pl.Series]:
        """Shares of lines that begin with a bullet, and that end with an ellipsis."""
        line = pl.col("line")
        bullet = line.str.contains(_BULLET_EMPTY if self.answers else _BULLET)
        ellipsis = line.str.contains(_ELLIPSIS_END)
        if prose.unspaced.any():
            wide = pl.col("row").is_in(prose.unspaced.arg_true().implode())
            ellipsis = pl.when(wide).then(line.str.contains(_ELLIPSIS_END_UNSPACED)).otherwise(ellipsis)
            if not self.answers:
                bullet = pl.when(wide).then(line.str.contains(_BULLET_UNSPACED)).otherwise(bullet)
        lines = prose.lines.select("row", bullet=bullet, ellipsis=ellipsis)
        frame = pl.DataFrame(
            {
                "bullet": prose.per_text(lines["row"], lines["bullet"]),
                "ellipsis": prose.per_text(lines["row"], lines["ellipsis"]),
                "lines": _at_least(prose.per_text(lines["row"]), self.ratio_min_lines),
            }
        )
        return frame.select(
            gopher_bullet_lines=ratio(pl.col("bullet"), pl.col("lines")),
            gopher_ellipsis_lines=ratio(pl.col("ellipsis"), pl.col("lines")),
        ).get_columns()

    def _alphabetic(self, prose: Texts) -> pl.Series:
        """The share of words with a letter; for answers, with a letter, a digit or a pictograph."""
        content = prose.weighed(CONTENT if self.answers else LETTER)
        frame = pl.DataFrame({"content": content, "words": _at_least(prose.word_counts, self.ratio_min_words)})
        return frame.select(gopher_few_alphabetic=ratio(pl.col("content"), pl.col("words"))).to_series()

    def _stop_words(self, texts: Texts) -> pl.Series:
        """How many different stop words; null where the language has no list to hold the text against."""
        if self.stop_words is not None:
            return pl.Series(_spaced_hits(texts, {"": tuple(self.stop_words)}))
        if self.language != "auto":
            return _hits_of(texts, self.language)
        languages = texts.scripts["language"]
        hits = pl.Series(_spaced_hits(texts, stopwords.SPACED))
        hits = pl.select(pl.when(_covered(texts.series)).then(hits)).to_series()
        for language in languages.filter(languages != "").unique().to_list():
            chosen = languages == language
            hits = pl.select(pl.when(chosen).then(_hits_of(texts, language)).otherwise(hits)).to_series()
        return hits


def _at_least(counts: Floats, least: int | None) -> Floats:
    """Counts, 0 where there are too few to make a share of."""
    return counts if least is None else np.where(counts < least, 0.0, counts)


def _mean_word_length(texts: Texts) -> pl.Series:
    """Characters of the mean word that is no symbol; null for unspaced scripts and where there is no such word."""
    table = texts.words
    real = ~table.has(SYMBOL | UNSPACED)
    frame = pl.DataFrame(
        {
            "characters": table.total(np.where(real, table.lengths[table.numbers], 0)),
            "words": table.total(real),
            "unspaced": texts.unspaced,
        }
    )
    mean = pl.when(~pl.col("unspaced")).then(ratio(pl.col("characters"), pl.col("words")))
    return frame.select(mean).to_series()


def _covered(texts: pl.Series) -> pl.Series:
    """Whether most letters of each text are of a script that some list of stop words is written in."""
    covered = texts.str.len_bytes() == texts.str.len_chars()
    if covered.all():
        return covered
    letters = texts.str.count_matches(r"\p{L}")
    return covered | (2 * texts.str.count_matches(stopwords.COVERED_SCRIPTS) >= letters)


def _hits_of(texts: Texts, language: str) -> pl.Series:
    if language in stopwords.UNSPACED:
        found = [pl.col("text").str.contains(word, literal=True) for word in stopwords.UNSPACED[language]]
        return pl.DataFrame({"text": texts.series}).select(pl.sum_horizontal(found).cast(pl.Float64)).to_series()
    return pl.Series(_spaced_hits(texts, {language: stopwords.SPACED[language]}))


def _spaced_hits(texts: Texts, lists: Mapping[str, tuple[str, ...]]) -> Floats:
    """The number of different words of the list that each text has most of."""
    table = texts.words
    words = tuple(dict.fromkeys(chain.from_iterable(lists.values())))
    which = np.full(len(table.lengths) + 1, -1, np.int64)  # the last place takes the words never met
    which[table.vocabulary.find(words)] = np.arange(len(words))
    which[-1] = -1
    found = which[table.numbers]
    hit = found >= 0
    present = np.zeros((len(texts), len(words)), np.float32)
    present[table.owners[hit], found[hit]] = 1
    member = np.array([[word in chosen for chosen in lists.values()] for word in words], np.float32)
    best: Floats = (present @ member).max(axis=1).astype(np.float64)
    return best
