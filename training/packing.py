"""Several short records in one example: best fit decreasing, as TRL does it, over the whole dataset at once.

The trainer gets `input_ids`, `labels` and `seq_lengths`, and runs padding-free (SFTConfig: padding_free=True, packing=False,
max_length=None), so that positions begin anew with every record and attention ends at its borders. That is not taken on
trust: `isolation` measures it on the model at hand.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Sequence
from dataclasses import dataclass
from inspect import signature
from typing import TYPE_CHECKING, Any

from curation.errors import StudioError

if TYPE_CHECKING:
    import torch

    from training.tokenize import Encoded

_COMPARED = 64  # positions of each record whose logits are compared: a whole vocabulary each


@dataclass(frozen=True, slots=True)
class Packed:
    """Records laid end to end. seq_lengths: tokens of each, in order."""

    record_ids: tuple[str, ...]
    input_ids: list[int]
    labels: list[int]
    seq_lengths: list[int]


def pack(encoded: Sequence[Encoded], max_length: int) -> list[Packed]:
    """The records in as few examples of at most `max_length` tokens as best fit decreasing finds; empty ones are left
    out. The same records in the same order give the same examples. Raises StudioError for a record that fits in none."""
    order = sorted((at for at, one in enumerate(encoded) if one.input_ids), key=lambda at: -len(encoded[at].input_ids))
    if order and len(encoded[order[0]].input_ids) > max_length:
        longest = encoded[order[0]]
        raise StudioError(
            f"Record {longest.record_id} has {len(longest.input_ids):,} tokens; {max_length:,} fit.",
            "Raise data.max_length, or set data.too_long to drop or cut.",
        )
    members: list[list[int]] = []
    room: list[tuple[int, int]] = []  # (tokens free, which example), sorted
    for at in order:
        length = len(encoded[at].input_ids)
        found = bisect_left(room, (length, -1))
        if found < len(room):
            free, which = room.pop(found)
        else:
            free, which = max_length, len(members)
            members.append([])
        members[which].append(at)
        insort(room, (free - length, which))
    return [_joined([encoded[at] for at in one]) for one in members]


def filled(packed: Sequence[Packed], max_length: int) -> float:
    """The share of the examples' room that holds tokens: 0 to 1."""
    return sum(len(one.input_ids) for one in packed) / (max_length * len(packed)) if packed else 0.0


def isolation(model: Any, packed: Packed) -> float:
    """The largest difference between the logits of packed records and of each record alone: 0 but for rounding where
    attention ends at the borders. Compares the first tokens of every record but the first, which see the border."""
    import torch
    from trl.trainer.sft_trainer import DataCollatorForLanguageModeling

    def batch(ids: list[int], lengths: list[int]) -> dict[str, Any]:
        collator = DataCollatorForLanguageModeling(pad_token_id=0, padding_free=True)
        tensors = collator([{"input_ids": ids, "labels": list(ids), "seq_lengths": lengths}])
        del tensors["labels"]
        return {key: value.to(model.device) if hasattr(value, "to") else value for key, value in tensors.items()}

    if len(packed.seq_lengths) < 2:
        return 0.0
    worst = 0.0
    keep = [(begin, min(length, _COMPARED)) for begin, length in _borders(packed.seq_lengths)]
    training = model.training
    model.eval()
    try:
        with torch.no_grad():
            at = [begin + offset for begin, count in keep for offset in range(count)]
            together = _logits(model, batch(packed.input_ids, packed.seq_lengths), at)
            row = 0
            for (begin, count), length in zip(keep, packed.seq_lengths[1:], strict=True):
                ids = packed.input_ids[begin : begin + length]
                alone = _logits(model, batch(ids, [length]), list(range(count)))
                worst = max(worst, float((together[row : row + count] - alone).abs().max()))
                row += count
    finally:
        model.train(training)
    return worst


def _borders(lengths: Sequence[int]) -> list[tuple[int, int]]:
    """(first token, tokens) of every record but the first."""
    found, begin = [], lengths[0]
    for length in lengths[1:]:
        found.append((begin, length))
        begin += length
    return found


def _logits(model: Any, inputs: dict[str, Any], at: list[int]) -> torch.Tensor:
    """Logits at some positions, (positions, vocabulary), float32; only these are computed where the model can."""
    import torch

    base = model.get_base_model() if hasattr(model, "get_base_model") else model
    if "logits_to_keep" in signature(base.forward).parameters:
        chosen = torch.tensor(at, device=model.device)
        kept: torch.Tensor = model(**inputs, use_cache=False, logits_to_keep=chosen).logits
        return kept[0].float()
    every: torch.Tensor = model(**inputs, use_cache=False).logits
    return every[0, at].float()


def _joined(records: Sequence[Encoded]) -> Packed:
    return Packed(
        tuple(one.record_id for one in records),
        [token for one in records for token in one.input_ids],
        [label for one in records for label in one.labels],
        [len(one.input_ids) for one in records],
    )
