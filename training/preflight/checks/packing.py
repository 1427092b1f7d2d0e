"""Whether records that are packed into one example see nothing of each other, measured on the model itself."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from training.preflight.context import Check, PreflightContext
from training.preflight.finding import Finding, Reason, finding

if TYPE_CHECKING:
    from training.tokenize import Encoded

MEASURED = 4  # records packed for the measurement
SHORT = 256  # tokens of each, where there are such
EXACT = 1e-3  # largest difference of logits that float32 arithmetic explains
COARSE = 0.25  # the same for 16 bits and less; a record that sees another differs by 0.5 and more

REASONS = {
    "packing_leaks": Reason(
        ("block",),
        "Records that are packed together see each other.",
        "Each is learned as if it followed a stranger's text. It depends on the model and on how it computes attention.",
        "Switch packing off, or use another model.attention.",
    ),
}


def _examine(context: PreflightContext) -> Iterator[Finding]:
    if not context.recipe.data.packing or context.model is None or context.is_dpo:
        return
    from training.packing import isolation, pack

    chosen = _chosen(context.train)  # type: ignore[arg-type]
    if len(chosen) < 2:
        return
    packed = pack(chosen, sum(len(one.input_ids) for one in chosen))[0]
    difference = isolation(context.model, packed)
    context.measured["isolation"] = difference
    exact = "float32" in str(getattr(context.model, "dtype", "")) and not getattr(context.model, "is_quantized", False)
    if difference > (EXACT if exact else COARSE):
        yield finding(
            "packing_leaks",
            "block",
            f"Packed records see each other: their logits differ by {difference:.3g} from those of each alone.",
            "--set data.packing=false, or --set model.attention=sdpa",
        )


def _chosen(encoded: Sequence[Encoded]) -> list[Encoded]:
    """Some short records, spread over the dataset; the shortest ones where none is short."""
    short = [one for one in encoded if 1 < len(one.input_ids) <= SHORT]
    if len(short) < MEASURED:
        short = sorted((one for one in encoded if len(one.input_ids) > 1), key=lambda one: len(one.input_ids))
        return short[:MEASURED]
    return short[:: len(short) // MEASURED][:MEASURED]


CHECK = Check("packing", REASONS, _examine)
