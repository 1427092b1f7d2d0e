"""Two datasets compared: read, matched, and written as an index that opens at once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.diff.digests import Reading, check_key, sources_of
from curation.diff.frames import CAUSES, NOWHERE, SOURCE_BITS, Names, write
from curation.diff.index import ReviewIndex
from curation.diff.match import HOWS, Matching, Texts, match, order_differs
from curation.diff.model import STATUSES, Status
from curation.engine.apply import ACTIONS
from curation.engine.store import Store


@dataclass(frozen=True)
class Pair:
    """Two sides that were read: their facts and digests."""

    facts: tuple[dict[str, Any], dict[str, Any]]
    digests: tuple[pl.DataFrame, pl.DataFrame]


def compare(
    a: Sequence[str],
    b: Sequence[str],
    folder: Path,
    *,
    key: str | None = None,
    format: str | None = None,  # noqa: A002 - the name users know from the command line
    workers: int | None = None,
) -> ReviewIndex:
    """Compare the records of files, globs or folders `a` with those of `b`; the index and the texts go to `folder`.

    key: the column that says which record is which; without it records are matched by their text. Memory: some 50 bytes a
    record of each side, and what one shard holds. Raises InputError for what cannot be read, or lacks the key.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    sources = [sources_of(list(side), folder / f"stdin-{name}") for side, name in ((a, "a"), (b, "b"))]
    reading = Reading(folder / "shards", workers, sum(max(source.size, 0) for side in sources for source in side))
    try:
        sides = [reading.side(side, format, key) for side in sources]
        pair = Pair((sides[0][0], sides[1][0]), (sides[0][1], sides[1][1]))
        if key is not None:
            check_key(key, pair.digests)
        found = match(*pair.digests, key is not None, _texts(folder, pair))
        hunks = _hunks(pair, found)
        causes, names = _causes(reading, pair, hunks)
    finally:
        reading.close()
    facts = _facts(pair, found, names)
    hunks = _with_reasons(hunks, causes)
    write(folder, hunks, causes, facts)
    return ReviewIndex.of_pair(folder, facts)


def _texts(folder: Path, pair: Pair) -> tuple[Texts, Texts]:
    """How likeness reads the texts of rows of each side, one shard at a time."""
    store = Store(folder / "shards")

    def reader(facts: dict[str, Any], digests: pl.DataFrame) -> Texts:
        def read(rows: NDArray[np.int64]) -> list[str]:
            return [text for _, text in _joined(store, facts, digests["at"].gather(rows).to_numpy())]

        return read

    return reader(pair.facts[0], pair.digests[0]), reader(pair.facts[1], pair.digests[1])


def _joined(store: Store, facts: dict[str, Any], places: NDArray[np.uint64]) -> list[tuple[int, str]]:
    """`(at, text)` of records at ascending places: their turns joined."""
    found: list[tuple[int, str]] = []
    for shard in facts["shards"]:
        base = shard["source"] << SOURCE_BITS
        low, high = np.searchsorted(places, np.array([base + shard["first"], base + shard["last"] + 1], np.uint64))
        if low == high:
            continue
        source = facts["sources"][shard["source"]]
        ids = pl.DataFrame({"at": places[low:high]}).select(
            "at", record_id=pl.concat_str(pl.lit(f"{source}:"), (pl.col("at") - base).cast(pl.String))
        )
        turns = store.frame(shard["key"], "turns").join(ids, on="record_id", how="semi", maintain_order="left")
        texts = turns.group_by("record_id", maintain_order=True).agg(text=pl.col("content").str.join("\n"))
        joined = ids.join(texts, on="record_id", how="left", maintain_order="left").with_columns(
            pl.col("text").fill_null("")
        )
        found += joined.select("at", "text").iter_rows()
    return found


def _hunks(pair: Pair, found: Matching) -> pl.DataFrame:
    """The hunks in the order of the second side, what is removed after the partner of what stood before it."""
    a, b = pair.digests
    partners = found.b
    same = np.zeros(a.height, dtype=bool)
    has = partners >= 0
    same[has] = a["whole"].to_numpy()[has] == b["whole"].to_numpy()[partners[has]]
    changed = np.flatnonzero(has & ~same)
    removed, added = np.flatnonzero(~has), found.free_b(b.height)
    before = pl.Series(np.where(has, partners, -1)).replace(-1, None).forward_fill().fill_null(-1).to_numpy()
    parts = [
        _part(a, b, changed, partners[changed], "changed", found, partners[changed] * 2),
        _part(a, b, removed, None, "removed", found, before[removed] * 2 + 1),
        _part(a, b, None, added, "added", found, added * 2),
    ]
    return pl.concat(parts).sort("order", "at", maintain_order=True).drop("order")


