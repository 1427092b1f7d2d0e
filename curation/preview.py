"""What a recipe would do to a sample, stage by stage, without a run: counts, reasons and examples.

A `Previewer` keeps what each stage decided, so that after an edit only the stages from there on decide again. Stages
that load a neural network or read other files are dear: they are left out until asked for, and then decide in a process
of their own, so that no process which draws an interface ever loads torch.

Corpus stages (duplicates, shares, splits) see the sample and nothing else; what they would do to all records is another
question.
"""

from __future__ import annotations

import hashlib
import json
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import polars as pl

from curation.engine.apply import apply, check_law, complete
from curation.errors import StudioError
from curation.recipe import Recipe
from curation.recipe_check import Step
from curation.schema import Batch, Decisions
from curation.scores import SCORES, scores_of
from curation.stage import CorpusStage, RecordStage, Stage, StageContext

SAMPLE = 500
"""Records of a sample: a cheap recipe decides about them in well under a second."""

EXAMPLES = 5
"""Examples kept of each reason of each stage."""

_CHARACTERS = 20_000  # of a turn that an example holds
_TURNS = 8
_POLICIES = ("balanced", "strict", "minimal", "medical", "research")  # another one is a file, and may name a model


@dataclass(frozen=True)
class Sample:
    """Records to try a recipe on, and what a stage may know about their sources. `whole`: they are all there are."""

    batch: Batch
    column_types: Mapping[str, Mapping[str, str]]
    unread: int
    whole: bool

    def __len__(self) -> int:
        return len(self.batch)


@dataclass(frozen=True)
class TurnChange:
    """A turn before a stage looked at it, and after; None for one that stays as it is."""

    role: str
    before: str
    after: str | None = None


@dataclass(frozen=True)
class Example:
    """A record that a stage decided about. twin: the text of the record it was held against, role by role."""

    record_id: str
    action: str
    reason: str
    score: float | None
    threshold: float | None
    detail: str
    turns: tuple[TurnChange, ...]
    related_id: str = ""
    twin: tuple[TurnChange, ...] = ()


@dataclass(frozen=True)
class ReasonCount:
    """How often a stage acted for a reason, and the reason in a sentence."""

    action: str
    reason: str
    count: int
    sentence: str


@dataclass(frozen=True)
class StagePreview:
    """What one stage would do to the sample.

    records_in: what the stages before it left of the sample. corpus: it only saw the sample, and would decide otherwise
    about more. waiting: it is dear and was not asked for; everything behind it saw records that it might have dropped.
    problem: why it could not decide. seconds: that it took, 0 when it had decided before.
    """

    name: str
    use: str
    corpus: bool
    records_in: int = 0
    dropped: int = 0
    edited: int = 0
    flagged: int = 0
    annotated: int = 0
    reasons: tuple[ReasonCount, ...] = ()
    examples: tuple[Example, ...] = ()
    seconds: float = 0.0
    waiting: bool = False
    problem: str = ""
    hint: str = ""


@dataclass(frozen=True)
class Preview:
    """The stages that are switched on, in order, and how many records of the sample are left at the end."""

    sampled: int
    kept: int
    stages: tuple[StagePreview, ...]
    whole: bool = True
    unread: int = 0

    def of(self, name: str) -> StagePreview | None:
        """The preview of a stage by its name in the recipe."""
        return next((stage for stage in self.stages if stage.name == name), None)


class PreviewStopped(Exception):
    """The preview was called off: something newer is wanted."""


def is_dear(stage: Stage) -> bool:
    """Whether a stage loads a neural network, other people's code or a file of unknown size to decide.

    Told from the parameters that switch such a thing on; a stage from another package always counts as dear.
    """
    from curation.registry import BUILT_IN

    if stage.name not in BUILT_IN:
        return True
    facts = stage.model_dump(mode="json")
    return {
        "ifd": True,
        "semantic": True,
        "fit": True,
        "conflicts": True,
        "rarity": True,
        "rate": True,
        "select": facts.get("by") != "quality",
        "decontaminate": True,
        "pii": bool(facts.get("names")),
        "length": bool(facts.get("tokenizer")),
        "machine_text": facts.get("perplexity_below") is not None or facts.get("perplexity_above") is not None,
        "values": facts.get("policy") not in _POLICIES,
    }.get(stage.name, False)


# The sample


