"""What a run's outcomes were made with: `made.json`. Where it is another now, they are made anew, out of the ledger."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Self

import orjson

from curation.errors import InputError
from curation.synthesis.decisions import decide, decided
from curation.synthesis.model import OUTCOMES, UNITS, Origin, Outcome, Unit, last_outcomes, read_rows
from curation.synthesis.sources import write_rows
from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from curation.llm.model import ChatModel
    from curation.synthesis.recipe import GenerateRecipe
    from curation.synthesis.sources import Sources

MADE: Final = "made.json"
AUTHOR: Final = "studio"  # of decisions that are taken back since they were about another text
VERSION: Final = 1  # of how outcomes follow from replies; raised when prompts, reading or gates change what they do

# What changes no outcome: what is told, what a call may cost and how it is made, how records are written.
_TOLD = ("name", "description", "source", "chunks", "prompts", "budget", "output", "privacy")
_ASKED = ("name", "key_env", "attempts", "timeout", "concurrency", "threads")
_GATED = ("existing", "judge", "judge_key_env")


@dataclass(frozen=True)
class Made:
    """digest: SHA-256 (hex) of all that decides outcomes besides the replies. prompts: SHA-256 of each prompt file. model,
    judge: their names, "" for no judge. leaves: whether texts left this machine; masked: whether values were masked first.
    recipe: as YAML, of the latest leg. counts: values that are masked in all texts, by entity; None before they were."""

    digest: str
    prompts: dict[str, str]
    model: str
    judge: str
    leaves: bool
    masked: bool
    recipe: str
    recipe_name: str
    counts: dict[str, int] | None = None

    @classmethod
    def of(
        cls,
        recipe: GenerateRecipe,
        sources: Sources,
        existing: Sequence[Origin],
        prompts: Mapping[str, str],
        model: ChatModel,
        judge: ChatModel | None,
        leaves: bool,
        secret: str,
    ) -> Self:
        """What outcomes are made with from now on."""
        mask = recipe.privacy.mask == "always" or (recipe.privacy.mask == "auto" and leaves)
        facts = {
            "version": VERSION,
            "recipe": _deciding(recipe),
            "sources": sources.digest(),
            "existing": [origin.content_hash for origin in existing],
            "prompts": dict(prompts),
            "model": model.identity,
            "judge": "" if judge is None else judge.identity,
            "masked": list(recipe.privacy.entities) if mask else None,
            "secret": secret,
        }
        return cls(
            hashlib.sha256(json.dumps(facts, sort_keys=True).encode("ascii")).hexdigest(),
            dict(prompts),
            model.name,
            "" if judge is None else judge.name,
            leaves,
            mask,
            recipe.to_yaml(),
            recipe.name,
        )

    @classmethod
    def read(cls, folder: Path) -> Self | None:
        """What an earlier leg wrote; None where there was none."""
        try:
            found = orjson.loads((folder / MADE).read_bytes())
            return cls(**{field.name: found[field.name] for field in fields(cls)})
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError) as error:
            raise InputError(
                f"{folder / MADE} is damaged ({error}).", "Remove it: everything is looked at anew."
            ) from None

    def write(self, folder: Path) -> None:
        """Raises OutputError."""
        write_atomic(folder / MADE, orjson.dumps(asdict(self), option=orjson.OPT_INDENT_2), mode=0o600)


def begin_anew(folder: Path, holds: Callable[[Outcome], bool]) -> None:
    """Forget what was finalised. Decisions stay where `holds` says that the same was asked; the others are taken back,
    since they are about a text that will be another; and what was asked for anew goes with the decision to ask."""
    outcomes = last_outcomes(folder)
    for item_id in decided(folder):
        outcome = outcomes.get(item_id.rpartition(".")[0])
        if outcome is not None and not holds(outcome):
            decide(folder, item_id, "restore", AUTHOR)
    (folder / OUTCOMES).unlink(missing_ok=True)
    stands = decided(folder)
    write_rows(folder / UNITS, [unit for unit in read_rows(folder / UNITS, Unit) if unit.again in stands])


def _deciding(recipe: GenerateRecipe) -> dict[str, Any]:
    facts = {name: value for name, value in recipe.resolved().items() if name not in _TOLD}
    facts["kind"] = [recipe.source.kind, recipe.source.how]
    facts["model"] = {name: value for name, value in facts["model"].items() if name not in _ASKED}
    facts["gates"] = {name: value for name, value in facts["gates"].items() if name not in _GATED}
    return facts
