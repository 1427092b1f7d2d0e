"""Why an item is not in the dataset, in the language in use: the sentences of `curation.synthesis.reasons`."""

from __future__ import annotations

from studio.display import display
from studio.tui.i18n import N_, _

SENTENCES = {
    "connection": N_("The endpoint could not be reached."),
    "timeout": N_("The endpoint did not answer in time."),
    "rate_limited": N_("The endpoint refused for now: too many calls."),
    "server": N_("The endpoint had an error of its own."),
    "refused": N_("The endpoint refused the call."),
    "not_json": N_("The endpoint's response is no JSON."),
    "no_choices": N_("The endpoint's response holds no message."),
    "empty": N_("The message is empty."),
    "truncated": N_("The message was cut at model.max_tokens."),
    "cut_stream": N_("The connection ended in the middle of the message."),
    "budget": N_("The budget is spent."),
    "no_key": N_("The endpoint wants a key."),
    "unreadable": N_("What the model wrote holds no items that can be read."),
    "missing": N_("The model wrote fewer items than it was asked for."),
    "too_large": N_("The request is longer than the model can read."),
    "schema": N_("A key is missing, or a value is of another kind than was asked for."),
    "quote_missing": N_("There is no quote, or too short a one."),
    "quote_not_found": N_("The quote does not occur in the source."),
    "unsupported": N_("The answer says what its source does not: numbers, names or words."),
    "unanswerable": N_("The question cannot be answered from its source alone."),
    "leakage": N_("It speaks of a text that whoever reads it does not have."),
    "placeholder": N_("It holds a form that was never filled in, or the prompt's own words."),
    "injection": N_("It repeats the prompt's marks or instructions, or does what the source told it to."),
    "refusal": N_("The model refuses, or speaks of itself."),
    "language": N_("It is in another language than was asked for."),
    "too_short": N_("The question or the answer is too short."),
    "too_long": N_("The question or the answer is too long."),
    "copied": N_("It copies a seed or its source instead of writing something new."),
    "near_duplicate": N_("Nearly the same words as an item that was accepted before."),
    "semantic_duplicate": N_("Nearly the same meaning as an item that was accepted before."),
    "in_dataset": N_("Nearly the same as a record that is there already."),
    "judged": N_("The judge marked it below gates.judge_min."),
    "human": N_("A person rejected it."),
}


def sentence(reason: str) -> str:
    """`quote_not_found: …`; the bare name of one that is not known."""
    told = display(reason, limit=80)
    return f"{told}: {_(SENTENCES[reason])}" if reason in SENTENCES else told
