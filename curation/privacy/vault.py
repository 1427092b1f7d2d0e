"""The vault: which pseudonym stands for whom, in a file of its own, made only when somebody asks and holds the key.

Nothing is written while a run masks, so there is nothing to lose, to merge or to forget: the texts as they were read and
every decision are in the run's shards, so the masks are made once more, and compared with those of the run. The file can
be read by its owner alone, stands beside dataset and ledger, never in them, and goes when the run is removed.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import orjson
import polars as pl

from curation.engine.apply import apply
from curation.engine.passes import Decided, level_zero, load_decisions, split_by_stage
from curation.engine.store import Store
from curation.errors import InputError, StageError
from curation.ledger import read_index
from curation.privacy.operators import KEYED
from curation.privacy.told import USE
from curation.recipe import Recipe
from curation.recipe_check import Step
from curation.report.facts import recipe_yaml
from curation.schema import Batch, Decisions
from curation.stages.pii import Pii, chosen_turns, languages_of
from curation.writers.atomic import write_atomic

NAME = "pii-vault.jsonl"


@dataclass(frozen=True)
class Vault:
    """What was written: where, how many masks, how many different values."""

    path: Path
    masks: int
    values: int


def write_vault(folder: Path, out: Path | None = None) -> Vault:
    """Write the vault of a finished run, to `out` or into the run's folder.

    A line is `{"mask", "entity", "values", "records"}`: the values as they were written, and in how many records. Only
    masks that the key decides are told: pseudonyms, fakes and hashes.
    Raises InputError where the run masked nothing of the kind, StageError where the key is missing or is another one.
    """
    steps = [step for step in _steps(folder) if isinstance(step.stage, Pii) and step.stage.keyed()]
    if not steps:
        raise InputError(
            f"no stage of this run made masks that can be told back: {folder.name}",
            "A vault tells what pseudonyms, fakes and hashes stand for: --set pii.operator=pseudonym",
        )
    for step in steps:
        step.stage.check({})
    values: dict[tuple[str, str], set[str]] = {}
    records: Counter[tuple[str, str]] = Counter()
    for step in steps:
        stage = step.stage
        assert isinstance(stage, Pii)  # noqa: S101 - chosen above
        for _, found in _masks(folder, step.name, stage):
            mine = {(mask, entity): value for entity, value, mask in found if stage.operator_of(entity) in KEYED}
            records.update(mine.keys())
            for entity, value, mask in found:
                if (mask, entity) in mine:
                    values.setdefault((mask, entity), set()).add(value)
    path = out or folder / NAME
    lines = [
        orjson.dumps(
            {"mask": mask, "entity": entity, "values": sorted(values[mask, entity]), "records": records[mask, entity]},
            option=orjson.OPT_APPEND_NEWLINE,
        )
        for mask, entity in sorted(values)
    ]
    write_atomic(path, b"".join(lines), mode=0o600)
    return Vault(path, len(lines), sum(len(several) for several in values.values()))


def _steps(folder: Path) -> list[Step]:
    try:
        summary: dict[str, Any] = orjson.loads((folder / "summary.json").read_bytes())
    except (OSError, orjson.JSONDecodeError) as error:
        raise InputError(f"{folder} holds no finished run", "`studio runs list` shows the runs there are.") from error
    text = recipe_yaml(folder, summary)
    return [step for step in Recipe.from_text(text).steps() if step.use == USE] if text else []


def _masks(folder: Path, name: str, stage: Pii) -> Iterator[tuple[str, list[tuple[str, str, str]]]]:
    """For each record that the stage `name` masked, `(entity, value, mask)` of each mask."""
    store = Store(folder / "shards")
    for shard in read_index(folder):
        trail = [Decided(item[0], _pair(item[1]), _pair(item[2])) for item in shard["trail"]]
        before, decided = _at(store, level_zero(store, shard["key"]), trail, name)
        if decided is None or not decided.edits.height:
            continue
        edited = decided.edits.select("record_id").unique()
        batch = Batch(
            before.records.join(edited, on="record_id", how="semi", maintain_order="left"),
            before.turns.join(edited, on="record_id", how="semi", maintain_order="left"),
        )
        turns = chosen_turns(batch, stage.part)
        languages = languages_of(turns) if stage.names else [""] * turns.height
        states = stage.masking().mask(turns["content"].to_list(), languages, turns["record"].to_list())
        made = turns.with_columns(after=pl.Series([state.text for state in states], dtype=pl.String))
        if _differ(made, decided.edits):
            raise StageError(
                "the masks of the run come out differently now: this is another key, or other models",
                "The vault is made with the key, the models and the version of studio that the run was made with.",
            )
        by_record: dict[str, list[tuple[str, str, str]]] = {}
        for record_id, state in zip(turns["record_id"], states, strict=True):
            by_record.setdefault(record_id, []).extend(state.values)
        yield from by_record.items()


def _pair(value: Any) -> tuple[int, int] | None:
    return None if value is None else (value[0], value[1])


def _at(store: Store, batch: Batch, trail: list[Decided], name: str) -> tuple[Batch, Decisions | None]:
    """The records as they came to the stage, and what it decided; None where it decided nothing."""
    for item in trail:
        for decisions in split_by_stage(load_decisions(store, item)):
            if decisions.rows.height and decisions.rows["stage"][0] == name:
                return batch, decisions
            batch = apply(batch, decisions)
    return batch, None


def _differ(made: pl.DataFrame, edits: pl.DataFrame) -> bool:
    """Whether the texts that were made are not those of the run."""
    both = edits.select("record_id", "turn", was="after").join(
        made.select("record_id", "turn", "after"), on=["record_id", "turn"], how="left"
    )
    return not (both["was"] == both["after"]).fill_null(False).all()
