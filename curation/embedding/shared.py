"""Vectors of the same texts asked for by several stages: computed once in a run, and kept for the next one.

What is kept is the answer to a whole call, not single texts: a text's vector depends, in its last bits, on the texts it
was computed with, and a run has to give the same bytes whatever was computed before. For the same reason every answer
is rounded to float16, which is what is kept on disk.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final, Protocol

import numpy as np
import polars as pl
from numpy.typing import NDArray

from curation.embedding.encoder import F32, encode_each_once, encoder
from curation.schema import Batch, Part

MOST_BYTES: Final = 64 << 20  # of vectors kept in memory: the prompts and answers of two shards of 8,192 records
ANSWERS: Final = ("answer", "assistant")  # parts that are compared without what was asked
ALONE: Final = ("prompt", "system", "user")  # parts that are compared without the answer

_kept: OrderedDict[bytes, F32] = OrderedDict()
_shelf: list[Shelf] = []


class Shelf(Protocol):
    """Where answers outlive the memory of a process."""

    def find(self, key: str) -> bytes | None:
        """What was laid there under `key` (hex), whole."""
        ...

    def lay(self, key: str, data: bytes) -> None:
        """Keep it."""
        ...


@contextmanager
def kept_on(shelf: Shelf) -> Iterator[None]:
    """Within, answers are looked for on this shelf and laid there."""
    _shelf.append(shelf)
    try:
        yield
    finally:
        _shelf.pop()


def shared_vectors(model: str, texts: Sequence[str]) -> F32:
    """Vectors (n, d) of `texts` by the model of that name, as `encode_each_once` gives them, in the precision of float16;
    not to be written into.
    """
    key = _key(model, texts)
    found = _kept.get(key)
    if found is None:
        found = _from_shelf(key, len(texts))
        if found is None:
            half = encode_each_once(encoder(model), texts).astype(np.float16)
            _to_shelf(key, half)
            found = half.astype(np.float32)
        found.flags.writeable = False
        _kept[key] = found
        while len(_kept) > 1 and sum(vectors.nbytes for vectors in _kept.values()) > MOST_BYTES:
            _kept.popitem(last=False)
    else:
        _kept.move_to_end(key)
    return found


def _from_shelf(key: bytes, count: int) -> F32 | None:
    told = _shelf[-1].find(key.hex()) if _shelf else None
    if not told or not count:
        return None
    return np.frombuffer(told, dtype=np.float16).reshape(count, -1).astype(np.float32)


def _to_shelf(key: bytes, half: NDArray[np.float16]) -> None:
    if _shelf and half.size:
        _shelf[-1].lay(key.hex(), half.tobytes())


def sides(batch: Batch, part: Part = "record") -> tuple[pl.Series, pl.Series]:
    """What is asked and what is answered in each record, "" where there is none or `part` leaves it out."""
    answers = batch.texts("answer")["text"].str.strip_chars()
    if part in ANSWERS:
        empty = pl.Series([""], dtype=pl.String).new_from_index(0, len(batch))
        return empty, batch.texts(part)["text"].str.strip_chars()
    return batch.texts("prompt" if part == "record" else part)["text"].str.strip_chars(), answers


def side_vectors(model: str, prompts: pl.Series, answers: pl.Series) -> tuple[F32, F32]:
    """Vectors of both sides (n, d each), zeros for a text that is empty. One call, so that stages share it."""
    vectors = shared_vectors(model, [*prompts, *answers])
    return vectors[: len(prompts)], vectors[len(prompts) :]


def part_vectors(model: str, batch: Batch, part: Part = "record") -> F32:
    """One vector (n, d) a record, of length 1, zeros where there is no text: the sum of those of its sides, or that of the
    one side that `part` names. Both sides of a record are asked for as other stages do, so that they are computed once.
    """
    if part in ALONE:
        return shared_vectors(model, batch.texts(part)["text"].str.strip_chars().to_list())
    asked, answered = side_vectors(model, *sides(batch, part))
    whole: F32 = asked + answered
    whole /= np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), np.float32(1e-9))
    return whole


def packed(vectors: F32) -> pl.Series:
    """Rows as float16 bytes; null for a row of zeros. The rounding moves a cosine by less than 0.001."""
    there: list[bool] = (vectors != 0).any(axis=1).tolist()
    rows = [row.tobytes() if kept else None for row, kept in zip(vectors.astype(np.float16), there, strict=True)]
    return pl.Series(rows, dtype=pl.Binary)


def unpacked(rows: pl.Series) -> F32:
    """Vectors (n, d), each of length 1, out of what `packed` made; a null is a row of zeros."""
    there = rows.is_not_null().to_numpy()
    told = rows.drop_nulls()
    if not len(told):
        return np.zeros((len(rows), 1), dtype=np.float32)
    found = np.frombuffer(b"".join(told), dtype=np.float16).reshape(len(told), -1).astype(np.float32)
    found /= np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-9)
    whole = np.zeros((len(rows), found.shape[1]), dtype=np.float32)
    whole[there] = found
    return whole


def _key(model: str, texts: Sequence[str]) -> bytes:
    digest = hashlib.blake2b(f"{model}:{encoder(model).digest()}".encode(), digest_size=16)
    for text in texts:
        told = text.encode("utf-8", "surrogatepass")
        digest.update(len(told).to_bytes(8, "little"))
        digest.update(told)
    return digest.digest()
