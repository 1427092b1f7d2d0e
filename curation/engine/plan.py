"""From inputs and a recipe to the work to be done: sources with their formats, and stretches of stages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from curation.engine.passes import Step
from curation.events import Listener, SourceFound, Warned
from curation.formats import detect, get
from curation.readers import Source, column_types, find_sources, sample_objects
from curation.recipe import Recipe
from curation.stage import CorpusStage

# A shard is the unit of work and of memory: large enough that what each operation costs once does not count (4,096
# records a shard took 1.3 times the CPU), small enough that some of them fit beside each other for every worker.
SHARD_RECORDS = 8192
SHARD_BYTES = 4 * 1024 * 1024
NO_CONVERSATION = frozenset({"text", "preference", "kto"})  # formats whose records are not one conversation


@dataclass(frozen=True)
class Stretch:
    """Consecutive record stages, fused into one pass, and the corpus stages that follow them at once."""

    records: tuple[Step, ...]
    corpus: tuple[Step, ...]


@dataclass(frozen=True)
class Plan:
    """What a run will do. `primary` is the detected format of each source, None where a sample showed none."""

    sources: tuple[Source, ...]
    primary: Mapping[str, str | None]
    column_types: Mapping[str, Mapping[str, str]]
    stretches: tuple[Stretch, ...]
    out_format: str | None


def make_plan(
    inputs: Sequence[str],
    recipe: Recipe,
    listener: Listener,
    *,
    forced: str | None = None,
    out_format: str | None = None,
    spool: Path | None = None,
) -> Plan:
    """Find the sources, look at a sample of each, and cut the recipe into stretches.

    Raises InputError for inputs that cannot be read, RecipeError for unknown formats.
    """
    for name in (forced, out_format):
        if name is not None:
            get(name)
    sources = find_sources(inputs, spool=spool, note=lambda text: listener(Warned(text)))
    primary: dict[str, str | None] = {}
    types: dict[str, Mapping[str, str]] = {}
    for source in sources:
        sample = sample_objects(source)
        primary[source.name] = forced or detect(sample)
        types[source.name] = column_types(sample)
        listener(
            SourceFound(
                source.name,
                source.path,
                primary[source.name] or "unknown",
                source.kind,
                source.encoding,
                source.compression,
                source.size,
            )
        )
    for step in recipe.steps():
        step.stage.check(types)
    if out_format is None:
        out_format = _common_format({name for name in primary.values() if name is not None}, listener)
    return Plan(tuple(sources), primary, types, stretches(recipe), out_format)


def _common_format(found: set[str], listener: Listener) -> str | None:
    """One dataset should have one schema: messages where sources differ, unless some would not fit into it."""
    if len(found) < 2:
        return None
    named = ", ".join(sorted(found))
    if found & NO_CONVERSATION:
        message = f"the sources have different schemas ({named}); every record is written in its own."
        listener(Warned(message, "Curate them apart, or name a schema with --out-format."))
        return None
    message = f"the sources have different schemas ({named}); all are written as messages."
    listener(Warned(message, "Choose another schema with --out-format."))
    return "messages"


def stretches(recipe: Recipe) -> tuple[Stretch, ...]:
    """The recipe's stages as stretches. There is always at least one, and a corpus stage that is `lazy` (dear, so that
    it must only see what the stages before it left) opens a new one, unless those of the stretch drop nothing.
    """
    found: list[Stretch] = []
    records: list[Step] = []
    corpus: list[Step] = []
    may_drop = False
    for entry in recipe.steps():
        step = Step(entry.name, entry.use, entry.stage.model_dump(mode="json"))
        stage = entry.stage
        is_corpus = isinstance(stage, CorpusStage)
        if corpus and (not isinstance(stage, CorpusStage) or stage.reads_scores or (stage.lazy and may_drop)):
            found.append(Stretch(tuple(records), tuple(corpus)))
            records, corpus, may_drop = [], [], False
        (corpus if is_corpus else records).append(step)
        may_drop = may_drop or (isinstance(stage, CorpusStage) and stage.drops)
    return (*found, Stretch(tuple(records), tuple(corpus)))
