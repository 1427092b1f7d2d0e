"""A finished run folder made by hand, in the engine's own layout, so that any decision can stand in it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from curation.engine.finish import LENGTH_BINS, parquet_bytes
from curation.engine.store import Store
from curation.schema import DECISION_SCHEMA, EDIT_SCHEMA, RECORD_SCHEMA, TURN_SCHEMA, conform

SENTENCE_ZH = "绿茶为什么不能用开水直接冲泡？"


class Run:
    """Add records, decide about them, then `write`; `summary` is there afterwards."""

    def __init__(self, folder: Path, source: str = "a.jsonl") -> None:
        self.folder = folder
        self.source = source
        self.texts: list[list[tuple[str, str]]] = []
        self.rows: list[dict[str, Any]] = []
        self.edits: list[dict[str, Any]] = []
        self.summary: dict[str, Any] = {}

    def add(self, *turns: tuple[str, str]) -> str:
        self.texts.append(list(turns))
        return f"{self.source}:{len(self.texts)}"

    def decide(self, record_id: str, stage: str, action: str, reason: str, **more: Any) -> None:
        after = more.pop("after", {})
        self.rows.append(
            {"record_id": record_id, "stage": stage, "action": action, "reason": reason, "actor": "stage"} | more
        )
        self.edits += [
            {"record_id": record_id, "stage": stage, "turn": turn, "after": text} for turn, text in after.items()
        ]

    def write(self, uses: dict[str, str], quarantine: list[dict[str, Any]] | None = None, shards: int = 1) -> Path:
        ids = [f"{self.source}:{place}" for place in range(1, len(self.texts) + 1)]
        (self.folder / "shards").mkdir(parents=True)
        (self.folder / "ledger").mkdir()
        store = Store(self.folder / "shards")
        places = []
        size = max(1, -(-len(ids) // shards))
        for shard, first in enumerate(range(0, len(ids), size)):
            mine = ids[first : first + size]
            records = pl.DataFrame({"record_id": mine}).with_columns(
                source=pl.lit(self.source), format=pl.lit("messages")
            )
            turns = [
                {"record_id": record_id, "turn": turn, "role": role, "content": content}
                for record_id, text in zip(mine, self.texts[first : first + size], strict=True)
                for turn, (role, content) in enumerate(text)
            ]
            store.put(
                f"read{shard}",
                {"records": conform(records, RECORD_SCHEMA), "turns": pl.DataFrame(turns, TURN_SCHEMA)},
                {},
            )
            edits = pl.DataFrame([edit for edit in self.edits if edit["record_id"] in mine], EDIT_SCHEMA)
            store.put(f"done{shard}", {"edits": edits}, {})
            rows = pl.DataFrame([row for row in self.rows if row["record_id"] in mine], DECISION_SCHEMA)
            (self.folder / "ledger" / f"part-{shard:05d}.parquet").write_bytes(parquet_bytes(rows))
            places.append(
                {"source": self.source, "first": first + 1, "last": first + len(mine), "records": len(mine)}
                | {"key": f"read{shard}", "finish": f"done{shard}", "trail": []}
            )
        (self.folder / "index.json").write_text(json.dumps({"uses": uses, "shards": places}))
        bad = quarantine or []
        (self.folder / "quarantine.jsonl").write_text("".join(json.dumps(entry) + "\n" for entry in bad))
        self._summarise(uses, bad)
        return self.folder

    def _summarise(self, uses: dict[str, str], bad: list[dict[str, Any]]) -> None:
        left, stages = len(self.texts), []
        for name, use in uses.items():
            mine = [(row["action"], row["reason"]) for row in self.rows if row["stage"] == name]
            by = {verb: sum(action == word for action, _ in mine) for word, verb in VERBS.items()}
            reasons = [{"action": a, "reason": r, "count": mine.count((a, r))} for a, r in sorted(set(mine))]
            stages.append(
                {"stage": name, "use": use, "records_in": left, "cpu_seconds": 0.25, **by, "reasons": reasons}
            )
            left -= by["dropped"]
        counts = {"read": len(self.texts) + len(bad), "kept": left, "dropped": len(self.texts) - left}
        counts |= {
            "edited": len({e["record_id"] for e in self.edits}),
            "flagged": 0,
            "quarantined": len(bad),
            "blank": 0,
        }
        bins = [0] * LENGTH_BINS
        for text in self.texts:
            bins[max(1, sum(len(content) for _, content in text)).bit_length() - 1] += 1
        why: dict[str, int] = {}
        for entry in bad:
            why[entry["reason"]] = why.get(entry["reason"], 0) + 1
        row = {"source": self.source, "path": "/nowhere", "format": "messages", "records": len(self.texts)}
        self.summary = {
            "run": self.folder.name,
            "recipe": "demo",
            "counts": counts,
            "stages": stages,
            "sources": [row | {key: counts[key] for key in ("read", "kept", "dropped", "quarantined", "blank")}],
            "quarantine": why,
            "formats": {"messages": len(self.texts)},
            "languages": {"en": 5, "zh": 3},
            "lengths": {"before": bins, "after": bins},
            "outputs": [{"path": "train.jsonl", "split": "train", "records": left, "bytes": 10, "sha256": "00" * 32}],
            "out_format": "messages",
            "warnings": [],
            "seconds": 1.5,
            "seed": 0,
            "versions": {"polars": "2"},
        }


VERBS = {"drop": "dropped", "edit": "edited", "flag": "flagged", "annotate": "annotated"}


def small(folder: Path, text: str = "Is it open?", source: str = "a.jsonl") -> Run:
    """Five records: one edited twice, one dropped for its length, one copy of another, and two left alone."""
    run = Run(folder, source)
    edited = run.add(("user", "Do   you\tsell <b>bells</b>?"), ("assistant", "We  do, in\u200bside. " + text))
    short = run.add(("user", "ok"), ("assistant", text))
    kept = run.add(("user", SENTENCE_ZH), ("assistant", "水温太高会把叶片烫熟，茶汤发黄发涩。"))
    copy = run.add(("user", SENTENCE_ZH), ("assistant", "水温过高会把叶片烫熟，茶汤发黄发涩。"))
    run.add(("user", "Alone?"), ("assistant", "Left alone."))
    run.decide(edited, "clean", "edit", "html", after={0: "Do   you\tsell bells?"})
    run.decide(edited, "clean-2", "edit", "whitespace", after={0: "Do you sell bells?", 1: "We do, inside. " + text})
    run.decide(short, "length", "drop", "too_short", score=13.0, threshold=20.0, detail="characters, record")
    run.decide(copy, "exact", "drop", "duplicate", related_id=kept, score=2.0)
    return run


USES = {"clean": "clean", "clean-2": "clean", "length": "length", "exact": "exact"}
BAD = {
    "source": "a.jsonl",
    "line": 3,
    "offset": 99,
    "reason": "bad_json",
    "detail": "at character 7",
    "raw": '{"a": <i>',
}
