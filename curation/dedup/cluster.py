"""From verified pairs to who is a copy of whom: the best member of a cluster stays, and so does all that is no copy."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from curation.dedup.families import Verdict, judge
from curation.dedup.shingles import I64

ROUNDS = (
    64  # anchors tried in one cluster; what is left then stays, since keeping a copy harms less than losing a record
)


@dataclass(frozen=True)
class Member:
    """What became of one member of a cluster. `twin` is the kept copy, or what it was compared with; -1: nothing."""

    text: int
    cluster: int
    verdict: Verdict
    twin: int
    score: float

    @property
    def is_copy(self) -> bool:
        """Whether it goes."""
        return self.verdict == "copy" and self.twin >= 0

    @property
    def is_anchor(self) -> bool:
        """Whether the others were compared with it."""
        return self.verdict == "copy" and self.twin < 0


def resolve(
    cluster: int,
    members: Sequence[int],
    text: Callable[[int], str],
    similarity: Callable[[int, I64], NDArray[np.float64]],
    threshold: float,
) -> list[Member]:
    """The fate of each member of one cluster. `members` come best first; `similarity(anchor, others)` is exact.

    The first of what is left is an anchor. Members similar enough to it are judged; copies go, with the anchor as their
    twin; members of its template family stay, but for copies within one filling. The rest face the next anchor, so that
    a chain of small steps never removes a record unlike the one that is kept.
    """
    left = list(members)
    found: list[Member] = []
    for _ in range(ROUNDS):
        if not left:
            return found
        anchor, others = left[0], np.asarray(left[1:], dtype=np.int64)
        if not any(member.text == anchor for member in found):
            found.append(Member(anchor, cluster, "copy", -1, 1.0))
        scores = similarity(anchor, others)
        near = others[scores >= threshold]
        near_scores = dict(zip(near.tolist(), scores[scores >= threshold].tolist(), strict=True))
        left = others[scores < threshold].tolist()
        judged = judge(text(anchor), [text(int(member)) for member in near])
        families: dict[tuple[tuple[str, ...], ...], list[int]] = defaultdict(list)
        for member, one in zip(near.tolist(), judged, strict=True):
            if one.verdict == "copy":
                found.append(Member(member, cluster, "copy", anchor, near_scores[member]))
                continue
            kin = families[one.filling]
            kin.append(member)
            if len(kin) == 1:
                found.append(Member(member, cluster, one.verdict, anchor, near_scores[member]))
            else:
                score = float(similarity(kin[0], np.asarray([member]))[0])
                found.append(Member(member, cluster, "copy" if score >= threshold else one.verdict, kin[0], score))
    found.extend(Member(member, cluster, "content", -1, 0.0) for member in left)
    return found
