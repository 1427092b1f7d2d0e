"""The word lists of `phrases.yaml`, read once a process and compiled."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files


@dataclass(frozen=True)
class Phrases:
    """By gate and rule, the patterns any of which is a hit, and those that take a hit back where they overlap it."""

    rules: Mapping[str, Mapping[str, re.Pattern[str]]]
    spared: Mapping[str, re.Pattern[str]]

    def found(self, gate: str, text: str) -> str:
        """The first rule that finds something, "" for none."""
        return next((rule for rule, _ in self.all_found(gate, text)), "")

    def all_found(self, gate: str, text: str) -> Iterator[tuple[str, re.Match[str]]]:
        """Each rule that finds something, with its first match that is not spared."""
        spans = [found.span() for found in self.spared[gate].finditer(text)] if gate in self.spared else []
        for rule, pattern in self.rules[gate].items():
            for match in pattern.finditer(text):
                if not any(start < match.end() and match.start() < end for start, end in spans):
                    yield rule, match


@cache
def phrases() -> Phrases:
    """The word lists, compiled."""
    from ruamel.yaml import YAML

    loaded = YAML(typ="safe", pure=True).load((files("curation.synthesis.gates") / "phrases.yaml").read_text("utf-8"))
    spared = {gate: _compiled(section.pop("spared")) for gate, section in loaded.items() if "spared" in section}
    rules = {gate: {rule: _compiled(each) for rule, each in section.items()} for gate, section in loaded.items()}
    return Phrases(rules, spared)


def _compiled(patterns: list[str]) -> re.Pattern[str]:
    return re.compile("|".join(f"(?:{pattern})" for pattern in patterns), re.IGNORECASE | re.MULTILINE)
