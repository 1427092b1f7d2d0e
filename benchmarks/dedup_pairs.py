"""Pairs on both sides of the threshold of `near`, to be read and judged by eye.

    python benchmarks/dedup_pairs.py copyright --pairs 50
    python benchmarks/dedup_pairs.py FILE.json [FILE.json …] --part prompt

`copyright` are the copyright files of the installed Debian packages; else lists of records in the Alpaca form. Draws, by
seed, as many pairs with an exact similarity just above the threshold and just below, and as many that `near` dropped and
that it kept for a reason of its own, and prints what differs between the two.
"""

from __future__ import annotations

import argparse
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

from curation.dedup.corpus import Corpus
from curation.dedup.differences import differences, tokens_of
from curation.dedup.pairs import candidates, jaccard
from curation.dedup.shingles import fold
from curation.schema import Batch
from curation.stage import StageContext
from curation.stages.near import Near

WIDTH = 0.1  # of the strip on each side of the threshold


def batch_of(names: list[str], texts: list[str]) -> Batch:
    """Plain texts as records; the name is the source and the record id."""
    from curation.schema import RECORD_SCHEMA, TURN_SCHEMA, conform

    records = pl.DataFrame({"record_id": names, "source": names, "format": "text", "meta": "{}", "content_hash": ""})
    turns = pl.DataFrame({"record_id": names, "turn": 0, "role": "text", "content": texts})
    return Batch(conform(records, RECORD_SCHEMA), conform(turns, TURN_SCHEMA))


ANSWERS = ("output", "chosen", "rejected")


def read(inputs: list[str], part: str) -> Iterator[tuple[str, str]]:
    """Names and texts: whole records, or what is asked in them."""
    if inputs == ["copyright"]:
        for path in sorted(Path("/usr/share/doc").glob("*/copyright")):
            if not path.parent.is_symlink():
                yield path.parent.name, path.read_text(encoding="utf-8", errors="replace")
        return
    import json

    for name in inputs:
        for number, record in enumerate(json.loads(Path(name).read_text(encoding="utf-8"))):
            yield (
                f"{Path(name).stem}:{number}",
                "\n".join(
                    str(value) for key, value in record.items() if value and (part == "record" or key not in ANSWERS)
                ),
            )


def show(kind: str, score: float, one: str, other: str, texts: dict[str, str]) -> None:
    ours, theirs = tokens_of(fold(texts[one])), tokens_of(fold(texts[other]))
    print(f"\n## {kind} {score:.3f}  {one} ({len(ours)} tokens)  |  {other} ({len(theirs)})")
    print(f"   begins: {' '.join(texts[one].split())[:160]}")
    for item in differences(ours, theirs)[:12]:
        print(f"   {item.kind:9} - {_cut(item.old)}  + {_cut(item.new)}")


def _cut(words: tuple[str, ...]) -> str:
    return " ".join(words) if len(words) <= 16 else f"{' '.join(words[:8])} … {' '.join(words[-6:])} [{len(words)}]"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("inputs", nargs="+")
    parser.add_argument("--part", choices=["record", "prompt"], default="record", help="of JSON files")
    parser.add_argument("--pairs", type=int, default=50)
    parser.add_argument("--threshold", type=float, default=0.7)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    texts = dict(read(given.inputs, given.part))
    names = list(texts)
    near = Near(lowest=max(0.5, given.threshold - WIDTH), threshold=given.threshold, allow_wipeout=True)
    prints = near.fingerprint(batch_of(names, list(texts.values())), StageContext(seed=0))
    prints = prints.with_columns(pl.int_range(pl.len(), dtype=pl.UInt64).alias("ordinal"))
    rows = near.decide(prints.lazy(), StageContext(seed=0)).rows
    corpus = Corpus([prints.filter(pl.col("size") > 0).lazy()], near.words, near.characters, 0)
    left, right, _ = candidates(corpus.bands(near.banding()), len(corpus.numbers))
    corpus.hold(np.arange(len(corpus.numbers)))
    scores = jaccard(corpus.shingles, left, right)
    ids = corpus.facts["record_id"].to_list()
    draw = random.Random(given.seed)
    gone = rows.filter(pl.col("action") == "drop")
    print(
        f"{len(names)} records, {len(left)} candidate pairs, {gone.height} dropped, {(gone['score'] == 1).sum()} equal"
    )
    print(rows.group_by("action", "reason").len().sort("len"))
    strips = {"above": (given.threshold, given.threshold + WIDTH), "below": (given.threshold - WIDTH, given.threshold)}
    for kind, (low, high) in strips.items():
        found = np.flatnonzero((scores >= low) & (scores < high) & (scores < 1)).tolist()
        for place in draw.sample(found, min(given.pairs, len(found))):
            show(kind, scores[place], ids[left[place]], ids[right[place]], texts)
    met = rows.filter(pl.col("related_id").is_not_null() & (pl.col("score") < 1))
    for action in ("drop", "annotate"):
        found = met.filter(pl.col("action") == action).select("reason", "score", "record_id", "related_id").rows()
        for reason, score, one, other in draw.sample(found, min(given.pairs, len(found))):
            show(f"{action} {reason}", score, other, one, texts)


if __name__ == "__main__":
    main()
