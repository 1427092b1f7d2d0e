"""Degenerate endings: the tail of a text is one unit over and over, as when a language model does not find its end."""

from __future__ import annotations

import re

import polars as pl

from curation.stages.heuristics.scripts import UNSPACED, WIDTH

_TAIL = 20_000  # characters looked at: a loop worth a drop shows well before
_PROBE = 12  # the last characters, looked for earlier on: where they stand again may be one unit away
_CANDIDATES = 50  # such places tried before giving up
# A unit without a letter (a rule of dashes, a blank to fill in, the zeros of a number) must go on this much
# longer.
_PATIENCE = 5

_LETTER = re.compile(r"[^\W\d_]")
_WIDE = re.compile(f"[{UNSPACED}]")


def looping(texts: pl.Series, min_repeats: int, min_chars: int) -> pl.DataFrame:
    """`repeats, unit` of each text: how often one unit stands at its end, and the unit's characters; null
    where none does.

    A loop has at least `min_repeats` whole units, wherever the last one was cut, over at least `min_chars`
    characters; a character of an unspaced script counts as three.
    """
    tails = texts.str.strip_chars_end().str.tail(_TAIL)
    repeats: list[int | None] = [None] * len(texts)
    units: list[int | None] = [None] * len(texts)
    long_enough = tails.str.len_bytes() >= min_chars
    for row, tail in zip(long_enough.arg_true(), tails.filter(long_enough), strict=True):
        repeats[row], units[row] = _loop(tail, min_repeats, min_chars)
    return pl.DataFrame({"repeats": pl.Series(repeats, dtype=pl.Int64), "unit": pl.Series(units, dtype=pl.Int64)})


def _loop(tail: str, min_repeats: int, min_chars: int) -> tuple[int | None, int | None]:
    """A text that ends in a loop holds its last characters once more, one unit earlier: only such places are tried."""
    probe, end = tail[-_PROBE:], len(tail)
    place = end - len(probe)
    for _ in range(_CANDIDATES):
        place = tail.rfind(probe, 0, place + len(probe) - 1)
        unit = end - len(probe) - place
        if place < 0 or unit * min_repeats > end:
            break
        if tail[-unit * min_repeats : -unit] != tail[-unit * (min_repeats - 1) :]:
            continue
        repeats = min_repeats
        text = tail[-unit:]
        while tail[-unit * (repeats + 1) : -unit * repeats] == text:
            repeats += 1
        if repeats * _width(text) >= min_chars:
            return repeats, unit
    return None, None


def _width(unit: str) -> float:
    width = len(unit) + (WIDTH - 1) * len(_WIDE.findall(unit))
    return width if _LETTER.search(unit) else width / _PATIENCE
