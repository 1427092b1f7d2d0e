"""Writing systems that put no space between words, and how many words their characters stand for.

Published thresholds count English words. Chinese, Japanese, Thai, Lao, Khmer and Burmese text has no word
boundaries to count, so a word is taken to be a fixed number of characters, near the mean word length of each
script's corpora. Regular expressions here are in the syntax that polars (Rust `regex`) and Python share,
except where said.
"""

from __future__ import annotations

import re
import unicodedata

import polars as pl

# Characters in one word, by script.
HAN_PER_WORD = 1.6
KANA_PER_WORD = 2.4
THAI_PER_WORD = 4.5  # code points, vowel signs included; Lao, Khmer and Burmese as well

# The smallest share of a word that the three above have in common: sums of whole shares do not depend on their order.
WORD_SHARES = 72

# A page of English has about this many times the characters of its Chinese or Japanese translation: line
# lengths in characters are multiplied by it.
WIDTH = 3.0

# The ranges are written out because Python's `re` knows no script properties.
HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
KANA = "\u3041-\u309f\u30a1-\u30ff\uff66-\uff9f"
THAI = "\u0e01-\u0e5b\u0e81-\u0edf\u1000-\u109f\u1780-\u17e9"
UNSPACED = HAN + KANA + THAI

# A line that ends in Thai: a sentence may end there, as Thai has no mark for it.
THAI_END = rf"[{THAI}][^\p{{L}}]*$"

# Punctuation that stands alone in these scripts: it separates words although no space is near.
CJK_PUNCTUATION = "\u3001-\u3003\u3008-\u3011\u3014-\u301f\u30fb\uff01-\uff0f\uff1a-\uff20\uff3b-\uff40\uff5b-\uff65"

# From this share of a text's letters on, the text counts as unspaced: a Chinese answer full of English names
# and code stays Chinese, an English one that quotes a Chinese term stays English.
UNSPACED_SHARE = 0.25


_UNSPACED = re.compile(f"[{UNSPACED}]")


def word_shares(character: str) -> int:
    """How much of a word one character of an unspaced script stands for, in parts of `WORD_SHARES`."""
    code = ord(character)
    if 0x0E01 <= code <= 0x17E9:
        return round(WORD_SHARES / THAI_PER_WORD)
    if 0x3041 <= code <= 0x30FF or 0xFF66 <= code <= 0xFF9F:
        return round(WORD_SHARES / KANA_PER_WORD)
    return round(WORD_SHARES / HAN_PER_WORD)


def unspaced_words(text: pl.Expr) -> pl.Expr:
    """The number of words that the unspaced characters of `text` stand for (Float64)."""
    return (
        text.str.count_matches(f"[{HAN}]") / HAN_PER_WORD
        + text.str.count_matches(f"[{KANA}]") / KANA_PER_WORD
        + text.str.count_matches(f"[{THAI}]") / THAI_PER_WORD
    )


def width(text: pl.Expr) -> pl.Expr:
    """Characters of `text`, those of unspaced scripts `WIDTH` times: about as long as the same in English."""
    return text.str.len_chars() + (WIDTH - 1) * text.str.count_matches(f"[{UNSPACED}]")


def script_frame(texts: pl.Series) -> pl.DataFrame:
    """For each text: `unspaced` (bool: mostly of an unspaced script) and `language` (zh, ja, th, or "" when
    spaced).

    Plain ASCII, told by its byte length, is not looked at: on an English corpus this costs next to nothing.
    """
    ascii_only = texts.str.len_bytes() == texts.str.len_chars()
    spaced = pl.DataFrame({"unspaced": pl.repeat(False, len(texts), eager=True)}).with_columns(language=pl.lit(""))
    if ascii_only.all():
        return spaced
    text = pl.col("text")
    counts = (
        pl.DataFrame({"text": texts})
        .with_row_index("row")
        .filter(~ascii_only)
        .filter(text.str.contains(f"[{UNSPACED}]"))
        .select(
            "row",
            letters=text.str.count_matches(r"\p{L}|\p{Mn}|\p{Mc}"),
            han=text.str.count_matches(f"[{HAN}]"),
            kana=text.str.count_matches(f"[{KANA}]"),
            thai=text.str.count_matches(f"[{THAI}]"),
        )
    )
    share = (pl.col("han") + pl.col("kana") + pl.col("thai")) / pl.col("letters")
    language = (
        pl.when(pl.col("thai") > pl.col("han") + pl.col("kana"))
        .then(pl.lit("th"))
        .when(pl.col("kana") > 0.1 * pl.col("han"))
        .then(pl.lit("ja"))
        .otherwise(pl.lit("zh"))
    )
    found = counts.filter(share >= UNSPACED_SHARE).select("row", found=language)
    return (
        spaced.select("language")
        .with_row_index("row")
        .join(found, on="row", how="left", maintain_order="left")
        .select(unspaced=pl.col("found").is_not_null(), language=pl.col("found").fill_null(""))
    )


def is_unspaced(character: str) -> bool:
    """Whether one character is a letter of a script without spaces."""
    return _UNSPACED.match(character) is not None


def word_characters(word: str) -> bool:
    """Whether anything in `word` is a letter, a digit or a combining mark."""
    return word.isalnum() or any(unicodedata.category(c)[0] in "LNM" for c in word)


def is_punctuation(word: str) -> bool:
    """Whether every character of `word` is Unicode punctuation (category P)."""
    return all(unicodedata.category(c)[0] == "P" for c in word)


def is_pictograph(word: str) -> bool:
    """Whether `word` has an emoji or another pictograph; the mark that stands for a lost character is none."""
    return not word.isascii() and any(unicodedata.category(c) == "So" and c != "\ufffd" for c in word)
