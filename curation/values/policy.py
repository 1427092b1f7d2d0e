"""The policy: which categories are looked for, from which score on something is done, and what excuses."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, field_validator

from curation.errors import StageError, nearest
from curation.values.categories import CATEGORIES, Act, Category
from curation.values.document import read_model
from curation.values.lexicon import load_lexicon

CONTEXTS = (
    "code",
    "education",
    "fiction",
    "figurative",
    "history",
    "legal",
    "medical",
    "negation",
    "news",
    "quotation",
    "refusal",
    "refuted",
    "sports",
    "support",
)


class CategoryRule(BaseModel):
    """What becomes of records of one category. threshold: the least score at which the action is taken."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    action: Act = "keep"
    threshold: float = Field(default=0.5, ge=0.05, le=1.0)


class Classifier(BaseModel):
    """A sequence classifier of transformers: a folder or a name on the Hub, and what its labels mean here."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())

    model: str = Field(min_length=1)
    labels: Mapping[str, Category] = Field(min_length=1)
    max_tokens: int = Field(
        default=256, ge=8, le=100_000, description="Longest window; a longer text is looked at in several."
    )


class Policy(BaseModel):
    """A policy file. Categories that are not named are kept; contexts that are not named do not excuse."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    description: str = ""
    categories: Mapping[Category, CategoryRule] = Field(min_length=1)
    lexicons: tuple[str, ...] = ("en", "zh")
    english_classifier: bool = True
    allow_contexts: tuple[str, ...] = CONTEXTS
    allow_phrases: tuple[str, ...] = ()
    classifier: Classifier | None = None

    @field_validator("allow_contexts")
    @classmethod
    def _known(cls, names: tuple[str, ...]) -> tuple[str, ...]:
        for name in names:
            if name not in CONTEXTS:
                raise ValueError(f"'{name}' is no context. {nearest(name, CONTEXTS)}")
        return names

    @field_validator("allow_phrases")
    @classmethod
    def _not_empty(cls, phrases: tuple[str, ...]) -> tuple[str, ...]:
        if not all(phrase.strip() for phrase in phrases):
            raise ValueError("has an empty phrase")
        return phrases

    def rule(self, category: Category) -> CategoryRule:
        """What becomes of a category; one that the policy does not name is kept."""
        return self.categories.get(category, CategoryRule())

    def changed(self, actions: Mapping[Category, Act], thresholds: Mapping[Category, float]) -> Policy:
        """The policy with the actions and thresholds of a recipe put over its own."""
        rules = {}
        for category in CATEGORIES:
            own = self.rule(category)
            rules[category] = CategoryRule(
                action=actions.get(category, own.action), threshold=thresholds.get(category, own.threshold)
            )
        return self.model_copy(update={"categories": rules})


def policy_names() -> list[str]:
    """The policies that are shipped."""
    folder = files("curation.values") / "policies"
    return sorted(entry.name.removesuffix(".yaml") for entry in folder.iterdir() if entry.name.endswith(".yaml"))


@cache
def _parsed(text: str, origin: str) -> Policy:
    return read_model(text, origin, Policy)


def load_policy(name: str) -> Policy:
    """A shipped policy by its name, or one of the user's by its path; lexicons beside it by relative paths.

    StageError where there is none, RecipeProblems (file, line, key, nearest valid key) where it cannot be used.
    """
    if name in policy_names():
        text = (files("curation.values") / "policies" / f"{name}.yaml").read_text("utf-8")
        return _parsed(text, f"policy {name}")
    path = Path(name).expanduser()
    try:
        text = path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = "is no UTF-8 text" if isinstance(error, UnicodeDecodeError) else "cannot be read"
        if not path.exists():
            hint = nearest(name, policy_names()) + " Or give the path of a policy file."
            raise StageError(f"there is no policy '{name}'", hint) from None
        raise StageError(f"the policy '{name}' {reason}", "Give the path of a YAML file.") from None
    policy = _parsed(text, name)
    beside = tuple(
        str(path.parent / lexicon) if (path.parent / lexicon).is_file() else lexicon for lexicon in policy.lexicons
    )
    return policy.model_copy(update={"lexicons": beside})


def policy_digest(policy: Policy) -> str:
    """SHA-256 of all that a policy says and of the lexicons it names, wherever they lie."""
    facts = policy.model_dump(mode="json", exclude={"lexicons", "description"})
    told = [json.dumps(facts, sort_keys=True, ensure_ascii=False), *(load_lexicon(n)[1] for n in policy.lexicons)]
    return hashlib.sha256("\0".join(told).encode()).hexdigest()
