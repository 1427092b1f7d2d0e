"""The labelled pairs, made from groups of a record, its paraphrase and a record that only looks like it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

GROUPS = Path(__file__).parent / "data" / "pairs_groups.jsonl"
SAME = (("en_a", "en_b"), ("zh_a", "zh_b"), ("en_a", "zh_a"), ("en_b", "zh_b"), ("en_other", "zh_other"))
OTHER = (
    ("en_a", "en_other"),
    ("en_b", "en_other"),
    ("zh_a", "zh_other"),
    ("zh_b", "zh_other"),
    ("en_a", "zh_other"),
    ("en_other", "zh_b"),
)

PREAMBLE = {
    "en": "Thank you for your question. I am glad to help you with it, step by step and as well as I can. ",
    "zh": "感谢您的提问。我很乐意尽我所能一步一步地为您解答。",
}


@dataclass(frozen=True)
class Pair:
    """Two `(prompt, answer)`; an answer is "" where prompts are compared alone."""

    group: str
    kind: str
    half: str
    language: str  # en, zh, en-zh
    one: tuple[str, str]
    other: tuple[str, str]
    same: bool


def mixed(half: str) -> Iterator[Pair]:
    """Records of different groups: another question with the very same answer, and the same with an unrelated one.

    Some of the answers begin with the same long preamble.
    """
    groups = [group for line in GROUPS.read_text("utf-8").splitlines() if (group := json.loads(line))["half"] == half]
    for place, group in enumerate(groups):
        for step, (name, other_name) in ((1, ("en_a", "en_a")), (2, ("zh_a", "zh_a")), (3, ("en_b", "zh_b"))):
            other = groups[(place + step) % len(groups)]
            (q1, a1), (q2, a2) = group[name], other[other_name]
            same_answer = group[other_name][1]
            language = "-".join(dict.fromkeys((name[:2], other_name[:2])))
            yield Pair(group["id"], "same answer", half, language, (q1, a1), (q2, same_answer), False)
            yield Pair(group["id"], "other answer", half, language, (q1, a1), (group[other_name][0], a2), False)
            lead = PREAMBLE[name[:2]]
            yield Pair(
                group["id"], "preamble", half, language, (q1, lead + a1), (q2, PREAMBLE[other_name[:2]] + a2), False
            )


def pairs(half: str | None = None, whole: bool = True) -> Iterator[Pair]:
    """Every pair of one half ("train", "test") or of both, as whole records or as prompts alone."""
    for line in GROUPS.read_text("utf-8").splitlines():
        group = json.loads(line)
        if half not in (None, group["half"]):
            continue
        for names, same in [*((names, True) for names in SAME), *((names, False) for names in OTHER)]:
            languages = dict.fromkeys(name[:2] for name in names)
            (q1, a1), (q2, a2) = (group[name] for name in names)
            if not whole:
                a1 = a2 = ""
                same = same or group["kind"] == "answer"  # only the answers of that kind differ in meaning
            yield Pair(group["id"], group["kind"], group["half"], "-".join(languages), (q1, a1), (q2, a2), same)
