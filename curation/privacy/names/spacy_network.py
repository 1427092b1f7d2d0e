"""The entity recogniser of a spaCy pipeline, computed for many texts at once.

spaCy (Honnibal, Montani 2017) steps through all documents in parallel: at each step it sums what the tokens in question
add to the state, multiplies and picks a move. Here the same is done in the order that is cheapest. Each different word
is embedded once; the convolutions run over all tokens, documents apart by as many zeros as spaCy puts there; the moves of
a state in which no entity is open depend on its token alone, so they are found for all tokens in one product, and only
the tokens behind a "begin" are stepped through. Moves and what is allowed are spaCy's
(`spacy/pipeline/_parser_internals/ner.pyx`); scores differ in their last bits.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.products import on_one_thread, product, rounded

F32 = NDArray[np.float32]
I64 = NDArray[np.int64]
U64 = NDArray[np.uint64]
Entities = list[tuple[int, int, str]]
TOKENS = 1_500  # tokens at once: their features stay in the cache
EPSILON = 1e-8  # thinc adds it to a variance
_MIX = 0x9E3779B97F4A7C15  # an odd number that spreads bits (2 ** 64 / golden ratio)


class _Layer(NamedTuple):
    """One convolution. weight: (pieces * width, window * width), pieces apart; bias alike; gain and shift: (width)."""

    weight: Any
    bias: Any
    gain: Any
    shift: Any


class Network:
    """A recogniser of the shape that spaCy's small and middle-sized pipelines have: `fits` says whether one is of it."""

    def __init__(self, nlp: Any) -> None:
        import torch

        ner = nlp.get_pipe("ner")
        to_vectors, lower, upper = (ner.model.get_ref(name) for name in ("tok2vec", "lower", "upper"))
        network = to_vectors.layers[0]
        self._embed, encode = network.get_ref("embed"), network.get_ref("encode")
        self._columns = list(self._embed.layers[0].attrs["columns"])
        self._mixing = _layer(self._embed.layers[3])
        self._layers = [_layer(block.layers[0]) for block in encode.layers[0].layers]
        self._window = encode.layers[0].layers[0].layers[0].layers[0].attrs["window_size"]
        self._pad = encode.attrs["pad"]
        self._narrow = _tensors(to_vectors.layers[-1], "W", "b")
        shape = lower.get_param("W").shape  # (features, hidden, pieces, width)
        self._hidden, self._pieces = shape[1], shape[2]
        self._lower = [torch.from_numpy(part.reshape(-1, shape[3]).copy()) for part in lower.get_param("W")]
        self._nothing = lower.get_param("pad")[0].reshape(shape[0], -1)  # what a token that is not there adds
        self._lower_bias = lower.get_param("b").reshape(-1)
        self._upper = _tensors(upper, "W", "b")
        names = [ner.moves.get_class_name(number) for number in range(ner.moves.n_moves)]
        self._moves = [(name[:1], name[2:]) for name in names]

    def entities(self, docs: Sequence[Any]) -> list[Entities]:
        """Of each document: first token, token behind the last, label; from left to right."""
        found: list[Entities] = []
        with on_one_thread():
            words, which = self._words(docs) if any(map(len, docs)) else (None, np.zeros(0, np.int64))
            end = 0
            for batch in _batches(docs, TOKENS):
                lengths = [len(docs[number]) for number in batch]
                start, end = end, end + sum(lengths)
                if end == start:
                    found += [[] for _ in lengths]
                    continue
                spaces = np.concatenate([docs[number].to_array("IS_SPACE") for number in batch]).astype(bool)
                narrow = self._narrowed(words, which[start:end], lengths)
                found += _Moves(self, narrow, spaces, lengths).walk()
        return found

    def _words(self, docs: Sequence[Any]) -> tuple[Any, I64]:
        """The vectors of the different words, and for each token which of them it is."""
        import torch

        features: U64 = np.concatenate(
            [doc.to_array(self._columns).reshape(len(doc), len(self._columns)) for doc in docs]
        )
        mixed = np.zeros(len(features), dtype=np.uint64)
        for column in features.T:  # the same word has the same features, whose mixture stands for them
            mixed = (mixed ^ (mixed >> np.uint64(29)) ^ column) * np.uint64(_MIX)
        _, first, which = np.unique(mixed, return_index=True, return_inverse=True)
        parts = []
        for at in range(0, len(first), TOKENS):
            hashed = self._embed.layers[2].layers[0].predict(features[first[at : at + TOKENS]])
            parts.append(_best(torch.from_numpy(np.ascontiguousarray(hashed)), self._mixing))
        return torch.cat(parts), which.reshape(-1)

    def _narrowed(self, words: Any, which: I64, lengths: Sequence[int]) -> Any:
        """What the moves see of each token, (tokens, width)."""
        import torch

        starts = self._pad + np.concatenate(([0], np.cumsum(np.asarray(lengths) + self._pad)[:-1]))
        each = [start + np.arange(size) for start, size in zip(starts, lengths, strict=True)]
        places = torch.from_numpy(np.concatenate(each))
        whole = torch.zeros((rounded(int(starts[-1]) + lengths[-1] + self._pad), words.shape[1]))
        whole[places] = words[torch.from_numpy(which)]
        for layer in self._layers:
            whole += self._convolved(whole, layer)
        return product(whole, *self._narrow)[places]

    def _convolved(self, whole: Any, layer: _Layer) -> Any:
        import torch

        reach, size = self._window, len(whole)
        wide = torch.nn.functional.pad(whole, (0, 0, reach, reach))
        around = torch.cat([wide[at : at + size] for at in range(2 * reach + 1)], dim=1)
        return _best(around, layer)