def take_sample(inputs: Sequence[str], most: int = SAMPLE, format: str | None = None) -> Sample:  # noqa: A002
    """The first records of each source, as many of each, at most `most` in all. Raises InputError.

    Records have the ids they would have in a run. What is no record is counted and passed over.
    """
    from curation.engine.intake import parse_chunk
    from curation.formats import detect
    from curation.readers import column_types, find_sources, read_chunks, sample_objects

    sources = find_sources(list(inputs))
    share = max(1, most // max(1, len(sources)))
    batches: list[Batch] = []
    types: dict[str, Mapping[str, str]] = {}
    unread, whole, left = 0, True, most
    for source in sources:
        objects = sample_objects(source)
        types[source.name] = column_types(objects)
        primary = format or detect(objects)
        wanted = min(share, left)
        if not wanted:
            whole = False
            break
        chunks = read_chunks(source, chunk_records=wanted + 1, chunk_bytes=8 << 20)
        chunk = next(iter(chunks), None)
        if chunk is None:
            continue
        more = len(chunk.payloads) > wanted or next(iter(chunks), None) is not None
        cut = replace(
            chunk,
            positions=chunk.positions[:wanted],
            lines=chunk.lines[:wanted],
            offsets=chunk.offsets[:wanted],
            payloads=chunk.payloads[:wanted],
        )
        batch, _quarantine, reasons, _formats = parse_chunk(cut, primary, format)
        batches.append(batch)
        unread += sum(reasons.values())
        whole = whole and not more
        left -= wanted
    records = pl.concat([each.records for each in batches]) if batches else _empty().records
    turns = pl.concat([each.turns for each in batches]) if batches else _empty().turns
    return Sample(Batch(records, turns), types, unread, whole)


def _empty() -> Batch:
    from curation.schema import RECORD_SCHEMA, TURN_SCHEMA

    return Batch(RECORD_SCHEMA.to_frame(), TURN_SCHEMA.to_frame())


# Deciding


@dataclass(frozen=True)
class _Decided:
    after: Batch
    shown: StagePreview
    clusters: pl.DataFrame
    scores: pl.DataFrame


ShouldStop = Callable[[], bool]
Decide = Callable[[Step, Batch, StageContext, ShouldStop], Decisions]


class Previewer:
    """Tries recipes on one sample and remembers what did not change. Not to be used by two threads at once."""

    def __init__(self, sample: Sample, decide_dear: Decide | None = None) -> None:
        self.sample = sample
        self._decide_dear = decide_dear or decide_apart
        self._known: dict[str, _Decided] = {}

    def preview(self, recipe: Recipe, *, dear: bool = False, should_stop: ShouldStop = lambda: False) -> Preview:
        """Every stage that is switched on, in order. `dear`: also those that take long; what they decided once stays
        known. Raises PreviewStopped as soon as `should_stop()`: between two stages, and while a dear one decides.
        """
        batch, key = self.sample.batch, _digest("sample", recipe.seed)
        clusters, scores = [_NO_CLUSTERS], [SCORES.to_frame()]
        shown: list[StagePreview] = []
        used: dict[str, _Decided] = {}
        for step in recipe.steps():
            if should_stop():
                raise PreviewStopped
            facts = [step.name, step.use, step.stage.version, step.stage.model_dump(mode="json")]
            skipped = is_dear(step.stage) and not dear
            here = _digest(key, facts)
            found = self._known.get(here)
            if found is None and skipped:
                shown.append(_shown_empty(step, batch, waiting=True))
                key = _digest(key, "skipped", step.name)
                continue
            if found is None:
                context = StageContext(
                    recipe.seed, self.sample.column_types, None, pl.concat(clusters).lazy(), pl.concat(scores)
                )
                found = self._decide(step, batch, context, should_stop)
                shown.append(found.shown)
            else:
                shown.append(replace(found.shown, seconds=0.0))
            used[here] = found
            batch, key = found.after, here
            clusters.append(found.clusters)
            scores.append(found.scores)
        self._known = {**dict(list(self._known.items())[-200:]), **used}
        return Preview(len(self.sample), len(batch), tuple(shown), self.sample.whole, self.sample.unread)

    def _decide(self, step: Step, batch: Batch, context: StageContext, should_stop: ShouldStop) -> _Decided:
        began = time.perf_counter()
        try:
            step.stage.check(self.sample.column_types)
            if is_dear(step.stage):
                found = self._decide_dear(step, batch, context, should_stop)
            else:
                found = decide_here(step, batch, context)
            decisions = complete(found, step.name, step.stage)
            after = apply(batch, decisions)
            check_law(batch, decisions, after, step.name)
        except StudioError as error:
            told = replace(_shown_empty(step, batch), problem=error.message, hint=error.hint)
            return _Decided(batch, told, _NO_CLUSTERS, SCORES.to_frame())
        seconds = time.perf_counter() - began
        shown = _shown(step, batch, decisions, seconds)
        return _Decided(after, shown, _clusters(decisions), scores_of(decisions.rows))


def decide_here(step: Step, batch: Batch, context: StageContext) -> Decisions:
    """What the stage decides about the sample, in this process."""
    stage = step.stage
    if isinstance(stage, RecordStage):
        return stage.decide(batch, context)
    assert isinstance(stage, CorpusStage)  # noqa: S101 - there are two kinds
    if not len(batch):
        return Decisions.none()
    with tempfile.TemporaryDirectory(prefix="studio-preview-") as scratch:
        prints = stage.fingerprint(batch, context)
        places = (
            batch.records.select("record_id").with_row_index("ordinal").with_columns(pl.col("ordinal").cast(pl.UInt64))
        )
        joined = prints.join(places, on="record_id", how="left", maintain_order="left")
        decisions = stage.decide(joined.lazy(), replace(context, scratch=Path(scratch)))
    order = batch.records.select("record_id").with_row_index("_place")
    rows = decisions.rows.join(order, on="record_id", how="left").sort("_place").drop("_place")
    return Decisions(rows, decisions.edits)


def decide_apart(step: Step, batch: Batch, context: StageContext, should_stop: ShouldStop) -> Decisions:
    """The same in a process of its own, which may load what this one must not."""
    from curation.preview_apart import ask

    return ask(step, batch, context, should_stop)


def _digest(*facts: object) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()


_NO_CLUSTERS = pl.DataFrame(schema={"record_id": pl.String(), "cluster": pl.String()})


def _clusters(decisions: Decisions) -> pl.DataFrame:
    cluster = pl.col("values").str.json_path_match("$._cluster")
    return decisions.rows.select("record_id", cluster=cluster).filter(pl.col("cluster").is_not_null())


# Showing


def _shown_empty(step: Step, batch: Batch, *, waiting: bool = False) -> StagePreview:
    corpus = isinstance(step.stage, CorpusStage)
    return StagePreview(step.name, step.use, corpus, len(batch), waiting=waiting)


def _shown(step: Step, batch: Batch, decisions: Decisions, seconds: float) -> StagePreview:
    rows = decisions.rows
    counted = rows.group_by("action", "reason").agg(count=pl.len())
    order = {"drop": 0, "edit": 1, "flag": 2, "annotate": 3}
    reasons = sorted(counted.iter_rows(), key=lambda item: (order[item[0]], -item[2], item[1]))
    total = {action: sum(count for each, _reason, count in reasons if each == action) for action in order}
    told = tuple(ReasonCount(action, reason, count, step.stage.reasons[reason]) for action, reason, count in reasons)
    worth = [item for item in reasons if item[0] != "annotate"] or reasons
    examples = tuple(
        example for action, reason, _count in worth for example in _examples(batch, decisions, action, reason)
    )
    return replace(
        _shown_empty(step, batch),
        dropped=total["drop"],
        edited=total["edit"],
        flagged=total["flag"],
        annotated=total["annotate"],
        reasons=told,
        examples=examples,
        seconds=seconds,
    )


def _examples(batch: Batch, decisions: Decisions, action: str, reason: str) -> list[Example]:
    chosen = decisions.rows.filter((pl.col("action") == action) & (pl.col("reason") == reason)).head(EXAMPLES)
    wanted = pl.concat([chosen["record_id"], chosen["related_id"].drop_nulls()]).unique()
    turns = batch.turns.filter(pl.col("record_id").is_in(wanted.implode()))
    texts: dict[str, list[tuple[int, str, str]]] = {}
    for record_id, turn, role, content in turns.iter_rows():
        texts.setdefault(record_id, []).append((turn, role, content[:_CHARACTERS]))
    edits: dict[str, dict[int, str]] = {}
    for record_id, turn, after in decisions.edits.select("record_id", "turn", "after").iter_rows():
        edits.setdefault(record_id, {})[turn] = after[:_CHARACTERS]
    return [_example(row, texts, edits.get(row["record_id"], {})) for row in chosen.iter_rows(named=True)]


def _example(
    row: Mapping[str, object], texts: Mapping[str, Sequence[tuple[int, str, str]]], edits: Mapping[int, str]
) -> Example:
    record_id, related = str(row["record_id"]), row["related_id"]
    turns = [TurnChange(role, content, edits.get(turn)) for turn, role, content in texts.get(record_id, ())]
    touched = [turn for turn in turns if turn.after is not None] if row["action"] == "edit" else []
    twin = tuple(TurnChange(role, content) for _, role, content in texts.get(str(related), ())) if related else ()
    score, threshold = row["score"], row["threshold"]
    return Example(
        record_id,
        str(row["action"]),
        str(row["reason"]),
        float(score) if isinstance(score, (int, float)) else None,
        float(threshold) if isinstance(threshold, (int, float)) else None,
        str(row["detail"] or ""),
        tuple((touched or turns)[:_TURNS]),
        str(related or ""),
        twin[:_TURNS],
    )
