"""What the report reads besides the summary: the ledger, part by part, the quarantine's head, and the recipe.

The ledger is never held whole: one part (a shard's decisions) is in memory at a time, and only four of its columns.
"""

from __future__ import annotations

import base64
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, islice
from pathlib import Path
from typing import Any

import orjson
import polars as pl

BINS = 48  # stretches of the input told apart: 18 pixels each on a wide screen

Key = tuple[str, str, str]  # stage, action, reason


@dataclass(frozen=True)
class LedgerFacts:
    """`over_input`: decisions by key and stretch of the input; `picked`: ids of records to show, by key."""

    bins: int
    over_input: Mapping[Key, Mapping[int, int]]
    picked: Mapping[Key, Sequence[str]]


@dataclass
class _Tally:
    bins: int
    size: int  # positions in the whole input
    offsets: pl.DataFrame
    wanted: Mapping[Key, frozenset[int]]
    over_input: dict[Key, Counter[int]] = field(default_factory=lambda: defaultdict(Counter))
    picked: dict[Key, list[str]] = field(default_factory=lambda: defaultdict(list))
    seen: Counter[Key] = field(default_factory=Counter)

    def add(self, part: pl.DataFrame) -> None:
        """Count one part's decisions by stretch, and pick the records whose turn it is."""
        keyed = (
            part.with_columns(
                source=pl.col("record_id").str.replace(r":\d+$", ""),
                position=pl.col("record_id").str.extract(r":(\d+)$", 1).cast(pl.Int64, strict=False),
            )
            .join(self.offsets, on="source", how="left", maintain_order="left")
            .with_columns(
                bin=((pl.col("offset") + pl.col("position") - 1) * self.bins // max(self.size, 1)).clip(
                    0, self.bins - 1
                )
            )
        )
        grouped = keyed.group_by("stage", "action", "reason", "bin", maintain_order=True).len()
        for stage, action, reason, number, count in grouped.iter_rows():
            if number is not None:
                self.over_input[(stage, action, reason)][number] += count
        for stage, action, reason, count in (
            keyed.group_by("stage", "action", "reason", maintain_order=True).len().iter_rows()
        ):
            self._pick(keyed, (stage, action, reason), count)

    def _pick(self, part: pl.DataFrame, key: Key, count: int) -> None:
        before = self.seen[key]
        self.seen[key] += count
        turns = sorted(turn for turn in self.wanted.get(key, ()) if before <= turn < before + count)
        if turns:
            stage, action, reason = key
            is_it = (pl.col("stage") == stage) & (pl.col("action") == action) & (pl.col("reason") == reason)
            ids = part.filter(is_it)["record_id"]
            self.picked[key].extend(ids[turn - before] for turn in turns)


def read_ledger(folder: Path, summary: Mapping[str, Any], examples: int) -> LedgerFacts:
    """One pass over `folder/ledger`. Up to `examples` records are picked for each drop, edit and flag reason, spread
    over the input: the first, the last and those evenly between.
    """
    sources = summary["sources"]
    ends = list(accumulate(source["read"] for source in sources))
    wanted = {
        (stage["stage"], item["action"], item["reason"]): spread(item["count"], examples)
        for stage in summary["stages"]
        for item in stage["reasons"]
        if item["action"] != "annotate"
    }
    frame = pl.DataFrame(
        {"source": [source["source"] for source in sources], "offset": [0, *ends][: len(sources)]},
        schema={"source": pl.String, "offset": pl.Int64},
    )
    size = ends[-1] if ends else 0
    tally = _Tally(max(1, min(BINS, size)), size, frame, wanted)
    for path in sorted((folder / "ledger").glob("*.parquet")):
        tally.add(pl.read_parquet(path, columns=["record_id", "stage", "action", "reason"], glob=False))
    return LedgerFacts(tally.bins, tally.over_input, tally.picked)


def spread(count: int, most: int) -> frozenset[int]:
    """At most `most` of the ordinals 0 … count - 1, evenly apart, the first and the last among them."""
    if count <= most:
        return frozenset(range(count))
    if most < 2:
        return frozenset(range(most))
    return frozenset(round(place * (count - 1) / (most - 1)) for place in range(most))


def quarantine_head(folder: Path, most: int) -> list[dict[str, Any]]:
    """The first `most` entries of `quarantine.jsonl`, `raw` as text: bytes that are no UTF-8 are written in hex."""
    entries: list[dict[str, Any]] = []
    try:
        with (folder / "quarantine.jsonl").open("rb") as lines:
            for line in islice(lines, most):
                entry = orjson.loads(line)
                if "raw_base64" in entry:
                    entry["raw"] = base64.b64decode(entry["raw_base64"]).decode("utf-8", "backslashreplace")
                entries.append(entry)
    except FileNotFoundError:
        pass
    return entries


def read_spec(folder: Path) -> dict[str, Any]:
    """`run.json`, or nothing where the run was made from Python."""
    try:
        spec = orjson.loads((folder / "run.json").read_bytes())
    except (OSError, orjson.JSONDecodeError):
        return {}
    return spec if isinstance(spec, dict) else {}


def recipe_yaml(folder: Path, summary: Mapping[str, Any]) -> str:
    """The recipe's YAML: from the run's spec or, for a run made from Python, from the summary; "" without either."""
    recipe = read_spec(folder).get("recipe")
    text = recipe.get("yaml") if isinstance(recipe, dict) else None
    return str(text or summary.get("recipe_yaml") or "")
