"""What a run's stages `pii` found and could not look for, in numbers: for the summary, the report and the card."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson
import polars as pl

from curation.privacy.entities import MASKED

if TYPE_CHECKING:
    from curation.recipe import Step

USE = "pii"


def privacy_facts(folder: Path, steps: Sequence[Step]) -> list[dict[str, Any]]:
    """For each stage `pii` that ran, from the ledger: values by entity type, and what could not be looked for.

    masked, left, columns: values by entity type that were masked; that were pointed out, or went with their record; that
    stand in other columns. in_columns: records by column. not_searched: by language, the records in it and the types
    that cannot be looked for. off: types that are looked for by default and were not.
    """
    return [_facts(folder, step) for step in steps if step.use == USE and step.enabled]


def _facts(folder: Path, step: Step) -> dict[str, Any]:
    masked, left, columns, in_columns = (Counter[str]() for _ in range(4))
    languages: Counter[str] = Counter()
    blind: dict[str, set[str]] = {}
    for text, number in _values(folder, step.name):
        values = orjson.loads(text)
        for entity, count in values.items():
            if not entity.startswith("_"):
                masked[entity] += count * number
        for counter, key in ((left, "_left"), (columns, "_columns")):
            for entity, count in values.get(key, {}).items():
                counter[entity] += count * number
        in_columns.update(dict.fromkeys(values.get("_in_columns", ()), number))
        for language, types in values.get("_not_searched", {}).items():
            languages[language] += number
            blind.setdefault(language, set()).update(types)
    wanted = step.stage.wanted() if hasattr(step.stage, "wanted") else frozenset(MASKED)
    return {
        "stage": step.name,
        "part": getattr(step.stage, "part", "record"),
        "masked": dict(sorted(masked.items())),
        "left": dict(sorted(left.items())),
        "columns": dict(sorted(columns.items())),
        "in_columns": dict(sorted(in_columns.items())),
        "not_searched": [
            {"language": language, "records": number, "types": sorted(blind[language])}
            for language, number in sorted(languages.items(), key=lambda item: (-item[1], item[0]))
        ],
        "off": [entity for entity in MASKED if entity not in wanted],
    }


def _values(folder: Path, stage: str) -> Iterator[tuple[str, int]]:
    """The different `values` of a stage's decisions, and how many records have each; part by part."""
    for part in sorted((folder / "ledger").glob("part-*.parquet")):
        frame = pl.scan_parquet(part, glob=False).filter(pl.col("stage") == stage).select("values").drop_nulls()
        yield from frame.group_by("values").len().sort("values").collect().iter_rows()


def privacy_warnings(facts: Sequence[Mapping[str, Any]]) -> list[str]:
    """What nobody should take for clean, as sentences."""
    return [warning for fact in facts for warning in _warnings(fact)]


def _warnings(fact: Mapping[str, Any]) -> Iterator[str]:
    for item in fact["not_searched"]:
        records = "1 record is" if item["records"] == 1 else f"{item['records']:,} records are"
        yield f"{fact['stage']}: {records} {missing(item)}"
    if fact["in_columns"]:
        named = ", ".join(f"{name} ({number:,})" for name, number in fact["in_columns"].items())
        yield f"{fact['stage']}: personal data stands in columns that are not masked, in so many records: {named}"
    if fact["part"] != "record":
        yield f"{fact['stage']}: only this part of the records was searched and masked: {fact['part']}"


def add_privacy(folder: Path, steps: Sequence[Step], summary: dict[str, Any]) -> None:
    """Put `privacy` into the summary of a run that has a stage `pii`, and what it means among the warnings."""
    facts = privacy_facts(folder, steps)
    if facts:
        summary["privacy"] = facts
        summary["warnings"] += privacy_warnings(facts)


def missing(item: Mapping[str, Any]) -> str:
    """What could not be looked for in the records of a language: `in 'de', where PERSON could not be looked for`."""
    types = ", ".join(item["types"])
    if item["language"]:
        return f"in '{item['language']}', where {types} could not be looked for"
    return f"in no language that could be told, where {types} were looked for by the script alone"