class _Moves:
    """The moves over a batch of documents, whose tokens are numbered through."""

    def __init__(self, network: Network, narrow: Any, spaces: NDArray[np.bool_], lengths: Sequence[int]) -> None:
        self._network, self._narrow = network, narrow
        self._spaces = spaces
        self._ends = np.cumsum(lengths)
        self._lengths = lengths
        kinds = np.array([kind for kind, _ in network._moves])
        self._labels = [label for _, label in network._moves]
        self._outside = np.array([k == "O" or (k in "BU" and bool(n)) for k, n in network._moves])
        self._begins, self._units = kinds == "B", kinds == "U"
        labels = np.array(self._labels)
        self._goes_on = {n: int(np.flatnonzero((kinds == "I") & (labels == n))[0]) for n in set(self._labels) - {""}}
        self._stops = {n: int(np.flatnonzero((kinds == "L") & (labels == n))[0]) for n in set(self._labels) - {""}}

    def walk(self) -> list[Entities]:
        """The entities of each document."""
        network = self._network
        first = product(self._narrow, network._lower[0]).numpy()
        alone = self._scores(first + network._nothing[1] + network._nothing[2])
        last = np.zeros(len(alone), dtype=bool)
        last[self._ends[np.asarray(self._lengths) > 0] - 1] = True
        allowed = np.repeat(self._outside[None], len(alone), axis=0)
        allowed[np.ix_(last, self._begins)] = False  # nothing begins at the last token
        allowed[np.ix_(self._spaces, self._begins | self._units)] = False
        move = np.where(allowed, alone, -np.inf).argmax(axis=1)
        starts = np.flatnonzero(self._begins[move])
        stops = dict(zip(starts.tolist(), self._followed(first, starts, move[starts], last).tolist(), strict=True))
        units = set(np.flatnonzero(self._units[move]).tolist())
        return [
            self._of(stops, units, move, end - size, end) for end, size in zip(self._ends, self._lengths, strict=True)
        ]

    def _of(self, stops: dict[int, int], units: set[int], move: I64, begin: int, end: int) -> Entities:
        found, at = [], begin
        for token in sorted({token for token in (*stops, *units) if begin <= token < end}):
            if token >= at:
                at = stops[token] + 1 if token in stops else token + 1
                found.append((int(token - begin), int(at - begin), self._labels[move[token]]))
        return found

    def _followed(self, first: F32, starts: I64, moves: I64, last: NDArray[np.bool_]) -> I64:
        """The last token of what begins at each of `starts`, all stepped through together."""
        network = self._network
        goes_on = np.array([self._goes_on[self._labels[move]] for move in moves], dtype=np.int64)
        stop = np.array([self._stops[self._labels[move]] for move in moves], dtype=np.int64)
        reached, open_ones = starts.copy(), np.arange(len(starts))
        opening = product(self._narrow[starts.tolist()], network._lower[1]).numpy() if len(starts) else first[:0]
        while len(open_ones):
            reached[open_ones] += 1
            token = reached[open_ones]
            before = product(self._narrow[(token - 1).tolist()], network._lower[2]).numpy()
            scores = self._scores(first[token] + opening[open_ones] + before)
            rows, on, off = np.arange(len(token)), goes_on[open_ones], stop[open_ones]
            more = np.where(on < off, scores[rows, on] >= scores[rows, off], scores[rows, on] > scores[rows, off])
            open_ones = open_ones[more & ~last[token]]
        return reached

    def _scores(self, summed: F32) -> F32:
        """Of every move, (states, moves), from what the tokens of each state add."""
        import torch

        network = self._network
        pieces = (summed + network._lower_bias).reshape(len(summed), network._hidden, network._pieces)
        hidden = np.maximum.reduce([pieces[:, :, piece] for piece in range(network._pieces)])
        scores: F32 = product(torch.from_numpy(np.ascontiguousarray(hidden)), *network._upper).numpy()
        return scores


