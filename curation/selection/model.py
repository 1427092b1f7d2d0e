"""What a selector is asked and what it answers. Records are numbers 0 … n-1; ties go to the lowest."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal

import numpy as np
from numpy.typing import NDArray

F32 = NDArray[np.float32]
F64 = NDArray[np.float64]
I32 = NDArray[np.int32]
I64 = NDArray[np.int64]

ROUNDED: Final = 4096
"""Cosines that are compared one by one are rounded to 1/4096: vectors are kept as float16, which moves them as much."""

Refusal = Literal["over_quota", "too_long"]
"""Why a record that was next could not be taken: its group had its share, or it did not fit in what was left."""


@dataclass(frozen=True)
class Refused:
    """Why a record was refused, how many had been taken by then, and what was left of its group's budget."""

    why: Refusal
    taken: int
    left: int


@dataclass
class Picked:
    """Records in the order they were taken, what each added to the objective then, and who was next but did not fit."""

    order: list[int] = field(default_factory=list)
    gains: list[float] = field(default_factory=list)
    refused: dict[int, Refused] = field(default_factory=dict)

    @property
    def value(self) -> float:
        """The value of the objective: the sum of the gains."""
        return float(sum(self.gains))
