"""The word lists of `phrases.yaml`, read once a process and compiled."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

_FLAGS = re.IGNORECASE | re.MULTILINE


@dataclass(frozen=True)
class Rulebook:
    """cues: by reason, strings without one of which no rule of the reason is tried. rules: by reason and rule, or by
    reason and the name of a single pattern. contexts: what a prompt may ask for.
    """

    cues: Mapping[str, tuple[str, ...]]
    rules: Mapping[str, Mapping[str, re.Pattern[str]]]
    contexts: Mapping[str, re.Pattern[str]]

    def found(self, reason: str, text: str) -> tuple[str, re.Match[str]] | None:
        """The first rule of a reason that matches `text`, and where."""
        for rule, pattern in self.rules[reason].items():
            match = pattern.search(text)
            if match:
                return rule, match
        return None

    def asks(self, prompt: str, *contexts: str) -> bool:
        """Whether the prompt asks for something of one of these kinds."""
        return any(self.contexts[context].search(prompt) for context in contexts)


def _source() -> bytes:
    return (files("curation.machine") / "phrases.yaml").read_bytes()


def phrases_digest() -> str:
    """SHA-256 (hex) of the word lists."""
    return hashlib.sha256(_source()).hexdigest()


@cache
def rulebook() -> Rulebook:
    """The word lists, compiled."""
    from ruamel.yaml import YAML

    loaded = YAML(typ="safe", pure=True).load(_source().decode("utf-8"))
    contexts = {name: _compiled(patterns) for name, patterns in loaded.pop("contexts").items()}
    cues: dict[str, tuple[str, ...]] = {}
    rules: dict[str, dict[str, re.Pattern[str]]] = {}
    for reason, section in loaded.items():
        cues[reason] = tuple(section.pop("cues", ()))
        named = section.pop("rules", {}) | section
        rules[reason] = {name: _compiled(patterns) for name, patterns in named.items()}
    return Rulebook(cues, rules, contexts)


def _compiled(patterns: str | list[str]) -> re.Pattern[str]:
    several = [patterns] if isinstance(patterns, str) else patterns
    return re.compile("|".join(f"(?:{pattern})" for pattern in several), _FLAGS)
