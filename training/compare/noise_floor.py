"""The noise floor: how large a difference may be and still mean nothing.

Intervals over records say how a difference would vary with other records. They do not know that the same recipe with
another seed gives another model, which forgets a little more or less. The floor is that difference, measured: a change is
called forgetting only where its whole interval lies beyond it.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from curation.errors import InputError

FLOOR = "noise_floor.json"


@dataclass(frozen=True)
class NoiseFloor:
    """loss: nats a token, on the general questions; score: share of the cases of a suite; None where it was not
    measured. source: how it was measured, a phrase."""

    loss: float | None
    score: float | None
    source: str


BUNDLED = NoiseFloor(0.0039, 0.117, "three seeds of a short LoRA training of SmolLM2-135M")
"""What was measured for the studio (benchmarks/noise_floor.py): t * sqrt(2) * s of the loss over the seeds; of the scores
the upper 95 % limit of the share of cases that depend on the seed, of which none of 24 did."""


def floor_for(folder: Path) -> NoiseFloor:
    """The floor of a comparison: `noise_floor.json` in its folder (an experiment writes one), what is not there out of
    the one that comes with the studio. Raises InputError where the file is damaged."""
    path = folder / FLOOR
    try:
        own = _read(path.read_text(encoding="utf-8"), str(path))
    except FileNotFoundError:
        return BUNDLED
    return NoiseFloor(
        BUNDLED.loss if own.loss is None else own.loss, BUNDLED.score if own.score is None else own.score, own.source
    )


def _read(text: str, name: str) -> NoiseFloor:
    try:
        found = json.loads(text)
        numbers = [found[key] if found[key] is None else float(found[key]) for key in ("loss", "score")]
        if any(number is not None and not 0 <= number < float("inf") for number in numbers):
            raise ValueError("a floor is not below zero, and finite")
        return NoiseFloor(numbers[0], numbers[1], str(found["source"]))
    except (ValueError, KeyError, TypeError) as error:
        raise InputError(
            f"{name} is no noise floor: {error}.", "Remove it, or take the one of an experiment."
        ) from error
