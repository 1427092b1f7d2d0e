"""The structured tier: rules over the shadows of many texts at once, each rule only over the texts its trigger lets through."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from curation.privacy.entities import ENTITIES
from curation.privacy.shadow import shadows
from curation.privacy.spans import Span
from curation.privacy.structured.rule import Rule

TIERS = ("structured", "secret")


@cache
def all_rules() -> tuple[Rule, ...]:
    """Every rule of both tiers, in a fixed order."""
    from curation.privacy.secrets import secret_rules
    from curation.privacy.structured.email import email_rules
    from curation.privacy.structured.finance import finance_rules
    from curation.privacy.structured.identity import identity_rules
    from curation.privacy.structured.network import network_rules
    from curation.privacy.structured.phones import phone_rules

    return (*email_rules(), *phone_rules(), *identity_rules(), *finance_rules(), *network_rules(), *secret_rules())


@dataclass(frozen=True, slots=True)
class StructuredFinder:
    """Finds the entities of the tiers "structured" and "secret".

    only: names of entities; those of other tiers are none of its business and are passed over.
    """

    only: frozenset[str] = frozenset(name for name, entity in ENTITIES.items() if entity.tier in TIERS)

    def find(self, texts: Sequence[str], languages: Sequence[str]) -> list[list[Span]]:  # noqa: ARG002
        """The spans of each text. The rules are those of all languages: an English text may hold a Chinese number."""
        found: list[list[Span]] = [[] for _ in texts]
        rules = [rule for rule in all_rules() if rule.entity in self.only]
        if not texts or not rules:
            return found
        held_texts = shadows(texts)
        column = pl.DataFrame({"text": pl.Series([_sendable(held.text) for held in held_texts], dtype=pl.String)})
        triggers = dict.fromkeys(trigger for rule in rules for trigger in (rule.trigger, rule.also) if trigger)
        hits = column.select(pl.col("text").str.contains(trigger).alias(trigger) for trigger in triggers)
        for rule in rules:
            both = hits[rule.trigger] & hits[rule.also] if rule.also else hits[rule.trigger]
            for row in both.arg_true().to_list():
                held = held_texts[row]
                for match in rule.pattern.finditer(held.text):
                    judged = rule.judge(match)
                    if judged is not None:
                        start, end = held.original(judged[0], judged[1])
                        found[row].append(Span(start, end, rule.entity, judged[2], rule.name))
        return found


def _sendable(text: str) -> str:
    """A text that polars can hold: lone surrogates, which it cannot, become a replacement of the same length."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()
