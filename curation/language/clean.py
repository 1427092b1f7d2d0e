"""Leaves of a text what says something about its language: no code, no markup, no addresses."""

from __future__ import annotations

import polars as pl

# Every fenced block, also one that is never closed.
_FENCE = r"(?s)```.*?(?:```|\z)"

# Inline code, a tag of HTML or XML, an address, a long option of a command. Each alternative begins with a
# literal, so that the search skips to it; an address is ASCII only, because Chinese goes on right behind it.
_MARKUP = r"`[^`\n]*`|</?[a-zA-Z!][^<>]*>|https?://[!-~]+|ftp://[!-~]+|www\.[!-~]+|--[A-Za-z][A-Za-z-]*"

# What canonical composition joins to the letter before it: accents, and the vowels and finals of decomposed Hangul.
_COMPOSING = "[\u0300-\u036f\u1161-\u11c2]"

# How many characters are cleaned for each one that is looked at: what is cleaned away is seldom three quarters.
_HEADROOM = 4


def clean_texts(texts: pl.Series, chars: int) -> pl.Series:
    """The first `chars` characters of each text without code, markup and addresses; null becomes ""."""
    out = texts.cast(pl.String).fill_null("")
    fenced = out.str.contains("```", literal=True)
    if fenced.any():
        out = out.to_frame("text").select(
            pl.when(fenced).then(pl.col("text").str.replace_all(_FENCE, " ")).otherwise("text")
        )["text"]
    out = out.str.head(_HEADROOM * chars).str.replace_all(_MARKUP, " ").str.head(chars)
    foreign = out.filter(out.str.len_bytes() != out.str.len_chars())
    if foreign.str.contains(_COMPOSING).any():
        out = out.str.normalize("NFC")
    return out
