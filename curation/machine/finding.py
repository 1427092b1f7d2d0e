"""What a rule says about an answer, and the closed sets of reasons and rules."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

Reason = Literal[
    "refusal", "prompt_leak", "looping", "truncated", "translation", "placeholder", "disclaimer", "boilerplate",
    "low_perplexity", "high_perplexity",
]  # fmt: skip

# The gravest first: an answer with several faults is reported for the first of them that has the strongest action.
REASONS: Mapping[str, str] = MappingProxyType(
    {
        "refusal": "The answer declines the task, or says that it cannot do it.",
        "prompt_leak": "Text of a prompt or marks of a chat template stand in the answer.",
        "looping": "The end of the answer is one unit over and over.",
        "truncated": "The answer stops in the middle: of a sentence, a list, a bracket, a block of code.",
        "translation": "Traces of machine translation: HTML entities, pieces left in or put into the other language.",
        "placeholder": "Gaps that nobody filled in: [Your Name], {{name}}, TODO, dummy text.",
        "disclaimer": "The answer says that a machine wrote it, or until when the machine was trained.",
        "boilerplate": "A phrase of a chat program stands before or after the answer.",
        "low_perplexity": "A language model finds the answer more predictable than `perplexity_below`.",
        "high_perplexity": "A language model finds the answer less predictable than `perplexity_above`.",
    }
)

# Every rule by its reason; `omit` and the ledger's `values` use these names, written reason.rule.
RULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "refusal": ("cannot_help", "bare", "missing_input", "as_an_ai"),
        "prompt_leak": ("marker", "stock_prompt", "system_prompt", "role_label", "instructed"),
        "looping": ("end", "numbered"),
        "truncated": ("fence", "brackets", "list_item", "connective", "unpunctuated"),
        "translation": ("note", "ui_string", "entity", "doubled", "wrong_language", "fragment", "width"),
        "placeholder": ("slot", "braces", "tag", "todo", "xxx", "dummy_text", "blank"),
        "disclaimer": ("as_an_ai", "cutoff", "no_access"),
        "boilerplate": ("opener", "closer"),
        "low_perplexity": (),
        "high_perplexity": (),
    }
)


@dataclass(frozen=True, slots=True)
class Finding:
    """reason and rule: see above. score, threshold: what was measured, where something was. keep: for boilerplate, the
    half-open span of the text that is the answer itself.
    """

    reason: Reason
    rule: str
    score: float | None = None
    threshold: float | None = None
    keep: tuple[int, int] | None = None
