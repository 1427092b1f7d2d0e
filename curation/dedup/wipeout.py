"""The alarm before a deduplicator eats what it should not."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence

import polars as pl

from curation.dedup.cluster import Member
from curation.errors import StageError

CLUSTER_SHARE = 0.01  # of the records: copies in one cluster
CLUSTER_LEAST = 100  # copies below which a cluster raises no alarm, whatever its share
SOURCE_SHARE = 0.5  # of a source
SOURCE_LEAST = 50  # records of a source below which its loss raises no alarm
_HINT = "Look at the cluster first (`studio dupes`). If it is right, go on with --allow-wipeout."


def check_wipeout(
    stage: str, members: Sequence[Member], facts: pl.DataFrame, sizes: Mapping[str, int], total: int
) -> None:
    """Raise StageError when one cluster loses more than 1 % of `total` records, or a source more than half of its own.

    Both are what boilerplate looks like when it is taken for duplicates. `facts` has `record_id, source` of each text,
    `sizes` the number of records of each source.
    """
    copies = [member for member in members if member.is_copy]
    by_cluster = Counter(member.cluster for member in copies)
    for cluster, number in by_cluster.most_common(1):
        if number >= CLUSTER_LEAST and number > CLUSTER_SHARE * total:
            example = next(member for member in copies if member.cluster == cluster)
            raise StageError(
                f"{stage}: one cluster would lose {number:,} of {total:,} records "
                f"(one of them is {facts['record_id'][example.text]})",
                _HINT,
            )
    lost = dict(facts["source"].gather([member.text for member in copies]).value_counts().iter_rows())
    for source, number in sorted(lost.items(), key=lambda item: (-item[1], item[0])):
        if sizes[source] >= SOURCE_LEAST and number > SOURCE_SHARE * sizes[source]:
            raise StageError(
                f"{stage}: source '{source}' would lose {number:,} of its {sizes[source]:,} records", _HINT
            )
