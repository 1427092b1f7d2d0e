"""What is odd about records, found by looking: nothing is decided, nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from curation.schema import Batch

# Odd texts, each a pattern of the regex engine behind polars (linear time, no look-around).
PATTERNS: Mapping[str, str] = {
    "control_characters": r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]",
    "invisible_characters": (
        r"[\u{ad}\u{34f}\u{61c}\u{115f}\u{1160}\u{180e}\u{200b}-\u{200f}\u{2028}-\u{202e}\u{2060}-\u{206f}"
        r"\u{3164}\u{feff}\u{ffa0}\u{e0000}-\u{e0fff}]"
    ),
    "replacement_character": r"\u{fffd}",
    "html_tags": (
        r"(?i)</?(?:a|b|blockquote|br|code|div|em|font|h[1-6]|hr|i|img|li|ol|p|pre|script|span|strong|style|sub|sup"
        r"|table|tbody|td|th|tr|u|ul)(?:\s[^<>]*)?/?>"
    ),
    "html_entities": r"&(?:[a-zA-Z]{2,10}|#[0-9]{2,6}|#x[0-9a-fA-F]{2,5});",
    "urls": r"(?i)\bhttps?://[^\s]+",
    "chat_markup": (
        r"<\|(?:im_start|im_end|user|assistant|system|endoftext|eot_id)\|>|\[/?INST\]|<</?SYS>>"
        r"|(?m)^### ?(?:Human|Assistant|Instruction|Response) ?:"
    ),
    "template_placeholders": r"\{\{ ?[A-Za-z_][A-Za-z0-9_.]* ?\}\}",
    "carriage_returns": r"\r",
    "outer_whitespace": r"^\s|\s$",
}

SENTENCES: Mapping[str, str] = {
    "control_characters": "control characters, escape sequences among them",
    "invisible_characters": "zero-width, bidirectional or other invisible characters",
    "replacement_character": "U+FFFD, left where a character was lost",
    "mojibake": "text decoded with the wrong encoding",
    "html_tags": "HTML tags",
    "html_entities": "HTML entities",
    "urls": "web addresses",
    "chat_markup": "the markup of a chat template inside a text",
    "template_placeholders": "placeholders such as {{name}}",
    "carriage_returns": "carriage returns",
    "outer_whitespace": "white space at an end",
    "empty_answer": "an answer without text",
    "empty_prompt": "a prompt without text",
    "no_answer": "a conversation that ends with the user",
    "role_twice": "two turns of the same role in a row",
    "very_long": "more than 100,000 characters",
}

_VERY_LONG = 100_000
_TASKS = ("alpaca", "self_instruct")  # formats that have two user turns by design: the task, and its input
_ANSWERS = ("assistant", "chosen", "rejected")


def find_oddities(batch: Batch) -> dict[str, pl.Series]:
    """For each oddity that occurs, the ids of the records that have it, in record order."""
    turns = batch.turns
    matches = turns.select(
        "record_id", *(pl.col("content").str.contains(pattern).alias(name) for name, pattern in PATTERNS.items())
    )
    found = {name: matches.filter(pl.col(name))["record_id"] for name in PATTERNS}
    empty = turns.filter(pl.col("content").str.strip_chars() == "")
    found["empty_answer"] = empty.filter(pl.col("role").is_in(_ANSWERS))["record_id"]
    found["empty_prompt"] = _without_prompt(turns)
    found |= _of_conversations(batch)
    found["mojibake"] = _mojibake(turns)
    sizes = turns.group_by("record_id", maintain_order=True).agg(pl.col("content").str.len_chars().sum().alias("size"))
    found["very_long"] = sizes.filter(pl.col("size") > _VERY_LONG)["record_id"]
    return {name: ids.unique(maintain_order=True) for name, ids in found.items() if len(ids)}


def _mojibake(turns: pl.DataFrame) -> pl.Series:
    """Records with text decoded with the wrong encoding, by ftfy's rules for what real text does not look like.

    UTF-8 read as a one-byte encoding leaves characters of the upper half of Latin-1, so only such texts are asked.
    """
    from ftfy.badness import is_bad

    suspects = turns.filter(pl.col("content").str.contains(r"[\u{80}-\u{ff}]"))
    return suspects.filter(pl.Series([is_bad(text) for text in suspects["content"]], dtype=pl.Boolean))["record_id"]


def _without_prompt(turns: pl.DataFrame) -> pl.Series:
    """Records that have user turns, but no text in any of them."""
    asked = turns.filter(pl.col("role") == "user").group_by("record_id", maintain_order=True)
    blank = asked.agg((pl.col("content").str.strip_chars() == "").all().alias("blank"))
    return blank.filter(pl.col("blank"))["record_id"]


def _of_conversations(batch: Batch) -> dict[str, pl.Series]:
    """What is odd about the order of the turns. Pairs of answers to one prompt, and a task with its input, are no
    conversations.
    """
    tasks = batch.records.filter(pl.col("format").is_in(_TASKS)).select("record_id")
    turns = batch.turns.join(tasks, on="record_id", how="anti", maintain_order="left")
    paired = turns.filter(pl.col("role").is_in(("chosen", "rejected")))["record_id"].unique()
    talk = turns.filter(~pl.col("record_id").is_in(paired.implode()))
    last = talk.group_by("record_id", maintain_order=True).agg(pl.col("role").last())
    before = pl.col("role").shift(1).over("record_id")
    twice = (pl.col("role") == before) & pl.col("role").is_in(("user", "assistant"))
    return {
        "no_answer": last.filter(pl.col("role") == "user")["record_id"],
        "role_twice": talk.filter(twice)["record_id"],
    }