def fits(nlp: Any) -> bool:
    """Whether the pipeline's recogniser is of the shape that `Network` computes."""
    if nlp.pipe_names != ["ner"]:
        return False
    ner = nlp.get_pipe("ner")
    model = nlp.config["components"]["ner"].get("model", {})
    to_vectors = model.get("tok2vec", {})
    shape = (
        model.get("@architectures") == "spacy.TransitionBasedParser.v2"
        and model.get("state_type") == "ner"
        and not model.get("extra_state_tokens")
        and bool(model.get("use_upper"))
        and to_vectors.get("@architectures") == "spacy.Tok2Vec.v2"
        and to_vectors.get("embed", {}).get("@architectures") == "spacy.MultiHashEmbed.v2"
        and not to_vectors["embed"].get("include_static_vectors")
        and to_vectors.get("encode", {}).get("@architectures") == "spacy.MaxoutWindowEncoder.v2"
    )
    return shape and ner.cfg.get("beam_width") == 1 and not ner.model.attrs["unseen_classes"]


def _best(inputs: Any, layer: _Layer) -> Any:
    """A maxout with its norm: (n, window * width) to (n, width)."""
    import torch

    pieces = product(inputs, layer.weight, layer.bias)
    width = len(layer.gain)
    best = pieces[:, :width]
    for at in range(width, pieces.shape[1], width):
        best = torch.maximum(best, pieces[:, at : at + width])
    return torch.nn.functional.layer_norm(best, (width,), layer.gain, layer.shift, EPSILON)


def _layer(cnn: Any) -> _Layer:
    """A block of thinc (expand_window, then maxout with its norm), with the pieces of the maxout side by side."""
    import torch

    nodes = {node.name: node for node in cnn.walk()}
    weight, bias = nodes["maxout"].get_param("W"), nodes["maxout"].get_param("b")
    norm = nodes["layernorm"]
    return _Layer(
        torch.from_numpy(weight.transpose(1, 0, 2).reshape(-1, weight.shape[2]).copy()),
        torch.from_numpy(bias.T.reshape(-1).copy()),
        *(torch.from_numpy(norm.get_param(name).copy()) for name in ("G", "b")),
    )


def _tensors(node: Any, *names: str) -> list[Any]:
    import torch

    return [torch.from_numpy(node.get_param(name).copy()) for name in names]


def _batches(docs: Sequence[Any], budget: int) -> Iterator[range]:
    """Numbers of documents, in their order, cut where their tokens would exceed `budget`."""
    start = used = 0
    for number, doc in enumerate(docs):
        if number > start and used + len(doc) > budget:
            yield range(start, number)
            start, used = number, 0
        used += len(doc)
    if start < len(docs):
        yield range(start, len(docs))
