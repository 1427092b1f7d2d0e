"""How many sentences a text has, told from its words."""

from __future__ import annotations

import numpy as np

from curation.stages.heuristics.words import MARK, STOP, Ints, WordTable


def sentence_counts(table: WordTable) -> Ints:
    """Sentences of each text, at least 1: a new one begins at the first word after a mark that ends a
    sentence.

    Closing quotes and brackets between the two belong to the sentence that ends. "Mr." and "3.5" are single
    words, so their periods end nothing.
    """
    stop = table.has(STOP)
    chosen = np.flatnonzero(stop | ~table.has(MARK))
    stop, owners = stop[chosen], table.owners[chosen]
    begins = stop[:-1] & ~stop[1:] & (owners[:-1] == owners[1:])
    counts: Ints = np.bincount(owners[1:][begins], minlength=len(table)).astype(np.int64) + 1
    return counts
