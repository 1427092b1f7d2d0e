"""The alarm before a deduplicator eats what it should not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import polars as pl

from curation.dedup.cluster import Member
from curation.errors import StageError

CLUSTER_SHARE = 0.01  # of the records: copies in one cluster
CLUSTER_LEAST = 100  # copies below which a cluster raises no alarm, whatever its share
SOURCE_SHARE = 0.5  # of a source
SOURCE_LEAST = 50  # records of a source below which its loss raises no alarm
_HINT = "Look at the cluster first (`studio dupes`). If it is right, go on with --allow-wipeout."


def check_wipeout(stage: str, members: Sequence[Member], sources: pl.Series, total: int) -> None:
    """Raise StageError when one cluster loses more than 1 % of `total` records, or a source more than half of its own.

    Both are what boilerplate looks like when it is taken for duplicates. `sources` has the source of each text.
    """
    copies = [member for member in members if member.is_copy]
    by_cluster = Counter(member.cluster for member in copies)
    for cluster, number in by_cluster.most_common(1):
        if number >= CLUSTER_LEAST and number > CLUSTER_SHARE * total:
            example = next(member for member in copies if member.cluster == cluster)
            raise StageError(
                f"{stage}: one cluster would lose {number:,} of {total:,} records "
                f"(one of them is number {example.text + 1} of the corpus)",
                _HINT,
            )
    sizes = dict(sources.value_counts().iter_rows())
    lost = Counter(sources[member.text] for member in copies)
    for source, number in lost.most_common():
        if sizes[source] >= SOURCE_LEAST and number > SOURCE_SHARE * sizes[source]:
            raise StageError(
                f"{stage}: source '{source}' would lose {number:,} of its {sizes[source]:,} records", _HINT
            )
