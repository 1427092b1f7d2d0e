"""Why an item is not in the dataset: the closed set of reasons, as stages of a curation have theirs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

FAILED: Final[Mapping[str, str]] = {
    "connection": "The endpoint could not be reached.",
    "timeout": "The endpoint did not answer in time.",
    "rate_limited": "The endpoint refused for now: too many calls.",
    "server": "The endpoint had an error of its own.",
    "refused": "The endpoint refused the call.",
    "not_json": "The endpoint's response is no JSON.",
    "no_choices": "The endpoint's response holds no message.",
    "empty": "The message is empty.",
    "truncated": "The message was cut at model.max_tokens.",
    "cut_stream": "The connection ended in the middle of the message.",
    "budget": "The budget is spent.",
    "no_key": "The endpoint wants a key.",
    "unreadable": "What the model wrote holds no items that can be read.",
    "missing": "The model wrote fewer items than it was asked for.",
    "too_large": "The request is longer than the model can read.",
}
"""The call, or the reading of its answer, failed. Those up to `no_key` are `curation.llm`'s failures."""

PASSING: Final = ("connection", "timeout", "rate_limited", "server", "not_json", "no_choices", "empty", "cut_stream",
                  "budget", "no_key")  # fmt: skip
"""Failures after which the next leg of a run asks again; after any other the same question would bring the same answer."""

REJECTED: Final[Mapping[str, str]] = {
    "schema": "A key is missing, or a value is of another kind than was asked for.",
    "quote_missing": "There is no quote, or too short a one.",
    "quote_not_found": "The quote does not occur in the source.",
    "unsupported": "The answer says what its source does not: numbers, names or words.",
    "unanswerable": "The question cannot be answered from its source alone.",
    "leakage": "It speaks of a text that whoever reads it does not have.",
    "placeholder": "It holds a form that was never filled in, or the prompt's own words.",
    "injection": "It repeats the prompt's marks or instructions, or does what the source told it to.",
    "refusal": "The model refuses, or speaks of itself.",
    "language": "It is in another language than was asked for.",
    "too_short": "The question or the answer is too short.",
    "too_long": "The question or the answer is too long.",
    "copied": "It copies a seed or its source instead of writing something new.",
    "near_duplicate": "Nearly the same words as an item that was accepted before.",
    "semantic_duplicate": "Nearly the same meaning as an item that was accepted before.",
    "in_dataset": "Nearly the same as a record that is there already.",
    "judged": "The judge marked it below gates.judge_min.",
    "human": "A person rejected it.",
}
"""A gate, or a person, turned it away."""

REASONS: Final[Mapping[str, str]] = {**FAILED, **REJECTED}
