"""Word lists with the contexts that excuse their words: YAML files, read strictly and compiled to regular expressions.

A rule is found in two steps. `triggers` are literal pieces of text, searched for in all texts at once; only where one
is found is the rule's `pattern` tried. A rule with `words` has both made from them. `{name}` in a pattern stands for
the alternatives of the set of that name.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import PackageNotFoundError, distribution
from importlib.resources import files
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from curation.errors import StageError, nearest
from curation.values.categories import Category
from curation.values.document import read_model

POLITICAL = "political"
Reach = Literal["sentence", "near", "text", "answer"]
_ASCII = re.compile(r"[\x20-\x7e]+")
_LITERAL = re.compile(r"[^\\()\[\]?*+|.{}]+")
_SET = re.compile(r"\{([a-z_]+)\}")


class Rule(BaseModel):
    """One way in which a text can be harmful. weight: how sure it is, from 0 to 1, where nothing excuses it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="What the ledger calls it; never a word of the text.")
    category: Category
    weight: float = Field(gt=0, lt=1)
    words: tuple[str, ...] = ()
    pattern: str = ""
    triggers: tuple[str, ...] = ()
    unless: str = Field(default="", description="A pattern that voids the rule when it is found in the same sentence.")
    excuses: tuple[str, ...] | None = Field(
        default=None, description="Contexts that excuse it; by default its category's."
    )
    insult: bool = Field(
        default=False, description="Whether the English classifier's opinion of the sentence counts too."
    )

    @model_validator(mode="after")
    def _findable(self) -> Rule:
        if bool(self.words) == bool(self.pattern):
            raise ValueError("has either words or a pattern")
        if self.pattern and not self.triggers:
            raise ValueError("has a pattern and so needs triggers")
        if not all(trigger.strip() for trigger in (*self.words, *self.triggers)):
            raise ValueError("has an empty word")
        return self


class Context(BaseModel):
    """What makes a harmful word harmless: a pattern, and how far from the word it may be.

    reach: `sentence`; `near`, 200 characters around; `text`, the same message; `answer`, the answer to the message.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    reach: Reach = "near"
    pattern: str


class Lexicon(BaseModel):
    """A file of rules. excuses: for each category the contexts that excuse its words."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    sets: Mapping[str, tuple[str, ...]] = {}
    contexts: Mapping[str, Context] = {}
    excuses: Mapping[Category, tuple[str, ...]] = {}
    rules: tuple[Rule, ...]

    @field_validator("rules")
    @classmethod
    def _once_each(cls, rules: tuple[Rule, ...]) -> tuple[Rule, ...]:
        ids = [rule.id for rule in rules]
        twice = sorted({name for name in ids if ids.count(name) > 1})
        if twice:
            raise ValueError(f"the rule '{twice[0]}' is there twice")
        return rules

    @model_validator(mode="after")
    def _compilable(self) -> Lexicon:
        for rule in self.rules:
            for pattern in (rule.pattern, rule.unless):
                self.compiled(pattern, f"rule '{rule.id}'")
            self.literals(rule)
        for name, context in self.contexts.items():
            self.compiled(context.pattern, f"context '{name}'")
        return self

    def compiled(self, pattern: str, owner: str) -> re.Pattern[str]:
        """The pattern with its sets put in; ValueError where it is no regular expression."""
        try:
            return re.compile(_SET.sub(lambda found: self._alternatives(found[1], owner), pattern))
        except re.error as error:
            raise ValueError(f"{owner} has a pattern that cannot be read: {error}") from None

    def literals(self, rule: Rule) -> list[str]:
        """The triggers of a rule; `{name}` stands for the literal beginnings of that set's alternatives."""
        found = []
        for trigger in rule.triggers or rule.words:
            named = _SET.fullmatch(trigger)
            if named is None:
                found.append(trigger.lower())
                continue
            for alternative in self.sets.get(named[1], ()):
                beginning = _beginning(alternative)
                if len(beginning) < (2 if beginning.isascii() else 1):
                    raise ValueError(f"rule '{rule.id}' has a trigger without a literal beginning: {alternative}")
                found.append(beginning.lower())
        return found

    def _alternatives(self, name: str, owner: str) -> str:
        if name not in self.sets:
            raise ValueError(f"{owner} uses the unknown set '{name}'. {nearest(name, self.sets)}")
        return f"(?:{'|'.join(self.sets[name])})"


