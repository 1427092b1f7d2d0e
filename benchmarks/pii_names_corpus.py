"""The labelled sentences that the search for names is measured on, in one shape."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WRITTEN = ROOT / "tests" / "curation" / "data"
_MARK = re.compile(r"\[(PERSON|ADDRESS|LOCATION|ORGANIZATION):([^\]]*)\]")
# What presidio-research calls things, and what they are called here.
_KINDS = {
    "PERSON": "PERSON",
    "STREET_ADDRESS": "ADDRESS",
    "ADDRESS": "ADDRESS",
    "GPE": "LOCATION",
    "LOCATION": "LOCATION",
    "ORGANIZATION": "ORGANIZATION",
}


@dataclass(frozen=True)
class Labelled:
    """A text and what is in it: (start, end, entity), in code points."""

    text: str
    gold: tuple[tuple[int, int, str], ...]


def marked(text: str) -> Labelled:
    """A sentence whose entities are written [PERSON:so]."""
    plain, gold, at = "", [], 0
    for match in _MARK.finditer(text):
        plain += text[at : match.start()]
        gold.append((len(plain), len(plain) + len(match[2]), match[1]))
        plain, at = plain + match[2], match.end()
    return Labelled(plain + text[at:], tuple(gold))


def written(language: str, half: str, kind: str = "") -> list[Labelled]:
    """Sentences written for this project. half: "tune" or "held". kind: "" or "_lookalikes"."""
    lines = (WRITTEN / f"pii_names_{language}{kind}.jsonl").read_text("utf-8").splitlines()
    return [marked(row["text"]) for row in map(json.loads, lines) if row["half"] == half]


def presidio_research(data: Path, file: str, half: str = "") -> list[Labelled]:
    """Sentences of presidio-research: templates filled with made-up people of many countries.

    half: "tune" for the templates of even number, whose sentences were looked at while the rules were written; "held"
    for those of odd number, which were not, except one address; "" for all.
    """
    rows = json.loads((data / "presidio_research" / file).read_text("utf-8"))
    if half:
        rows = [row for row in rows if row["template_id"] % 2 == (half == "held")]
    return [
        Labelled(
            row["full_text"],
            tuple(
                (span["start_position"], span["end_position"], _KINDS[span["entity_type"]])
                for span in row["spans"]
                if span["entity_type"] in _KINDS
            ),
        )
        for row in rows
    ]
