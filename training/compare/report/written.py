"""Writing the report: always made anew from the files of the comparison, each part whole or not at all."""

from __future__ import annotations

import json
from pathlib import Path

from curation.writers.atomic import write_atomic
from training.compare.report.card import card_of
from training.compare.report.facts import Seen, facts_of
from training.compare.report.page import page_of

FACTS, PAGE, CARD = "compare.json", "compare.html", "card.md"


def write_report(folder: Path) -> tuple[Path, Path, Path]:
    """Write `compare.json`, `compare.html` and `card.md` into the folder; returns their paths.

    The page holds texts of records and answers, so only the owner of the run can read it. The other two hold none. Raises
    InputError where the folder is no comparison's, OutputError where they cannot be written.
    """
    seen = Seen(folder)
    facts = facts_of(seen)
    parts = {
        FACTS: json.dumps(facts, indent=2, ensure_ascii=True) + "\n",
        PAGE: page_of(seen, facts),
        CARD: card_of(facts),
    }
    for name, text in parts.items():
        write_atomic(folder / name, text.encode(), mode=0o600)
    return folder / FACTS, folder / PAGE, folder / CARD
