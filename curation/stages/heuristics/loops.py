"""Degenerate endings: the tail of a text is one unit over and over, as when a language model does not find its end."""

from __future__ import annotations

import polars as pl

from curation.stages.heuristics.scripts import UNSPACED, WIDTH

_TAIL = 20_000  # characters looked at: a loop that is worth a drop shows well before
_PROBE = 16  # the last characters, looked for earlier on: where they recur may be one unit away
_CANDIDATES = 100  # recurrences tried before giving up
# A unit without a letter (rules of dashes, blanks to fill in, zeros of a number) must run on this many times longer.
_PATIENCE = 5


def looping(texts: pl.Series, min_repeats: int, min_chars: int) -> pl.DataFrame:
    """`repeats, unit` of each text: how often its last unit stands at its end, and the unit's characters; null: no loop.

    A loop is `min_repeats` or more units, the last one may be cut short, over at least `min_chars` characters (one of an
    unspaced script counts as three).
    """
    stripped = texts.str.strip_chars_end()
    found: list[tuple[int, int] | None] = [None] * len(texts)
    for row in (stripped.str.len_chars() >= min(min_chars // WIDTH, _PROBE)).arg_true():
        found[row] = _loop(stripped[row][-_TAIL:], min_repeats, min_chars)
    return pl.DataFrame(
        {
            "repeats": pl.Series([loop and loop[0] for loop in found], dtype=pl.Int64),
            "unit": pl.Series([loop and loop[1] for loop in found], dtype=pl.Int64),
        }
    )
