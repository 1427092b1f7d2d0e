"""An array of numbers that one thread appends to while others read what is there already."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


class Growing:
    """Unsigned numbers, 8 bytes each. Readers see `count` numbers; what lies before it never changes."""

    def __init__(self, dtype: str = "u8") -> None:
        self._array: NDArray[Any] = np.empty(1024, dtype)
        self.count = 0

    def extend(self, numbers: NDArray[Any]) -> None:
        """Append. Room is doubled, so that a number is copied about twice in all."""
        end = self.count + len(numbers)
        if end > len(self._array):
            larger = np.empty(max(end, 2 * len(self._array)), self._array.dtype)
            larger[: self.count] = self._array[: self.count]
            self._array = larger
        self._array[self.count : end] = numbers
        self.count = end  # last, so that nobody sees room that is not filled

    def __getitem__(self, place: int) -> int:
        return int(self._array[place])

    def until(self, end: int) -> NDArray[Any]:
        """The first `end` numbers, as a view."""
        return self._array[:end]

    def before(self, number: int) -> int:
        """How many of the numbers, which must be sorted, are at most `number`."""
        return int(np.searchsorted(self._array[: self.count], number, side="right"))
