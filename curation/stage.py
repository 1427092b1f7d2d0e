"""What a stage is: it looks at records and decides. The engine applies.

A concrete stage is a frozen pydantic model whose fields *are* its recipe parameters. Its constructor does no work;
heavy imports and models are loaded inside the method that needs them, once a process.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

import polars as pl
from pydantic import BaseModel, ConfigDict

from curation.llm.model import never
from curation.schema import Batch, Decisions


@dataclass(frozen=True)
class Cost:
    """What it costs to decide about some records.

    seconds: of one core, on this machine. calls, prompt_tokens, answer_tokens: of a language model that is asked. money:
    in the currency of the recipe's prices, None where they are not known. note: what the figures rest on.
    """

    seconds: float = 0.0
    calls: int = 0
    prompt_tokens: int = 0
    answer_tokens: int = 0
    money: float | None = None
    note: str = ""


@dataclass(frozen=True)
class StageContext:
    """What a stage may know besides the batch.

    seed: of the run, for stages that draw. column_types: for each source, the type of each original column as seen in a
    sample taken before the run ("number", "bool", "string", "other"), so that a shard cannot change its mind.
    scratch: where a corpus stage may make a folder for large files of its own; it is gone when the stage has decided.
    clusters: `record_id, cluster` of what earlier corpus stages found to belong together; None for record stages.
    parts: the fingerprints a corpus stage decides about, shard by shard (see `curation.parts`).
    scores: what stages before measured about the records of a batch (`curation.scores.SCORES`), for the fingerprints of
    stages that say `reads_scores`; None for all else. folder: of the run, for what a record stage keeps beside the shards.
    should_stop: whether the run is to stop, for record stages that take long; one in a worker process is killed instead.
    """

    seed: int = 0
    column_types: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    scratch: Path | None = None
    clusters: pl.LazyFrame | None = None
    scores: pl.DataFrame | None = None
    folder: Path | None = None
    should_stop: Callable[[], bool] = never
    parts: Sequence[pl.LazyFrame] = ()


class Stage(BaseModel):
    """Base of every stage: the recipe parameters as fields, and four class facts.

    name: as written in a recipe after `use:`. version: raised whenever the same input may get another decision, so that
    finished shards are not reused. reasons: the closed set of reasons with a sentence for each, shown to users.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ClassVar[str]
    version: ClassVar[int] = 1
    reasons: ClassVar[Mapping[str, str]]

    def fingerprint_facts(self) -> Mapping[str, object]:
        """The parameters that fingerprints depend on; all by default. A stage whose threshold is only used to decide
        leaves it out, so that moving it reuses the fingerprints.
        """
        return self.model_dump(mode="json")

    def check(self, column_types: Mapping[str, Mapping[str, str]]) -> None:
        """Raise StageError if the stage cannot work on sources with these columns; called before anything runs."""

    def assets(self) -> Mapping[str, str]:
        """Digests of what the decisions depend on besides the parameters (weights, word lists, tokenizers)."""
        return {}

    def cost(self, sample: Batch) -> Cost | None:  # noqa: ARG002
        """About what deciding about this sample would cost now; None for a stage that is cheap. Loads no model."""
        return None


class RecordStage(Stage):
    """A stage that can decide by looking at one batch at a time."""

    @abstractmethod
    def decide(self, batch: Batch, context: StageContext) -> Decisions:
        """Decisions about the records of this batch. The text of undecided records is left untouched."""


class CorpusStage(Stage):
    """A stage that needs the whole corpus, but only through small fingerprints.

    lazy: fingerprints are dear, so take them only of what the stages before left. drops: whether it may drop a record;
    the next lazy stage has its fingerprints taken together with those of one that never does. reads_scores: the
    fingerprints hold what stages before measured; such a stage is lazy, so that all of them have decided. vector_bytes: about
    what lazy fingerprints take on the disk for each record, besides its text, since trying them out would be dear.
    """

    lazy: ClassVar[bool] = False
    drops: ClassVar[bool] = True
    reads_scores: ClassVar[bool] = False
    vector_bytes: ClassVar[int] = 0

    def scratch_bytes(self) -> int:
        """About what deciding takes on the disk for each record, for a while, in `StageContext.scratch`."""
        return 0

    def reads(self) -> Sequence[tuple[str, str]]:
        """Of a stage that reads scores: parameters, each with the earlier stage whose number it cannot do without."""
        return ()

    @abstractmethod
    def fingerprint(self, batch: Batch, context: StageContext) -> pl.DataFrame:
        """One row a record (or several): `record_id` first, then whatever `decide` needs."""

    @abstractmethod
    def decide(self, fingerprints: pl.LazyFrame, context: StageContext) -> Decisions:
        """Decisions about the whole corpus from every shard's fingerprints, in record order.

        The engine adds `ordinal` (UInt64), the global position of the record, which does not depend on workers or on
        the order in which files were named.
        """
