"""Several texts through a language model at once, each as if it were alone: no padding, and the same bits.

What a transformer does to each position by itself (nearly all of the arithmetic) is done for all texts together, so that
the weights come out of memory once: 90 instead of 120 ms for 100 tokens of smollm2, on a core of a busy machine.
Attention is done text by text. The products of matrices must then give a row the same bits whatever rows stand beside it,
which is tried out when a model is loaded; where they do not, or where a model is of a kind not known here, texts are read
one at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise
from typing import Any, Final

Row = tuple[list[int], int]
_KINDS: Final = frozenset({"llama", "qwen2", "qwen3"})  # of which body and output layer are all there is
_NAME: Final = "studio_apart"
_HEAD: Final = 64  # positions whose losses are computed at once: their logits stay in the processor's cache
_PLAIN: Final = (
    256  # tokens of a text up to which plain attention is faster than the fused one: 150 against 169 ms for 192
)
_TRIED: Final = (1, 7, 64, 129, 500)


class Network:
    """A causal language model of transformers, made ready to be read with. together: whether it takes several texts."""

    def __init__(self, model: Any) -> None:
        """model: as loaded; it is changed to evaluation, and its attention where it takes several texts."""
        model.train(mode=False)
        self._model = model
        kinds = set(getattr(model.config, "layer_types", None) or ["full_attention"])
        self.together = model.config.model_type in _KINDS and kinds == {"full_attention"} and _rows_stand_alone(model)
        if self.together:
            from transformers import AttentionInterface

            AttentionInterface.register(_NAME, _attend_apart)
            model.set_attn_implementation(_NAME)

    def losses(self, rows: Sequence[Row]) -> list[float]:
        """For each text the sum of the losses (nats) of its last tokens, as many as `predicted` says.

        rows: (token numbers, predicted); one at a time unless `together`.
        """
        import torch

        with torch.inference_mode():
            if self.together:
                return self._packed(rows)
            return [self._alone(numbers, predicted) for numbers, predicted in rows]

    def _alone(self, numbers: list[int], predicted: int) -> float:
        import torch

        if not predicted:
            return 0.0
        row = torch.tensor([numbers])
        logits = self._model(input_ids=row[:, :-1], use_cache=False, logits_to_keep=predicted).logits[0, -predicted:]
        return float(torch.nn.functional.cross_entropy(logits.float(), row[0, -predicted:], reduction="sum").double())

    def _packed(self, rows: Sequence[Row]) -> list[float]:
        import torch

        ends = [0, *accumulate(len(numbers) for numbers, _ in rows)]
        flat = torch.tensor([number for numbers, _ in rows for number in numbers])
        places = torch.cat([torch.arange(len(numbers)) for numbers, _ in rows])
        hidden = self._model.model(
            input_ids=flat[None], position_ids=places[None], use_cache=False, segments=list(pairwise(ends))
        ).last_hidden_state[0]
        found: list[float] = []
        for (_, end), (_, predicted) in zip(pairwise(ends), rows, strict=True):
            total = 0.0
            for start in range(end - predicted, end, _HEAD):
                aims = flat[start : min(start + _HEAD, end)]
                logits = self._model.lm_head(hidden[start - 1 : start - 1 + len(aims)]).float()
                total += float(torch.nn.functional.cross_entropy(logits, aims, reduction="none").double().sum())
            found.append(total)
        return found


def _attend_apart(
    module: Any,  # noqa: ARG001 - what transformers passes
    query: Any,
    key: Any,
    value: Any,
    attention_mask: Any,  # noqa: ARG001 - there is none: no text sees another
    scaling: float | None = None,
    segments: Sequence[tuple[int, int]] = (),
    **_: Any,
) -> tuple[Any, None]:
    """Causal attention within each of `segments`. query (1, heads, tokens, d); returns (1, tokens, heads, d)."""
    import torch

    scale = scaling if scaling is not None else query.shape[-1] ** -0.5
    groups = query.shape[1] // key.shape[1]
    if groups > 1:
        key, value = key.repeat_interleave(groups, dim=1), value.repeat_interleave(groups, dim=1)
    found = torch.empty_like(query)
    for start, end in segments or ((0, query.shape[2]),):
        q, k, v = (each[0, :, start:end] for each in (query, key, value))
        if end - start > _PLAIN:
            found[0, :, start:end] = torch.nn.functional.scaled_dot_product_attention(
                q[None], k[None], v[None], is_causal=True, scale=scale
            )[0]
        else:
            later = torch.ones(end - start, end - start, dtype=torch.bool).triu(1)
            weights = ((q @ k.transpose(1, 2)).float() * scale).masked_fill_(later, float("-inf")).softmax(-1)
            found[0, :, start:end] = weights.to(q.dtype) @ v
    return found.transpose(1, 2).contiguous(), None


def _rows_stand_alone(model: Any) -> bool:
    """Whether this processor's products give the same bits for a row whatever stands beside it, for each shape of weights."""
    import torch

    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # as it is read with
    try:
        shapes = {
            tuple(layer.weight.shape): layer for layer in model.model.layers[0].modules() if hasattr(layer, "weight")
        }
        layers = [layer for shape, layer in shapes.items() if len(shape) == 2]
        draw = torch.Generator().manual_seed(0)
        with torch.inference_mode():
            for layer in layers:
                rows = torch.randn(1024, layer.weight.shape[1], generator=draw).to(layer.weight.dtype)
                whole = layer(rows)
                for start in _TRIED:
                    for count in _TRIED:
                        if not torch.equal(layer(rows[start : start + count]), whole[start : start + count]):
                            return False
        return True
    finally:
        torch.set_num_threads(threads)