@dataclass(frozen=True)
class Matcher:
    """A rule ready for use. excuses: names of contexts."""

    rule: Rule
    name: str
    pattern: re.Pattern[str]
    unless: re.Pattern[str] | None
    triggers: tuple[str, ...]
    excuses: frozenset[str]


def matchers(name: str, lexicon: Lexicon) -> list[Matcher]:
    """The rules of a lexicon, compiled. `name` comes before the rule's own name in the ledger."""
    made = []
    for rule in lexicon.rules:
        pattern = lexicon.compiled(rule.pattern, rule.id) if rule.pattern else word_pattern(rule.words)
        unless = lexicon.compiled(rule.unless, rule.id) if rule.unless else None
        excuses = lexicon.excuses.get(rule.category, ()) if rule.excuses is None else rule.excuses
        triggers = tuple(dict.fromkeys(lexicon.literals(rule)))
        made.append(Matcher(rule, f"{name}:{rule.id}", pattern, unless, triggers, frozenset(excuses)))
    return made


def word_pattern(words: tuple[str, ...]) -> re.Pattern[str]:
    """Any of the words; those in Latin letters only where they stand alone (a plural s may follow)."""
    parts = []
    for word in sorted(words, key=lambda word: (-len(word), word)):
        told = re.escape(word.lower())
        ascii_word = _ASCII.fullmatch(word)
        left = r"(?<!\w)" if ascii_word and word[0].isalnum() else ""
        plural = "(?:es)?" if word.endswith(("s", "sh", "ch", "x")) else "s?"
        parts.append(f"{left}{told}{plural}(?!\\w)" if ascii_word and word[-1].isalnum() else left + told)
    return re.compile("|".join(parts))


def _beginning(pattern: str) -> str:
    """The literal text that every match of a pattern begins with; "" where there is none."""
    found = _LITERAL.match(pattern)
    if found is None:
        return ""
    optional = pattern[found.end() : found.end() + 1] in tuple("?*{")
    return found[0][:-1] if optional else found[0]


def lexicon_names() -> list[str]:
    """The names that may stand in a policy besides paths."""
    folder = files("curation.values") / "lexicons"
    return sorted([POLITICAL, *(entry.name.removesuffix(".yaml") for entry in folder.iterdir())])


@cache
def _parsed(text: str, origin: str) -> Lexicon:
    return read_model(text, origin, Lexicon)


def load_lexicon(name: str) -> tuple[Lexicon, str]:
    """A lexicon by its name or its path, and the text its digest is made of. StudioError where there is none."""
    if name == POLITICAL:
        return _political()
    if name in lexicon_names():
        text = (files("curation.values") / "lexicons" / f"{name}.yaml").read_text("utf-8")
        return _parsed(text, f"lexicon {name}"), text
    path = Path(name).expanduser()
    if not path.is_file():
        hint = nearest(name, lexicon_names()) + " Or give the path of a lexicon file."
        raise StageError(f"there is no lexicon '{name}'", hint)
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        raise StageError(f"the lexicon '{name}' is no UTF-8 text", "Give the path of a YAML file.") from None
    return _parsed(text, name), text


def _political() -> tuple[Lexicon, str]:
    """The political word list of the package cleanse-speech (MIT), read as data: the package is never imported."""
    try:
        found = distribution("cleanse-speech")
        raw = Path(str(found.locate_file("cleanse_speech/bin/cn_politics.bin"))).read_bytes()
    except (PackageNotFoundError, OSError):
        hint = "Install the package cleanse-speech (its dependency zhconv is not needed), or take the lexicon out."
        raise StageError(
            "the lexicon 'political' needs the package cleanse-speech, which is not installed", hint
        ) from None
    words = sorted({base64.b64decode(line).decode("utf-8", "ignore").strip().lower() for line in raw.split()})
    kept = tuple(word for word in words if len(word) >= (4 if word.isascii() else 2))
    rule = Rule(id="term", category="political", weight=0.9, words=kept, excuses=())
    return Lexicon(rules=(rule,)), "\n".join(kept)
