"""Small batches for tests of stages."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from curation.readers import dumps_exact
from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, Batch, Decisions, content_hash
from curation.stage import CorpusStage, StageContext

Chat = Sequence[tuple[str, str]]


def batch_of(chats: Sequence[Chat | str], source: str = "a", meta: Sequence[dict] | None = None) -> Batch:
    """Records from `(role, content)` lists; a plain string is a record of one `text` turn. `meta` are other columns."""
    whole = [[("text", chat)] if isinstance(chat, str) else list(chat) for chat in chats]
    ids = [f"{source}:{number}" for number in range(1, len(whole) + 1)]
    records = []
    for name, chat, other in zip(ids, whole, meta or [{}] * len(whole), strict=True):
        form = "text" if len(chat) == 1 else "messages"
        slots = (
            {"text": 0}
            if form == "text"
            else {"messages": [{"role": r, "content": i} for i, (r, _) in enumerate(chat)]}
        )
        records.append((name, content_hash(chat), source, form, [], dumps_exact({**slots, **other})))
    turns = [(name, place, *turn) for name, chat in zip(ids, whole, strict=True) for place, turn in enumerate(chat)]
    return Batch(
        pl.DataFrame(records, schema=RECORD_SCHEMA, orient="row"), pl.DataFrame(turns, schema=TURN_SCHEMA, orient="row")
    )


def joined(*batches: Batch) -> Batch:
    return Batch(pl.concat([b.records for b in batches]), pl.concat([b.turns for b in batches]))


def decide(stage: CorpusStage, batch: Batch, seed: int = 0, clusters: pl.LazyFrame | None = None) -> Decisions:
    """What a corpus stage decides about one batch, the way the engine asks it."""
    prints = stage.fingerprint(batch, StageContext(seed=seed)).with_row_index("ordinal")
    prints = prints.with_columns(pl.col("ordinal").cast(pl.UInt64))
    return stage.decide(prints.lazy(), StageContext(seed=seed, clusters=clusters))


def dropped(decisions: Decisions) -> dict[str, str | None]:
    """The dropped records, each with its kept twin."""
    rows = decisions.rows.filter(pl.col("action") == "drop")
    return dict(rows.select("record_id", "related_id").iter_rows())


def reasons(decisions: Decisions) -> dict[str, str]:
    """The reason given for each record that was decided about."""
    return dict(decisions.rows.select("record_id", "reason").iter_rows())
