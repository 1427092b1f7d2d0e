"""The categories of harm, the gravest first, and what each of them means."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, get_args

Category = Literal["illegal", "self_harm", "violence", "hate", "sexual", "harassment", "toxicity", "political"]
Act = Literal["drop", "flag", "keep"]

CATEGORIES: tuple[Category, ...] = get_args(Category)  # a record that falls under several is given the first

REASONS: Mapping[str, str] = {
    "illegal": "It asks for or gives instructions for weapons, drugs, malware, fraud or theft, or trades in them.",
    "self_harm": "It announces, encourages or explains suicide, self-injury or an eating disorder.",
    "violence": "It threatens or calls for violence, or dwells on cruelty.",
    "hate": "It demeans or excludes people for what they are: origin, religion, sex, orientation, disability.",
    "sexual": "It is sexually explicit, or offers such things.",
    "harassment": "It intimidates, stalks, exposes, coerces or humiliates a person, or calls for it.",
    "toxicity": "It insults, or swears at somebody.",
    "political": "It holds a term of the political word list, which is off unless a policy asks for it.",
}
