"""The records of a training run made searchable, in its folder: texts, vectors of prompts and answers, n-grams.

    <run>/nearest/
      texts.jsonl, texts.ends     record id, prompt and answer of each record; where each line ends (int64)
      grams, grams.ends           hashes of the n-grams of both texts (uint32), those of each record unique
      prompts, answers            vectors (float16, 512 each) in the order of the records
      index.json                  written last: what it was made of

Made once: a run's records never change. Everything is appended and read in blocks, so memory does not grow with the
records; a build that was stopped goes on. 2.5 KB a record and its text, measured.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.dedup.contamination import Rolling
from curation.dedup.shingles import I64, tokenise
from curation.embedding.encoder import F32
from curation.errors import Stopped
from curation.weights.cache import held
from curation.writers.atomic import write_atomic
from training.compare.back.passages import CHARACTERS, WORDS
from training.compare.back.records import Learned, learned_records, train_spec

FOLDER = "nearest"
DIMENSION = 512
_VERSION = 1
_LINES = 512  # records whose texts and n-grams are made at once
_ENCODED = 64  # records between two looks at `should_stop`: about a second
_ROWS = 16_384  # vectors compared at once: 32 MB as float32
_HASHES = 1 << 22  # n-grams looked at at once: 16 MB

Say = Callable[[int, int], None]
U32 = NDArray[np.uint32]


class RecordIndex:
    """Opened by `open_index`. Reading needs no lock: nothing changes once it is there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.texts_end: I64 = np.fromfile(folder / "texts.ends", dtype=np.int64)
        self.grams_end: I64 = np.fromfile(folder / "grams.ends", dtype=np.int64)

    def __len__(self) -> int:
        return len(self.texts_end)

    def record(self, at: int) -> Learned:
        """The record at a place."""
        begin = int(self.texts_end[at - 1]) if at else 0
        with (self.folder / "texts.jsonl").open("rb") as stream:
            stream.seek(begin)
            return Learned(**json.loads(stream.read(int(self.texts_end[at]) - begin)))

    def find(self, record_id: str) -> Learned | None:
        """The record of an id; None where it was not trained on."""
        return self.find_all([record_id]).get(record_id)

    def find_all(self, record_ids: Sequence[str]) -> dict[str, Learned]:
        """The records of some ids, those that were trained on, in one pass over the texts."""
        wanted = {b'{"record_id": ' + json.dumps(one).encode() + b"," for one in record_ids}
        found: dict[str, Learned] = {}
        with (self.folder / "texts.jsonl").open("rb") as stream:
            for line in stream:
                if line[: line.index(b', "prompt": ') + 1] in wanted:
                    record = Learned(**json.loads(line))
                    found[record.record_id] = record
        return found

    def cosines(self, part: str, query: F32) -> F32:
        """The cosine of `query` (512) with the vector of every record's `part`: prompts or answers. Exact."""
        vectors = np.memmap(self.folder / part, dtype=np.float16, mode="r").reshape(-1, DIMENSION)
        found = np.empty(len(vectors), dtype=np.float32)
        for start in range(0, len(vectors), _ROWS):
            found[start : start + _ROWS] = vectors[start : start + _ROWS].astype(np.float32) @ query
        return found

    def holders(self, grams: U32) -> tuple[I64, I64]:
        """Which records hold which of `grams` (ascending, unique): pairs of a record and a place in `grams`."""
        size = int(self.grams_end[-1]) if len(self) else 0
        path = self.folder / "grams"
        stored: U32 = np.memmap(path, dtype=np.uint32, mode="r") if size else np.zeros(0, dtype=np.uint32)
        is_near = np.zeros(1 << 16, dtype=bool)  # most hashes begin like none that is asked for
        is_near[grams >> np.uint32(16)] = True
        records, places = [np.zeros(0, dtype=np.int64)], [np.zeros(0, dtype=np.int64)]
        for start in range(0, len(stored), _HASHES):
            block = np.asarray(stored[start : start + _HASHES])
            near = np.flatnonzero(is_near[block >> np.uint32(16)])
            at = np.searchsorted(grams, block[near])
            hit = (at < len(grams)) & (grams[np.minimum(at, len(grams) - 1)] == block[near])
            records.append(np.searchsorted(self.grams_end, near[hit] + start, side="right"))
            places.append(at[hit])
        return np.concatenate(records), np.concatenate(places)


def open_index(run: Path, say: Say = lambda *_: None, should_stop: Callable[[], bool] = lambda: False) -> RecordIndex:
    """The index of a training run, made if it is not there: some 100 records a second and core.

    say: told how many records are done, of how many. Another process that makes it is waited for. Raises InputError where
    the records cannot be read, Stopped when asked to.
    """
    spec = train_spec(run)
    folder, facts = run / FOLDER, _facts(spec)
    if _made(folder) != facts:
        folder.mkdir(mode=0o700, exist_ok=True)
        with held(folder / "lock"):
            if _made(folder) != facts:
                _build(run, folder, facts, say, should_stop)
    return RecordIndex(folder)


