"""The peers' side of `dedup.py`: runs in an environment that has them.

    python dedup_peers.py PROGRAM SOURCE FOLDER THRESHOLD

Reads SOURCE (JSON lines: id, text), writes the ids it keeps to FOLDER/kept, one a line. Every program is used as its
documentation shows, on sets of word 3-grams with 128 hash functions, keeping what it keeps by default (the first copy).
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from pathlib import Path

# The same tokens for every program that takes tokens: without the first half a Chinese text would be a few words.
TOKEN = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]|[^\W_\u3040-\u30ff\u3400-\u9fff]+")
FUNCTIONS = 128


def read(source: Path) -> Iterator[tuple[int, str]]:
    with source.open(encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            yield record["id"], record["text"]


def grams(text: str) -> set[str]:
    tokens = TOKEN.findall(text.lower())
    return {" ".join(tokens[at : at + 3]) for at in range(max(1, len(tokens) - 2))}


def datasketch(source: Path, _: Path, threshold: float, batch: bool = False) -> list[int]:
    from datasketch import MinHash, MinHashLSH

    index = MinHashLSH(threshold=threshold, num_perm=FUNCTIONS)
    kept = []
    for number, text in read(source):
        sketch = MinHash(num_perm=FUNCTIONS)
        if batch:
            sketch.update_batch([gram.encode() for gram in grams(text)])
        else:
            for gram in grams(text):
                sketch.update(gram.encode())
        if not index.query(sketch):
            index.insert(number, sketch)
            kept.append(number)
    return kept


def datasketch_batch(source: Path, folder: Path, threshold: float) -> list[int]:
    return datasketch(source, folder, threshold, batch=True)


def rensa(source: Path, _: Path, threshold: float) -> list[int]:
    from rensa import RMinHash, RMinHashDeduplicator

    index = RMinHashDeduplicator(threshold=threshold, num_perm=FUNCTIONS, use_lsh=True, num_bands=32, seed=42)
    kept = []
    for number, text in read(source):
        sketch = RMinHash(num_perm=FUNCTIONS, seed=42)
        sketch.update(list(grams(text)))
        if index.add(str(number), sketch):
            kept.append(number)
    return kept


def gaoya(source: Path, _: Path, threshold: float) -> list[int]:
    from gaoya.minhash import MinHashStringIndex

    # Its own analyser, in Rust, where words are between blanks; for other scripts its documented callable.
    texts = list(read(source))
    spaced = sum(bool(re.search(r"[\u3040-\u9fff]", text)) for _, text in texts) < len(texts) / 20
    analyzer = "word" if spaced else (lambda text: list(grams(text)))
    index = MinHashStringIndex(32, threshold, 32, 4, None, analyzer, True, (3, 3) if spaced else (1, 1))
    kept = []
    for number, text in texts:
        if not index.query(text):
            index.insert_document(number, text)
            kept.append(number)
    return kept


def text_dedup(source: Path, folder: Path, threshold: float) -> list[int]:
    import subprocess

    import datasets

    options = f"--path json --split train --column text --ngram 3 --min_length 0 --num_perm {FUNCTIONS} --num_proc 1"
    options += f" --threshold {threshold} --hash_func xxh3 --hash_bits 32 --no-clean_cache"
    places = ["--data_files", source, "--cache_dir", folder / "cache", "--output", folder / "out"]
    subprocess.run([sys.executable, "-m", "text_dedup.minhash", *options.split(), *places], check=True)
    return datasets.load_from_disk(str(folder / "out"))["id"]


def datatrove(source: Path, folder: Path, _: float) -> list[int]:
    """Its banding is its own: 14 bands of 8, the threshold follows from them (about .72)."""
    from datatrove.executor import LocalPipelineExecutor
    from datatrove.pipeline.dedup import (
        MinhashConfig,
        MinhashDedupBuckets,
        MinhashDedupCluster,
        MinhashDedupFilter,
        MinhashDedupSignature,
    )
    from datatrove.pipeline.readers import JsonlReader
    from datatrove.pipeline.writers import JsonlWriter

    config = MinhashConfig(n_grams=3)
    parts = folder / "parts"
    parts.mkdir()
    (parts / "0.jsonl").write_bytes(source.read_bytes())
    names = ["signatures", "buckets", "remove", "out"]
    signatures, buckets, remove, out = (str(folder / name) for name in names)

    def reader() -> JsonlReader:
        # Its writer leaves out an id of 0, so the number travels in the metadata too.
        return JsonlReader(str(parts), adapter=lambda _, data, *__: {**data, "metadata": {"number": data["id"]}})

    steps = [
        ([reader(), MinhashDedupSignature(signatures, config=config)], 1),
        ([MinhashDedupBuckets(signatures, buckets, config=config)], config.num_buckets),
        ([MinhashDedupCluster(buckets, remove, config=config)], 1),
        ([reader(), MinhashDedupFilter(remove), JsonlWriter(out, compression=None)], 1),
    ]
    for place, (step, tasks) in enumerate(steps):
        LocalPipelineExecutor(step, tasks=tasks, workers=1, logging_dir=str(folder / f"log{place}")).run()
    kept = []
    for path in Path(out).glob("*.jsonl"):
        kept += [json.loads(line)["metadata"]["number"] for line in path.open(encoding="utf-8")]
    return kept


def semhash(source: Path, _: Path, __: float) -> list[int]:
    """By meaning, not by shingles, so it keeps its own default threshold (a cosine of .9). The weights are the only
    static ones in a package; they were trained on more than one language.
    """
    from importlib.resources import files

    from model2vec import StaticModel
    from semhash import SemHash

    model = StaticModel.from_pretrained(str(files("static_model") / "model"))
    records = [{"id": number, "text": text} for number, text in read(source)]
    found = SemHash.from_records(records, columns=["text"], model=model).self_deduplicate()
    return [record["id"] for record in found.selected]


PEERS = [datasketch, datasketch_batch, rensa, gaoya, text_dedup, datatrove, semhash]

if __name__ == "__main__":
    name, source, folder, threshold = sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    (program,) = (peer for peer in PEERS if peer.__name__ == name)
    ids = program(source, folder, threshold)
    (folder / "kept").write_text("".join(f"{number}\n" for number in ids))
