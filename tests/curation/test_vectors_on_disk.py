"""Vectors that lie on disk: the same neighbours as of those in memory."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from curation.embedding.cells import best
from curation.embedding.neighbours import close_pairs
from curation.embedding.shared import packed
from curation.embedding.stored import Chosen, OnDisk, lay_out, there
from curation.errors import OutputError


def unit(rows: int, columns: int = 16) -> np.ndarray:
    vectors = np.random.default_rng(3).normal(size=(rows, columns)).astype(np.float32)
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)


def packed_frame(vectors: np.ndarray) -> pl.LazyFrame:
    """As fingerprints are: the first half of each vector in one column, the second in another; one record has none."""
    halves = vectors.reshape(len(vectors), 2, -1)
    return pl.DataFrame({"asked": packed(halves[:, 0]), "answered": packed(halves[:, 1])}).lazy()


def parts(vectors: np.ndarray) -> list[pl.LazyFrame]:
    frame = packed_frame(vectors)
    return [frame.slice(0, 7), frame.slice(7, 1), frame.slice(8, 0), frame.slice(8)]


def test_vectors_on_disk_are_those_in_memory(tmp_path: Path) -> None:
    vectors = unit(300)
    vectors[7] = 0
    vectors[9, : vectors.shape[1] // 2] = 0
    vectors[9] /= np.linalg.norm(vectors[9])
    with lay_out(parts(vectors), ["asked", "answered"], tmp_path / "scratch") as stored:
        assert len(stored) == 300
        assert stored.width == vectors.shape[1]
        assert list((tmp_path / "scratch").iterdir()) == []
        places = np.array([9, 250, 7])
        assert np.abs(stored.take(places) - vectors[places]).max() < 0.001
        assert len(there(stored)) == 299
        assert (Chosen(stored, np.arange(299, -1, -1)).take(places) == stored.take(299 - places)).all()
    with lay_out([packed_frame(vectors).head(0)], ["asked"], None) as stored:
        assert len(stored) == len(there(stored)) == 0


@pytest.mark.parametrize("flat_up_to", [10, 10_000])
def test_pairs_of_vectors_on_disk_are_those_of_vectors_in_memory(tmp_path: Path, flat_up_to: int) -> None:
    vectors = unit(3000)
    expected = close_pairs(vectors, 0.5, 5)
    with lay_out(parts(vectors), ["asked", "answered"], tmp_path) as stored:
        left, right, cosines = close_pairs(stored, 0.5, 5, flat_up_to=flat_up_to, folder=tmp_path)
    assert (left < right).all()
    found = dict(zip(zip(left.tolist(), right.tolist(), strict=True), cosines.tolist(), strict=True))
    exact = zip(*(side.tolist() for side in expected), strict=True)
    wanted = {(a, b) for a, b, cosine in exact if cosine > 0.501}
    assert len(wanted) > 100
    assert len(wanted & set(found)) >= 0.98 * len(wanted)
    assert all(abs(cosine - float(vectors[a] @ vectors[b])) < 0.002 for (a, b), cosine in found.items())


def test_the_best_of_old_and_new_neighbours_are_those_of_sorting_all() -> None:
    draw = np.random.default_rng(4)
    old, new = draw.integers(0, 9, (50, 3)).astype(np.float32), draw.integers(0, 9, (50, 40)).astype(np.float32)
    names = np.arange(43)[None].repeat(50, 0)
    cosines, numbers = best(old, names[:, :3], new, names[:, 3:])
    for row in range(50):
        both = np.concatenate([old[row], new[row]])
        order = sorted(range(43), key=lambda place: (-both[place], place))[:3]
        assert numbers[row].tolist() == order
        assert cosines[row].tolist() == both[order].tolist()


def test_vectors_without_room_are_an_error_that_says_where(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError, match="cannot be kept in"):
        OnDisk(4, tmp_path / "file" / "scratch")
