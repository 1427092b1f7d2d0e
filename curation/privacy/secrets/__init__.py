"""Secrets: keys of providers, tokens, private keys, connection strings, passwords by what they are assigned to."""

from __future__ import annotations

from curation.privacy.secrets.assignments import assignment_rules
from curation.privacy.secrets.providers import provider_rules
from curation.privacy.structured.rule import Rule


def secret_rules() -> tuple[Rule, ...]:
    """Every rule of the tier "secret"."""
    return (*provider_rules(), *assignment_rules())
