"""From outcomes and what people decided to a dataset, its card and the summary. May be done at any time, any number of times.

The same outcomes, decisions and recipe give the same bytes. Nothing stands under its name before it is whole; `summary.json`
comes last, and says what the dataset was made of.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from curation.errors import InputError
from curation.synthesis.decisions import Decided, decided, standing
from curation.synthesis.made import MADE, Made
from curation.synthesis.model import (
    CHUNKS,
    DATASET,
    DECISIONS,
    DOCUMENTS,
    ORIGINS,
    OUTCOMES,
    SUMMARY,
    UNITS,
    Chunk,
    Document,
    Exchange,
    Item,
    Origin,
    Outcome,
    Unit,
    last_outcomes,
    read_rows,
)
from curation.synthesis.prompts.schema import file_of
from curation.synthesis.work import writable
from curation.writers.atomic import write_atomic

if TYPE_CHECKING:
    from curation.llm.ledger import LedgerSummary
    from curation.synthesis.recipe import GenerateRecipe

DECIDING: Final = (OUTCOMES, DECISIONS, UNITS, MADE)
FORMAT_NAMES: Final = {"question_answer": "qa"}  # what recipes call by another name than `curation.formats`
PART: Final = 1024  # records rendered at once


@dataclass(frozen=True)
class Finalised:
    """What a run has come to: each unit with its outcome, in the order of the plan, and each item as it stands."""

    units: Sequence[Unit]
    outcomes: Mapping[str, Outcome]
    found: Mapping[str, Decided]
    items: Mapping[str, Sequence[Item]] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> Finalised:
        """From the files of a run."""
        units: list[Unit] = read_rows(folder / UNITS, Unit)
        outcomes, found = last_outcomes(folder), decided(folder)
        items = {
            unit.unit_id: [standing(item, found.get(item.item_id)) for item in outcomes[unit.unit_id].items]
            for unit in units
            if unit.unit_id in outcomes
        }
        return cls(units, outcomes, found, items)

    def each(self) -> Iterator[tuple[Unit, Outcome, Item]]:
        """Every item that was asked for."""
        for unit in self.units:
            for item in self.items.get(unit.unit_id, ()):
                yield unit, self.outcomes[unit.unit_id], item

    def counts(self) -> dict[str, int]:
        """planned = requested + left, requested = accepted + rejected + failed. left: items that nobody asked about yet."""
        status = Counter(item.status for _, _, item in self.each())
        planned = sum(unit.wanted for unit in self.units)
        requested = sum(status.values())
        parts = {name: status[name] for name in ("accepted", "rejected", "failed")}
        return {"planned": planned, "requested": requested, **parts, "left": planned - requested}

    def reasons(self) -> dict[str, int]:
        """Items that are not in the dataset, by reason; the most frequent first."""
        found = Counter(item.reason for _, _, item in self.each() if item.status != "accepted")
        return dict(sorted(found.items(), key=lambda one: (-one[1], one[0])))


def publish(
    folder: Path,
    *,
    spent: LedgerSummary | None = None,
    given_up: Mapping[str, int] | None = None,
    seconds: float | None = None,
) -> dict[str, Any]:
    """Write the dataset, its card and `summary.json` of the run in `folder`; the summary.

    What is not given (what was spent) stays as the summary had it. Raises OutputError; InputError for a
    folder in which nothing was begun.
    """
    from curation.synthesis.card import write_card
    from curation.synthesis.recipe import GenerateRecipe
    from curation.writers import write_dataset

    made = Made.read(folder)
    if made is None:
        raise InputError(f"In {folder} nothing was generated.", "Name the folder of a generation.")
    recipe = GenerateRecipe.from_text(made.recipe, made.recipe_name)
    digest = _digest(folder)
    finalised = Finalised.read(folder)
    render = _Renderer(recipe, made, folder)
    output = write_dataset(folder / DATASET / "train.jsonl", render.parts(finalised), mode=0o600)
    given = {
        "spent": None if spent is None else asdict(spent),
        "given_up": None if given_up is None else dict(given_up),
        "seconds": None if seconds is None else round(seconds, 3),
    }
    before = _before(folder)
    told = {name: before.get(name) if value is None else value for name, value in given.items()}
    summary = _summary(folder, finalised, made, recipe, output, told) | {"made_of": digest}
    write_card(folder, summary, recipe)
    write_atomic(folder / SUMMARY, orjson.dumps(summary, option=orjson.OPT_INDENT_2), mode=0o600)
    return summary


def is_current(folder: Path) -> bool:
    """Whether the dataset is of the outcomes and decisions as they are now."""
    return bool(_before(folder).get("made_of") == _digest(folder))


def _summary(
    folder: Path,
    finalised: Finalised,
    made: Made,
    recipe: GenerateRecipe,
    output: Mapping[str, Any],
    told: Mapping[str, Any],
) -> dict[str, Any]:
    from curation.synthesis.coverage import coverage

    outcomes = [finalised.outcomes[unit.unit_id] for unit in finalised.units if unit.unit_id in finalised.outcomes]
    return {
        "counts": finalised.counts(),
        "reasons": finalised.reasons(),
        "decided": dict(sorted(Counter(each.action for each in finalised.found.values()).items())),
        "units": len(finalised.units),
        "documents": len(read_rows(folder / DOCUMENTS, Document)),
        "chunks": len(read_rows(folder / CHUNKS, Chunk)),
        "origins": len(read_rows(folder / ORIGINS, Origin)),
        "prompt_tokens": sum(outcome.prompt_tokens for outcome in outcomes),
        "completion_tokens": sum(outcome.completion_tokens for outcome in outcomes),
        "repaired": sum(outcome.repaired for outcome in outcomes),
        "surplus": sum(outcome.surplus for outcome in outcomes),
        "model": made.model,
        "judge": made.judge,
        "leaves": made.leaves,
        "masked": made.counts or {},
        "prompts": made.prompts,
        "recipe": recipe.name,
        "recipe_digest": recipe.digest(),
        "coverage": coverage(folder, finalised).as_json(),
        "out_format": recipe.output.format,
        "outputs": [{**output, "split": "train"}],
        **told,
    }


class _Renderer:
    """Accepted items as records."""

    def __init__(self, recipe: GenerateRecipe, made: Made, folder: Path) -> None:
        from curation.formats import get

        self._format = get(FORMAT_NAMES.get(recipe.output.format, recipe.output.format))
        self._system, self._made, self._run = recipe.output.system, made, folder.resolve().name
        self._documents = {chunk.chunk_id: chunk.document_id for chunk in read_rows(folder / CHUNKS, Chunk)}

    def parts(self, finalised: Finalised) -> Iterator[bytes]:
        """The dataset as JSON lines, a part at a time."""
        from curation.writers import encode_part

        waiting: list[dict[str, Any]] = []
        for unit, outcome, item in finalised.each():
            if item.status == "accepted":
                waiting.append(self._record(unit, outcome, item, finalised.found.get(item.item_id)))
            if len(waiting) == PART:
                yield encode_part(waiting)
                waiting = []
        yield encode_part(waiting)

    def _record(self, unit: Unit, outcome: Outcome, item: Item, found: Decided | None) -> dict[str, Any]:
        from curation.formats import Exchange as Conversation

        document = self._documents.get(unit.chunk_id, "")
        spans = [
            {
                "exchange": span.exchange,
                "document": document,
                "start": span.start,
                "end": span.end,
                "quote": writable(item.exchanges[span.exchange]).quote,
            }
            for span in item.spans
            if span.exchange < len(item.exchanges)
        ]
        facts = {
            "id": item.item_id,
            "run": self._run,
            "parents": [document, unit.chunk_id] if unit.chunk_id else list(unit.record_ids),
            "spans": spans,
            "kind": unit.kind,
            "type": item.type,
            "difficulty": unit.difficulty,
            "call": outcome.calls[0] if outcome.calls else "",
            "prompt_digest": self._made.prompts.get(f"{file_of(unit)}.jinja", ""),
            "generator": self._made.model,
            "decided": found.action if found is not None else "",
        }
        return self._format.from_messages(Conversation(_messages(self._system, item.exchanges), facts))


def _messages(system: str, exchanges: Sequence[Exchange]) -> list[dict[str, Any]]:
    messages = [{"role": "system", "content": system}] if system else []
    for exchange in map(writable, exchanges):  # a person's edit may hold anything, too
        steps = f"{exchange.reasoning.strip()}\n\n" if exchange.reasoning.strip() else ""
        messages.append({"role": "user", "content": exchange.question})
        messages.append({"role": "assistant", "content": f"{steps}{exchange.answer}"})
    return messages


def _digest(folder: Path) -> str:
    """SHA-256 (hex) of all that a dataset is made of."""
    told = hashlib.sha256()
    for name in DECIDING:
        path = folder / name
        data = path.read_bytes() if path.is_file() else b""
        told.update(f"{name} {len(data)}\n".encode() + data)
    return told.hexdigest()


def _before(folder: Path) -> Mapping[str, Any]:
    """The summary as it stands; empty where there is none that can be read."""
    try:
        found = orjson.loads((folder / SUMMARY).read_bytes())
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}
