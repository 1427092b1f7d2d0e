"""How long `select` takes to choose, and how much memory, without embedding: its decision over vectors that are there.

    python benchmarks/select_speed.py [--records 100000] [--dimensions 384] [--keep 1000] [--by coverage spread …]

The vectors are made: clusters of very different sizes about a common direction, as sentence embeddings lie. Every way to
choose runs in a process of its own; wall and CPU seconds, and the peak of its memory, include reading the fingerprints
and writing a decision about every record. On a busy machine only the CPU seconds say something.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import polars as pl

sys.path.insert(0, str(Path(__file__).resolve().parent))

from measure import measure

from curation.embedding.encoder import F32
from curation.selection.choose import By
from curation.selection.model import I64
from curation.stage import StageContext
from curation.stages.select import Select

CLUSTERS = 500
WAYS: tuple[By, ...] = ("quality", "coverage", "spread", "blend")


def main() -> None:
    """Print a line for each way to choose."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--dimensions", type=int, default=384)
    parser.add_argument("--keep", type=int, default=1_000)
    parser.add_argument("--compared", type=int, default=Select.model_fields["compared"].default)
    parser.add_argument("--by", nargs="+", choices=WAYS, default=WAYS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        chosen(Path(options.child), options.by[0], options.keep, options.compared)
        return
    print(
        f"{options.records} records, {options.dimensions} dimensions, {options.keep} kept; {os.cpu_count()} cores, ",
        end="",
    )
    print(f"load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory(prefix="select-speed-") as folder:
        prints = Path(folder) / "prints"
        made(options.records, options.dimensions).write_ipc(prints)
        for by in options.by:
            given = ["--by", by, "--keep", str(options.keep), "--compared", str(options.compared)]
            found = measure([sys.executable, __file__, "--child", prints, *given])
            told = f"wall {found.wall:6.1f} s, CPU {found.cpu:6.1f} s, peak {found.peak / 1e9:.2f} GB"
            print(f"{by:>8}: {told}; {found.output.strip() if found.code == 0 else found.output}", flush=True)


def made(records: int, dimensions: int) -> pl.DataFrame:
    """Fingerprints as the stage takes them."""
    draw = np.random.default_rng(1)
    centres = draw.standard_normal((CLUSTERS, dimensions), dtype=np.float32)
    sizes = np.minimum(draw.zipf(1.3, CLUSTERS), 200).astype(np.float64)
    vectors = centres[draw.choice(CLUSTERS, records, p=sizes / sizes.sum())]
    vectors += draw.standard_normal((records, dimensions), dtype=np.float32)
    vectors += 0.6 * draw.standard_normal(dimensions, dtype=np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return pl.DataFrame(
        {
            "record_id": [f"made:{number}" for number in range(records)],
            "content": [draw.bytes(16).hex() for _ in range(records)],
            "number": draw.random(records),
            "group": [""] * records,
            "cost": np.ones(records, dtype=np.int64),
            "vector": pl.Series([row.tobytes() for row in vectors.astype(np.float16)], dtype=pl.Binary),
            "known": pl.Series(["made"], dtype=pl.String).extend_constant(None, records - 1),
            "ordinal": pl.Series(range(records), dtype=pl.UInt64),
        }
    )


def chosen(prints: Path, by: By, keep: int, compared: int) -> None:
    """The child: decide, and say how well all records are covered by the kept ones."""
    began = time.process_time()
    stage = Select(records=keep, by=by, score="made", compared=compared)
    rows = stage.decide(pl.scan_ipc(prints), StageContext()).rows
    spent = time.process_time() - began
    assert rows.height == pl.scan_ipc(prints).select(pl.len()).collect().item()
    print(f"CPU {spent:.1f} s of deciding; {told(prints, rows)}")


def told(prints: Path, rows: pl.DataFrame) -> str:
    """The mean and the least cosine of all records to their closest kept one, beside those of as many drawn at random."""
    ids = pl.scan_ipc(prints).select("record_id").collect()["record_id"]
    packed = pl.scan_ipc(prints).select("vector").collect()["vector"]
    vectors = np.frombuffer(b"".join(packed), dtype=np.float16).reshape(len(packed), -1).astype(np.float32)
    kept = np.flatnonzero(ids.is_in(rows.filter(pl.col("action") == "annotate")["record_id"].implode()).to_numpy())
    random = np.random.default_rng(2).choice(len(vectors), len(kept), replace=False)
    mean, least = covered(vectors, kept)
    other_mean, other_least = covered(vectors, random)
    return f"closest kept: mean {mean:.4f}, least {least:.3f} (random {other_mean:.4f}, {other_least:.3f})"


def covered(vectors: F32, kept: I64) -> tuple[float, float]:
    """The mean and the least, over all records, of the cosine to the closest of `kept`."""
    closest = np.concatenate(
        [(vectors[start : start + 1024] @ vectors[kept].T).max(axis=1) for start in range(0, len(vectors), 1024)]
    )
    return float(closest.mean()), float(closest.min())


if __name__ == "__main__":
    main()
