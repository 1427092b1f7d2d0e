"""The network behind `lac`: a vector a character, two layers of gated units in both directions, and the best path of tags.

Characters of all pieces are computed one place after the other, the longest pieces first: so at each place the pieces
that reach it are the first ones, and nothing is computed for padding. What the first layer makes of a character depends on
that character alone, so it is looked up.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from curation.products import on_one_thread, product, rounded

HIDDEN = 128
CHARACTERS = 4_096  # whose shares in a layer are multiplied at once, so that they stay in the cache
F32 = NDArray[np.float32]
I64 = NDArray[np.int64]


class _Gates(NamedTuple):
    """One direction of a layer, as torch tensors, outputs first. inputs: (3 * HIDDEN, width); both: update and reset."""

    inputs: Any
    bias: Any
    both: Any
    candidate: Any


class Network:
    """The weights by PaddlePaddle's names, ready to tag. Scores do not depend on the number of cores."""

    def __init__(self, array: dict[str, F32]) -> None:
        import torch

        self._characters = torch.from_numpy(array["word_emb"].copy())
        self._gates = [_gates(array, number) for number in range(4)]
        self._emission = [torch.from_numpy(np.array(array[name].T, order="C")) for name in ("fc_4.w_0", "fc_4.b_0")]
        self._crf = array["crfw"]

    def paths(self, pieces: Sequence[Sequence[int]]) -> list[list[int]]:
        """The numbers of the most likely tags of each piece, which is the numbers of its characters (at least one)."""
        import torch

        order = sorted(range(len(pieces)), key=lambda number: -len(pieces[number]))
        lengths = np.array([len(pieces[number]) for number in order])
        reach = [int(np.count_nonzero(lengths > place)) for place in range(lengths[0])]
        numbers = np.zeros((len(reach), len(order)), dtype=np.int64)
        for row, number in enumerate(order):
            numbers[: lengths[row], row] = pieces[number]
        with on_one_thread():
            there = [min(rounded(rows), len(order)) for rows in reach]
            different, which = np.unique(numbers, return_inverse=True)
            vectors = self._characters[torch.from_numpy(different)]
            places = torch.from_numpy(which.reshape(numbers.shape))
            first = [
                _ran(gates, reach, _looked_up(product(vectors, gates.inputs, gates.bias), places, there, bool(back)))
                for back, gates in enumerate(self._gates[:2])
            ]
            layer = torch.cat(first, dim=2)
            second = [
                _ran(gates, reach, _multiplied(gates, layer, there, bool(back)))
                for back, gates in enumerate(self._gates[2:])
            ]
            layer = torch.cat(second, dim=2)
            weight, bias = self._emission
            emission = product(weight, layer.view(-1, 2 * HIDDEN)).add_(bias[:, None])
            emission = emission.view(-1, *numbers.shape).numpy()
        found = _best(emission, self._crf, reach)
        rows = dict(zip(order, zip(found.T, lengths, strict=True), strict=True))
        return [rows[number][0][: rows[number][1]].tolist() for number in range(len(pieces))]


def _gates(array: dict[str, F32], number: int) -> _Gates:
    """PaddlePaddle stores the weights of both gates (update, reset) before those of the candidate."""
    import torch

    flat = array[f"gru_{number}.w_0"].reshape(-1)
    split = 2 * HIDDEN * HIDDEN
    parts = (
        array[f"fc_{number}.w_0"],
        array[f"fc_{number}.b_0"] + array[f"gru_{number}.b_0"][0],
        flat[:split].reshape(HIDDEN, 2 * HIDDEN),
        flat[split:].reshape(HIDDEN, HIDDEN),
    )
    return _Gates(*(torch.from_numpy(np.array(part.T, order="C")) for part in parts))


def _looked_up(table: Any, places: Any, reach: Sequence[int], back: bool) -> Iterator[tuple[int, Any]]:
    """Each place with what its characters add: rows of `table`."""
    import torch

    for place in _places(reach, back):
        yield place, torch.index_select(table, 0, places[place, : reach[place]])


def _multiplied(gates: _Gates, layer: Any, reach: Sequence[int], back: bool) -> Iterator[tuple[int, Any]]:
    """Each place with what the layer below adds, multiplied for as many places at once as CHARACTERS allows."""
    many = max(1, CHARACTERS // layer.shape[1])
    for start in _places(range(0, len(reach), many), back):
        low, high = start * many, min(len(reach), (start + 1) * many)
        rows = reach[low]
        added = product(layer[low:high, :rows].reshape(-1, layer.shape[2]), gates.inputs, gates.bias)
        added = added.view(high - low, rows, -1)
        for place in _places(range(low, high), back):
            yield low + place, added[place, : reach[low + place]]


def _places(places: Sequence[int], back: bool) -> range:
    return range(len(places) - 1, -1, -1) if back else range(len(places))


def _ran(gates: _Gates, reach: Sequence[int], inputs: Iterator[tuple[int, Any]]) -> Any:
    """The states (places, pieces, HIDDEN) of gated units that run over `inputs`.

    The state is reset before it is multiplied; new state = (1 - update) * old + update * candidate. The hyperbolic tangent
    is computed from the logistic function, for which PyTorch is ten times as fast.
    """
    import torch

    state = torch.zeros((reach[0], HIDDEN))
    out = torch.empty((len(reach), reach[0], HIDDEN))
    for place, added in inputs:
        old = state[: len(added)]
        gate = product(old, gates.both).add_(added[:, : 2 * HIDDEN]).sigmoid_()
        fresh = product(old * gate[:, HIDDEN:], gates.candidate).add_(added[:, 2 * HIDDEN :])
        fresh = fresh.mul_(2).sigmoid_().mul_(2).sub_(1)
        old.lerp_(fresh, gate[:, :HIDDEN])
        old[reach[place] :] = 0  # pieces that do not reach this place
        out[place] = state
    return out


def _best(emission: F32, crf: F32, reach: Sequence[int]) -> I64:
    """The best path of each piece, (places, pieces), from the scores of its tags (tags, places, pieces).

    crf: its first row scores a first tag, its second a last one, then from tag to tag. Which tag a best score came from
    is only asked on the way back, along the one path that is left.
    """
    start, end, step = crf[0], crf[1], crf[2:]
    columns = [np.ascontiguousarray(row[:, None]) for row in step]
    score = np.empty((len(reach), len(step), reach[0]), dtype=np.float32)
    score[0] = start[:, None] + emission[:, 0]
    for place in range(1, len(reach)):
        rows, old = reach[place], score[place - 1]
        best = old[0, :rows] + columns[0]
        other = np.empty_like(best)
        for tag in range(1, len(step)):
            np.add(old[tag, :rows], columns[tag], out=other)
            np.maximum(best, other, out=best)
        score[place] = old
        np.add(best, emission[:, place, :rows], out=score[place, :, :rows])
    path = np.empty((len(reach), reach[0]), dtype=np.int64)
    path[-1] = (score[-1] + end[:, None]).argmax(axis=0)
    for place in range(len(reach) - 1, 0, -1):
        rows = reach[place]
        path[place - 1] = path[place]
        path[place - 1, :rows] = (score[place - 1, :, :rows] + step[:, path[place, :rows]]).argmax(axis=0)
    return path
