"""The best records first, as many as there is room for."""

from __future__ import annotations

import numpy as np

from curation.selection.budget import Room
from curation.selection.model import F64, Picked


def best_first(quality: F64, room: Room) -> Picked:
    """Records by falling `quality` (n,); one that does not fit is passed over, and the next that does is taken."""
    picked = Picked()
    for record in np.argsort(-quality, kind="stable").tolist():
        if not room.is_open:
            break
        if room.fits(record):
            room.take(record)
            picked.order.append(record)
            picked.gains.append(float(quality[record]))
        else:
            picked.refused[record] = room.refusal(record, len(picked.order))
    return picked


def ranked(values: F64) -> F64:
    """Each value as its place among all, from 0 (the least) to 1; equal values share the middle of their places.

    nan, what has no value, is 0. Places rather than values, because scales differ and some have long tails.
    """
    known = np.flatnonzero(~np.isnan(values))
    result = np.zeros(len(values))
    if len(known) < 2:
        result[known] = 1.0
        return result
    found, inverse, counts = np.unique(values[known], return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    middle = (last - counts + last - 1) / 2
    result[known] = middle[inverse] / (len(known) - 1) if len(found) > 1 else 1.0
    return result
