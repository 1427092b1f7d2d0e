"""The vectors of a map, in pieces: each is kept as soon as it is there, and found again by a later leg or another map."""

from __future__ import annotations

import hashlib
import io
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final

import numpy as np

from curation.embedding.encoder import encode_each_once, encoder
from curation.errors import Stopped
from curation.events import Listener, Progress
from curation.topics.model import F32, VECTORS
from curation.writers.atomic import write_atomic

PIECE: Final = 1024  # texts at once: some 10 to 20 seconds of one core
PHASE: Final = "embed"


def embed(
    texts: Sequence[str],
    model: str,
    folder: Path,
    earlier: Sequence[Path],
    listener: Listener,
    should_stop: Callable[[], bool],
) -> F32:
    """Vectors of `texts`, shape (n, d), each of length 1, zeros for an empty one; float16 on disk and so in precision.

    folder: of this map. earlier: folders of other maps, whose pieces are used where they hold the same texts.
    Raises Stopped between two pieces; what is done is kept.
    """
    encoding = encoder(model)
    digest = encoding.digest()
    started, computed = time.monotonic(), 0
    found: list[F32] = []
    for start in range(0, len(texts), PIECE):
        if should_stop():
            raise Stopped("The map was stopped while texts were embedded.")
        piece = texts[start : start + PIECE]
        name = f"{_key(digest, piece)}.npy"
        vectors = next((there for at in (folder, *earlier) if (there := _read(at / VECTORS / name)) is not None), None)
        if vectors is None:
            vectors = encode_each_once(encoding, piece, dimension_of_none=1)
            computed += len(piece)
            _write(folder / VECTORS / name, vectors)
            vectors = vectors.astype(np.float16).astype(np.float32)
        found.append(vectors)
        done = start + len(piece)
        rate = computed / max(time.monotonic() - started, 1e-6)
        eta = (len(texts) - done) / rate if computed else None
        listener(Progress(PHASE, done, len(texts), "records", round(rate, 2), None if eta is None else round(eta, 1)))
    width = max(vectors.shape[1] for vectors in found)  # a piece of nothing but empty texts is one number wide
    whole = np.concatenate([np.pad(vectors, ((0, 0), (0, width - vectors.shape[1]))) for vectors in found])
    whole /= np.maximum(np.linalg.norm(whole, axis=1, keepdims=True), np.float32(1e-9))
    return np.ascontiguousarray(whole, dtype=np.float32)


def _key(digest: str, texts: Sequence[str]) -> str:
    told = hashlib.blake2b(digest.encode(), digest_size=16)
    for text in texts:
        data = text.encode("utf-8", "surrogatepass")
        told.update(len(data).to_bytes(8, "little") + data)
    return told.hexdigest()


def _read(path: Path) -> F32 | None:
    try:
        return np.load(path, allow_pickle=False).astype(np.float32)  # type: ignore[no-any-return]
    except (OSError, ValueError):
        return None


def _write(path: Path, vectors: F32) -> None:
    path.parent.mkdir(mode=0o700, exist_ok=True)
    held = io.BytesIO()
    np.save(held, vectors.astype(np.float16), allow_pickle=False)
    write_atomic(path, held.getvalue(), mode=0o600)