def _part(
    a: pl.DataFrame,
    b: pl.DataFrame,
    rows: NDArray[np.int64] | None,
    partners: NDArray[np.int64] | None,
    status: Status,
    found: Matching,
    order: NDArray[np.int64],
) -> pl.DataFrame:
    size = len(order)
    nowhere = pl.repeat(NOWHERE, size, dtype=pl.UInt64, eager=True)
    how, score = np.zeros(size, np.uint8), np.full(size, np.nan, np.float32)
    content = pl.Series(dtype=pl.UInt64)
    if partners is not None:
        content = b["content"].gather(partners)
    if rows is not None:
        content = a["content"].gather(rows)
        how, score = found.how[rows], found.score[rows]
    return pl.DataFrame(
        {
            "at": nowhere if rows is None else a["at"].gather(rows),
            "b_at": nowhere if partners is None else b["at"].gather(partners),
            "hash": content,
            "status": pl.repeat(STATUSES.index(status), size, dtype=pl.UInt8, eager=True),
            "stage": pl.Series(how, dtype=pl.UInt16),
            "score": pl.Series(score).fill_nan(None).cast(pl.Float32),
            "order": pl.Series(order, dtype=pl.Int64),
        }
    )


def _causes(reading: Reading, pair: Pair, hunks: pl.DataFrame) -> tuple[pl.DataFrame, Names]:
    """One row for each field of a changed record that differs; added and removed records have no field."""
    names = Names([""])
    changed = hunks.with_row_index("hunk").filter(pl.col("status") == STATUSES.index("changed"))
    sides = []
    for facts, column in zip(pair.facts, ("at", "b_at"), strict=True):
        places = np.sort(changed[column].to_numpy())
        rows = changed.select("hunk", at=column)
        frames = [pl.DataFrame(schema={"hunk": pl.UInt32, "field": pl.UInt16, "digest": pl.UInt64})]
        for part in reading.fields(facts, places):
            coded = part.with_columns(field=names.coded(part["field"]))
            frames.append(coded.join(rows, on="at", how="inner").select("hunk", "field", "digest"))
        sides.append(pl.concat(frames))
    differing = (
        sides[0]
        .join(sides[1], on=["hunk", "field"], how="full", coalesce=True)
        .filter(pl.col("digest").ne_missing(pl.col("digest_right")))
        .select("hunk", "field")
    )
    untold = changed.join(differing, on="hunk", how="anti").select(
        "hunk", field=pl.lit(names.number("structure"), pl.UInt16)
    )
    alone = hunks.with_row_index("hunk").filter(pl.col("status") != STATUSES.index("changed"))
    rows = pl.concat([differing, untold, alone.select("hunk", field=pl.lit(0, pl.UInt16))])
    return (
        rows.sort("hunk", "field")
        .select(
            "hunk",
            stage=pl.lit(0, pl.UInt16),
            reason="field",
            action=pl.lit(ACTIONS.index("edit"), pl.UInt8),
            score=pl.lit(None, pl.Float32),
        )
        .select(list(CAUSES)),
        names,
    )


def _with_reasons(hunks: pl.DataFrame, causes: pl.DataFrame) -> pl.DataFrame:
    first = causes.unique("hunk", keep="first", maintain_order=True)
    return hunks.with_columns(reason=first["reason"])


def _facts(pair: Pair, found: Matching, names: Names) -> dict[str, Any]:
    a, b = pair.digests
    return {
        "key": "",
        "kind": "pair",
        "a": pair.facts[0],
        "b": pair.facts[1],
        "stages": ["diff"],
        "hows": list(HOWS),
        "reasons": names.names(),
        "uses": {},
        "records": a.height + len(found.free_b(b.height)),
        "records_a": a.height,
        "records_b": b.height,
        "moved": order_differs(found),
        "notes": found.notes,
    }
