"""What was to be new is not a seed, or its source, word for word."""

from __future__ import annotations

from curation.dedup.differences import tokens_of
from curation.dedup.shingles import fold
from curation.synthesis.gates.looked import Looked, Turned

RUN, RUN_OF_CHARACTERS = 3, 4
"""Words in a row that make a copy; characters, in scripts without blanks."""


def copied(looked: Looked) -> Turned | None:
    """No more than the share `gates.copied` stands in one seed or in the source, in runs of words."""
    most = looked.settings.copied
    if not most:
        return None
    pairs = _pairs(looked)
    if not pairs:
        return None
    worst = round(max(copied_share(new, old) for new, old in pairs), 4)
    looked.scores["copied"] = worst
    return Turned("copied", f"{worst:.2f} of it") if worst >= most else None


def copied_share(new: str, old: str) -> float:
    """The share of `new`, in words (characters of scripts without blanks), that stands in runs of `old`."""
    ours, theirs = tokens_of(fold(new)), tokens_of(fold(old))
    if not ours:
        return 0.0
    run = min(len(ours), RUN_OF_CHARACTERS if sum(map(_is_character, ours)) * 2 > len(ours) else RUN)
    known = {tuple(theirs[place : place + run]) for place in range(len(theirs) - run + 1)}
    covered = [False] * len(ours)
    for place in range(len(ours) - run + 1):
        if tuple(ours[place : place + run]) in known:
            covered[place : place + run] = [True] * run
    return sum(covered) / len(ours)


def _pairs(looked: Looked) -> list[tuple[str, str]]:
    """What was written beside what it may be a copy of."""
    kind, material = looked.unit.kind, looked.material
    questions = "\n".join(each.question for each in looked.exchanges)
    answers = "\n".join(each.answer for each in looked.exchanges)
    if kind == "similar":
        return [(f"{questions}\n{answers}", "\n".join(content for _, content in seed)) for seed in material.seeds]
    if kind == "instruction":
        return [(questions, material.text)]
    asked = "\n".join(content for role, content in material.turns if role != "assistant")
    said = "\n".join(content for role, content in material.turns if role == "assistant")
    if kind == "deepen":
        return [(questions, asked)]
    if kind == "complete":
        return [(answers, said)]
    if kind in ("rewrite", "translate"):
        return [(f"{questions}\n{answers}", f"{asked}\n{said}")]
    return []


def _is_character(token: str) -> bool:
    return len(token) == 1 and token > "\u0e00"
