"""From verified pairs to who is a copy of whom: the best member of a cluster stays, and so does all that is no copy."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from curation.dedup.families import Judged, judge

Similarity = Callable[[int, Sequence[int]], Sequence[float]]  # of a text with others, exact

# Anchors tried in one cluster; what is left then stays, since keeping a copy harms less than losing a record.
ROUNDS = 64
SMALL = 64  # members of a cluster up to which all that stay are compared with each other


@dataclass(frozen=True, slots=True)
class Member:
    """What became of one member of a cluster. `twin` is the kept copy, or what it was compared with; -1: nothing.

    verdict: "copy", or why it is none.
    """

    text: int
    cluster: int
    verdict: str
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
    similarity: Similarity,
    threshold: float,
) -> list[Member]:
    """The fate of each member of one cluster. `members` come best first; `similarity(anchor, others)` is exact.

    The first of what is left is an anchor. Members similar enough to it are judged, and copies go, with the anchor as
    their twin. The others face the next anchor, so that a chain of small steps never removes a record unlike the one
    that is kept; earlier anchors bear witness to where a family differs. In a large cluster members of the anchor's
    template family are settled at once, by their fillings.
    """
    left = list(members)
    fates: dict[int, Member] = {}
    anchors: list[int] = []
    for _ in range(ROUNDS):
        if not left:
            break
        anchor, others = left[0], left[1:]
        fates.setdefault(anchor, Member(anchor, cluster, "copy", -1, 1.0))
        scores = similarity(anchor, others)
        near = [(member, score) for member, score in zip(others, scores, strict=True) if score >= threshold]
        earlier = zip(anchors, similarity(anchor, anchors), strict=True)
        witnesses = [text(witness) for witness, score in earlier if score >= threshold] if near else []
        judged = judge(text(anchor), [*(text(member) for member, _ in near), *witnesses])[: len(near)]
        anchors.append(anchor)
        met = [
            Member(member, cluster, one.verdict, anchor, score)
            for (member, score), one in zip(near, judged, strict=True)
        ]
        if len(members) > SMALL:
            met = list(_by_filling(met, judged, similarity, threshold))
            left = [member for member, score in zip(others, scores, strict=True) if score < threshold]
        else:
            copies = {member.text for member in met if member.is_copy}
            left = [member for member in others if member not in copies]
        for member in met:
            if member.is_copy or member.text not in fates:
                fates[member.text] = member
    for text_left in left:
        fates.setdefault(text_left, Member(text_left, cluster, "content", -1, 0.0))
    return list(fates.values())


def _by_filling(
    met: Sequence[Member],
    judged: Sequence[Judged],
    similarity: Similarity,
    threshold: float,
) -> Iterator[Member]:
    """Members of a family that have the same filling are copies of the first of them."""
    first: dict[tuple[tuple[str, ...], ...], int] = {}
    for member, one in zip(met, judged, strict=True):
        if member.is_copy or one.filling not in first:
            if not member.is_copy:
                first[one.filling] = member.text
            yield member
            continue
        twin = first[one.filling]
        (score,) = similarity(twin, [member.text])
        yield Member(member.text, member.cluster, "copy" if score >= threshold else one.verdict, twin, score)