def made_index(run: Path) -> RecordIndex | None:
    """The index of a training run where it is there already."""
    folder = run / FOLDER
    return RecordIndex(folder) if _made(folder) == _facts(train_spec(run)) else None


def grams_of(texts: Sequence[str]) -> list[U32]:
    """The hashes of the n-grams of each text, ascending and unique; a text shorter than one has one of all its tokens."""
    rolling = Rolling(tokenise(texts))
    starts, hashes = rolling.grams(WORDS, CHARACTERS)
    owners = rolling.records[starts]
    has = np.zeros(len(texts), dtype=bool)
    has[owners] = True
    lone = np.flatnonzero(~has & (rolling.sizes > 0))
    hashes = np.concatenate([hashes, rolling.hashes(rolling.firsts[lone], rolling.sizes[lone])])
    owners = np.concatenate([owners, lone])
    short = (hashes >> np.uint64(32)).astype(np.uint32)
    order = np.argsort(owners, kind="stable")
    cuts = np.searchsorted(owners[order], np.arange(1, len(texts)))
    return [np.unique(part) for part in np.split(short[order], cuts)]


def _facts(spec: dict[str, Any]) -> dict[str, Any]:
    from curation.embedding.plain import plain_encoder

    return {
        "version": _VERSION,
        "sources": [[source["name"], source["digest"]] for source in spec["sources"]],
        "encoder": plain_encoder().digest(),
        "grams": [WORDS, CHARACTERS],
    }


def _made(folder: Path) -> dict[str, Any] | None:
    try:
        found: dict[str, Any] = json.loads((folder / "index.json").read_bytes())
    except (OSError, ValueError):
        return None
    return found


def _build(run: Path, folder: Path, facts: dict[str, Any], say: Say, should_stop: Callable[[], bool]) -> None:
    begun = folder / "begun.json"
    records = learned_records(run)
    text = json.dumps([facts, len(records)])
    if not begun.is_file() or begun.read_text() != text:
        for name in ("index.json", "prompts", "answers", "begun.json"):
            (folder / name).unlink(missing_ok=True)
        _write_texts(folder, records)
        write_atomic(begun, text.encode(), mode=0o600)
    _write_vectors(folder, records, say, should_stop)
    write_atomic(folder / "index.json", json.dumps(facts).encode(), mode=0o600)
    begun.unlink()


def _write_texts(folder: Path, records: Sequence[Learned]) -> None:
    line_ends, gram_ends, lines_at, grams_at = [], [], 0, 0
    with _private(folder / "texts.jsonl", "wb") as lines, _private(folder / "grams", "wb") as hashes:
        for part in _parts(records, _LINES):
            for record, grams in zip(part, grams_of([f"{r.prompt}\n{r.answer}" for r in part]), strict=True):
                lines_at += lines.write(json.dumps(asdict(record)).encode("ascii") + b"\n")
                grams_at += hashes.write(grams.tobytes()) // grams.itemsize
                line_ends.append(lines_at)
                gram_ends.append(grams_at)
    for name, ends in (("texts.ends", line_ends), ("grams.ends", gram_ends)):
        write_atomic(folder / name, np.array(ends, dtype=np.int64).tobytes(), mode=0o600)


def _write_vectors(folder: Path, records: Sequence[Learned], say: Say, should_stop: Callable[[], bool]) -> None:
    """Both vectors of every record, from where an earlier build stopped."""
    from curation.embedding.encoder import encode_each_once
    from curation.embedding.plain import plain_encoder

    wide, model = DIMENSION * 2, plain_encoder()
    with _private(folder / "prompts", "ab") as prompts, _private(folder / "answers", "ab") as answers:
        done = min(prompts.tell(), answers.tell()) // wide
        for stream in (prompts, answers):
            stream.truncate(done * wide)
        say(done, len(records))
        for part in _parts(records[done:], _ENCODED):
            if should_stop():
                raise Stopped("The search was stopped; what is done of its index is kept.")
            texts = [record.prompt for record in part] + [record.answer for record in part]
            vectors = encode_each_once(model, texts, DIMENSION).astype(np.float16)
            prompts.write(vectors[: len(part)].tobytes())
            answers.write(vectors[len(part) :].tobytes())
            done += len(part)
            say(done, len(records))


def _parts(records: Sequence[Learned], size: int) -> Iterator[Sequence[Learned]]:
    return (records[start : start + size] for start in range(0, len(records), size))


def _private(path: Path, mode: str) -> Any:
    """A file open for its owner only."""
    return open(path, mode, opener=lambda name, flags: os.open(name, flags, 0o600))
